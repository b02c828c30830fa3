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

import sys
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from mineral_lib.catalogue import find_mineral
from mineral_lib.config import Data
from mineral_lib.errors import DataError
from mineral_lib.photos.groups import DUPLICATE_COLUMNS, SAME_BYTES, SAME_PIXELS
from mineral_lib.photos.images import readable
from mineral_lib.photos.measure import measure_all
from mineral_lib.photos.metadata import check_files, check_specimens, read_metadata
from mineral_lib.photos.quality import QUALITY_COLUMNS, quality_warnings
from mineral_lib.photos.record import ScanRecord
from mineral_lib.photos.specimen_names import specimen_of
from mineral_lib.photos.walk import TREE, FoundFile, class_folders, list_files
from mineral_lib.storage import project_root

FILE_COLUMNS = ["file", "class_name", "status", "reason", "warnings", *QUALITY_COLUMNS]
INDEX_COLUMNS = [
    "image_id",
    "path",
    "class_name",
    "label",
    "role",
    "specimen",
    "group",
    "view",
    "sha256",
    "pixels_sha256",
    "phash",
    "width",
    "height",
    "size_bytes",
    "attribution",
    "licence",
]
UNKNOWN = {"pixels_sha256": "", "phash": "", "attribution": "", "licence": ""}  # index columns that may be missing


@dataclass(frozen=True)
class Scan:
    """The photographs of a study.

    Attributes:
        index: One row a used photograph, columns ``INDEX_COLUMNS``, ordered by label and image_id. ``phash`` is the
            first of the eight perceptual hashes as 16 hexadecimal digits, empty for generated photographs.
        files: One row a file found, columns ``FILE_COLUMNS``; an entry that ends in "/" is a folder that holds
            no file or is a link and was not followed. The quality numbers are missing where nothing was decoded.
        classes: Class names; position = label.
        duplicates: Pairs of files that show the same, columns ``DUPLICATE_COLUMNS`` of ``groups``; of a scan those of
            equal bytes or pixels, of ``build_index`` the near ones too.
        notes: Sentences on groups of near duplicates that deserve a look.
        read: Files that were read in this scan.
        reused: Files that were unchanged since an earlier scan and not read again.
    """

    index: pd.DataFrame
    files: pd.DataFrame
    classes: list[str]
    duplicates: pd.DataFrame
    notes: tuple[str, ...] = ()
    read: int = field(default=0, compare=False)
    reused: int = field(default=0, compare=False)


def scan_folder(
    folder: Path, data: Data, *, jobs: int | None = None, cache_dir: Path | None = None, progress: bool | None = None
) -> Scan:
    """Scan ``<folder>/<class>/...`` and decode every photograph completely.

    Args:
        folder: The photo folder; folders below a class folder belong to that class.
        data: The section ``data`` of the profile.
        jobs: Decoding threads; all cores if not given.
        cache_dir: Where to keep what was found out about each file, so that unchanged files are not read again.
        progress: Whether to draw a progress bar; if not given, a bar on a terminal and a plain line otherwise.

    Raises:
        DataError: The folder is missing or has no class folders, fewer than two classes remain, too many photographs
            are unreadable, the metadata table is wrong, or the rules ``bad_photos: error`` or ``small_classes: error``
            apply.
    """
    root = Path(folder).expanduser()
    names = class_folders(root)
    found = list_files(root)
    table = _metadata(data, found)
    read, reused = _measure(root, found, ScanRecord(root, cache_dir), jobs, progress)
    duplicates = _mark_duplicates(found)
    _check_bad(root, found, data)
    roles = _small_classes(root, names, found, data)
    used = [file for file in found if file.status == "used"]
    if data.specimen_from == "csv":
        check_specimens(table, [file.name for file in used], where=metadata_path(data))
    index, classes = index_table([_row(file, roles, data, table) for file in used])
    return Scan(index, _file_table(found), classes, duplicates, read=read, reused=reused)


def metadata_path(data: Data) -> Path | None:
    """The metadata table; a relative path counts from the project folder. None if there is none."""
    return project_root() / Path(data.metadata_csv).expanduser() if data.metadata_csv else None


