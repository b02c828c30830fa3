"""What earlier scans found out about each file, so that unchanged photographs are not read again.

One JSON file a photo folder, below ``results/cache/scans``. A file counts as unchanged if its size, its modification
time and its change time are the same. The record holds only what follows from a file's bytes and is thrown away when
the rules (the code that reads and measures, Pillow, pillow-heif) change; files that could not be opened at all are not
recorded, because that may be different the next time. Losing or damaging the record costs time and nothing else.
"""

import json
import time
from functools import cache
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import PIL

from mineral_lib.photos import heic
from mineral_lib.photos.walk import FoundFile
from mineral_lib.storage import digest, write_text

SAVE_EVERY_S = 60.0  # a stopped scan of a large folder loses at most this much work
_RULES = ("images", "colour", "heic", "foreign", "quality", "duplicates", "groups", "measure")


class ScanRecord:
    """Results by file name.

    Args:
        folder: The photo folder.
        cache_dir: Where to keep the record; None for no record.
    """

    def __init__(self, folder: Path, cache_dir: Path | None) -> None:
        self.path = cache_dir / "scans" / f"{digest(str(folder.resolve()))[:20]}.json" if cache_dir else None
        self._known: dict[str, list] = _load(self.path) if self.path else {}
        self._fresh: dict[str, list] = {}
        self._changed = False
        self._saved_s = time.monotonic()

    def find(self, file: FoundFile) -> dict[str, Any] | None:
        """What is known about an unchanged file (see ``measure.measure_file``), or None."""
        row = self._known.get(file.name)
        if row is None or tuple(row[0]) != file.state:
            return None
        self._fresh[file.name] = row
        return row[1]

    def add(self, file: FoundFile, result: dict[str, Any]) -> None:
        """Keep a result, and write the record now and then."""
        self._fresh[file.name] = [list(file.state), result]
        self._changed = True
        if time.monotonic() - self._saved_s > SAVE_EVERY_S:
            self.save()

    def save(self) -> None:
        """Write the record if it has changed; vanished files are left out."""
        if self.path and (self._changed or len(self._fresh) < len(self._known)):
            write_text(self.path, json.dumps({"rules": reading_rules(), "files": self._fresh}, separators=(",", ":")))
            self._changed, self._saved_s = False, time.monotonic()


@cache
def reading_rules() -> str:
    """Digest of everything but the bytes that the results of reading depend on."""
    folder = package_files("mineral_lib.photos")
    sources = [(folder / f"{name}.py").read_text(encoding="utf-8") for name in _RULES]
    return digest([sources, PIL.__version__, heic.version()])


def _load(path: Path) -> dict[str, list]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return dict(record["files"]) if record["rules"] == reading_rules() else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
