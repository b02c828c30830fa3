"""The data card: what the photographs of a study are, in one page for people (Markdown) and machines (Croissant).

The card names no path outside the photo folder, carries no date and no picture, so it can be passed on and is the
same for the same data.
"""

from collections.abc import Container
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from mineral_lib import __version__
from mineral_lib.catalogue import display_name, find_mineral
from mineral_lib.data.audit import leak_note
from mineral_lib.data.index import data_title, generator_digest, working_size
from mineral_lib.data.split import FEW_TEST_PHOTOGRAPHS, SPLITS
from mineral_lib.notation import markdown, template
from mineral_lib.photos import stated
from mineral_lib.reporting.health import class_counts
from mineral_lib.resources import load_yaml
from mineral_lib.storage import file_digest, write_json, write_text
from mineral_lib.study import Study

CARD = "data_card.md"
MOST_NAMED = 20  # authors named one by one
_OF_FILES = ("path", "size_bytes")  # empty for generated pictures, which are no files


def write_cards(study: Study) -> list[Path]:
    """Write ``data_card.md`` and ``croissant.json`` beside the index.

    A generated set always gets them; a folder only if ``report.data_card`` is true, and cards of an earlier request
    are removed otherwise, because they would describe other data one day.

    Returns:
        The files written, none if there are none to write.
    """
    card, description = study.paths.root / CARD, study.paths.root / "croissant.json"
    if study.settings.data.source == "folder" and not study.settings.report.data_card:
        card.unlink(missing_ok=True)
        description.unlink(missing_ok=True)
        return []
    machine = croissant(study, title=data_title(study.settings.data, study.settings.profile), summary=_summary(study))
    return [write_text(card, data_card(study)), write_json(description, machine)]


def _summary(study: Study) -> str:
    kind = "generated pictures" if study.settings.data.source == "synthetic" else "photographs"
    specimens = study.index["specimen"].nunique()
    return (
        f"{len(study.index):,} {kind} of {specimens:,} specimens in {len(study.classes)} classes, "
        "for training and testing networks that name minerals."
    )


def data_card(study: Study) -> str:
    """The card as Markdown, from ``data_card.md.j2``."""
    data, classes = study.data, class_frame(study)
    names = ["index.csv", *(f"splits/{name}.csv" for name in data.splits)]
    parts = {name: one["split"].value_counts().reindex(SPLITS, fill_value=0) for name, one in data.splits.items()}
    return template("mineral_lib.reporting", CARD, table=_table, mineral=display_name).render(
        study=study,
        title=data_title(study.settings.data, study.settings.profile),
        summary=_summary(study),
        generated=study.settings.data.source == "synthetic",
        classes=classes,
        sizes=pd.DataFrame(parts).T.rename_axis("protocol").reset_index(),
        leaks=[leak_note(data.leak(name), name) for name in data.splits],
        found=data.files["status"].value_counts().sort_index(),
        rights=[_rights(study.index, "licence", None), _rights(study.index, "attribution", MOST_NAMED)],
        working_px=working_size(study.settings.data.image_size_px),
        generator=generator_digest(),
        few=classes[classes["test"] < FEW_TEST_PHOTOGRAPHS],
        least=FEW_TEST_PHOTOGRAPHS,
        digests={name: file_digest(study.paths.root / name) for name in names},
        version=__version__,
    )


def class_frame(study: Study) -> pd.DataFrame:
    """One row a class: number in Table 2, names, formula, role, photographs, specimens and the grouped split."""
    known = [find_mineral(name) for name in study.classes]
    fields = {"no.": "number", "English": "english", "Chinese": "chinese", "formula": "formula"}
    texts = {title: [getattr(mineral, field, "") for mineral in known] for title, field in fields.items()}
    frame = pd.DataFrame(texts, study.classes)
    frame.insert(1, "class", study.classes)
    frame["role"] = study.index.drop_duplicates("class_name").set_index("class_name")["role"]
    counts = class_counts(study.index, study.data.splits["grouped"]).drop(columns="groups")
    return frame.join(counts).reset_index(drop=True)