def index_table(rows: list[dict]) -> tuple[pd.DataFrame, list[str]]:
    """Number classes and views and put the rows into the study's order.

    Args:
        rows: One dictionary a photograph with all ``INDEX_COLUMNS`` but ``label``; ``view`` may be missing and is
            then the running number of the photograph within its specimen; ``group`` may be missing and is then the
            specimen; those of ``UNKNOWN`` may be missing.

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
    for name, value in UNKNOWN.items():
        if name not in index:
            index[name] = value
    return index[INDEX_COLUMNS], classes


def _class_rank(name: str) -> tuple[int, str]:
    mineral = find_mineral(unicodedata.normalize("NFC", name))
    return (mineral.number if mineral else 1000, name)


def _metadata(data: Data, found: list[FoundFile]) -> dict[str, dict[str, str]]:
    path = metadata_path(data)
    table = read_metadata(path) if path else {}
    check_files(table, {file.name for file in found}, where=path)
    return table


def _measure(
    root: Path, found: list[FoundFile], record: ScanRecord, jobs: int | None, progress: bool | None
) -> tuple[int, int]:
    """Fill in what the record knows, read the other files; return how many were read and how many reused."""
    candidates = [file for file in found if file.status == "used"]
    waiting = []
    for file in candidates:
        known = record.find(file)
        if known is None:
            waiting.append(file)
        else:
            _take(file, known)

    def done(file: FoundFile, result: dict) -> None:
        if "passing" not in result:
            record.add(file, result)
        _take(file, result)

    try:
        measure_all(root, waiting, done, jobs=jobs, progress=progress)
    finally:
        record.save()  # also when stopped: what was read need not be read again
    reused = len(candidates) - len(waiting)
    if not (sys.stderr.isatty() if progress is None else progress):
        name = readable(root.resolve().name)
        print(f"{name}: {len(found)} files found, {len(waiting)} read, {reused} unchanged and not read")
    return len(waiting), reused


def _take(file: FoundFile, result: dict) -> None:
    if "refused" in result:
        file.set("skipped", result["refused"])
        return
    file.photo, file.reason = result, result["notes"]
    file.warnings = quality_warnings(result, width=result["width"], height=result["height"])


def _file_table(found: list[FoundFile]) -> pd.DataFrame:
    rows = [
        [
            readable(f.name),
            readable(f.class_name),
            f.status,
            f.reason,
            "; ".join(f.warnings),
            *((f.photo or {}).get(name) for name in QUALITY_COLUMNS),
        ]
        for f in found
    ]
    table = pd.DataFrame(rows, columns=FILE_COLUMNS)
    return table.astype(dict.fromkeys(QUALITY_COLUMNS, float))


def _mark_duplicates(files: list[FoundFile]) -> pd.DataFrame:
    """Skip label conflicts and repeated bytes; equal pixels in one class stay, as one group. Returns all pairs."""
    rows = []
    for kind, key in ((SAME_BYTES, "sha256"), (SAME_PIXELS, "pixels_sha256")):
        by_digest: dict[str, list[FoundFile]] = {}
        for file in files:
            if file.status == "used":
                by_digest.setdefault(file.photo[key], []).append(file)
        for first, *others in by_digest.values():
            rows += [_pair(first, other, kind) for other in others]
            _skip_copies([first, *others], kind)
    return pd.DataFrame(rows, columns=DUPLICATE_COLUMNS)


def _pair(first: FoundFile, other: FoundFile, kind: str) -> list:
    conflict = "no" if first.class_name == other.class_name else "yes"
    return [first.name, first.class_name, other.name, other.class_name, kind, 0, conflict]


def _skip_copies(same: list[FoundFile], kind: str) -> None:
    if len({file.class_name for file in same}) > 1:
        for file in same:
            other = next(twin.name for twin in same if twin.class_name != file.class_name)
            file.set("skipped", f"label conflict with {other} ({kind} in two classes)")
    elif kind == SAME_BYTES:
        for file in same[1:]:
            file.set("skipped", f"same bytes as {same[0].name}")


def _check_bad(root: Path, files: list[FoundFile], data: Data) -> None:
    bad = [f for f in files if f.status == "skipped" and not f.reason.startswith("same bytes")]
    if bad and data.bad_photos == "error":
        raise DataError(
            f"{bad[0].reason}; {len(bad)} bad photographs in all",
            where=readable(root / bad[0].name),
            remedy="remove or replace them, or set data.bad_photos: skip",
        )
    if not any(file.status == "used" for file in files):
        why = f"; the first: {readable(bad[0].name)}: {bad[0].reason}" if bad else ""
        raise DataError(f"no usable photograph ({len(bad)} skipped{why})", where=readable(root), remedy=TREE)
    unreadable = [file for file in bad if file.photo is None]
    candidates = sum(file.photo is not None for file in files) + len(unreadable)
    if len(unreadable) > data.max_bad_share * candidates:
        raise DataError(
            f"{len(unreadable)} of {candidates} photographs cannot be read; the first: "
            f"{readable(unreadable[0].name)}: {unreadable[0].reason}",
            where=readable(root),
            remedy="check whether this is the right folder and completely copied, or raise data.max_bad_share",
        )


def _small_classes(root: Path, names: list[str], files: list[FoundFile], data: Data) -> dict[str, str]:
    """Apply data.small_classes and return the role of every class that stays."""
    used = {name: [f for f in files if f.status == "used" and f.class_name == name] for name in names}
    small = {name: len(photos) for name, photos in used.items() if len(photos) < data.min_photos}
    listing = ", ".join(f"{readable(name)} ({count})" for name, count in small.items())
    if small and data.small_classes == "error":
        raise DataError(
            f"classes with fewer than {data.min_photos} usable photographs: {listing}",
            where=readable(root),
            remedy="add photographs, lower data.min_photos or set data.small_classes: drop",
        )
    roles = {name: "train_only" if name in small else "full" for name in names if used[name]}
    if data.small_classes == "drop":
        for name, count in small.items():
            roles.pop(name, None)
            why = f"too few usable photographs in the class ({count}; data.min_photos is {data.min_photos})"
            for file in used[name]:
                file.set("skipped", why)
    full = sum(role == "full" for role in roles.values())
    if full < 2:
        raise DataError(
            f"{full} of {len(names)} classes can be used, recognition needs two"
            + (f"; too few usable photographs: {listing}" if small else ""),
            where=readable(root),
            remedy=f"add photographs or lower data.min_photos; {TREE}",
        )
    return roles


def _row(file: FoundFile, roles: dict[str, str], data: Data, table: dict[str, dict[str, str]]) -> dict:
    given = table.get(file.name, {})
    return {
        "image_id": file.name,
        "path": file.name,
        "class_name": file.class_name,
        "role": roles[file.class_name],
        "specimen": specimen_of(file, data, given.get("specimen", "")),
        **{name: value for name, value in file.photo.items() if name in INDEX_COLUMNS},
        "attribution": given.get("attribution", ""),
        "licence": given.get("licence", ""),
    }
