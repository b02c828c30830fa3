"""Listing a photo folder: every file below it once, with the reason if it cannot be a photograph.

Nothing is opened here. Links to folders are not followed, so no folder is visited twice; a link to a file counts if its
target lies in the photo folder. The order in which a disk lists its files never matters.
"""

import os
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mineral_lib.catalogue import find_mineral
from mineral_lib.errors import DataError
from mineral_lib.photos.images import readable

TREE = "expected: photos/quartz/any-name.jpg, photos/pyrite/any-name.jpg, ... (one folder per mineral)"

_SYSTEM_FILES = {"thumbs.db", "desktop.ini", "icon\r", "ehthumbs.db"}
_SYSTEM_FOLDERS = {"__macosx", "@eadir", "$recycle.bin", "system volume information", "__pycache__"}
_NO_PHOTOS = {
    ".txt",
    ".md",
    ".csv",
    ".tsv",
    ".json",
    ".xml",
    ".yaml",
    ".yml",
    ".xmp",
    ".aae",
    ".ini",
    ".log",
    ".html",
    ".htm",
    ".docx",
    ".xlsx",
    ".mp4",
    ".mov",
    ".avi",
    ".py",
    ".ipynb",
    ".zip",
}
_SPLIT_NAMES = {"train", "training", "val", "valid", "validation", "test", "testing"}


@dataclass(slots=True)
class FoundFile:
    """One file on its way through the scan.

    Attributes:
        name: POSIX path relative to the photo folder; it ends in "/" for a folder that was not entered or is empty.
        class_name: Name of the class folder, empty for files beside the class folders.
        status: ``used``, ``skipped`` or ``ignored``.
        reason: Why it is not used, or the conversions that were needed.
        state: Size in bytes, modification time and change time in ns; empty unless it is a candidate.
        photo: What was measured, if it could be read.
        warnings: What a person should look at.
    """

    name: str
    class_name: str
    status: str = "used"
    reason: str = ""
    state: tuple[int, ...] = ()
    photo: dict[str, Any] | None = None
    warnings: list[str] = field(default_factory=list)

    def set(self, status: str, reason: str) -> None:
        """Change the status and say why."""
        self.status, self.reason = status, reason


def list_files(root: Path) -> list[FoundFile]:
    """All files below ``root`` in the order of their code points.

    Raises:
        DataError: A folder cannot be listed.
    """
    return sorted(_walk(root), key=lambda file: file.name)


def folder_state(root: Path) -> list[list]:
    """Names, sizes and times: enough to notice a changed folder, at the price of one ``stat`` a file.

    Raises:
        DataError: A folder cannot be listed.
    """
    return [[readable(file.name), file.status, *file.state] for file in list_files(root)] if root.is_dir() else []


def class_folders(root: Path) -> list[str]:
    """Names of the class folders.

    Raises:
        DataError: There are none; the message says what a photo folder looks like and what was found instead.
    """
    where = readable(root)
    if not root.exists():
        raise DataError("no such folder", where=where, remedy="correct data.folder")
    if not root.is_dir():
        raise DataError("this is a file, not a folder", where=where, remedy=f"give the folder that holds it; {TREE}")
    entries = [entry for entry in _entries(str(root)) if not _hidden_folder(entry.name)]
    names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    if not names:
        loose = sum(os.path.isfile(entry.path) and not entry.name.startswith(".") for entry in entries)
        links = sum(entry.is_symlink() and os.path.isdir(entry.path) for entry in entries)
        what = f"no class folders; {loose} files lie in the folder itself" if loose else "the folder is empty"
        what = f"no class folders; {links} links to folders are not followed" if links else what
        raise DataError(what, where=where, remedy=f"sort the photographs into one folder per mineral; {TREE}")
    if {name.lower() for name in names} <= _SPLIT_NAMES:
        raise DataError(
            f"the folder seems to be split already ({', '.join(names)})",
            where=where,
            remedy=f"merge the class folders of these parts, the study splits by itself; {TREE}",
        )
    formula = next((name for name in names if name[0] in "=+-@\t\r"), None)
    if formula:
        raise DataError(
            f"a spreadsheet would take the folder name '{readable(formula)}' for a formula",
            where=where,
            remedy="let the name start with another character",
        )
    _check_twins(names, where)
    return names


