"""``mineral check PHOTOS``: what is in a folder, before any training. The folder is only read."""

from pathlib import Path

from mineral_lib.config import Settings
from mineral_lib.data.images import decode_photo
from mineral_lib.data.index import build_index, photo_folder
from mineral_lib.data.split import make_split
from mineral_lib.reporting.health import draw_suspects, suspicious, table_folder_classes, table_health
from mineral_lib.storage import ResultPaths, write_csv


def check_photos(settings: Settings, *, out: Path | None = None) -> str:
    """Scan a photo folder and say what was found.

    Args:
        settings: A profile with ``data.source: folder``.
        out: Folder for the tables of files, duplicates and classes and the plate of suspicious photographs; nothing
            but the record of the scan (below ``results/cache``) is written if not given.

    Returns:
        The report as text.

    Raises:
        DataError: The folder cannot be used.
    """
    root = photo_folder(settings)
    scan = build_index(settings, cache_dir=ResultPaths.of(settings.profile).cache_dir)
    samples = make_split(scan.index, "grouped", settings)
    health = table_health(scan.files, scan.duplicates)
    classes = table_folder_classes(scan.index, samples, settings.report.language)
    if out:
        for table in (health, classes):
            table.save(out)
        write_csv(out / "files.csv", scan.files)
        write_csv(out / "duplicates.csv", scan.duplicates)
        suspects = suspicious(scan.files, scan.duplicates)
        if len(suspects):
            plate = draw_suspects(suspects, lambda name: decode_photo(root / name))
            plate.save(out / "suspicious_photographs", dpi=settings.report.dpi)
    notes = [f"* {note}" for note in scan.notes]
    return "\n\n".join([table.to_text() for table in (health, classes)] + (["\n".join(notes)] if notes else []))
