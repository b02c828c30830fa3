"""Reading and measuring many photographs side by side, and remembering what was found out about each file.

Threads share the work: Pillow decodes and resizes, and SHA-256 hashes, without holding Python's lock. Processes were
tried: for photographs of 12 megapixels, 0.3 and 0.02 megapixels both were equally fast on two (busy) cores once the
processes ran, and threads need no start-up time, no second copy of the libraries, and no guard in the caller's script.
A photograph is decoded once and only its numbers are kept, so memory follows the number of threads and not the pixels
of the folder. The few that cost far more than a camera's photographs are decoded in a process of their own (``alone``).

The record is one JSON file a photo folder, below ``results/cache/scans``. A file counts as unchanged if its size, its
modification time and its change time are the same. The record holds only what follows from a file's bytes and is
thrown away when the rules (the code that reads and measures, Pillow, pillow-heif) change; files that could not be
opened at all are not recorded, because that may be different the next time. Losing or damaging the record costs time
and nothing else.
"""

import contextlib
import os
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import PIL
from tqdm import tqdm

from mineral_lib.digests import read_record, write_record
from mineral_lib.errors import DataError, StorageError
from mineral_lib.photos import alone
from mineral_lib.photos.cost import CostlyError
from mineral_lib.photos.groups import fingerprints
from mineral_lib.photos.heic import heic_version
from mineral_lib.photos.images import AccessError, decode_photo
from mineral_lib.photos.messages import readable
from mineral_lib.photos.quality import measure_quality, working_picture
from mineral_lib.photos.walk import FoundFile
from mineral_lib.storage import digest

SAVE_EVERY_S = 60.0  # a stopped scan of a large folder loses at most this much work
_CHUNK = 8  # files a task: small enough for an even bar, large enough that handing out work costs nothing
_RULES = ("images", "cost", "alone", "colour", "heic", "foreign", "quality", "duplicates", "groups", "measure")


def measure_file(path: Path, *, costly: bool = False) -> dict[str, Any]:
    """Decode one photograph completely and measure it, a costly one in a process of its own unless ``costly``.

    Returns:
        ``sha256``, ``width``, ``height``, ``size_bytes``, ``notes`` (conversions), ``groups.fingerprints`` and
        ``measure_quality``; or ``refused`` (the reason), ``remedy``, and ``passing`` if it could not be opened.
    """
    photo = None
    try:
        with contextlib.suppress(CostlyError):
            photo = decode_photo(path, costly=costly)
    except DataError as error:
        passing = {"passing": True} if isinstance(error, AccessError) else {}
        return {"refused": error.what, "remedy": error.remedy} | passing
    if photo is None:
        return alone.measure_alone(path)
    return {
        "sha256": photo.sha256,
        "width": photo.image.width,
        "height": photo.image.height,
        "size_bytes": photo.size_bytes,
        "notes": "; ".join(photo.notes),
        **fingerprints(photo.image),
        **measure_quality(working_picture(photo.image)),
    }


class Record:
    """What earlier scans found out about each file of a folder, by name; nothing without a ``cache_dir``."""

    def __init__(self, folder: Path, cache_dir: Path | None) -> None:
        self.path = cache_dir / "scans" / f"{digest(str(folder.resolve()))[:20]}.json" if cache_dir else None
        self._known, self._fresh = dict[str, list](), dict[str, list]()
        self._changed, self._saved_s = False, time.monotonic()
        with contextlib.suppress(StorageError):
            record = read_record(self.path) if self.path else {}
            self._known = record["photographs"] if record.get("rules") == reading_rules() else {}

    def find(self, file: FoundFile) -> dict[str, Any] | None:
        """What is known about an unchanged file (see ``measure_file``), or None."""
        row = self._known.get(file.name)
        if row is None or tuple(row[0]) != file.state:
            return None
        self._fresh[file.name] = row
        return row[1]

    def add(self, file: FoundFile, result: dict[str, Any]) -> None:
        """Keep a result unless it may be different the next time, and write the record now and then."""
        if "passing" in result:
            return
        self._fresh[file.name] = [list(file.state), result]
        self._changed = True
        if time.monotonic() - self._saved_s > SAVE_EVERY_S:
            self.save()

    def save(self) -> None:
        """Write the record if it has changed; vanished files are left out."""
        if self.path and (self._changed or len(self._fresh) < len(self._known)):
            write_record(self.path, {"rules": reading_rules(), "photographs": self._fresh})
            self._changed, self._saved_s = False, time.monotonic()


@cache
def reading_rules() -> str:
    """Digest of everything but the bytes that the results of reading depend on."""
    folder = package_files("mineral_lib.photos")
    sources = [(folder / f"{name}.py").read_text(encoding="utf-8") for name in _RULES]
    return digest([sources, PIL.__version__, heic_version()])


def measure_folder(
    root: Path, found: list[FoundFile], *, jobs: int | None, cache_dir: Path | None, progress: bool | None
) -> tuple[int, int]:
    """Have every candidate take what was measured, now or before (options of ``scan``); numbers of read and reused."""
    record, progress = Record(root, cache_dir), sys.stderr.isatty() if progress is None else progress
    candidates = [file for file in found if file.status == "used"]
    known = {file.name: record.find(file) for file in candidates}
    waiting = [file for file in candidates if known[file.name] is None]
    for file in candidates:
        if known[file.name] is not None:
            file.take(known[file.name])
    chunks = [waiting[start : start + _CHUNK] for start in range(0, len(waiting), _CHUNK)]
    # Pillow's warnings are replaced by our reasons; the filter is set here, once, because it is global to the process
    # and not per thread.
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool,
            tqdm(total=len(waiting), desc="photographs", unit="file", disable=not (progress and waiting)) as bar,
            contextlib.closing(alone),  # first of all when stopped: the pool waits for its threads
        ):
            results = pool.map(lambda chunk: [measure_file(root / file.name) for file in chunk], chunks)
            for chunk, measured in zip(chunks, results, strict=True):
                for file, result in zip(chunk, measured, strict=True):
                    record.add(file, result)
                    file.take(result)
                bar.update(len(chunk))
    finally:
        record.save()  # also when stopped: what was read need not be read again
    reused = len(candidates) - len(waiting)
    if not progress:
        name = readable(root.resolve().name)
        print(f"{name}: {len(found)} files found, {len(waiting)} read, {reused} unchanged and not read")
    return len(waiting), reused