def _check_twins(names: list[str], where: str) -> None:
    """Refuse two folders of one mineral: quartz and 石英, Pyrite and pyrite, or two spellings of one accent."""
    seen: dict[object, str] = {}
    for name in names:
        plain = unicodedata.normalize("NFC", name)
        mineral = find_mineral(plain)
        key = mineral.number if mineral else plain.casefold()
        if key in seen:
            raise DataError(
                f"two folders for one class: '{readable(seen[key])}' and '{readable(name)}'",
                where=where,
                remedy="put their photographs into one folder, or rename one",
            )
        seen[key] = name


def _hidden_folder(name: str) -> bool:
    return name.startswith(".") or name.lower() in _SYSTEM_FOLDERS


def _entries(folder: str) -> list[os.DirEntry]:
    try:
        with os.scandir(folder) as listing:
            return list(listing)
    except OSError as error:
        raise DataError(
            f"a folder cannot be listed ({error.strerror})",
            where=readable(folder),
            remedy="make it readable or remove it",
        ) from error


def _walk(root: Path) -> Iterator[FoundFile]:
    """Every file below ``root``, also of ignored folders; plus linked and empty folders as entries ending in "/"."""
    waiting: list[tuple[str, tuple[str, ...], str]] = [(str(root), (), "")]
    while waiting:
        here, parts, hidden = waiting.pop()
        entries = _entries(here)
        class_name = parts[0] if parts else ""
        if parts and not entries:
            reason = f"system folder {readable(hidden)}" if hidden else "empty folder"
            yield FoundFile("/".join(parts) + "/", class_name, "ignored", reason)
        for entry in entries:
            inner = (*parts, entry.name)
            if entry.is_dir(follow_symlinks=False):
                waiting.append((entry.path, inner, hidden or (entry.name if _hidden_folder(entry.name) else "")))
            elif entry.is_symlink() and os.path.isdir(entry.path):
                yield FoundFile("/".join(inner) + "/", class_name or entry.name, "ignored", "link to a folder")
            else:
                yield _classify(root, entry, FoundFile("/".join(inner), class_name), hidden)


def _classify(root: Path, entry: os.DirEntry, file: FoundFile, hidden: str) -> FoundFile:
    name, extension = entry.name, Path(entry.name).suffix.lower()
    if hidden:
        file.set("ignored", f"system folder {readable(hidden)}")
    elif name.startswith(".") or name.lower() in _SYSTEM_FILES:
        file.set("ignored", "system file")
    elif not file.class_name:
        file.set("ignored", "lies beside the class folders")
    elif extension in _NO_PHOTOS:
        file.set("ignored", f"no photograph ({extension})")
    elif readable(file.name) != file.name:
        # Such a name cannot be written into a table, and means something else on every machine.
        file.set("skipped", "the name is not valid UTF-8; rename it")
    elif entry.is_symlink() and not _inside(root, Path(entry.path)):
        target = readable(os.readlink(entry.path))
        file.set("skipped", f"link that is dangling or points outside the folder ({target})")
    else:
        _take_state(entry, file)
    return file


def _take_state(entry: os.DirEntry, file: FoundFile) -> None:
    try:
        info = entry.stat()
    except OSError as error:
        file.set("skipped", f"cannot be read ({error.strerror})")
        return
    if not stat.S_ISREG(info.st_mode):
        file.set("skipped", "not a regular file")
    file.state = (info.st_size, info.st_mtime_ns, info.st_ctime_ns)


def _inside(root: Path, link: Path) -> bool:
    try:
        return link.resolve(strict=True).is_relative_to(root.resolve())
    except (OSError, RuntimeError):
        return False
