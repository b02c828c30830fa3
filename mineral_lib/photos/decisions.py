"""What a person decided about single photographs: another label, or to leave one out. The photo folder stays as it is.

``mineral review`` writes the table (a CSV) and a person fills the column ``decision``:

    digest,file,given,suggested,confidence,decision,note
    6f1e...,quartz/IMG_0012.jpg,quartz,calcite,0.002,calcite,label fell off

A decision is ``keep``, ``drop``, or the name of another class folder; rows without one say nothing. A photograph is
known by the SHA-256 of its bytes, so a decision holds wherever the file lies and whatever it is called.
"""

import re
from pathlib import Path

from mineral_lib.catalogue import class_key
from mineral_lib.errors import DataError
from mineral_lib.photos.messages import readable
from mineral_lib.photos.metadata import meant, read_rows
from mineral_lib.photos.walk import FoundFile

DECISION_COLUMNS = ("digest", "file", "given", "suggested", "confidence", "decision", "note")
KEEP, DROP = "keep", "drop"
LEFT_OUT = "left out by decision"
_DIGEST = re.compile(r"[0-9a-f]{64}")


Decisions = dict[str, dict[str, str]]  # row by digest: all its columns, and ``row``, its number in the file


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
            what = f"row {number}: '{readable(digest[:20])}' is no SHA-256 digest (64 of the characters 0-9 and a-f)"
            raise _wrong(path, what, "copy the digest from the table that mineral review wrote, or remove the row")
        if digest in rows:
            what = f"rows {rows[digest]['row']} and {number} decide about the same photograph"
            raise _wrong(path, what, "keep one row for each digest")
        rows[digest] = dict.fromkeys(DECISION_COLUMNS, "") | fields
    return rows


def apply_decisions(found: list[FoundFile], decisions: Decisions, names: list[str], path: Path | None) -> None:
    """Relabel photographs and leave others out, as decided.

    Args:
        found: The files of a folder after they were measured; they are changed.
        decisions: What was decided.
        names: The class folders.
        path: Where the decisions stand, for messages.

    Raises:
        DataError: A decision about one of these photographs is neither ``keep`` nor ``drop`` nor one of the classes.
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
            raise _wrong(
                path,
                f"row {row['row']}: '{readable(decision)}' is no class of the folder{meant(decision, shown)}",
                f"write {KEEP}, {DROP} or one of: {', '.join(shown)}",
            )
        if name != file.class_name:
            was = f"relabelled by decision (was: {readable(file.class_name)})"
            file.class_name, file.reason = name, "; ".join(filter(None, [file.reason, was]))


def _wrong(path: Path, what: str, remedy: str) -> DataError:
    return DataError(what, where=readable(path), remedy=remedy)
