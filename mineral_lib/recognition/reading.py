"""Photographs that somebody asks about: files and folders are listed, and each photograph is decoded once."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mineral_lib.errors import DataError, StudyError
from mineral_lib.photos import list_files, read_photo
from mineral_lib.recognition.features import Kind, compute


def list_photographs(places: Sequence[Path | str]) -> tuple[list[Path], dict[str, str]]:
    """Photographs and all photographs below folders; what is given by name is a candidate whatever it is called.

    Returns:
        Candidates, each once, in the order given, those of a folder by name; and files of folders that cannot be
        photographs for another reason than their kind, with that reason.

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
    return list(found.values()), skipped


def read_features(
    files: Sequence[Path], kinds: Sequence[Kind], *, jobs: int = 2
) -> tuple[list[int], list[np.ndarray], dict[str, str]]:
    """Features of files that may be no photographs.

    Returns:
        Places of the files that could be read, ascending; their features, one array (N, D) float32 a kind, none
        without readable files; and the other files with the reason.
    """
    refused: dict[int, str] = {}

    def prepare(place: int) -> list:
        try:
            image = read_photo(files[place]).image
        except StudyError as error:
            refused[place] = error.what
            return [None] * len(kinds)
        return [kind.prepare(image) for kind in kinds]

    parts: list[list[np.ndarray]] = [[] for _ in kinds]
    for number, _, rows in compute(len(files), prepare, kinds, jobs=jobs):
        parts[number].append(rows)
    read = [place for place in range(len(files)) if place not in refused]
    skipped = {str(files[place]): refused[place] for place in sorted(refused)}
    return read, [np.concatenate(one) for one in parts if one], skipped
