"""Tables: plain numbers as CSV, the same for people as Markdown and HTML, with title and honest notes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mineral_lib.notation import html, line, markdown
from mineral_lib.storage import write_csv, write_text

MISSING = "not run in this profile"
DASH = "–"
LONG = 34  # letters of a cell that may be broken into lines


@dataclass(frozen=True)
class Column:
    """How one column is shown to people."""

    title: str  # heading
    # text, integer, percent (of a fraction), points (a signed difference of fractions), number, or p (a probability)
    kind: str = "text"
    decimals: int = 2  # digits after the point
    absent: str = DASH  # shown where a finished run has no value, for example "not reached"
    until: str | None = None  # for an interval, the column that holds its upper end; both ends share one cell
    optional: bool = False  # left out where no row has a value

    def show(self, value: object, *, missing: bool = False) -> str:
        """One cell as text; ``missing`` says that the row's run does not exist."""
        if pd.isna(value):
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
    """A finished table."""

    name: str  # file name without suffix, for example ``table_4_comparison``
    title: str  # heading for people
    frame: pd.DataFrame  # the numbers, one column a quantity; fractions between 0 and 1
    columns: Mapping[str, Column] | None = None  # which columns people see, in order, and how
    notes: Sequence[str] = ()  # what a reader must know, one sentence each
    finding: str = ""  # what came out, one sentence made from the numbers; empty where there are none

    @property
    def shown(self) -> dict[str, Column]:
        """The columns people see, by name; an optional one without a value is left out."""
        columns, frame = self.columns or guess_columns(self.frame), self.frame
        present = {name: column for name, column in columns.items() if name in frame}
        return {name: column for name, column in present.items() if not (column.optional and frame[name].isna().all())}

    @property
    def missing(self) -> pd.Series:
        """Whether the run of a row does not exist, as its ``status`` says."""
        return self.frame.get("status", pd.Series("", self.frame.index)) == MISSING

    def formatted(self) -> pd.DataFrame:
        """The table as people read it: headings and text cells."""
        cells = {}
        for name, column in self.shown.items():
            texts = [
                column.show(value, missing=gone) for value, gone in zip(self.frame[name], self.missing, strict=True)
            ]
            if column.until:
                ends = map(column.show, self.frame[column.until])
                texts = [low if low == DASH else f"{low} to {high}" for low, high in zip(texts, ends, strict=True)]
            cells[name] = texts
        # Headings last: two columns may have the same one.
        return pd.DataFrame(cells).set_axis([column.title for column in self.shown.values()], axis="columns")

    def save(self, folder: Path) -> list[Path]:
        """Write ``<name>.csv`` (plain numbers) and ``<name>.md`` into ``folder`` and return the paths."""
        stem = Path(folder) / self.name
        return [
            write_csv(stem.with_name(f"{stem.name}.csv"), self.frame, float_format="%.6g"),
            write_text(stem.with_name(f"{stem.name}.md"), self.to_markdown()),
        ]

    def to_markdown(self) -> str:
        """Title, finding (a quotation), table and notes."""
        sides = ["left" if column.kind == "text" else "right" for column in self.shown.values()]
        shown = self.formatted().map(markdown).rename(columns=markdown)
        body = shown.to_markdown(index=False, disable_numparse=True, colalign=sides)
        lines = [f"# {markdown(self.title)}", "", *([f"> {markdown(self.finding)}", ""] if self.finding else [])]
        lines += [body if len(self.frame) else "(empty)", ""]
        return "\n".join(lines + ([*(f"- {markdown(note)}" for note in self.notes), ""] if self.notes else []))

    def to_text(self) -> str:
        """The table with title and notes for a terminal."""
        body = self.formatted().map(line).to_markdown(index=False, disable_numparse=True, tablefmt="simple")
        return "\n".join([self.title, self.finding, "", body, "", *(f"* {note}" for note in self.notes)])

    def to_html(self) -> str:
        """The table as HTML, with classes: ``num`` for numbers, ``long`` texts, rows whose run is ``missing``."""
        if not len(self.frame):
            return "<p>(empty)</p>"
        numeric, shown = [column.kind != "text" for column in self.shown.values()], self.formatted()

        def row_of(tag: str, texts: Iterable[str], row: str = "<tr>") -> str:
            kinds = ["num" if num else "long" * (len(text) > LONG) for num, text in zip(numeric, texts, strict=True)]
            cells = [f"<{tag} class='{kind}'>{html(text)}" for kind, text in zip(kinds, texts, strict=True)]
            return row + "".join(f"{cell}</{tag}>" for cell in cells).replace(" class=''", "") + "</tr>"

        rows = ["<tr class='missing'>" if gone else "<tr>" for gone in self.missing]
        body = "".join(row_of("td", texts, row) for texts, row in zip(shown.to_numpy(), rows, strict=True))
        return f"<table><thead>{row_of('th', shown.columns)}</thead><tbody>{body}</tbody></table>"

    def _repr_html_(self) -> str:
        notes = "".join(f"<li>{html(note)}</li>" for note in self.notes)
        finding = f"<p>{html(self.finding)}</p>" if self.finding else ""
        # A notebook sets what stands between dollar signs as mathematics, but not in an element of these classes.
        shown = f"<p><b>{html(self.title)}</b></p>{finding}{self.to_html()}<ul style='font-size:90%'>{notes}</ul>"
        return f"<div class='tex2jax_ignore mathjax_ignore'>{shown}</div>"


def guess_columns(frame: pd.DataFrame) -> dict[str, Column]:
    """Columns for a frame without instructions: numbers with four digits, headings without underscores."""
    kinds = {"i": ("integer", 0), "u": ("integer", 0), "f": ("number", 4)}
    return {
        name: Column(str(name).replace("_", " "), *kinds.get(frame[name].dtype.kind, ("text", 0)))
        for name in frame.columns
    }
