"""Where in a folder the class folders lie: in it, below a folder of their own, or in the parts of a given split.

    photos/quartz/a.jpg                     the usual way
    photos/minerals/minerals/quartz/a.jpg   an archive within an archive
    photos/train/quartz/a.jpg               split already: train, val, test, in the words that people use for them
    photos/seg_train/seg_train/quartz/a.jpg both

A folder is split already if ``train`` and another part hold the same class folders. If only ``train`` has class
folders, the photographs of the others have no labels, and there is no split to keep. What lies beside is ignored.
A given split is kept, and counted is how much of its test leaks.
"""

import re
from typing import TYPE_CHECKING

import pandas as pd

from mineral_lib.catalogue import class_key, find_mineral

if TYPE_CHECKING:
    from mineral_lib.photos.walk import FoundFile

PART = "part"  # the column of the index, only for such folders: train, val or test
UNTRAINED = "its class has no photograph in train"
BESIDE = "lies beside the class folders"
_SYSTEM_FOLDERS = {"__macosx", "@eadir", "$recycle.bin", "system volume information", "__pycache__", "lost+found"}
_WORDS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val"}
_WORDS |= {"test": "test", "testing": "test", "训练": "train", "验证": "val", "测试": "test"}
_WORD = re.compile(rf"({'|'.join(_WORDS)})(?:set|data|images?|集)?")
_APART = re.compile(r"[\W\d_]+")

Parts = tuple[str, ...]


def is_system_folder(name: str) -> bool:
    """Whether a folder is hidden, or one that a system makes."""
    return name.startswith(".") or name.lower() in _SYSTEM_FOLDERS


def part_of(name: str) -> str:
    """The part of a split that a folder's name means (``train``, ``val``, ``test``), or nothing."""
    found = [match for word in _APART.split(name.casefold()) if (match := _WORD.fullmatch(word))]
    return _WORDS[found[0][1]] if len(found) == 1 else ""


def recognise(found: "list[FoundFile]", *, loose: bool = False) -> None:
    """Set class, depth and part of every file; those beside the class folders are ignored unless ``loose``."""
    tree = _Tree(found)
    base = tree.descend(())
    tops = tree.folders(base)
    homes = {
        home: part_of(name) for name in tops if part_of(name) and tree.folders(home := tree.descend((*base, name)))
    }
    classes = {home: set(map(class_key, tree.folders(home))) for home in homes}
    trained = set().union(*(classes[home] for home, part in homes.items() if part == "train"))
    split = {home: part for home, part in homes.items() if classes[home] & trained}
    flat = [name for name in tops if not tree.folders((*base, name)) and not find_mineral(name)]
    if len(set(split.values())) > 1:
        homes = split
    elif len(split) == 1 and len(flat) == len(tops) - 1:
        homes = dict.fromkeys(split, "")
    else:
        homes = {base: ""}
    for file in found:
        _settle(file, homes, loose)


def layout_notes(found: "list[FoundFile]") -> list[str]:
    """Where the class folders lie, if it is not in the folder itself; a split is for ``split_notes`` to tell."""
    below = next((file for file in found if file.depth and not file.part), None)
    return [f"The class folders lie in '{'/'.join(below.name.split('/')[: below.depth])}'."] if below else []


def _settle(file: "FoundFile", homes: dict[Parts, str], loose: bool) -> None:
    parts = tuple(file.name.split("/"))
    home = next((home for home in homes if parts[: len(home)] == home and len(parts) > len(home) + 1), None)
    if home is not None:
        file.depth, file.part, file.class_name = len(home), homes[home], parts[len(home)]
    elif not loose and file.status != "ignored":
        file.set("ignored", BESIDE)


def keep_parts(found: "list[FoundFile]") -> None:
    """Leave out classes that train lacks; where there is only one other part it is the test, whatever its name."""
    used = [file for file in found if file.status == "used" and file.part]
    trained = {file.class_name for file in used if file.part == "train"}
    for file in used:
        if file.class_name not in trained:
            file.set("skipped", UNTRAINED)
    if "test" not in {file.part for file in used}:
        for file in used:
            file.part = "test" if file.part == "val" else file.part


def split_notes(index: pd.DataFrame, duplicates: pd.DataFrame) -> list[str]:
    """What is to be said of a given split (column ``part``): its parts, and test photographs with a copy in train."""
    parts = index.set_index("image_id")[PART]
    counts = ", ".join(f"{name} {(parts == name).sum()}" for name in ("train", "val", "test") if (parts == name).any())
    drawn = "" if (parts == "val").any() else "; validation is drawn from its train, by specimen"
    known = duplicates[duplicates["file_a"].isin(parts.index) & duplicates["file_b"].isin(parts.index)]
    ends = [known[["file_a", "file_b", "kind"]], known[["file_b", "file_a", "kind"]]]
    pairs = pd.concat([end.set_axis(["test", "train", "kind"], axis=1) for end in ends])
    crossing = (pairs["test"].map(parts) == "test") & (pairs["train"].map(parts) == "train")
    words = {"same bytes": "of the same bytes or pixels", "same scene": "of the same scene", "near": "near duplicates"}
    words["same pixels"] = words["same bytes"]
    strength = pd.CategoricalDtype(list(dict.fromkeys(words.values())), ordered=True)
    pairs["kind"] = pairs["kind"].map(words).astype(strength)
    copies = pairs[crossing].groupby("test")["kind"].min()
    listed = ", ".join(f"{count} {name}" for name, count in copies.value_counts(sort=False).items() if count)
    tested = int((parts == "test").sum())
    return [
        f"The folder is split already ({counts} photographs); this split is kept{drawn}.",
        f"{len(copies)} of {tested} test photographs have a copy in train{f' ({listed})' if listed else ''}.",
    ]


class _Tree:
    """The folders that hold something, without those of a system, and whether they hold files."""

    def __init__(self, found: "list[FoundFile]") -> None:
        self._folders: dict[Parts, dict[str, None]] = {}
        self._files: set[Parts] = set()
        for file in found:
            *parts, name = file.name.split("/")
            if any(map(is_system_folder, parts)):
                continue
            if name and file.status != "ignored":
                self._files.add(tuple(parts))
            for depth in range(len(parts)):
                self._folders.setdefault(tuple(parts[:depth]), {})[parts[depth]] = None

    def folders(self, parts: Parts) -> list[str]:
        """Names of the folders in a folder."""
        return list(self._folders.get(parts, ()))

    def descend(self, parts: Parts) -> Parts:
        """The folder at or below this one that holds several folders, or files, or one that is a class."""
        while len(names := self.folders(parts)) == 1 and parts not in self._files:
            inner = (*parts, names[0])
            if find_mineral(names[0]) or not self.folders(inner) or inner in self._files:
                break
            parts = inner
        return parts
