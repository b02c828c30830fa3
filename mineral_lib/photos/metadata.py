"""What a person writes down about photographs: specimen, attribution, licence, decisions.

Two tables (CSV files) may be kept beside the photographs, which stay as they are. ``data.metadata_csv``:

    file,specimen,attribution,licence
    quartz/IMG_0012.jpg,Q7,Jane Doe,CC BY 4.0

``file`` is the path below the photo folder, with "/" between folders; the other columns are optional. And
``data.decisions_csv``, which ``mineral review`` writes for a person to fill the column ``decision``:

    digest,file,given,suggested,confidence,decision,note
    6f1e...,quartz/IMG_0012.jpg,quartz,calcite,0.002,calcite,label fell off

A decision is ``keep``, ``drop``, or the name of another class folder; rows without one say nothing. A photograph is
known by the SHA-256 of its bytes, so a decision holds wherever the file lies and whatever it is called.

Both are read strictly: a column, file or row that cannot be meant as written stops the scan, because a specimen that is
silently not known puts photographs of one specimen into train and test.
"""

import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pandas as pd

from mineral_lib.catalogue import class_key
from mineral_lib.config import Data
from mineral_lib.errors import nearest
from mineral_lib.paths import given_path, project_root
from mineral_lib.patterns import search_all
from mineral_lib.photos.messages import readable, refusal
from mineral_lib.photos.walk import FoundFile

COLUMNS = ("file", "specimen", "attribution", "licence")
_SHOWN = 3  # files named in a message
DECISION_COLUMNS = ("digest", "file", "given", "suggested", "confidence", "decision", "note")
KEEP, DROP = "keep", "drop"
LEFT_OUT = "left out by decision"
_DIGEST = re.compile(r"[0-9a-f]{64}")

MetadataTable = dict[str, dict[str, str]]  # by file, the other columns the table has
Decisions = dict[str, dict[str, str]]  # by digest, all columns of the row, and ``row``, its number in the file


def table_path(name: str | None) -> Path | None:
    """A table of metadata or decisions; a relative path counts from the project folder. None without a name."""
    return project_root() / given_path(name) if name else None


def read_rows(
    path: Path, columns: Sequence[str], required: Sequence[str], parameter: str
) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a CSV file that a person keeps in UTF-8, with commas, or semicolons if the header has no comma.

    ``columns`` may be there (any, if none are named), the ``required`` ones must; messages name the ``parameter`` that
    names the file.

    Yields:
        Number of the row (the header is 1) and its fields by column, as they stand; empty rows are left out.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        first = text.partition("\n")[0]
        separator = ";" if ";" in first and "," not in first else ","
        header, *rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)) or [[]]
    except (OSError, ValueError, csv.Error) as error:
        raise refusal("unreadable_table", path, error=error, parameter=parameter) from error
    header = [name.strip() for name in header]
    for name in header:
        if columns and name not in columns:
            hint = meant(name.lower(), columns)
            raise refusal("unknown_column", path, name=name, hint=hint, columns=", ".join(columns))
    for name in required:
        if name not in header:
            raise refusal("no_column", path, name=name, columns=",".join(columns or required))
    if len(set(header)) < len(header):
        raise refusal("twin_columns", path)
    for number, row in enumerate(rows, start=2):
        if not any(field.strip() for field in row):
            continue
        if len(row) != len(header):
            raise refusal("ragged_row", path, row=number, fields=len(row), columns=len(header))
        yield number, dict(zip(header, row, strict=True))


def folder_metadata(rules: Data, found: list[FoundFile]) -> MetadataTable:
    """The metadata table of a photo folder, empty if it has none; DataError: it names files that are not there."""
    path, table, known = table_path(rules.metadata_csv), {}, {file.name for file in found}
    for number, fields in read_rows(path, COLUMNS, COLUMNS[:1], "data.metadata_csv") if path else ():
        name = fields.pop("file")
        if name in table:
            raise refusal("twin_rows", path, row=number, name=name)
        table[name] = {column: field.strip() for column, field in fields.items()}
    unknown = [name for name in table if name not in known]
    if unknown:
        hint = meant(unknown[0].replace("\\", "/"), known) if len(known) < 10_000 else ""
        raise refusal("unknown_files", path, count=len(unknown), names=_list(unknown), hint=hint)
    return table


def meant(name: str, known: Collection[str]) -> str:
    """The nearest of the known names as a hint in a message, or nothing."""
    close = nearest(name, known)
    return f" (did you mean '{close}'?)" if close else ""


