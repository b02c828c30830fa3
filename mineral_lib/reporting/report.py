"""The report: one self-contained HTML file made from the tables, figures and run folders of a profile."""

import base64
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from mineral_lib.reporting.captions import CHAPTERS, FIGURES, LIMITS, OPTIONAL, TABLES
from mineral_lib.reporting.claims import all_claims
from mineral_lib.reporting.findings import figure_findings
from mineral_lib.reporting.headline import describe_data, facts
from mineral_lib.reporting.notes import CAM, context_notes
from mineral_lib.reporting.run_tables import write_figures, write_tables
from mineral_lib.reporting.style import FONT_FILE, PAGE_MM
from mineral_lib.reporting.tables import MISSING
from mineral_lib.storage import read_json, write_text
from mineral_lib.study import Study

SVG_LIMIT = 600_000  # larger drawings (sheets of photographs) are embedded as PNG
REPORT_LIMIT = 9_500_000  # bytes of embedded pictures


@dataclass
class Notes:
    """Numbered notes: a sentence that stands below several tables is printed once."""

    sentences: list[str] = field(default_factory=list)

    def number(self, sentence: str) -> int:
        """Number of a sentence, counted from 1."""
        if sentence not in self.sentences:
            self.sentences.append(sentence)
        return self.sentences.index(sentence) + 1


def write_report(study: Study) -> Path:
    """Make all run tables and figures anew from the run folders, then the report ``report.html``.

    Figures and tables that other notebooks saved (Figures 1 to 3 and 6, Plate I, Table 1) are taken from
    their files; what is absent is named as missing.

    Args:
        study: The study.

    Returns:
        Path of the report.
    """
    write_tables(study)
    write_figures(study)
    runs, notes = study.runs, Notes()
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((files("mineral_lib.reporting") / "report.html.j2").read_text(encoding="utf-8"))
    page = template.render(
        profile=study.settings.profile,
        data=describe_data(study),
        context=context_notes(study.settings),
        num_runs=len(runs),
        facts=facts(study),
        claims=all_claims(study),
        chapters=chapters(study, notes, study.settings.report.dpi, figure_findings(study)),
        notes=notes.sentences,
        provenance=provenance(study),
        limits=LIMITS,
        settings=settings_rows(study),
        missing=MISSING,
        font=base64.b64encode((files("mineral_lib.resources") / "fonts" / FONT_FILE).read_bytes()).decode(),
    )
    return write_text(study.paths.report, page)


