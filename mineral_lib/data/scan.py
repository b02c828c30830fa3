"""Scanning a photo folder: one sub-folder a mineral, and every file found accounted for.

Each file ends as *used*, *skipped* (with the reason) or *ignored* (system files and files beside the class folders),
and the three add up. The folder is only read, never written to. Files and folders are taken in the order of their
code points, so the order in which a disk lists them never matters.
"""

import os
import re
import unicodedata
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from mineral_lib.catalogue import find_mineral
from mineral_lib.config import Data
from mineral_lib.data.groups import DUPLICATE_COLUMNS, SAME_BYTES, SAME_PIXELS, fingerprints
from mineral_lib.data.images import read_photo, readable
from mineral_lib.errors import DataError

FILE_COLUMNS = ["file", "class_name", "status", "reason"]
INDEX_COLUMNS = ["image_id", "path", "class_name", "label", "role", "specimen", "group", "view", "sha256",
                 "pixels_sha256", "phash", "width", "height", "size_bytes"]
TREE = "expected: photos/quartz/any-name.jpg, photos/pyrite/any-name.jpg, ... (one folder per mineral)"

_SYSTEM_FILES = {"thumbs.db", "desktop.ini", "icon\r", "ehthumbs.db"}
_SYSTEM_FOLDERS = {"__macosx", "@eadir", "$recycle.bin", "system volume information", "__pycache__"}
_NO_PHOTOS = {".txt", ".md", ".csv", ".tsv", ".json", ".xml", ".yaml", ".yml", ".xmp", ".aae", ".ini", ".log",
              ".html", ".htm", ".docx", ".xlsx", ".mp4", ".mov", ".avi", ".py", ".ipynb", ".zip"}
_SPLIT_NAMES = {"train", "training", "val", "valid", "validation", "test", "testing"}


@dataclass(frozen=True)
class Scan:
    """The photographs of a study.

    Attributes:
        index: One row a used photograph, columns ``INDEX_COLUMNS``, ordered by label and image_id.
        files: One row a file found, columns ``FILE_COLUMNS``; an entry that ends in "/" is a folder that holds
            no file or is a link and was not followed.
        classes: Class names; position = label.
        duplicates: Pairs of files that show the same, columns ``DUPLICATE_COLUMNS`` of ``groups``; of a scan those of
            equal bytes or pixels, of ``build_index`` the near ones too.
        notes: Sentences on groups of near duplicates that deserve a look.
    """

    index: pd.DataFrame
    files: pd.DataFrame
    classes: list[str]
    duplicates: pd.DataFrame
    notes: tuple[str, ...] = ()


@dataclass
class _File:
    """One file on its way through the scan."""

    name: str  # POSIX path relative to the root
    class_name: str
    status: str = "used"
    reason: str = ""
    photo: dict = field(default_factory=dict)

    def set(self, status: str, reason: str) -> None:
        self.status, self.reason = status, reason


def scan_folder(folder: Path, data: Data, *, jobs: int | None = None) -> Scan:
    """Scan ``<folder>/<class>/...`` and decode every photograph completely.

    Args:
        folder: The photo folder; folders below a class folder belong to that class.
        data: The section ``data`` of the profile (specimen_pattern, min_photos, small_classes, bad_photos).
        jobs: Decoding threads; all cores if not given.

    Raises:
        DataError: The folder is missing or has no class folders, fewer than two classes remain, or the rules
            ``bad_photos: error`` or ``small_classes: error`` apply.
    """
    root = Path(folder).expanduser()
    names = _class_folders(root)
    found = sorted(_walk(root), key=lambda file: file.name)
    _read_all(root, [file for file in found if file.status == "used"], jobs or os.cpu_count() or 1)
    duplicates = _mark_duplicates(found)
    _check_bad(root, found, data)
    roles = _small_classes(root, names, found, data)
    files = pd.DataFrame([[readable(f.name), readable(f.class_name), f.status, f.reason] for f in found],
                         columns=FILE_COLUMNS, dtype=object)
    index, classes = index_table([_row(file, roles, data) for file in found if file.status == "used"])
    return Scan(index, files, classes, duplicates)


