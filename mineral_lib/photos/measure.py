"""Reading and measuring many photographs side by side: digest, size, perceptual hash and quality numbers.

Threads share the work: Pillow decodes and resizes, and SHA-256 hashes, without holding Python's lock. Processes were
tried: for photographs of 12 megapixels, 0.3 and 0.02 megapixels both were equally fast on two (busy) cores once the
processes ran, and threads need no start-up time, no second copy of the libraries, and no guard in the caller's script.
A photograph is decoded once and only its numbers are kept, so memory follows the number of threads and not the pixels
of the folder.
"""

import os
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mineral_lib.errors import DataError
from mineral_lib.photos.groups import fingerprints
from mineral_lib.photos.images import AccessError, read_photo
from mineral_lib.photos.quality import measure_quality, working_picture
from mineral_lib.photos.walk import FoundFile

CHUNK = 8  # files a task: small enough for an even bar, large enough that handing out work costs nothing

Done = Callable[[FoundFile, dict[str, Any]], None]


def measure_file(path: Path) -> dict[str, Any]:
    """Decode one photograph completely and measure it.

    Returns:
        ``sha256``, ``width``, ``height``, ``size_bytes``, ``notes`` (conversions, in words), ``pixels_sha256``
        and ``phash`` (see ``groups.fingerprints``) and the numbers of ``measure_quality``;
        or, for a file that cannot be used, ``refused`` (the reason), and ``passing`` if the file could not be opened.
    """
    try:
        photo = read_photo(path)
    except DataError as error:
        return {"refused": error.what} | ({"passing": True} if isinstance(error, AccessError) else {})
    small = working_picture(photo.image)
    return {
        "sha256": photo.sha256,
        "width": photo.image.width,
        "height": photo.image.height,
        "size_bytes": photo.size_bytes,
        "notes": "; ".join(photo.notes),
        **fingerprints(photo.image),
        **measure_quality(small),
    }


def measure_all(
    root: Path, files: list[FoundFile], done: Done, *, jobs: int | None = None, progress: bool | None = None
) -> None:
    """Measure many files.

    Args:
        root: The photo folder.
        files: The files to read.
        done: Called with each file and its result, in the order of ``files``.
        jobs: Threads; all cores if not given.
        progress: Whether to draw a progress bar; if not given, only on a terminal.
    """

    def work(chunk: list[FoundFile]) -> list[dict[str, Any]]:
        return [measure_file(root / file.name) for file in chunk]

    chunks = [files[start : start + CHUNK] for start in range(0, len(files), CHUNK)]
    hidden = not (sys.stderr.isatty() if progress is None else progress)
    # Pillow's warnings are replaced by our reasons; the filter is set here, once, because it is global to the process
    # and not per thread.
    with warnings.catch_warnings(), ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool:
        warnings.simplefilter("ignore")
        with tqdm(total=len(files), desc="photographs", unit="file", disable=hidden or not files) as bar:
            for chunk, results in zip(chunks, pool.map(work, chunks), strict=True):
                for file, result in zip(chunk, results, strict=True):
                    done(file, result)
                bar.update(len(chunk))