def chapters(
    study: Study, notes: Notes, dpi: int = 150, findings: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """The report's chapters with their figures and tables; a last one holds whatever else was saved.

    Args:
        study: The study.
        notes: Collects the notes below the tables.
        dpi: Resolution of the figures.
        findings: What came out in a figure, by its name, see ``findings.figure_findings``.
    """
    pictures, sheets = _stems(study.paths.figures_dir, "png"), _stems(study.paths.tables_dir, "md") - {"claims"}
    budget, seen, found = REPORT_LIMIT, set(), []
    plan = [(title, [match for name in names for match in _matches(name, sheets)]) for title, names in CHAPTERS]
    known = {name for _, names in plan for name in names}
    rest = sorted((pictures | sheets) - known)
    for title, names in [*plan, *([("More", rest)] if rest else [])]:
        items = []
        for name in names:
            made = name in pictures or name in sheets
            if name in seen or (not made and name in OPTIONAL):
                continue
            seen.add(name)
            item = (
                _figure(study, name, budget, dpi, (findings or {}).get(name, ""))
                if _is_figure(name, pictures)
                else _table(study, name, notes)
            )
            budget -= len(item.get("source") or "")
            items.append(item)
        if items:
            found.append({"title": title, "items": items})
    return found


def _is_figure(name: str, pictures: set[str]) -> bool:
    return name in FIGURES or name in pictures


def _matches(name: str, sheets: set[str]) -> list[str]:
    if not name.endswith("_"):
        return [name]
    return sorted(stem for stem in sheets if stem.startswith(name)) or [name.rstrip("_")]


def _figure(study: Study, name: str, budget: int, dpi: int, finding: str) -> dict[str, Any]:
    title, reading = FIGURES.get(name, (_words(name), ""))
    reading = " ".join(filter(None, [finding, reading]))
    if name.startswith("figure_6"):
        reading += f" {CAM}"
    return {
        "name": name,
        "title": title,
        "reading": reading,
        "figure": True,
        "source": embed(study.paths.figures_dir, name, budget),
        "width": _width_rem(study.paths.figures_dir / f"{name}.png", dpi),
    }


def _width_rem(path: Path, dpi: int) -> float:
    """Width on the screen, so that letters have the same size in every figure: a full page is 54 rem."""
    if not path.is_file():
        return 54.0
    pixels = int.from_bytes(path.read_bytes()[16:20], "big")  # the header of a PNG file
    return round(min(1.0, pixels / dpi * 25.4 / PAGE_MM) * 54, 1)


def _table(study: Study, name: str, notes: Notes) -> dict[str, Any]:
    title, reading = next(
        (TABLES[key] for key in TABLES if name == key or (key.endswith("_") and name.startswith(key[:-1]))),
        (_words(name), ""),
    )
    return read_table(study.paths.tables_dir / f"{name}.md", title, reading, notes)


def _stems(folder: Path, suffix: str) -> set[str]:
    return {path.stem for path in folder.glob(f"*.{suffix}")} if folder.is_dir() else set()


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def embed(folder: Path, name: str, budget: int) -> str | None:
    """A figure as a data address: SVG if small, else PNG; None if it is missing or the report would grow
    too large.
    """
    for suffix, kind, limit in (("svg", "svg+xml", SVG_LIMIT), ("png", "png", budget)):
        path = folder / f"{name}.{suffix}"
        if path.is_file() and path.stat().st_size * 4 / 3 < min(limit, budget):
            return f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
    return None


def read_table(path: Path, title: str, reading: str, notes: Notes) -> dict[str, Any]:
    """A saved Markdown table as HTML with its finding and numbered notes; a missing file gives an empty body."""
    if not path.is_file():
        return {"name": path.stem, "title": title, "reading": reading, "body": None, "notes": []}
    lines = path.read_text(encoding="utf-8").splitlines()
    heading = next((line[2:] for line in lines if line.startswith("# ")), title)
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    numbers = [notes.number(line[2:]) for line in lines if line.startswith("- ")]
    reading = " ".join([*(line[2:] for line in lines if line.startswith("> ")), reading])
    return {"name": path.stem, "title": heading, "reading": reading, "body": _html(cells), "notes": numbers}


def _html(cells: list[list[str]]) -> Markup:
    if len(cells) < 2:
        return Markup("<p>(empty)</p>")
    head, rule, *rows = cells
    kinds = [' class="num"' if cell.endswith(":") else "" for cell in rule]

    def line(row: list[str], tag: str) -> str:
        return "".join(
            f"<{tag}{kind or _length(cell)}>{html.escape(cell)}</{tag}>" for kind, cell in zip(kinds, row, strict=False)
        )

    body = "".join(f"<tr{_row_class(row)}>{line(row, 'td')}</tr>" for row in rows)
    return Markup(f"<table><thead><tr>{line(head, 'th')}</tr></thead><tbody>{body}</tbody></table>")


def _length(cell: str) -> str:
    return ' class="long"' if len(cell) > 34 else ""


def _row_class(row: list[str]) -> str:
    return ' class="missing"' if row and MISSING in row[-1] else ""


def provenance(study: Study) -> list[tuple[str, str]]:
    """Profile manifest and software of the runs as name and text."""
    path = study.paths.root / "manifest.json"
    values = read_json(path) if path.is_file() else {}
    rows = [(key.replace("_", " "), _flat(value)) for key, value in values.items()]
    if study.runs:
        rows.append(("software of the runs", _flat(study.runs[0].manifest.get("versions", {}))))
        rows.append(
            (
                "training time",
                f"{sum(run.manifest.get('seconds', 0) for run in study.runs):,.0f} s in {len(study.runs)} runs",
            )
        )
        rows.append(("devices", ", ".join(sorted({str(run.manifest.get("device", "?")) for run in study.runs}))))
    return rows


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_flat(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(_flat(item) for item in value)
    return f"{value:,.0f}" if isinstance(value, float) and value > 100 else str(value)


def settings_rows(study: Study) -> list[tuple[str, str]]:
    """Every parameter of the profile as ``section.key`` and value."""
    rows = []
    for section, values in study.settings.model_dump(mode="json").items():
        if not isinstance(values, dict):
            rows.append((section, str(values)))
            continue
        rows += [(f"{section}.{key}", json.dumps(value, ensure_ascii=False)) for key, value in values.items()]
    return rows
