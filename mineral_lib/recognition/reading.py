"""Photographs that somebody asks about: files and folders are listed, and each photograph is decoded once."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mineral_lib.errors import DataError, StudyError
from mineral_lib.photos import list_files, read_photo
from mineral_lib.recognition.features import BATCH, Kind


@dataclass(frozen=True)
class Listing:
    """Files that somebody asks about.

    Attributes:
        files: Candidates, each once, in the order given; those of a folder by name.
        skipped: Files of folders that cannot be photographs for another reason than their kind, and that reason.
    """

    files: list[Path]
    skipped: dict[str, str]


def list_photographs(places: Sequence[Path | str]) -> Listing:
    """Photographs and all photographs below folders; what is given by name is a candidate whatever it is called.

    Raises:
        DataError: A folder cannot be listed, or there is nothing to read.
    """
    found: dict[Path, Path] = {}
    skipped: dict[str, str] = {}
    for place in map(Path, places):
        if not place.is_dir():
            found.setdefault(place.resolve(), place)
            continue
        for file in list_files(place, loose=True):
            path = place / file.name
            if file.status == "used":
                found.setdefault(path.resolve(), path)
            elif file.status == "skipped":
                skipped[str(path)] = file.reason
    if not found and not skipped:
        where = ", ".join(map(str, places))
        raise DataError("no photographs", where=where, remedy="give photographs, or folders that hold some")
    return Listing(list(found.values()), skipped)


@dataclass(frozen=True)
class Read:
    """What became of files.

    Attributes:
        rows: Places in the list of files that could be read, ascending.
        parts: Their features, one array (N, D) float32 a kind; empty without readable files.
        skipped: Files that could not be read, and the reason.
    """

    rows: list[int]
    parts: list[np.ndarray]
    skipped: dict[str, str]


def read_features(files: Sequence[Path], kinds: Sequence[Kind], *, jobs: int = 2) -> Read:
    """Features of files; memory follows the number of threads, because a photograph is let go once it is prepared.

    Args:
        files: Photographs.
        kinds: Which features.
        jobs: Decoding threads.
    """

    def prepared(file: Path) -> list | str:
        try:
            image = read_photo(file).image
        except StudyError as error:
            return error.what
        return [kind.prepare(image) for kind in kinds]

    rows: list[int] = []
    skipped: dict[str, str] = {}
    computed: list[list[np.ndarray]] = [[] for _ in kinds]
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        for start in range(0, len(files), BATCH):
            results = list(pool.map(prepared, files[start : start + BATCH]))
            good = [place for place, result in enumerate(results) if not isinstance(result, str)]
            skipped |= {str(files[start + place]): one for place, one in enumerate(results) if isinstance(one, str)}
            rows += [start + place for place in good]
            for number, kind in enumerate(kinds if good else ()):
                computed[number].append(kind.compute([results[place][number] for place in good]))
    return Read(rows, [np.concatenate(one) for one in computed] if rows else [], skipped)
