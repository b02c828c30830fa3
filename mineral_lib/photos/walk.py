"""Listing a photo folder: every file below it once, with the reason if it cannot be a photograph.

Nothing is opened here. Links to files and folders elsewhere are followed; but within a linked folder no further link to
a folder, and none to a folder in the photo folder or around it, so that every listing ends. What cannot be listed is a
row with its reason. The order in which a disk lists its files never matters.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mineral_lib.catalogue import class_key
from mineral_lib.errors import printable
from mineral_lib.photos.layout import BESIDE, is_system_folder, part_of, recognise
from mineral_lib.photos.messages import readable, refusal
from mineral_lib.photos.quality import quality_warnings

_SYSTEM_FILES = {"thumbs.db", "desktop.ini", "icon\r", "ehthumbs.db"}
_NO_PHOTOS = {".txt", ".md", ".csv", ".tsv", ".json", ".xml", ".yaml", ".yml", ".xmp", ".aae", ".ini", ".log", ".html"}
_NO_PHOTOS |= {".htm", ".docx", ".xlsx", ".mp4", ".mov", ".avi", ".py", ".ipynb", ".zip"}
_FORMULA = "=+-@\t\r"  # what a spreadsheet takes for the beginning of a formula
_LINK = "link to a folder that is here already"


@dataclass(slots=True)
class FoundFile:
    """One file on its way through the scan."""

    name: str  # POSIX path relative to the photo folder; it ends in "/" for a folder that was not entered or is empty
    class_name: str = ""  # name of the class folder, empty for files beside the class folders, see ``layout``
    status: str = "used"  # ``used``, ``skipped`` or ``ignored``
    reason: str = ""  # why it is not used, or the conversions that were needed
    state: tuple[int, ...] = ()  # size in bytes, times of modification and change in ns; empty unless a candidate
    photo: dict[str, Any] | None = None  # what was measured, if it could be read, see ``measure.measure_file``
    warnings: list[str] = field(default_factory=list)  # what a person should look at
    remedy: str = ""  # what to do if it cannot be used, for messages
    depth: int = 0  # folders above the class folder, see ``layout``
    part: str = ""  # ``train``, ``val`` or ``test`` if the folder is split already, see ``layout``

    def set(self, status: str, reason: str) -> None:
        """Change the status and say why."""
        self.status, self.reason = status, reason

    def take(self, result: dict[str, Any]) -> None:
        """Take what was measured, or the reason why nothing was."""
        if "refused" in result:
            self.set("skipped", result["refused"])
            self.remedy = result.get("remedy", "")
        else:
            self.photo, self.reason, self.warnings = result, result["notes"], quality_warnings(result)


def list_files(root: Path, *, loose: bool = False) -> list[FoundFile]:
    """All files below ``root`` in the order of their code points.

    With ``loose`` photographs directly in the folder count too; their class is empty.

    Raises:
        DataError: There is no such folder, or it cannot be listed.
    """
    if not root.is_dir():
        raise refusal("no_directory" if root.exists() else "no_folder", root)
    found = sorted(_walk(root, loose), key=lambda file: file.name)
    recognise(found, loose=loose)
    return found


def class_folders(root: Path, found: list[FoundFile]) -> dict[str, str]:
    """The class of each class folder found: names that mean the same are one class; DataError: there are none."""
    links = {file.class_name for file in found if file.reason == _LINK and file.name == f"{file.class_name}/"}
    visible = sorted({file.class_name for file in found if not is_system_folder(file.class_name or ".")})
    names = [name for name in visible if name not in links]
    if not names:
        loose = sum(not file.class_name and not file.name.startswith(".") for file in found)
        kind = "linked_folders" if visible else "loose_files" if loose else "empty_folder"
        raise refusal(kind, root, count=len(visible) or loose)
    if len({part_of(name) for name in names} - {""}) > 1:
        raise refusal("split_already", root, names=", ".join(names))
    first: dict[str, str] = {}  # of Quartz and 石英, Pyrite and pyrite, "agate" and "agate "
    plain = {name: name.lstrip(_FORMULA) for name in names}
    for name in names:
        if not plain[name]:
            raise refusal("formula_name", root, name=name)
    return {name: first.setdefault(class_key(plain[name]), plain[name]) for name in names}


def twin_notes(folders: dict[str, str]) -> list[str]:
    """A sentence for each class that several folders mean, or a folder of another name, see ``class_folders``."""
    others: dict[str, list[str]] = {}
    for folder, name in folders.items():
        others.setdefault(name, []).append(f"'{printable(folder)}'")
    notes = [f"Taken for one class: the folders {' and '.join(same)}." for same in others.values() if len(same) > 1]
    return notes + [
        f"The folder '{printable(folder)}' is the class '{printable(name)}': a spreadsheet would compute its name."
        for folder, name in folders.items()
        if folder[0] in _FORMULA and len(others[name]) == 1
    ]


def _walk(root: Path, loose: bool) -> Iterator[FoundFile]:
    """Every file below ``root``, also of ignored folders; plus folders without any as entries ending in "/"."""
    waiting: list[tuple[str, tuple[str, ...], str, bool]] = [(str(root), (), "", False)]
    while waiting:
        here, parts, hidden, linked = waiting.pop()
        try:
            with os.scandir(here) as listing:
                entries = list(listing)
        except OSError as error:
            if not parts:
                raise refusal("unlisted", here, error=error.strerror) from error
            status = "ignored" if hidden else "skipped"
            yield FoundFile("/".join(parts) + "/", "", status, f"cannot be listed ({error.strerror})")
            continue
        if parts and not entries:
            reason = f"system folder {readable(hidden)}" if hidden else "empty folder"
            yield FoundFile("/".join(parts) + "/", "", "ignored", reason)
        for entry in entries:
            inner = (*parts, entry.name)
            name = "/".join(inner)
            link = entry.is_symlink() and os.path.isdir(entry.path)
            if link and (linked or _overlap(root, Path(entry.path))):
                yield FoundFile(name + "/", "", "ignored", _LINK)
            elif link or entry.is_dir(follow_symlinks=False):
                system = hidden or (entry.name if is_system_folder(entry.name) else "")
                waiting.append((entry.path, inner, system, linked or link))
            else:
                yield _classified(entry, FoundFile(name), hidden, loose)


def _classified(entry: os.DirEntry, file: FoundFile, hidden: str, loose: bool) -> FoundFile:
    """The file with its state, or with the reason why it is no candidate."""
    extension = Path(entry.name).suffix.lower()
    if hidden:
        file.set("ignored", f"system folder {readable(hidden)}")
    elif entry.name.startswith(".") or entry.name.lower() in _SYSTEM_FILES:
        file.set("ignored", "system file")
    elif "/" not in file.name and not loose:
        file.set("ignored", BESIDE)
    elif extension in _NO_PHOTOS:
        file.set("ignored", f"no photograph ({extension})")
    elif readable(file.name) != file.name:
        # Such a name cannot be written into a table, and means something else on every machine.
        file.set("skipped", "the name is not valid UTF-8; rename it")
    else:
        try:
            info = entry.stat()
        except OSError as error:
            dangling = f"link that leads nowhere ({readable(os.readlink(entry.path))})" if entry.is_symlink() else ""
            file.set("skipped", dangling or f"cannot be read ({error.strerror})")
            return file
        file.state = (info.st_size, info.st_mtime_ns, info.st_ctime_ns)
        if not stat.S_ISREG(info.st_mode):
            file.set("skipped", "not a regular file")
    return file


def _overlap(root: Path, link: Path) -> bool:
    """Whether a linked folder lies in the photo folder or around it."""
    here, there = root.resolve(), link.resolve()
    return there.is_relative_to(here) or here.is_relative_to(there)
