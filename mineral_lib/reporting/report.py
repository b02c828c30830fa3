"""The report: one self-contained HTML file made from the declared tables and figures and the run folders."""

import base64
import json
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from mineral_lib.config import PROPOSED
from mineral_lib.digests import read_record
from mineral_lib.notation import template
from mineral_lib.parameters import sections_of
from mineral_lib.reporting.ablation import gains
from mineral_lib.reporting.artefacts import make_artefacts, saved_table
from mineral_lib.reporting.comparison import best_baseline, chance_level, lead
from mineral_lib.reporting.contrasts import FAILS, HOLDS, MIN_SEEDS, UNDECIDED, estimate_text
from mineral_lib.reporting.leakage import gap_row, table_leakage
from mineral_lib.reporting.style import FONT_FILE, PAGE_MM, Drawing
from mineral_lib.reporting.summary import row_name, summarise, unseen_text
from mineral_lib.reporting.tables import MISSING, Table
from mineral_lib.reporting.words import context_notes, entry, notes_of, seeds_text, sentence, words
from mineral_lib.storage import write_text
from mineral_lib.study import Study

SVG_LIMIT = 600_000  # larger drawings (sheets of photographs) are embedded as PNG
REPORT_LIMIT = 9_500_000  # bytes of embedded pictures


def write_report(study: Study) -> Path:
    """Make all declared tables and figures anew from the run folders, then the report; returns its path.

    What only a notebook can make (Figures 1 to 3 and 6, Plate I) is taken from its saved files; what is absent is
    named as missing.
    """
    contents = Contents(study, make_artefacts(study))
    page = template("mineral_lib.reporting", "report.html").render(
        profile=study.settings.profile,
        data=describe_data(study),
        context=context_notes(study.settings),
        num_runs=len(study.runs),
        facts=facts(study),
        claims=list(contents.made["claims"][0].frame.itertuples()),
        chapters=contents.chapters(),
        notes=contents.notes,
        provenance=provenance(study),
        limits=words()["limits"],
        settings=settings_rows(study),
        missing=MISSING,
        font=base64.b64encode((files("mineral_lib.resources") / "fonts" / FONT_FILE).read_bytes()).decode(),
    )
    return write_text(study.paths.report, page)


@dataclass
class Contents:
    """What stands in the chapters of the report.

    ``made`` is what was made anew, by its name in ``words.yaml``; ``notes`` the sentences below tables, each once, in
    the order of their numbers; ``budget`` are the bytes of pictures that may still be embedded.
    """

    study: Study
    made: dict[str, list[Table | Drawing]]
    notes: list[str] = field(default_factory=list)
    budget: int = REPORT_LIMIT

    def chapters(self) -> list[dict[str, Any]]:
        """The chapters of ``words.yaml`` with their items; a last one holds whatever else was saved."""
        plan = [(chapter["title"], chapter["artefacts"]) for chapter in words()["chapters"]]
        chapters = [
            {"title": title, "items": [item for name in names for item in self.items(name)]} for title, names in plan
        ]
        shown = {item["name"] for chapter in chapters for item in chapter["items"]}
        folders = ((self.study.paths.figures_dir, "png"), (self.study.paths.tables_dir, "csv"))
        saved = {path.stem for folder, suffix in folders for path in folder.glob(f"*.{suffix}")}
        rest = sorted(saved - shown - set(words()["elsewhere"]))
        chapters.append({"title": "More", "items": [item for name in rest for item in self.items(name)]})
        return [chapter for chapter in chapters if chapter["items"]]

    def items(self, name: str) -> list[dict[str, Any]]:
        """The figure, table or tables of a name; one that says that nothing was made; none where that needs no word."""
        things = self.made.get(name) or []
        if (self.study.paths.figures_dir / f"{name}.png").is_file():
            return [self.picture(name, *(thing.finding for thing in things))]
        if not things and (saved := saved_table(self.study, name)):
            things = [saved]
        if things or name in words()["optional"]:
            return [self.table(thing, entry(name).get("reading", "")) for thing in things]
        return [self.picture(name) if entry(name).get("kind") == "figure" else {"name": name, **entry(name)}]

    def picture(self, name: str, finding: str = "") -> dict[str, Any]:
        """A figure from its saved files; its notes follow the reading aid."""
        folder, about = self.study.paths.figures_dir, entry(name)
        sentences = [finding, about.get("reading"), *notes_of(name, self.study.settings)]
        source = embed(folder, name, self.budget)
        self.budget -= len(source or "")
        return {
            "name": name,
            "title": about["title"],
            "reading": " ".join(filter(None, sentences)),
            "figure": True,
            "source": source,
            "width": _width_rem(folder / f"{name}.png", self.study.settings.report.dpi),
        }

    def table(self, table: Table, reading: str) -> dict[str, Any]:
        """A table with its finding, its reading aid and the numbers of its notes."""
        self.notes += [note for note in table.notes if note not in self.notes]
        return {
            "name": table.name,
            "title": table.title,
            "reading": f"{table.finding} {reading}".lstrip(),
            "body": Markup(table.to_html()),
            "notes": [self.notes.index(note) + 1 for note in table.notes],
        }


