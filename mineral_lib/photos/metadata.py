"""What is known of a photograph besides its pixels: its specimen, and whom to name for it.

A person may keep a table beside the photographs (a CSV): specimen, attribution and licence of each file.

    file,specimen,attribution,licence
    quartz/IMG_0012.jpg,Q7,Jane Doe,CC BY 4.0

``file`` is the path below the photo folder, with "/" between folders; the other columns are optional. The table is
read strictly: a column, file or row that cannot be meant as written stops the scan, because a specimen that is
silently not known puts photographs of one specimen into train and test.
"""

import csv
import difflib
import io
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pandas as pd

from mineral_lib.config import Data
from mineral_lib.paths import given_path, project_root
from mineral_lib.patterns import search_all
from mineral_lib.photos.messages import refusal
from mineral_lib.photos.walk import FoundFile

COLUMNS = ("file", "specimen", "attribution", "licence")
_SHOWN = 3  # files named in a message

MetadataTable = dict[str, dict[str, str]]  # by file, the other columns the table has


def table_path(name: str | None) -> Path | None:
    """A table of metadata or decisions; a relative path counts from the project folder. None without a name."""
    return project_root() / given_path(name) if name else None


def read_rows(
    path: Path, columns: Sequence[str], required: Sequence[str], parameter: str
) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a CSV file that a person keeps: UTF-8, with or without byte order mark, separated by commas.

    Spreadsheets of some countries write semicolons instead; these are understood if no comma stands in the header.

    Args:
        path: The file.
        columns: Names a column may have.
        required: Those that must be there.
        parameter: Which names the file, for the messages.

    Yields:
        Number of the row (the header is 1) and its fields by column, as they stand; empty rows are left out.

    Raises:
        DataError: The file is missing or is no such table.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        first = text.partition("\n")[0]
        separator = ";" if ";" in first and "," not in first else ","
        header, *rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)) or [[]]
    except (OSError, ValueError, csv.Error) as error:
        raise refusal("unreadable_table", path, error=error, parameter=parameter) from error
    header = [name.strip() for name in header]
    _check_header(header, columns, required, path)
    for number, row in enumerate(rows, start=2):
        if not any(field.strip() for field in row):
            continue
        if len(row) != len(header):
            raise refusal("ragged_row", path, row=number, fields=len(row), columns=len(header))
        yield number, dict(zip(header, row, strict=True))


def _check_header(header: list[str], columns: Sequence[str], required: Sequence[str], path: Path) -> None:
    for name in header:
        if name not in columns:
            hint = meant(name.lower(), columns)
            raise refusal("unknown_column", path, name=name, hint=hint, columns=", ".join(columns))
    for name in required:
        if name not in header:
            raise refusal("no_column", path, name=name, columns=",".join(columns))
    if len(set(header)) < len(header):
        raise refusal("twin_columns", path)


def folder_metadata(rules: Data, found: list[FoundFile]) -> MetadataTable:
    """The metadata table of a photo folder, empty if it has none.

    Raises:
        DataError: The table is missing or wrong (see ``read_rows``), or names files which are not in the folder.
    """
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
    close = difflib.get_close_matches(name, known, 1)
    return f" (did you mean '{close[0]}'?)" if close else ""


def _list(names: list[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in sorted(names)[:_SHOWN])
    return shown + (", ..." if len(names) > _SHOWN else "")


def specimens_of(used: list[FoundFile], rules: Data, table: MetadataTable) -> list[str]:
    """The specimen of each photograph (``class/specimen``) by the rule ``data.specimen_from``.

    ======== ==============================================================================
    file     every photograph is its own specimen
    folder   the folder directly below the class folder: quartz/Q7/a.jpg is specimen Q7
    pattern  the group ``specimen`` of the regular expression in the file's name
    csv      the column ``specimen`` of ``data.metadata_csv``
    ======== ==============================================================================

    Specimens are numbered within a class by most people, so "01" of two classes are two specimens. Where the rule finds
    nothing, the photograph is its own specimen and a warning is added to the file. A photograph that a decision gave
    another class stays with the specimen of its folder, so that a specimen relabelled in part is never split.

    Raises:
        DataError: The table does not give the specimen of every photograph.
    """
    missing = [file.name for file in used if not table.get(file.name, {}).get("specimen")]
    if rules.specimen_from == "csv" and missing:
        names = _list(missing)
        raise refusal("no_specimen", table_path(rules.metadata_csv), count=len(missing), all=len(used), names=names)
    found, names = [], [file.name.rpartition("/")[2] for file in used]
    if rules.specimen_from == "pattern":
        matches = search_all(rules.specimen_pattern, "specimen", names, key="data.specimen_pattern")
    for position, file in enumerate(used):
        parts, name = file.name.split("/")[file.depth :], ""
        if rules.specimen_from == "pattern":
            name = matches[position]
            file.warnings += [] if name else ["data.specimen_pattern finds no specimen in the name"]
        elif rules.specimen_from == "folder":
            name = parts[1] if len(parts) > 2 else ""
            file.warnings += [] if name else ["lies in no specimen folder"]
        elif rules.specimen_from == "csv":
            name = table[file.name]["specimen"]
        found.append(f"{parts[0]}/{name}" if name else file.name)
    return found


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
