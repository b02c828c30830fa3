"""``mineral check PHOTOS``: what is in a folder, before any training. The folder is only read."""

import shlex
from pathlib import Path

import pandas as pd

from mineral_lib.config import Settings
from mineral_lib.data.index import build_index, photo_folder
from mineral_lib.data.split import make_split
from mineral_lib.photos import proposal_note, propose_specimens, read_photo
from mineral_lib.reporting.health import (
    class_rows,
    draw_suspects,
    health_rows,
    suspicious,
    table_folder_classes,
    table_health,
)
from mineral_lib.reporting.style import Drawing
from mineral_lib.storage import write_csv
from mineral_lib.study import Study

SPECIMENS = "specimens.csv"


def check_photos(settings: Settings, *, out: Path | None = None) -> str:
    """Scan a photo folder and say what was found.

    Args:
        settings: A profile with ``data.source: folder``.
        out: Folder for the tables of files, duplicates, classes and proposed specimens and the plate of suspicious
            photographs; nothing but the record of the scan (below ``results/cache``) is written if not given.

    Returns:
        The report as text.

    Raises:
        DataError: The folder cannot be used.
    """
    study = Study(settings)
    scan = build_index(settings.data, cache_dir=study.paths.cache_dir)
    classes = class_rows(
        scan.index, make_split(scan.index, "grouped", settings.split, settings.augment), settings.report.language
    )
    tables = [
        table_health(study, health_rows(scan.files, scan.duplicates), whose=""),
        table_folder_classes(study, classes),
    ]
    if out:
        for table in tables:
            table.save(out)
        write_csv(out / "files.csv", scan.files)
        write_csv(out / "duplicates.csv", scan.duplicates)
        if plate := suspect_plate(settings, scan.files, scan.duplicates):
            plate.save(out / plate.name, dpi=settings.report.dpi)
    notes = "\n".join(f"* {note}" for note in [*scan.notes, *_specimens(settings, scan.index, out)])
    return "\n\n".join(filter(None, [*(table.to_text() for table in tables), notes]))


def _specimens(settings: Settings, index: pd.DataFrame, out: Path | None) -> list[str]:
    """What names and times say about specimens, if nobody has said it yet; the table is written below ``out``."""
    if settings.data.specimen_from != "file":
        return []
    proposed = propose_specimens(photo_folder(settings.data), index)
    note = proposal_note(proposed)
    if not note:
        return []
    if out is None:
        return [f"{note} With --out, a table is written that you can correct and give back."]
    path = write_csv(out / SPECIMENS, proposed.drop(columns="how"))
    answer = " ".join(f"--set {shlex.quote(one)}" for one in ("data.specimen_from=csv", f"data.metadata_csv={path}"))
    return [f"{note} Correct the column specimen of {path} and say: {answer}"]


def suspect_plate(settings: Settings, files: pd.DataFrame, duplicates: pd.DataFrame) -> Drawing | None:
    """The plate of the photographs that deserve a look; None if there are none.

    Args:
        settings: The profile.
        files: One row a file, as the scan gives it.
        duplicates: Pairs of files that show the same.
    """
    suspects = suspicious(files, duplicates)
    if suspects.empty:
        return None
    root = photo_folder(settings.data)
    return draw_suspects(suspects, lambda name: read_photo(root / name).pixels)