def embed(folder: Path, name: str, budget: int) -> str | None:
    """A figure as a data address: SVG if small, else PNG; None if it is missing or the report would grow too large."""
    for suffix, kind, limit in (("svg", "svg+xml", SVG_LIMIT), ("png", "png", budget)):
        path = folder / f"{name}.{suffix}"
        if path.is_file() and path.stat().st_size * 4 / 3 < min(limit, budget):
            return f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
    return None


def _width_rem(path: Path, dpi: int) -> float:
    """Width on the screen, so that letters have the same size in every figure: a full page is 54 rem."""
    if not path.is_file():
        return 54.0
    pixels = int.from_bytes(path.read_bytes()[16:20], "big")  # the header of a PNG file
    return round(min(1.0, pixels / dpi * 25.4 / PAGE_MM) * 54, 1)


def provenance(study: Study) -> list[tuple[str, str]]:
    """Profile manifest and software of the runs as name and text."""
    path = study.paths.root / "manifest.json"
    rows = {key.replace("_", " "): value for key, value in (read_record(path) if path.is_file() else {}).items()}
    if manifests := [run.manifest for run in study.runs]:
        seconds = sum(manifest.get("seconds", 0) for manifest in manifests)
        rows["software of the runs"] = manifests[0].get("versions", {})
        rows["training time"] = f"{seconds:,.0f} s in {len(manifests)} runs"
        rows["devices"] = sorted({str(manifest.get("device", "?")) for manifest in manifests})
    return [(name, _flat(value)) for name, value in rows.items()]


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_flat(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(_flat(item) for item in value)
    return f"{value:,.0f}" if isinstance(value, float) and value > 100 else str(value)


def settings_rows(study: Study) -> list[tuple[str, str]]:
    """Every parameter of the profile as ``section.key`` and value."""
    sections = sections_of(study.settings)
    rows = [("profile", sections.pop("profile"))]
    for section, values in sections.items():
        rows += [(f"{section}.{key}", json.dumps(value, ensure_ascii=False)) for key, value in values.items()]
    return rows


# ---- the first box: what was run, on what, and the few numbers that matter


class Fact(NamedTuple):
    """One number of the headline box: what it is, its text, and how sure it is or what to compare it with."""

    name: str
    value: str = "not run"
    detail: str = ""


ANSWERS = {HOLDS: "yes", FAILS: "no, it harms", UNDECIDED: UNDECIDED}


def describe_data(study: Study) -> str:
    """One sentence on the photographs, counted from the index; a second one where the seeds decide nothing."""
    if not study.paths.index.is_file():
        return "No index of photographs was found."
    index = study.read(study.paths.index, columns=["specimen", "class_name"], dtype=str)
    kind = "generated images" if study.settings.data.source == "synthetic" else "photographs of the given folder"
    specimens = index.loc[index["specimen"] != "", "specimen"].nunique()
    of = f" of {specimens:,} specimens" if specimens else ""
    minerals = index["class_name"].nunique()
    words = f"{len(index):,} {kind}{of}, {minerals} minerals, {study.settings.data.image_size_px} px."
    seeds = len(study.settings.train.seeds)
    if seeds >= MIN_SEEDS:
        return words
    return f"{words} {seeds_text(seeds).capitalize()}, {study.settings.train.epochs} epochs: a demonstration."


def facts(study: Study) -> list[Fact]:
    """The numbers of the headline box, in reading order."""
    runs, rival = study.select(model=PROPOSED, weights="transfer"), best_baseline(study)
    known = gains(study).to_dict("index")
    leak, ahead = table_leakage(study).frame, lead(runs, rival, study) if rival else None
    values = {
        "network": row_name(runs, PROPOSED, study),
        "unseen": unseen_text(study),
        "run": summarise(runs, study) if runs else None,
        "baseline": rival,
        "ahead": estimate_text(ahead) if ahead else None,
        "chance": chance_level(study),
        "leak": gap_row(leak, "true"),
        "control": gap_row(leak, "shuffled"),
    }
    found = []
    for fact in words()["facts"]:
        if "gain" in fact:
            gain = known.get(fact["gain"])
            answer = (ANSWERS[gain["verdict"]], estimate_text(gain["estimate"])) if gain else ()
            found.append(Fact(fact["name"], *answer))
        elif value := sentence(fact["value"], values):
            found.append(Fact(sentence(fact["name"], values), value, sentence(fact["detail"], values)))
        elif "absent" in fact:
            found.append(Fact(sentence(fact["name"], values), detail=fact["absent"]))
    return found