def _list(names: list[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in sorted(names)[:_SHOWN])
    return shown + (", ..." if len(names) > _SHOWN else "")


def read_decisions(path: Path | None) -> Decisions:
    """Read a table of decisions, none without a path; of its columns only ``digest`` and ``decision`` are needed.

    Raises:
        DataError: The file is missing, is no such table, or a row cannot be meant as it is written.
    """
    rows: Decisions = {}
    table = read_rows(path, DECISION_COLUMNS, ("digest", "decision"), "data.decisions_csv") if path else ()
    for number, fields in table:
        fields = {name: field.strip() for name, field in fields.items()} | {"row": str(number)}
        digest = fields["digest"] = fields["digest"].lower()
        if not _DIGEST.fullmatch(digest):
            raise refusal("no_digest", path, row=number, digest=digest[:20])
        if digest in rows:
            raise refusal("twin_decisions", path, first=rows[digest]["row"], second=number)
        rows[digest] = dict.fromkeys(DECISION_COLUMNS, "") | fields
    return rows


def apply_decisions(found: list[FoundFile], decisions: Decisions, names: list[str], path: Path | None) -> None:
    """Relabel measured photographs and leave others out, as decided; ``names`` are the class folders.

    Raises:
        DataError: A decision is neither ``keep`` nor ``drop`` nor a class; the message names its row in ``path``.
    """
    for file in found:
        row = decisions.get(file.photo["sha256"]) if file.status == "used" else None
        decision = row["decision"] if row else ""
        if decision.lower() in ("", KEEP):
            continue
        if decision.lower() == DROP:
            file.set("skipped", LEFT_OUT)
            continue
        # Its very name, or a name of the same mineral.
        name = next((name for name in names if class_key(name) == class_key(decision)), None)
        if name is None:
            shown = [readable(one) for one in names]
            facts = {"row": row["row"], "decision": decision, "hint": meant(decision, shown)}
            raise refusal("no_decision", path, **facts, classes=", ".join(shown))
        if name != file.class_name:
            was = f"relabelled by decision (was: {readable(file.class_name)})"
            file.class_name, file.reason = name, "; ".join(filter(None, [file.reason, was]))


def specimens_of(used: list[FoundFile], rules: Data, table: MetadataTable) -> list[str]:
    """The specimen of each photograph (``class/specimen``) by the rule ``data.specimen_from``.

    ======== ==============================================================================
    file     every photograph is its own specimen
    folder   the folder directly below the class folder: quartz/Q7/a.jpg is specimen Q7
    pattern  the group ``specimen`` of the regular expression in the file's name
    csv      the column ``specimen`` of ``data.metadata_csv``, which must give all of them
    ======== ==============================================================================

    Specimens are numbered within a class by most people, so "01" of two classes are two specimens. Where the rule finds
    nothing, the photograph is its own specimen and a warning is added to the file. A photograph that a decision gave
    another class stays with the specimen of its folder, so that a specimen relabelled in part is never split.
    """
    missing = [file.name for file in used if not table.get(file.name, {}).get("specimen")]
    if rules.specimen_from == "csv" and missing:
        names = _list(missing)
        raise refusal("no_specimen", table_path(rules.metadata_csv), count=len(missing), all=len(used), names=names)
    paths, names, warning = [file.name.split("/")[file.depth :] for file in used], [""] * len(used), []
    if rules.specimen_from == "pattern":
        files = [path[-1] for path in paths]
        names = search_all(rules.specimen_pattern, "specimen", files, key="data.specimen_pattern")
        warning = ["data.specimen_pattern finds no specimen in the name"]
    elif rules.specimen_from == "folder":
        names, warning = [path[1] if len(path) > 2 else "" for path in paths], ["lies in no specimen folder"]
    elif rules.specimen_from == "csv":
        names = [table[file.name]["specimen"] for file in used]
    for file, name in zip(used, names, strict=True):
        file.warnings += [] if name else warning
    return [f"{path[0]}/{name}" if name else file.name for file, path, name in zip(used, paths, names, strict=True)]


def statements(index: pd.DataFrame, column: str) -> pd.Series:
    """``attribution`` or ``licence`` as clean text, shape (n,); empty where a photograph states none."""
    if column not in index:
        return pd.Series("", index=index.index, dtype=object)
    return index[column].fillna("").astype(str).str.split().str.join(" ")


def stated(index: pd.DataFrame, column: str) -> pd.Series:
    """How many photographs state each value of ``licence`` or ``attribution``, the commonest first."""
    texts = statements(index, column)
    return texts[texts != ""].value_counts().sort_index().sort_values(ascending=False, kind="stable")


def credits(index: pd.DataFrame) -> list[str]:
    """What to print beside each photograph of some rows: ``attribution (licence)``, or nothing if none is stated."""
    pairs = zip(statements(index, "attribution"), statements(index, "licence"), strict=True)
    return [f"{who} ({licence})" if who and licence else who for who, licence in pairs]
