"""The frame of reporting: what is declared, what the words say, and what the report makes of saved files."""

import importlib
import pkgutil
import re
from string import Formatter

import pandas as pd
from checkout import ROOT
from tiny_runs import write_run

from mineral_lib import reporting
from mineral_lib.measurements.evidence_study import GROUNDS
from mineral_lib.reporting import artefacts, report
from mineral_lib.reporting.ablation import table_gates
from mineral_lib.reporting.style import Drawing, new_figure
from mineral_lib.reporting.words import words
from mineral_lib.resources import load_yaml

GATES = pd.DataFrame({"start": ["scratch", "transfer"], "module": [1, 4], "spread": [0.25, 0.004]})


def test_every_artefact_has_words_and_every_chapter_artefacts():
    for module in pkgutil.iter_modules(reporting.__path__, "mineral_lib.reporting."):
        importlib.import_module(module.name)
    written, declared = words()["artefacts"], {**artefacts.ARTEFACTS, **artefacts.MEASURED}
    planned = [name for chapter in words()["chapters"] for name in chapter["artefacts"]]
    assert len(planned) == len(set(planned)) and {*planned, *declared, *words()["optional"]} <= set(written)
    named = [note for about in written.values() for note in about.get("notes", ()) if note.isidentifier()]
    assert set(named) <= set(words()["notes"]) and set(words()["notes"]) >= {"leak", "interval"}
    assert {"per_class_{run}", "figure_5_confusion_paper", "table_4_accuracy_fair_none", "own_photos_health"} <= set(
        declared
    )


def test_the_report_shows_what_notebooks_and_users_saved(study):
    write_run(study.paths, "eca_convnext_tiny", "transfer", wrong=range(1))
    other = write_run(study.paths, "convnext_tiny", "scratch", wrong=range(12)).name
    study.save(table_gates(study, GATES))
    study.save(GATES, "my_stones", title="My stones", finding="All grey.")
    study.save(Drawing(new_figure(40, 30), GATES), "my_picture")
    made = artefacts.make_artefacts(study)
    assert [table.name for table in made["confused_{run}"]] == ["confused_eca_convnext_tiny-transfer-grouped-seed0"]
    (study.paths.tables_dir / f"confused_{other}.csv").write_text("stale")
    assert len(artefacts.make_artefacts(study)["confused_{run}"]) == 2
    chapters = {chapter["title"]: chapter["items"] for chapter in report.Contents(study, made).chapters()}
    shown = {item["name"]: item for item in chapters["More"]}
    assert "by 0.004 (module 4, transfer) to 0.250" in shown["eca_gates"]["reading"]
    assert shown["my_stones"]["title"] == "My stones" and "0.2500" in shown["my_stones"]["body"]
    assert shown["my_picture"]["source"].startswith("data:image/svg") and "claims" not in shown


def test_a_drawing_shows_itself_with_its_finding(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    Drawing(new_figure(40, 30), GATES, finding="Flat $x$.")._ipython_display_()
    assert [type(thing).__name__ for thing in shown] == ["Image", "Markdown"] and shown[1].data == r"Flat \$x\$."


def test_every_placeholder_of_a_sentence_is_a_value_that_some_function_gives():
    """A part of a sentence without its number is left out, so a misspelt name would take its part away unseen."""
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "mineral_lib/reporting").glob("*.py"))
    given = set(re.findall(r'"(\w+)"', sources)) | set(re.findall(r"\b(\w+)=", sources))
    given |= {f"{ground}{end}" for ground in GROUNDS for end in ("", "_range")}
    known = words()
    sentences = [entry.get(key) for entry in known["artefacts"].values() for key in ("finding", "sentence")]
    sentences += [fact.get(key) for fact in known["facts"] for key in ("name", "value", "detail")]
    sentences += [claim.get("evidence") for claim in load_yaml("claims").values()]
    parts = [part for one in sentences if one for part in ([one] if isinstance(one, str) else one)]
    names = {re.split(r"[.[]", name)[0] for part in parts for _, name, _, _ in Formatter().parse(part) if name}
    assert len(parts) > 60 and len(names) > 60
    assert not names - given
