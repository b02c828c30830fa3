"""Scanning a photo folder: one sub-folder a mineral, and every file found accounted for.

Each file ends as *used*, *skipped* (with the reason) or *ignored* (system files and files beside the class folders),
and the three add up. The folder is only read, never written to. Files and folders are taken in the order of their
code points, so the order in which a disk lists them never matters.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mineral_lib.catalogue import find_mineral
from mineral_lib.config import Data
from mineral_lib.errors import DataError
from mineral_lib.paths import given_path
from mineral_lib.photos.duplicates import PAIR_COLUMNS
from mineral_lib.photos.groups import add_groups, duplicate_table, group_notes, near_duplicates
from mineral_lib.photos.layout import PART, keep_parts, layout_notes, split_notes
from mineral_lib.photos.measure import measure_folder
from mineral_lib.photos.messages import readable
from mineral_lib.photos.metadata import apply_decisions, folder_metadata, read_decisions, specimens_of, table_path
from mineral_lib.photos.quality import QUALITY_COLUMNS
from mineral_lib.photos.staying import check_bad, class_roles, skip_duplicates
from mineral_lib.photos.walk import FoundFile, class_folders, list_files, twin_notes

FILE_COLUMNS = ["file", "class_name", "status", "reason", "warnings", *QUALITY_COLUMNS]
INDEX_NUMBERS = ["label", "view", "width", "height", "size_bytes"]
INDEX_COLUMNS = ["image_id", "path", "class_name", "label", "role", "specimen", "group", "view", "sha256"]
INDEX_COLUMNS += ["pixels_sha256", "phash", "width", "height", "size_bytes", "attribution", "licence"]


FindScenes = Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]
MOST_COMPARED = 5000  # photographs: to find crops and turns among more would take longer than some minutes


@dataclass(frozen=True)
class Scan:
    """The photographs of a study; the order of ``classes`` is that of the labels."""

    # A row a used photograph, columns INDEX_COLUMNS, ordered by label and image_id. phash is the first of the eight
    # perceptual hashes as 16 hexadecimal digits, empty for generated photographs.
    index: pd.DataFrame
    # A row a file found, columns FILE_COLUMNS; an entry that ends in "/" is a folder that holds no file or is a link
    # and was not followed. The quality numbers are missing where nothing was decoded.
    files: pd.DataFrame
    classes: list[str]
    duplicates: pd.DataFrame  # pairs of files that show the same, see groups.duplicate_table
    notes: list[str] = field(default_factory=list)  # on the layout of the folder, and on groups that deserve a look
    read: int = field(default=0, compare=False)  # files that were read in this scan
    reused: int = field(default=0, compare=False)  # files that were unchanged since an earlier scan


def scan(
    folder: Path,
    rules: Data,
    *,
    found: list[FoundFile] | None = None,
    find_scenes: FindScenes | None = None,
    jobs: int | None = None,
    cache_dir: Path | None = None,
    progress: bool | None = None,
) -> Scan:
    """Scan ``<folder>/<class>/...``, decode every photograph completely, and group those that show the same.

    Args:
        folder: The photo folder; folders below a class folder belong to that class.
        rules: The section ``data`` of the profile.
        found: Its files, if they were listed before (see ``list_files``).
        find_scenes: Gives pairs of one scene, from the index with whole paths and the near duplicates in it, both as
            ``PAIR_COLUMNS``. None: copies are known by bytes, pixels and hashes only.
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
    folders, table = class_folders(root, found), folder_metadata(rules, found)
    decisions = read_decisions(table_path(rules.decisions_csv))
    names = list(dict.fromkeys(folders.values()))
    for file in found:
        file.class_name = folders.get(file.class_name, file.class_name)
    read, reused = measure_folder(root, found, jobs=jobs, cache_dir=cache_dir, progress=progress)
    apply_decisions(found, decisions, names, table_path(rules.decisions_csv))
    exact = skip_duplicates(found)
    keep_parts(found)
    check_bad(root, found, rules)
    roles = class_roles(root, names, found, rules)
    used = [file for file in found if file.status == "used"]
    rows = [
        {name: value for name, value in file.photo.items() if name in INDEX_COLUMNS}
        | {"image_id": file.name, "path": file.name, "class_name": file.class_name, "role": roles[file.class_name]}
        | {"attribution": "", "licence": ""}
        | table.get(file.name, {})
        | {"specimen": specimen}
        | ({PART: file.part} if file.part else {})
        for file, specimen in zip(used, specimens_of(used, rules, table), strict=True)
    ]
    index, classes = index_table(rows)
    pairs = near_duplicates(index, rules.near_duplicate_radius)
    scenes, notes = _scenes(root, index, pairs, find_scenes)
    index = add_groups(index, pd.concat([pairs, scenes]))
    duplicates = duplicate_table(index, pairs, scenes, exact)
    notes += split_notes(index, duplicates) if PART in index else group_notes(index, pairs)
    notes = [*layout_notes(found), *twin_notes(folders), *notes]
    return Scan(index, _file_table(found), classes, duplicates, notes, read, reused)


