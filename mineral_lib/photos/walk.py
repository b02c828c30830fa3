"""Listing a photo folder: every file below it once, with the reason if it cannot be a photograph.

Nothing is opened here. Links to folders are not followed, so no folder is visited twice; a link to a file counts if its
target lies in the photo folder. The order in which a disk lists its files never matters.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mineral_lib.catalogue import class_key
from mineral_lib.errors import printable
from mineral_lib.photos.messages import readable, refusal
from mineral_lib.photos.quality import quality_warnings

_SYSTEM_FILES = {"thumbs.db", "desktop.ini", "icon\r", "ehthumbs.db"}
_SYSTEM_FOLDERS = {"__macosx", "@eadir", "$recycle.bin", "system volume information", "__pycache__"}
_NO_PHOTOS = {".txt", ".md", ".csv", ".tsv", ".json", ".xml", ".yaml", ".yml", ".xmp", ".aae", ".ini", ".log", ".html"}
_NO_PHOTOS |= {".htm", ".docx", ".xlsx", ".mp4", ".mov", ".avi", ".py", ".ipynb", ".zip"}
_SPLIT_NAMES = {"train", "training", "val", "valid", "validation", "test", "testing"}
_LINK = "link to a folder"


@dataclass(slots=True)
class FoundFile:
    """One file on its way through the scan.

    Attributes:
        name: POSIX path relative to the photo folder; it ends in "/" for a folder that was not entered or is empty.
        class_name: Name of the class folder, empty for files beside the class folders.
        status: ``used``, ``skipped`` or ``ignored``.
        reason: Why it is not used, or the conversions that were needed.
        state: Size in bytes, modification time and change time in ns; empty unless it is a candidate.
        photo: What was measured, if it could be read, see ``measure.measure_file``.
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

    def take(self, result: dict[str, Any]) -> None:
        """Take what was measured, or the reason why nothing was."""
        if "refused" in result:
            self.set("skipped", result["refused"])
        else:
            self.photo, self.reason, self.warnings = result, result["notes"], quality_warnings(result)


def list_files(root: Path, *, loose: bool = False) -> list[FoundFile]:
    """All files below ``root`` in the order of their code points.

    Args:
        root: The folder.
        loose: Whether photographs directly in the folder count too; their class is empty.

    Raises:
        DataError: There is no such folder, or one below it cannot be listed.
    """
    if not root.is_dir():
        raise refusal("no_directory" if root.exists() else "no_folder", root)
    return sorted(_walk(root, loose), key=lambda file: file.name)


def class_folders(root: Path, found: list[FoundFile]) -> dict[str, str]:
    """The class folders among the files found, and the class of each: folders whose names mean the same are one class.

    Raises:
        DataError: There are none; the message says what a photo folder looks like and what was found instead.
    """
    links = {file.class_name for file in found if file.reason == _LINK and file.name == f"{file.class_name}/"}
    visible = sorted({file.class_name for file in found if not _is_system_folder(file.class_name or ".")})
    names = [name for name in visible if name not in links]
    if not names:
        loose = sum(not file.class_name and not file.name.startswith(".") for file in found)
        kind = "linked_folders" if visible else "loose_files" if loose else "empty_folder"
        raise refusal(kind, root, count=len(visible) or loose)
    if {name.lower() for name in names} <= _SPLIT_NAMES:
        raise refusal("split_already", root, names=", ".join(names))
    for name in names:
        if name[0] in "=+-@\t\r":
            raise refusal("formula_name", root, name=name)
    first: dict[str, str] = {}  # of Quartz and 石英, Pyrite and pyrite, "agate" and "agate "
    return {name: first.setdefault(class_key(name), name) for name in names}


def twin_notes(folders: dict[str, str]) -> list[str]:
    """A sentence for each class that several folders mean, see ``class_folders``."""
    others: dict[str, list[str]] = {}
    for folder, name in folders.items():
        others.setdefault(name, []).append(f"'{printable(folder)}'")
    return [f"Taken for one class: the folders {' and '.join(same)}." for same in others.values() if len(same) > 1]


def _is_system_folder(name: str) -> bool:
    return name.startswith(".") or name.lower() in _SYSTEM_FOLDERS


def _walk(root: Path, loose: bool) -> Iterator[FoundFile]:
    """Every file below ``root``, also of ignored folders; plus linked and empty folders as entries ending in "/"."""
    waiting: list[tuple[str, tuple[str, ...], str]] = [(str(root), (), "")]
    while waiting:
        here, parts, hidden = waiting.pop()
        try:
            with os.scandir(here) as listing:
                entries = list(listing)
        except OSError as error:
            raise refusal("unlisted", here, error=error.strerror) from error
        if parts and not entries:
            reason = f"system folder {readable(hidden)}" if hidden else "empty folder"
            yield FoundFile("/".join(parts) + "/", parts[0], "ignored", reason)
        for entry in entries:
            inner = (*parts, entry.name)
            name, class_name = "/".join(inner), parts[0] if parts else ""
            if entry.is_dir(follow_symlinks=False):
                waiting.append((entry.path, inner, hidden or (entry.name if _is_system_folder(entry.name) else "")))
            elif entry.is_symlink() and os.path.isdir(entry.path):
                yield FoundFile(name + "/", class_name or entry.name, "ignored", _LINK)
            else:
                yield _classified(root, entry, FoundFile(name, class_name), hidden, loose)


def _classified(root: Path, entry: os.DirEntry, file: FoundFile, hidden: str, loose: bool) -> FoundFile:
    """The file with its state, or with the reason why it is no candidate."""
    extension = Path(entry.name).suffix.lower()
    if hidden:
        file.set("ignored", f"system folder {readable(hidden)}")
    elif entry.name.startswith(".") or entry.name.lower() in _SYSTEM_FILES:
        file.set("ignored", "system file")
    elif not file.class_name and not loose:
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
        try:
            info = entry.stat()
        except OSError as error:
            file.set("skipped", f"cannot be read ({error.strerror})")
            return file
        file.state = (info.st_size, info.st_mtime_ns, info.st_ctime_ns)
        if not stat.S_ISREG(info.st_mode):
            file.set("skipped", "not a regular file")
    return file


def _inside(root: Path, link: Path) -> bool:
    try:
        return link.resolve(strict=True).is_relative_to(root.resolve())
    except (OSError, RuntimeError):
        return False
