"""Scanning a photo folder: one sub-folder a mineral, and every file found accounted for.

Each file ends as *used*, *skipped* (with the reason) or *ignored* (system files and files beside the class folders),
and the three add up. The folder is only read, never written to. Files and folders are taken in the order of their
code points, so the order in which a disk lists them never matters.

Small classes. ``data.min_photos`` (1 or more) and ``data.small_classes`` decide which classes stay; a class that stays
with role ``full`` is then treated by the grouped split according to its specimens, and by no other rule:

========================  ===================================================================
usable photographs        what happens
========================  ===================================================================
0                         the class does not exist for the study; its files are listed
1 or 2                    all in train: the class can be learned and predicted, but not tested
3 (of 3 specimens)        one each in train, validation and test
4 (of 4 specimens)        two in train, one each in validation and test
any, of 1 or 2 specimens  all in train
========================  ===================================================================

A class below ``min_photos`` is left out (``drop``), kept with role ``train_only``, or stops the scan (``error``).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from mineral_lib.catalogue import find_mineral
from mineral_lib.config import Data
from mineral_lib.photos.decisions import LEFT_OUT, apply_decisions, folder_decisions
from mineral_lib.photos.groups import (
    DUPLICATE_COLUMNS,
    SAME_BYTES,
    SAME_PIXELS,
    add_groups,
    duplicate_table,
    group_notes,
    near_duplicates,
)
from mineral_lib.photos.measure import measure_folder
from mineral_lib.photos.messages import readable, refusal
from mineral_lib.photos.metadata import folder_metadata, specimens_of
from mineral_lib.photos.quality import QUALITY_COLUMNS
from mineral_lib.photos.walk import FoundFile, class_folders, list_files, twin_notes
from mineral_lib.storage import given_path

FILE_COLUMNS = ["file", "class_name", "status", "reason", "warnings", *QUALITY_COLUMNS]
INDEX_NUMBERS = ["label", "view", "width", "height", "size_bytes"]
INDEX_COLUMNS = ["image_id", "path", "class_name", "label", "role", "specimen", "group", "view", "sha256"]
INDEX_COLUMNS += ["pixels_sha256", "phash", "width", "height", "size_bytes", "attribution", "licence"]


@dataclass(frozen=True)
class Scan:
    """The photographs of a study.

    Attributes:
        index: One row a used photograph, columns ``INDEX_COLUMNS``, ordered by label and image_id. ``phash`` is the
            first of the eight perceptual hashes as 16 hexadecimal digits, empty for generated photographs.
        files: One row a file found, columns ``FILE_COLUMNS``; an entry that ends in "/" is a folder that holds
            no file or is a link and was not followed. The quality numbers are missing where nothing was decoded.
        classes: Class names; position = label.
        duplicates: Pairs of files that show the same, see ``groups.duplicate_table``.
        notes: Sentences on groups of near duplicates that deserve a look.
        read: Files that were read in this scan.
        reused: Files that were unchanged since an earlier scan and not read again.
    """

    index: pd.DataFrame
    files: pd.DataFrame
    classes: list[str]
    duplicates: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    read: int = field(default=0, compare=False)
    reused: int = field(default=0, compare=False)


def scan(
    folder: Path,
    rules: Data,
    *,
    found: list[FoundFile] | None = None,
    jobs: int | None = None,
    cache_dir: Path | None = None,
    progress: bool | None = None,
) -> Scan:
    """Scan ``<folder>/<class>/...``, decode every photograph completely, and group those that show the same.

    Args:
        folder: The photo folder; folders below a class folder belong to that class.
        rules: The section ``data`` of the profile.
        found: Its files, if they were listed before (see ``list_files``).
        jobs: Decoding threads; all cores if not given.
        cache_dir: Where to keep what was found out about each file, so that unchanged files are not read again.
        progress: Whether to draw a progress bar; if not given, a bar on a terminal and a plain line otherwise.

    Raises:
        DataError: The folder is missing or has no class folders, fewer than two classes remain, too many photographs
            are unreadable, the metadata table or the decisions are wrong, or the rules ``bad_photos: error`` or
            ``small_classes: error`` apply.
    """
    root = given_path(folder)
    found = list_files(root) if found is None else found
    folders, table, decisions = class_folders(root, found), folder_metadata(rules, found), folder_decisions(rules)
    names = list(dict.fromkeys(folders.values()))
    for file in found:
        file.class_name = folders.get(file.class_name, file.class_name)
    read, reused = measure_folder(root, found, jobs=jobs, cache_dir=cache_dir, progress=progress)
    apply_decisions(found, decisions, names)
    exact = _skip_duplicates(found)
    _check_bad(root, found, rules)
    roles = _roles(root, names, found, rules)
    used = [file for file in found if file.status == "used"]
    rows = [
        {name: value for name, value in file.photo.items() if name in INDEX_COLUMNS}
        | {"image_id": file.name, "path": file.name, "class_name": file.class_name, "role": roles[file.class_name]}
        | {"attribution": "", "licence": ""}
        | table.get(file.name, {})
        | {"specimen": specimen}
        for file, specimen in zip(used, specimens_of(used, rules, table), strict=True)
    ]
    index, classes = index_table(rows)
    pairs = near_duplicates(index, rules.near_duplicate_radius)
    index = add_groups(index, pairs)
    duplicates, notes = duplicate_table(index, pairs, exact), twin_notes(folders) + group_notes(index, pairs)
    return Scan(index, _file_table(found), classes, duplicates, notes, read, reused)


def measured_pictures(
    folder: Path, found: list[FoundFile], *, jobs: int | None = None, cache_dir: Path | None = None
) -> tuple[pd.DataFrame, dict[str, str]]:
    """What the pictures of any folder are, without rules of a study.

    Args:
        folder: The folder.
        found: Its files, see ``list_files``.
        jobs: Decoding threads; all cores if not given.
        cache_dir: Where to keep what was found out about each file.

    Returns:
        One row a readable picture: ``file``, ``class_name``, ``sha256``, ``pixels_sha256``, ``phash``; and the reason
        for each file that cannot be read.
    """
    measure_folder(folder, found, jobs=jobs, cache_dir=cache_dir, progress=None)
    names = ["sha256", "pixels_sha256", "phash"]
    rows = [(file.name, file.class_name, *(file.photo[name] for name in names)) for file in found if file.photo]
    refused = {readable(file.name): file.reason for file in found if file.status == "skipped"}
    return pd.DataFrame(rows, columns=["file", "class_name", *names]), refused


def index_table(rows: Iterable[dict[str, Any]]) -> tuple[pd.DataFrame, list[str]]:
    """Number classes and views and put the rows into the study's order.

    Args:
        rows: One dictionary a photograph with ``INDEX_COLUMNS``. May be missing: ``label``; ``view``, the running
            number of the photograph within its specimen; ``group``, the specimen; other texts, empty.

    Returns:
        The index ordered by label and image_id, and the class names in label order.
    """
    index = pd.DataFrame(rows)
    classes = sorted(index["class_name"].unique(), key=_class_rank)
    index["label"] = index["class_name"].map({name: label for label, name in enumerate(classes)}).astype("int64")
    index = index.sort_values(["label", "image_id"], ignore_index=True)
    if "view" not in index:
        index["view"] = index.groupby("specimen").cumcount() + 1
    if "group" not in index:
        index["group"] = index["specimen"]
    return index.reindex(columns=INDEX_COLUMNS, fill_value=""), classes


def _class_rank(name: str) -> tuple[int, str]:
    mineral = find_mineral(name)
    return (mineral.number if mineral else 1000, name)


def _file_table(found: list[FoundFile]) -> pd.DataFrame:
    rows = [
        {
            "file": readable(file.name),
            "class_name": readable(file.class_name),
            "status": file.status,
            "reason": file.reason,
            "warnings": "; ".join(file.warnings),
            **(file.photo or {}),
        }
        for file in found
    ]
    table = pd.DataFrame(rows).reindex(columns=FILE_COLUMNS)
    return table.astype(dict.fromkeys(QUALITY_COLUMNS, float))


def _skip_duplicates(files: list[FoundFile]) -> pd.DataFrame:
    """Skip label conflicts and repeated bytes; equal pixels in one class stay, as one group. Returns all pairs."""
    pairs = []
    for kind, key in ((SAME_BYTES, "sha256"), (SAME_PIXELS, "pixels_sha256")):
        by_digest: dict[str, list[FoundFile]] = {}
        for file in files:
            if file.status == "used":
                by_digest.setdefault(file.photo[key], []).append(file)
        for same in by_digest.values():
            first, *others = same
            pairs += [(first.name, first.class_name, one.name, one.class_name, kind, 0) for one in others]
            if any(one.class_name != first.class_name for one in others):
                for file in same:
                    other = next(twin.name for twin in same if twin.class_name != file.class_name)
                    file.set("skipped", f"label conflict with {other} ({kind} in two classes)")
            elif kind == SAME_BYTES:
                for file in others:
                    file.set("skipped", f"same bytes as {first.name}")
    return pd.DataFrame(pairs, columns=DUPLICATE_COLUMNS[:-1])


def _check_bad(root: Path, files: list[FoundFile], rules: Data) -> None:
    """Stop if there are bad photographs, too many of them, or no others, as the rules say."""
    bad = [file for file in files if file.status == "skipped" and not file.reason.startswith(("same bytes", LEFT_OUT))]
    if bad and rules.bad_photos == "error":
        raise refusal("bad_photos", root / bad[0].name, reason=bad[0].reason, count=len(bad))
    if not any(file.status == "used" for file in files):
        raise refusal("no_photos", root, count=len(bad), first=_first(bad))
    unreadable = [file for file in bad if file.photo is None]
    candidates = sum(file.photo is not None for file in files) + len(unreadable)
    if len(unreadable) > rules.max_bad_share * candidates:
        raise refusal("many_unreadable", root, count=len(unreadable), all=candidates, first=_first(unreadable))


def _first(bad: list[FoundFile]) -> str:
    return f"; the first: {bad[0].name}: {bad[0].reason}" if bad else ""


def _roles(root: Path, names: list[str], files: list[FoundFile], rules: Data) -> dict[str, str]:
    """Apply data.small_classes and return the role of every class that stays."""
    used = {name: [file for file in files if (file.status, file.class_name) == ("used", name)] for name in names}
    small = {name: len(photos) for name, photos in used.items() if len(photos) < rules.min_photos}
    listing = ", ".join(f"{name} ({count})" for name, count in small.items())
    if small and rules.small_classes == "error":
        raise refusal("small_classes", root, least=rules.min_photos, classes=listing)
    roles = {name: "train_only" if name in small else "full" for name in names if used[name]}
    if rules.small_classes == "drop":
        for name, count in small.items():
            roles.pop(name, None)
            why = f"too few usable photographs in the class ({count}; data.min_photos is {rules.min_photos})"
            for file in used[name]:
                file.set("skipped", why)
    full = sum(role == "full" for role in roles.values())
    if full < 2:
        words = f"; too few usable photographs: {listing}" if small else ""
        raise refusal("few_classes", root, full=full, all=len(names), small=words)
    return roles