def index_table(rows: list[dict]) -> tuple[pd.DataFrame, list[str]]:
    """Number classes and views and put the rows into the study's order.

    Args:
        rows: One dictionary a photograph with all ``INDEX_COLUMNS`` but ``label``; ``view`` may be missing and is
            then the running number of the photograph within its specimen, ``group`` is the specimen if missing.

    Returns:
        The index ordered by label and image_id, and the class names in label order.
    """
    classes = sorted({row["class_name"] for row in rows}, key=_class_rank)
    labels = {name: label for label, name in enumerate(classes)}
    index = pd.DataFrame(sorted(rows, key=lambda row: (labels[row["class_name"]], row["image_id"])))
    index["label"] = index["class_name"].map(labels).astype("int64")
    if "view" not in index:
        index["view"] = index.groupby("specimen").cumcount() + 1
    if "group" not in index:
        index["group"] = index["specimen"]
    return index[INDEX_COLUMNS], classes


def _class_rank(name: str) -> tuple[int, str]:
    mineral = find_mineral(unicodedata.normalize("NFC", name))
    return (mineral.number if mineral else 1000, name)


def _class_folders(root: Path) -> list[str]:
    """Names of the class folders, or an error that says what a photo folder looks like."""
    where = readable(root)
    if not root.exists():
        raise DataError("no such folder", where=where, remedy="correct data.folder")
    if not root.is_dir():
        raise DataError("this is a file, not a folder", where=where, remedy=f"give the folder that holds it; {TREE}")
    try:
        entries = [entry for entry in os.scandir(root) if not _hidden_folder(entry.name)]
    except OSError as error:
        raise DataError(f"cannot be listed ({error.strerror})", where=where, remedy="make it readable") from error
    names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    if not names:
        loose = sum(entry.is_file() and not entry.name.startswith(".") for entry in entries)
        links = sum(entry.is_symlink() and entry.is_dir() for entry in entries)
        what = f"no class folders; {loose} files lie in the folder itself" if loose else "the folder is empty"
        what = f"no class folders; {links} links to folders are not followed" if links else what
        raise DataError(what, where=where, remedy=f"sort the photographs into one folder per mineral; {TREE}")
    if {name.lower() for name in names} <= _SPLIT_NAMES:
        raise DataError(f"the folder seems to be split already ({', '.join(names)})", where=where,
                        remedy=f"merge the class folders of these parts, the study splits by itself; {TREE}")
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
            raise DataError(f"two folders for one class: '{readable(seen[key])}' and '{readable(name)}'",
                            where=where, remedy="put their photographs into one folder, or rename one")
        seen[key] = name


def _hidden_folder(name: str) -> bool:
    return name.startswith(".") or name.lower() in _SYSTEM_FOLDERS


def _walk(root: Path) -> Iterator[_File]:
    """Every file below ``root``, also of ignored folders; plus linked and empty folders as entries ending in "/"."""

    def fail(error: OSError) -> None:
        raise DataError(f"a folder cannot be listed ({error.strerror})", where=readable(error.filename),
                        remedy="make it readable or remove it") from error

    for here, folders, files in os.walk(root, onerror=fail):
        parts = Path(here).relative_to(root).parts
        class_name = parts[0] if parts else ""
        hidden = next((part for part in parts if _hidden_folder(part)), None)
        for name in folders:
            path = Path(here, name)
            if path.is_symlink():
                yield _File("/".join((*parts, name)) + "/", class_name or name, "ignored", "link to a folder")
        if parts and not folders and not files:
            yield _File("/".join(parts) + "/", class_name, "ignored", "system folder" if hidden else "empty folder")
        for name in files:
            yield _classify(root, _File("/".join((*parts, name)), class_name), hidden)


def _classify(root: Path, file: _File, hidden: str | None) -> _File:
    name = file.name.rsplit("/", 1)[-1]
    if hidden:
        file.set("ignored", f"system folder {readable(hidden)}")
    elif name.startswith(".") or name.lower() in _SYSTEM_FILES:
        file.set("ignored", "system file")
    elif not file.class_name:
        file.set("ignored", "lies beside the class folders")
    elif Path(name).suffix.lower() in _NO_PHOTOS:
        file.set("ignored", f"no photograph ({Path(name).suffix.lower()})")
    elif readable(file.name) != file.name:
        file.set("skipped", "the name is not valid UTF-8; rename it")
    elif (root / file.name).is_symlink() and not _inside(root, root / file.name):
        target = readable(os.readlink(root / file.name))
        file.set("skipped", f"link that is dangling or points outside the folder ({target})")
    return file


def _inside(root: Path, link: Path) -> bool:
    try:
        return link.resolve(strict=True).is_relative_to(root.resolve())
    except (OSError, RuntimeError):
        return False


