"""What the names of classes mean: what the catalogue knows about them, and what folders of other names stand for.

Folder names are matched with the classes of a recogniser across languages, spellings and cases. A name that only
resembles a class is never used by itself: it stands in a table as a proposal, which somebody may correct and give back.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mineral_lib.catalogue import Mineral, display_name, find_mineral, minerals
from mineral_lib.errors import DataError, nearest
from mineral_lib.notation import line
from mineral_lib.photos import read_rows, readable
from mineral_lib.recognition.outputs import write_table

SIMILAR = 0.8  # difflib's ratio: 2 x equal letters / all letters
COLUMNS = ("folder", "class", "how")
USED = ("given", "same", "catalogue")


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


def match_names(folders: Sequence[str], classes: Sequence[str], given: Mapping[str, str] | None = None) -> pd.DataFrame:
    """What folder names mean to a recogniser: columns ``folder``, ``class`` and ``how``, one row a name.

    ``class`` is what the name stands for, or what is proposed; empty if there is none. ``how`` is ``given`` (by
    somebody: ``given``, folder and class, empty for none, goes before all else), ``same`` (but for case, spaces,
    accents), ``catalogue`` (another language), ``proposed`` (a near spelling) or ``unknown`` (to the recogniser). Only
    ``USED`` ones say as what photographs are judged.

    Raises:
        DataError: A class that was given is none of the recogniser's.
    """
    given = given or {}
    wrong = sorted(set(given.values()) - set(classes) - {""})
    if wrong:
        close = nearest(wrong[0], classes)
        remedy = f"did you mean '{close}'?" if close else f"use one of: {', '.join(classes)}"
        raise DataError(f"the recogniser has no class '{wrong[0]}'", where="names", remedy=remedy)
    return pd.DataFrame([(folder, *_match(folder, classes, given)) for folder in folders], columns=COLUMNS)


def _match(folder: str, classes: Sequence[str], given: Mapping[str, str]) -> tuple[str, str]:
    """The class of a folder, or nothing, and how it is known."""
    if folder in given:
        return given[folder], "given" if given[folder] else "unknown"
    plain = {_key(name): name for name in classes}
    if _key(folder) in plain:
        return plain[_key(folder)], "same"
    known: dict[str, str] = {}
    for name in classes:
        for spelling in (name, *_names(find_mineral(name))):
            known.setdefault(_key(spelling), name)
    mineral = find_mineral(folder)
    mineral = mineral or next((one for one in minerals() if _key(folder) in map(_key, _names(one))), None)
    if mineral is not None:
        other = next((name for name in classes if find_mineral(name) == mineral), "")
        return other, "catalogue" if other else "unknown"
    close = nearest(_key(folder), known, SIMILAR)
    return (known[close], "proposed") if close else ("", "unknown")


def _names(mineral: Mineral | None) -> tuple[str, ...]:
    return (mineral.slug, mineral.english, mineral.chinese, mineral.pinyin) if mineral else ()


def _key(name: str) -> str:
    """A name without case, accents, and everything that is neither letter nor digit, unless nothing would be left."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if letter.isalnum() or _is_vowel(letter)) or name


def _is_vowel(sign: str) -> bool:
    """Whether a mark is part of the spelling, as in scripts of India and kana, and no accent or optional point."""
    place = unicodedata.combining(sign)
    return unicodedata.category(sign) in ("Mn", "Mc") and not (10 <= place <= 35 or place >= 200)


def read_names(path: Path) -> dict[str, str]:
    """Folder and class of a table that ``mineral evaluate`` has written and somebody corrected, of any columns more.

    Raises:
        DataError: It cannot be read, holds no row, or a folder stands in it twice.
    """
    rows = [row for _, row in read_rows(path, (), COLUMNS[:2], "--names")]
    if not rows:
        raise DataError("no row in the table of names", where=str(path), remedy="keep one row a folder")
    found = {row["folder"]: row["class"].strip() for row in rows}
    if len(found) < len(rows):
        raise DataError("a folder stands in it twice", where=str(path), remedy="keep one row a folder")
    return found


def update_names(path: Path, names: pd.DataFrame) -> str:
    """Write a table of ``match_names``, unless one is there that says something else: a person may have corrected it.

    Then its rows stay as they are, names that it lacks are added, and a sentence that says so is returned.

    Raises:
        DataError: What is there is no such table.
    """
    own = names.map(readable)  # as it is read back
    old = pd.DataFrame([row for _, row in read_rows(path, (), COLUMNS[:2], "--names")] if path.exists() else [])
    if {tuple(row.items()) for row in old.to_dict("records")} <= {tuple(row.items()) for row in own.to_dict("records")}:
        write_table(path, own)
        return ""
    added = own[~own["folder"].isin(old["folder"])]
    if len(added):
        columns = [*old, *(name for name in COLUMNS if name not in old)]
        write_table(path, pd.concat([old, added]).reindex(columns=columns).fillna(""))
    return f"kept the rows of {path}: they may be your corrections (added: {len(added)}; delete it for a new one)"
