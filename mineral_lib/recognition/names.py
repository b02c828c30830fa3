"""What the catalogue knows about the classes of a recogniser."""

from collections.abc import Sequence

import numpy as np

from mineral_lib.catalogue import display_name, find_mineral
from mineral_lib.notation import line


def slugs_of(classes: Sequence[str]) -> list[str]:
    """Each class under the catalogue's name (``quartz`` for 石英), or under its own."""
    return [mineral.slug if (mineral := find_mineral(name)) else name for name in classes]


def groups_of(classes: Sequence[str]) -> list[str]:
    """Mineral group of each class by the catalogue, empty for other names."""
    return [mineral.group if (mineral := find_mineral(name)) else "" for name in classes]


def both_names(class_name: str) -> str:
    """A class in English and Chinese where the catalogue knows it, else as it is, for a line of text."""
    return line(display_name(class_name))


def group_table(classes: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Mineral groups and which class is in which, shape (C, G), 0 or 1; a class of no known group is one, nameless."""
    own = [group or f"\0{label}" for label, group in enumerate(groups_of(classes))]
    names = list(dict.fromkeys(own))
    table = np.array([[float(group == name) for name in names] for group in own])
    return ["" if name.startswith("\0") else name for name in names], table