def _read_all(root: Path, files: list[_File], jobs: int) -> None:
    def read(file: _File) -> None:
        try:
            photo = read_photo(root / file.name)
        except DataError as error:
            file.set("skipped", error.what)
            return
        height, width = photo.pixels.shape[:2]
        file.photo = {"sha256": photo.sha256, "width": width, "height": height, "size_bytes": photo.size_bytes}
        file.photo |= fingerprints(photo.pixels)
        file.reason = "; ".join(photo.notes)

    # Pillow decodes without holding Python's lock, so threads suffice. Its warnings are replaced by our reasons;
    # the filter is set here, once, because it is global to the process and not per thread.
    with warnings.catch_warnings(), ThreadPoolExecutor(jobs) as pool:
        warnings.simplefilter("ignore")
        for _ in pool.map(read, files):
            pass


def _mark_duplicates(files: list[_File]) -> pd.DataFrame:
    """Skip label conflicts and repeated bytes; equal pixels in one class stay, as one group. Returns all pairs."""
    rows = []
    for kind, key in ((SAME_BYTES, "sha256"), (SAME_PIXELS, "pixels_sha256")):
        by_digest: dict[str, list[_File]] = {}
        for file in files:
            if file.status == "used":
                by_digest.setdefault(file.photo[key], []).append(file)
        for first, *others in by_digest.values():
            rows += [_pair(first, other, kind) for other in others]
            _skip_copies([first, *others], kind)
    return pd.DataFrame(rows, columns=DUPLICATE_COLUMNS)


def _pair(first: _File, other: _File, kind: str) -> list:
    conflict = "no" if first.class_name == other.class_name else "yes"
    return [first.name, first.class_name, other.name, other.class_name, kind, 0, conflict]


def _skip_copies(same: list[_File], kind: str) -> None:
    if len({file.class_name for file in same}) > 1:
        for file in same:
            other = next(twin.name for twin in same if twin.class_name != file.class_name)
            file.set("skipped", f"label conflict with {other} ({kind} in two classes)")
    elif kind == SAME_BYTES:
        for file in same[1:]:
            file.set("skipped", f"same bytes as {same[0].name}")


def _check_bad(root: Path, files: list[_File], data: Data) -> None:
    bad = [f for f in files if f.status == "skipped" and not f.reason.startswith("same bytes")]
    if bad and data.bad_photos == "error":
        raise DataError(f"{bad[0].reason}; {len(bad)} bad photographs in all", where=readable(root / bad[0].name),
                        remedy="remove or replace them, or set data.bad_photos: skip")
    if not any(file.status == "used" for file in files):
        why = f"; the first: {readable(bad[0].name)}: {bad[0].reason}" if bad else ""
        raise DataError(f"no usable photograph ({len(bad)} skipped{why})", where=readable(root), remedy=TREE)


def _small_classes(root: Path, names: list[str], files: list[_File], data: Data) -> dict[str, str]:
    """Apply data.small_classes and return the role of every class that stays."""
    used = {name: [f for f in files if f.status == "used" and f.class_name == name] for name in names}
    small = {name: len(photos) for name, photos in used.items() if len(photos) < data.min_photos}
    listing = ", ".join(f"{readable(name)} ({count})" for name, count in small.items())
    if small and data.small_classes == "error":
        raise DataError(f"classes with fewer than {data.min_photos} usable photographs: {listing}",
                        where=readable(root), remedy="add photographs, lower data.min_photos or set "
                        "data.small_classes: drop")
    roles = {name: "train_only" if name in small else "full" for name in names if used[name]}
    if data.small_classes == "drop":
        for name, count in small.items():
            roles.pop(name, None)
            for file in used[name]:
                file.set("skipped", f"class has {count} usable photographs, data.min_photos is {data.min_photos}")
    full = sum(role == "full" for role in roles.values())
    if full < 2:
        raise DataError(f"{full} of {len(names)} classes can be used, recognition needs two"
                        + (f"; too few usable photographs: {listing}" if small else ""),
                        where=readable(root), remedy=f"add photographs or lower data.min_photos; {TREE}")
    return roles


def _row(file: _File, roles: dict[str, str], data: Data) -> dict:
    name = file.name.rsplit("/", 1)[-1]
    match = re.search(data.specimen_pattern, name) if data.specimen_pattern else None
    # Specimens are numbered within a class by most people, so "01" of two classes are two specimens.
    specimen = f"{file.class_name}/{match['specimen']}" if match and match["specimen"] else file.name
    return {"image_id": file.name, "path": file.name, "class_name": file.class_name, "role": roles[file.class_name],
            "specimen": specimen, **file.photo}
