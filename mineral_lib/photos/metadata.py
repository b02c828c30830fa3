"""The table a person may keep beside the photographs: specimen, attribution and licence of each file (a CSV).

    file,specimen,attribution,licence
    quartz/IMG_0012.jpg,Q7,Jane Doe,CC BY 4.0

``file`` is the path below the photo folder, with "/" between folders; the other columns are optional. The table is
read strictly: a column, file or row that cannot be meant as written stops the scan, because a specimen that is
silently not known puts photographs of one specimen into train and test.
"""

import csv
import difflib
import io
from pathlib import Path

from mineral_lib.errors import DataError
from mineral_lib.photos.images import readable

COLUMNS = ("file", "specimen", "attribution", "licence")
_SHOWN = 3  # files named in a message


def read_metadata(path: Path) -> dict[str, dict[str, str]]:
    """Read the table.

    Args:
        path: A CSV file in UTF-8 (with or without byte order mark), separated by commas.

    Returns:
        For each file a dictionary of the other columns the table has; surrounding spaces are removed.

    Raises:
        DataError: The file is missing or is no such table.
    """
    where = readable(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(
            f"cannot be read ({error})",
            where=where,
            remedy="correct data.metadata_csv, or save the table as CSV in UTF-8",
        ) from error
    header = [name.strip() for name in rows[0]] if rows else []
    _check_header(header, where)
    table: dict[str, dict[str, str]] = {}
    for number, row in enumerate(rows[1:], start=2):
        if not any(field.strip() for field in row):
            continue
        if len(row) != len(header):
            raise DataError(
                f"row {number} has {len(row)} fields, the header has {len(header)}",
                where=where,
                remedy='put fields that hold a comma between double quotes: "Doe, Jane"',
            )
        fields = dict(zip(header, row, strict=True))
        name = fields.pop("file")
        if name in table:
            raise DataError(
                f"row {number}: file '{readable(name)}' stands twice", where=where, remedy="keep one row for each file"
            )
        table[name] = {column: field.strip() for column, field in fields.items()}
    return table


def check_files(table: dict[str, dict[str, str]], known: set[str], *, where: Path) -> None:
    """Refuse a table that names files which are not in the photo folder.

    Args:
        table: From ``read_metadata``.
        known: Every file found, also those that are not used.
        where: The table's file, for the message.

    Raises:
        DataError: Some file is unknown.
    """
    unknown = [name for name in table if name not in known]
    if unknown:
        close = difflib.get_close_matches(unknown[0].replace("\\", "/"), known, 1) if len(known) < 10_000 else []
        hint = f" (did you mean '{readable(close[0])}'?)" if close else ""
        raise DataError(
            f"{len(unknown)} files of the table are not in the photo folder: {_list(unknown)}{hint}",
            where=readable(where),
            remedy="write paths from the photo folder on, as in quartz/a.jpg",
        )


def check_specimens(table: dict[str, dict[str, str]], used: list[str], *, where: Path) -> None:
    """Refuse a table that does not give the specimen of every used photograph.

    Raises:
        DataError: The column or some specimens are missing.
    """
    missing = [name for name in used if not table.get(name, {}).get("specimen")]
    if missing:
        raise DataError(
            f"no specimen for {len(missing)} of {len(used)} photographs: {_list(missing)}",
            where=readable(where),
            remedy="add a row with the specimen (for a specimen with one photograph "
            "any name that no other has), or set data.specimen_from: file",
        )


def _check_header(header: list[str], where: str) -> None:
    for name in header:
        if name not in COLUMNS:
            close = difflib.get_close_matches(name.lower(), COLUMNS, 1)
            hint = f" (did you mean '{close[0]}'?)" if close else ""
            raise DataError(
                f"unknown column '{readable(name)}'{hint}",
                where=where,
                remedy=f"rename or remove it; the columns are {', '.join(COLUMNS)}",
            )
    if "file" not in header:
        raise DataError("no column 'file'", where=where, remedy=f"the first line must name it: {','.join(COLUMNS)}")
    if len(set(header)) < len(header):
        raise DataError("a column stands twice", where=where, remedy="keep one of them")


def _list(names: list[str]) -> str:
    shown = ", ".join(f"'{readable(name)}'" for name in sorted(names)[:_SHOWN])
    return shown + (", ..." if len(names) > _SHOWN else "")
