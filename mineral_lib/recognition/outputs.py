"""Where commands on somebody's photographs may write: never over a photograph, never among photographs.

A picture written below a photo folder would be taken for a photograph by the next ``mineral learn``.
"""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from mineral_lib.errors import DataError, ParameterError
from mineral_lib.parameters import name_of_folder
from mineral_lib.paths import project_root
from mineral_lib.photos import readable
from mineral_lib.storage import write_csv

MARK = "\ufeff"  # without it spreadsheets take UTF-8 for something else and garble Chinese names


def results_of(command: str, folder: Path) -> Path:
    """Where a command writes about a photo folder if nobody says another place."""
    return project_root() / "results" / command / name_of_folder(folder)


def refuse_inside(path: Path, photos: Iterable[Path], *, option: str = "--out") -> None:
    """Refuse a file or folder to be written that lies in a photo folder, also by way of links.

    Raises:
        DataError: It lies there.
    """
    roots = [folder.resolve() for folder in photos]
    places = [path.resolve()]
    if path.name != "..":  # a file takes its name in its folder, whatever a link of that name points to
        places.append(path.parent.resolve() / path.name)
    if any(place.is_relative_to(root) for place in places for root in roots):
        what = "lies inside the photo folder, which is only read"
        raise DataError(what, where=readable(path), remedy=f"choose another place with {option}")


def output_file(path: Path, ending: str, photos: Iterable[Path] = (), *, option: str = "--out") -> Path:
    """A file that may be written, or replaced by another of its kind.

    Raises:
        ParameterError: Its name does not end in ``ending`` (as ``.csv``), or a folder has that name.
        DataError: It lies in one of the folders ``photos``.
    """
    if path.suffix.lower() != ending:
        what = f"{option} writes {ending}, and the name ends in something else"
        raise ParameterError(what, where=readable(path), remedy=f"give a name that ends in {ending}")
    if path.is_dir():
        raise ParameterError("is a folder", where=readable(path), remedy=f"give {option} the name of a file")
    refuse_inside(path, photos, option=option)
    return path


def output_folder(path: Path, photos: Iterable[Path] = (), *, option: str = "--out") -> Path:
    """A folder that may be written into.

    Raises:
        ParameterError: It is a file.
        DataError: It lies in one of the folders ``photos``.
    """
    if path.exists() and not path.is_dir():
        raise ParameterError("is a file", where=readable(path), remedy=f"give {option} the name of a folder")
    refuse_inside(path, photos, option=option)
    return path


def write_table(path: Path, frame: pd.DataFrame) -> Path:
    """Write a table that a person goes on with in a spreadsheet."""
    first = frame.columns[0]
    return write_csv(path, frame if frame.to_csv().isascii() else frame.rename(columns={first: MARK + first}))
