"""Whether the class folders lie a level too high: Oxide/quartz/..., 2019/quartz/..., a parent of several collections.

Class names may be of any language, so unknown names are no fault; unknown names with minerals in them are. Nothing is
moved to another class here: a person is told, and decides.
"""

from collections.abc import Iterator
from pathlib import Path

from mineral_lib.catalogue import find_mineral
from mineral_lib.errors import DataError
from mineral_lib.photos.messages import refusal
from mineral_lib.photos.walk import FoundFile

KNOWN_SHARE = 1 / 3  # of class names; with more of them known, the level is the right one
LEAST_BELOW = 2  # folders; a single one may be anything
_SHOWN = 6  # names in a message


def wrong_level(root: Path, found: list[FoundFile]) -> DataError | None:
    """What to say of a folder whose minerals lie below its class folders, None if they do not.

    Args:
        root: The photo folder.
        found: Its files, see ``list_files``.

    Returns:
        The error, for ``learn`` to raise and for ``check`` to print.
    """
    photographs = [file for file in found if file.status == "used"]
    classes = sorted({file.class_name for file in photographs})
    known = sum(find_mineral(name) is not None for name in classes)
    below = sorted({folder for file in photographs for folder in _minerals_below(file)})
    if len(below) < LEAST_BELOW or known >= KNOWN_SHARE * len(classes):
        return None
    minerals = sorted({folder.rsplit("/", 1)[-1] for folder in below})
    facts = {"count": len(classes), "known": known, "classes": _listed(classes)}
    return refusal("wrong_level", root, **facts, below=len(below), folders=_listed(below), mineral=minerals[0])


def _minerals_below(file: FoundFile) -> Iterator[str]:
    """The folders between a class folder and a photograph whose names are minerals, from the class folder on."""
    parts = file.name.split("/")[file.depth : -1]
    for depth, name in enumerate(parts[1:], start=2):
        if find_mineral(name):
            yield "/".join(parts[:depth])


def _listed(names: list[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