def _rights(index: pd.DataFrame, column: str, most: int | None) -> tuple[str, list[tuple[str, int]], int, int]:
    """What is stated of licence or attribution: the commonest values, how many more, photographs without any."""
    counts = stated(index, column)
    shown = counts.head(most or len(counts))
    return column, list(shown.items()), len(counts) - len(shown), len(index) - counts.sum()


def _table(frame: pd.DataFrame) -> Markup:
    return Markup(frame.map(markdown).to_markdown(index=False, disable_numparse=True))


def croissant(study: Study, *, title: str, summary: str) -> dict[str, Any]:
    """The description as a JSON-able dictionary; file addresses are relative to the profile's result folder.

    Croissant 1.1 (MLCommons); what does not depend on the study stands in ``resources/croissant.yaml``. A test has the
    ``mlcroissant`` package validate it and load its records: ``classes``, ``photographs`` (index and grouped split) and
    ``samples_<protocol>``. The pictures themselves are no part of it: generated ones are made anew, a user's stay in
    the folder. Croissant wants creator and date of publication, too; a folder has none before its owner publishes it.
    """
    fixed = load_yaml("croissant")
    fingerprint, generated = study.data.fingerprint, study.settings.data.source == "synthetic"
    texts = {"index.csv": "One row a photograph."}
    texts |= {f"splits/{name}.csv": f"One row a sample of the protocol '{name}'." for name in study.data.splits}
    if generated:
        rights = fixed["generated"] | {"citeAs": fixed["generated"]["citeAs"].format(version=__version__)}
    else:
        rights = {"license": sorted(stated(study.index, "licence").index) or "not stated"}
    return {
        "@context": fixed["context"] | {term: f"cr:{term}" for term in fixed["terms"].split()},
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": title,
        "description": f"{summary} Fingerprint {fingerprint}. The pictures themselves are not included.",
        "url": CARD,
        "version": f"{__version__}+{fingerprint[:12]}",
        "keywords": ["minerals", "image classification"],
        "isLiveDataset": False,
        **rights,
        "distribution": [_file(study, name, text) for name, text in texts.items()],
        "recordSet": [
            _classes(study),
            _photographs({*study.index, "split"}.difference(_OF_FILES if generated else ())),
            *(_record_set("samples", protocol=name) for name in study.data.splits),
        ],
    }


def _file(study: Study, name: str, text: str) -> dict[str, Any]:
    path = study.paths.root / name
    return _node("FileObject", name, name, text) | {
        "contentUrl": name,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": "text/csv",
        "sha256": file_digest(path),
    }


def _node(kind: str, identity: str, name: str, text: str) -> dict[str, Any]:
    return {"@type": f"cr:{kind}", "@id": identity, "name": name, "description": text}


def _record_set(kind: str, shown: Container[str] = (), **which: str) -> dict[str, Any]:
    """A record set of ``croissant.yaml`` with a field a column (of ``shown`` if given), read from its CSV file."""
    about = load_yaml("croissant")["records"][kind]
    name, text, file = (about[key].format(**which) for key in ("name", "description", "file"))
    fields = []
    for column, (data_type, meaning) in about["columns"].items():
        if not shown or column in shown:
            source = {"source": {"fileObject": {"@id": file}, "extract": {"column": column}}} if file else {}
            field = _node("Field", f"{name}/{column}", column, meaning) | {"dataType": f"sc:{data_type}"}
            fields.append(field | source)
    return _node("RecordSet", name, name, text) | {"key": {"@id": f"{name}/{about['key']}"}, "field": fields}


def _photographs(shown: Container[str]) -> dict[str, Any]:
    described = _record_set("photographs", shown)
    # The join: both files name the photograph by image_id.
    described["field"][0]["references"] = {"field": {"@id": "samples_grouped/image_id"}}
    described["field"][-1]["source"] = {"field": {"@id": "samples_grouped/split"}}
    return described


def _classes(study: Study) -> dict[str, Any]:
    described, rows = _record_set("classes"), class_frame(study)[["class", "English", "Chinese"]]
    keys = [field["@id"] for field in described["field"]]
    data = [dict(zip(keys, row, strict=True)) for row in rows.itertuples(name=None)]
    return described | {"dataType": "sc:Enumeration", "data": data}
