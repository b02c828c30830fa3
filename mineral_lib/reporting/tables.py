"""Tables: plain numbers as CSV, the same for people as Markdown and HTML, with title and honest notes."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from mineral_lib.storage import write_csv, write_text

MISSING = "not run in this profile"
DASH = "–"


@dataclass(frozen=True)
class Column:
    """How one column is shown to people.

    Attributes:
        title: Heading.
        kind: ``text``, ``integer``, ``percent`` (a fraction shown as percent), ``points`` (a signed
            difference of fractions in percentage points), ``number`` or ``p`` (a probability).
        decimals: Digits after the point.
        absent: Shown where a finished run has no value, for example "not reached".
        until: For an interval, the column that holds its upper end; both ends share one cell.
        optional: Left out where no row has a value.
    """

    title: str
    kind: str = "text"
    decimals: int = 2
    absent: str = DASH
    until: str | None = None
    optional: bool = False

    def show(self, value: object, *, missing: bool = False) -> str:
        """One cell as text; ``missing`` says that the row's run does not exist."""
        if value is None or (not isinstance(value, str) and pd.isna(value)):
            return DASH if missing else self.absent
        if self.kind == "integer":
            return f"{int(value):,}"
        if self.kind == "percent":
            return f"{100 * value:.{self.decimals}f}"
        if self.kind == "points":
            return f"{100 * value:+.{self.decimals}f}".replace("-", "−")
        if self.kind == "number":
            return f"{value:,.{self.decimals}f}"
        if self.kind == "p":
            return "< 0.001" if value < 0.001 else f"{value:.3f}"
        return str(value)


@dataclass(frozen=True)
class Table:
    """A finished table.

    Attributes:
        name: File name without suffix, for example ``table_4_comparison``.
        title: Heading for people.
        frame: The numbers, one column a quantity; fractions between 0 and 1.
        columns: Which columns people see, in order, and how.
        notes: What a reader must know, one sentence each.
        finding: What came out, one sentence made from the numbers; empty where there are none.
    """

    name: str
    title: str
    frame: pd.DataFrame
    columns: Mapping[str, Column] | None = None
    notes: Sequence[str] = field(default_factory=tuple)
    finding: str = ""

    def save(self, folder: Path) -> list[Path]:
        """Write ``<name>.csv`` and ``<name>.md`` into ``folder`` and return the paths."""
        return save_table(
            self.frame,
            Path(folder) / self.name,
            title=self.title,
            notes=self.notes,
            columns=self.columns,
            finding=self.finding,
        )

    def formatted(self) -> pd.DataFrame:
        """The table as people read it: headings and text cells."""
        return formatted(self.frame, self.columns)

    def to_text(self) -> str:
        """The table with title and notes for a terminal."""
        body = self.formatted().to_markdown(index=False, disable_numparse=True, tablefmt="simple")
        return "\n".join([self.title, self.finding, "", body, "", *(f"* {note}" for note in self.notes)])

    def to_html(self) -> str:
        """The table as HTML without styling: caption, head, body; numbers carry the class ``num``."""
        return frame_html(self.frame, self.columns)

    def _repr_html_(self) -> str:
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        finding = f"<p>{html.escape(self.finding)}</p>" if self.finding else ""
        return f"<p><b>{html.escape(self.title)}</b></p>{finding}{self.to_html()}<ul style='font-size:90%'>{notes}</ul>"


def formatted(frame: pd.DataFrame, columns: Mapping[str, Column] | None = None) -> pd.DataFrame:
    """Text cells under readable headings; columns that are not named are left out."""
    columns = columns or guess_columns(frame)
    columns = {name: column for name, column in columns.items() if name in frame}
    missing = _missing_rows(frame)
    cells = []
    for name, column in columns.items():
        texts = [column.show(value, missing=gone) for value, gone in zip(frame[name], missing, strict=True)]
        if column.until:
            ends = [column.show(value) for value in frame[column.until]]
            texts = [low if low == DASH else f"{low} to {high}" for low, high in zip(texts, ends, strict=True)]
        cells.append(texts)
    # Built by position: two columns may have the same heading.
    return pd.DataFrame(list(zip(*cells, strict=True)), columns=[column.title for column in columns.values()])


def _missing_rows(frame: pd.DataFrame) -> list[bool]:
    return list(frame["status"] == MISSING) if "status" in frame else [False] * len(frame)


def guess_columns(frame: pd.DataFrame) -> dict[str, Column]:
    """Columns for a frame without instructions: numbers with four digits, headings without underscores."""
    kinds = {"i": ("integer", 0), "u": ("integer", 0), "f": ("number", 4)}
    return {
        name: Column(str(name).replace("_", " "), *kinds.get(frame[name].dtype.kind, ("text", 0)))
        for name in frame.columns
    }


def save_table(
    frame: pd.DataFrame,
    path_stem: Path,
    *,
    title: str,
    notes: Sequence[str] = (),
    columns: Mapping[str, Column] | None = None,
    finding: str = "",
) -> list[Path]:
    """Write a table as CSV (plain numbers) and Markdown (formatted, with title and notes).

    Args:
        frame: The numbers.
        path_stem: Path without suffix.
        title: Heading of the Markdown file.
        notes: Sentences below the table.
        columns: How columns are shown; without it every column is shown plainly.
        finding: Sentence on what came out, above the table (a quotation in Markdown).

    Returns:
        Paths of the CSV and the Markdown file.
    """
    stem = Path(path_stem)
    columns = columns or guess_columns(frame)
    shown = formatted(frame, columns)
    sides = ["left" if column.kind == "text" else "right" for name, column in columns.items() if name in frame]
    body = shown.to_markdown(index=False, disable_numparse=True, colalign=sides) if len(shown) else "(empty)"
    lines = [f"# {title}", "", *([f"> {finding}", ""] if finding else []), body, ""]
    if notes:
        lines += [*(f"- {note}" for note in notes), ""]
    return [
        write_csv(stem.with_name(f"{stem.name}.csv"), frame, float_format="%.6g"),
        write_text(stem.with_name(f"{stem.name}.md"), "\n".join(lines)),
    ]


def frame_html(frame: pd.DataFrame, columns: Mapping[str, Column] | None = None) -> str:
    """A frame as an HTML table; a row whose ``status`` says it was not run carries the class ``missing``."""
    columns = {name: c for name, c in (columns or guess_columns(frame)).items() if name in frame}
    head = "".join(f"<th{_numeric(c)}>{html.escape(c.title)}</th>" for c in columns.values())
    rows = []
    shown = formatted(frame, columns)
    for gone, texts in zip(_missing_rows(frame), shown.itertuples(index=False), strict=True):
        cells = "".join(
            f"<td{_numeric(c)}>{html.escape(text)}</td>" for c, text in zip(columns.values(), texts, strict=True)
        )
        rows.append(f"{'<tr class=missing>' if gone else '<tr>'}{cells}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _numeric(column: Column) -> str:
    return "" if column.kind == "text" else ' class="num"'