def _scenes(
    root: Path, index: pd.DataFrame, near: pd.DataFrame, find: FindScenes | None
) -> tuple[pd.DataFrame, list[str]]:
    """The pairs of one scene in an index, and what to say of them."""
    none = pd.DataFrame(columns=PAIR_COLUMNS, dtype=np.int64)
    if find is None:
        return none, []
    if len(index) > MOST_COMPARED:
        return none, [f"In more than {MOST_COMPARED} photographs, crops and turns are found by `mineral audit` only."]
    scenes = find(index.assign(path=[root / name for name in index["path"]]), near)
    several = len(set(scenes["first"]) | set(scenes["second"]))
    words = f"{several} photographs show the same scene as another one: those stay on one side of the grouped split."
    return scenes, [words] if several and PART not in index else []


def measured_pictures(
    folder: Path, *, without: Path | None = None, jobs: int | None = None, cache_dir: Path | None = None
) -> tuple[pd.DataFrame, dict[str, str]]:
    """What the pictures of any folder are, without rules of a study; options as of ``scan``.

    If another folder (``without``) lies in this one its pictures are left out.

    Returns:
        One row a readable picture: ``file``, ``class_name``, ``sha256``, ``pixels_sha256``, ``phash``; and the reason
        for each file that cannot be read.

    Raises:
        DataError: The folder is missing or holds no picture.
    """
    found = list_files(folder, loose=True)
    inner = without.resolve() if without else folder.resolve()
    if inner != folder.resolve() and inner.is_relative_to(folder.resolve()):
        found = [file for file in found if not (folder / file.name).resolve().is_relative_to(inner)]
    measure_folder(folder, found, jobs=jobs, cache_dir=cache_dir, progress=None)
    names = ["sha256", "pixels_sha256", "phash"]
    rows = [(file.name, file.class_name, *(file.photo[name] for name in names)) for file in found if file.photo]
    if not rows:
        raise DataError("no readable picture", where=str(folder), remedy="give a folder of photographs")
    refused = {readable(file.name): file.reason for file in found if file.status == "skipped"}
    return pd.DataFrame(rows, columns=["file", "class_name", *names]), refused


def index_table(rows: Iterable[dict[str, Any]]) -> tuple[pd.DataFrame, list[str]]:
    """The index of photographs, ordered by label and image_id, with numbered classes and views; and the class names.

    Of the ``INDEX_COLUMNS`` of a row may be missing: ``label``; ``view``, the running number of the photograph within
    its specimen; ``group``, then the specimen; other texts, then empty.
    """
    index = pd.DataFrame(rows)
    minerals = {name: find_mineral(name) for name in index["class_name"].unique()}
    classes = sorted(minerals, key=lambda name: (minerals[name].number if minerals[name] else 1000, name))
    index["label"] = index["class_name"].map({name: label for label, name in enumerate(classes)}).astype("int64")
    index = index.sort_values(["label", "image_id"], ignore_index=True)
    if "view" not in index:
        index["view"] = index.groupby("specimen").cumcount() + 1
    if "group" not in index:
        index["group"] = index["specimen"]
    return index.reindex(columns=index_columns(index), fill_value=""), classes


def index_columns(index: pd.DataFrame) -> list[str]:
    """``INDEX_COLUMNS``, and the part of a folder that is split already."""
    return [*INDEX_COLUMNS, *([PART] if PART in index else [])]


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
