"""Which photographs look like views of one specimen, by their folders, their names and the times their cameras wrote.

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

from mineral_lib.catalogue import class_key, find_mineral

MINUTES = 5  # between two photographs of one sitting
HOW = {
    "folder": "by their folders",
    "name": "by their names",
    "time": f"taken within {MINUTES} minutes of each other",
}
FOLDER_RULE = "data.specimen_from=folder"
MOST = 12  # views of a specimen; a larger group is a series with numbers, or an afternoon
# piece12_a, Q7 (2), hand-3-1: what stands before the last letter or small number names the specimen.
_VIEW = re.compile(r"(?P<specimen>.*\w)(?:[ _.-]+(?:[a-z]|\d{1,2})|[ _]?\(\d{1,2}\)|(?<=\d)[a-z])", re.IGNORECASE)


def propose_specimens(root: Path, index: pd.DataFrame) -> pd.DataFrame:
    """Propose specimens for photographs of a folder (``index``: see ``Scan``) that are known by their files only.

    Returns:
        Columns ``file``, ``specimen`` (as ``data.metadata_csv`` wants them) and ``how``: ``folder``, ``name``,
        ``time``, or empty for a photograph that stands alone.
    """
    rows: dict[str, tuple[str, str]] = {}
    folders = _specimen_folders(index)
    keys: dict[str, Callable[[list[str]], list[str]]] = {
        "folder": lambda left: [folders.get(name, "") for name in left],
        "name": _by_name,
        "time": lambda left: _by_time(root, left),
    }
    for _, photographs in index.groupby("class_name", sort=False):
        names = photographs["path"].tolist()
        for how, key in keys.items():
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
        f"train and test flatter every number.{_folder_answer(proposed)}"
    )


def _folder_answer(proposed: pd.DataFrame) -> str:
    """What to say if the folders are right; ``identify`` has an option of its own for the same rule."""
    if not (proposed["how"] == "folder").any():
        return ""
    return f" If each sub-folder is one specimen, say: --set {FOLDER_RULE} (mineral identify: --specimen-from folder)."


def _specimen_folders(index: pd.DataFrame) -> dict[str, str]:
    """The folder directly below the class folder of each photograph that has one, if most are as small as a specimen.

    A folder with the name of a mineral holds a mineral, see ``class_level``.
    """
    classes, found = {class_key(name) for name in index["class_name"].unique()}, {}
    for name in index["path"]:
        parts = name.split("/")[:-1]
        # The first of these names is the class folder also where a decision gave the photograph another class.
        depth = next((depth for depth, part in enumerate(parts, start=1) if class_key(part) in classes), len(parts))
        if len(parts) > depth and not find_mineral(parts[depth]):
            found[name] = "/".join(parts[: depth + 1])
    small = pd.Series(found, dtype=str).value_counts().between(2, MOST)
    return found if small.mean() > 1 / 2 else {}


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
