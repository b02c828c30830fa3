"""Which photographs look like views of one specimen, by their names and by the times their cameras wrote.

A proposal for somebody who knows: nothing is grouped by it before a person gives the table back. Photographs of one
specimen on both sides of a split let a classifier recognise the specimen in place of the mineral.
"""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path, PurePosixPath

import pandas as pd
from PIL import ExifTags, Image

MINUTES = 5  # between two photographs of one sitting
HOW = {
    "name": "by their names",
    "time": f"taken within {MINUTES} minutes of each other",
}
MOST = 12  # views of a specimen; a larger group is a series with numbers, or an afternoon
# piece12_a, Q7 (2), hand-3-1: what stands before the last letter or small number names the specimen.
_VIEW = re.compile(r"(?P<specimen>.*\w)(?:[ _.-]+(?:[a-z]|\d{1,2})|[ _]?\(\d{1,2}\)|(?<=\d)[a-z])", re.IGNORECASE)


def propose_specimens(root: Path, index: pd.DataFrame) -> pd.DataFrame:
    """Propose specimens for photographs of a folder (``index``: see ``Scan``) that are known by their files only.

    Returns:
        Columns ``file``, ``specimen`` (as ``data.metadata_csv`` wants them) and ``how``: ``name``, ``time``, or
        empty for a photograph that stands alone.
    """
    rows: dict[str, tuple[str, str]] = {}
    for _, photographs in index.groupby("class_name", sort=False):
        names = photographs["path"].tolist()
        for how, key in (("name", _by_name), ("time", lambda left: _by_time(root, left))):
            for specimen, files in _groups([name for name in names if name not in rows], key):
                rows |= dict.fromkeys(files, (specimen, how))
    found = [(name, *rows.get(name, (name, ""))) for name in index["path"]]
    return pd.DataFrame(found, columns=["file", "specimen", "how"])


def proposal_note(proposed: pd.DataFrame) -> str:
    """What was proposed, in one sentence; empty if nothing was."""
    parts = []
    for how, words in HOW.items():
        found = proposed[proposed["how"] == how]
        if len(found):
            parts.append(f"{len(found)} look like views of {found['specimen'].nunique()} specimens ({words})")
    if not parts:
        return ""
    return (
        f"Each photograph counts as a specimen of its own, but {' and '.join(parts)}. Views of one specimen in "
        "train and test flatter every number."
    )


def _groups(names: list[str], key: Callable[[list[str]], list[str]]) -> Iterator[tuple[str, list[str]]]:
    """Groups of two and more photographs of a class, none so large that its name must mean something else."""
    keys = pd.Series(key(names), index=names, dtype=str)
    for specimen, files in keys[keys != ""].groupby(keys, sort=False):
        if 2 <= len(files) <= MOST and keys.nunique() > 1:
            yield specimen, files.index.tolist()


def _by_name(names: list[str]) -> list[str]:
    keys = []
    for name in names:
        path = PurePosixPath(name)
        match = _VIEW.fullmatch(path.stem)
        keys.append((path.parent / match["specimen"]).as_posix() if match else "")
    return keys


def _by_time(root: Path, names: list[str]) -> list[str]:
    """The time at which each photograph's sitting began; empty where no camera wrote it."""
    times = {name: time for name in names if (time := _taken(root / name))}
    began, order = {}, sorted(times, key=lambda name: (times[name], name))
    for before, name in pairwise([None, *order]):
        near = before is not None and (times[name] - times[before]).total_seconds() <= 60 * MINUTES
        began[name] = began[before] if near else f"taken {times[name]:%Y-%m-%d %H:%M:%S}"
    return [began.get(name, "") for name in names]


def _taken(path: Path) -> datetime | None:
    try:
        with Image.open(path) as photo:
            exif = photo.getexif()
            taken = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal)
            text = taken or exif.get(ExifTags.Base.DateTime)
        return datetime.strptime(str(text).strip("\0 "), "%Y:%m:%d %H:%M:%S")
    except Exception:  # cameras write anything; a photograph without a time stands alone
        return None
