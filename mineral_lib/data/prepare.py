"""From photographs to index and splits on disk: the first stretch of every study, done once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mineral_lib.config import Settings
from mineral_lib.data.audit import audit_files, count_leak, read_duplicates
from mineral_lib.data.index import build_index, generator_digest, index_fingerprint, photo_folder, read_index
from mineral_lib.data.split import make_split, read_split, split_name, split_seed
from mineral_lib.digests import DATA_REMEDY, read_record, study_file, write_record
from mineral_lib.errors import StorageError
from mineral_lib.paths import ResultPaths
from mineral_lib.photos import (
    FILE_COLUMNS,
    QUALITY_COLUMNS,
    FoundFile,
    group_summary,
    list_files,
    readable,
    reading_rules,
    table_path,
)
from mineral_lib.storage import digest, file_digest, read_csv, write_csv

VERSION = 3


@dataclass(frozen=True)
class StudyData:
    """Index and splits of a profile."""

    index: pd.DataFrame  # one row a usable photograph
    files: pd.DataFrame  # one row a file found, with what became of it
    classes: list[str]  # class names; the position is the label
    # One table of samples a protocol; with ``split.vary_with_seed`` one a protocol and seed.
    splits: dict[str, pd.DataFrame]
    fingerprint: str  # digest of ids, contents, labels and groups
    duplicates: pd.DataFrame  # pairs of files that show the same, see ``groups.duplicate_table``
    notes: list[str]  # sentences on groups of near duplicates that deserve a look

    def samples(self, protocol: str, seed: int) -> pd.DataFrame:
        """The split that the runs of a seed use."""
        return self.splits.get(f"{protocol}-seed{seed}", self.splits[protocol])

    def leak(self, protocol: str) -> dict:
        """How many held-out samples have relatives in train, see ``audit.count_leak``."""
        return count_leak(self.splits[protocol])


def prepare(settings: Settings) -> StudyData:
    """Scan or plan the photographs, split them by every protocol, write index and splits; reuse what is up to date.

    Raises:
        DataError: The folder cannot be used; the message says why.
    """
    data, paths, seeds = settings.data, ResultPaths.of(settings.profile), settings.train.seeds
    found = list_files(photo_folder(data)) if data.source == "folder" else None
    key = _key(settings, found)
    splits = {
        split_name(name, seed, settings.split, seeds): (name, split_seed(seed, settings.split, seeds))
        for seed in seeds
        for name in settings.split.protocols
    }
    tables = [paths.index, paths.scan, paths.duplicates, *(paths.splits_dir / f"{name}.csv" for name in splits)]
    if paths.data.exists() or paths.index.exists():
        try:
            if read_data_record(paths.data)["key"] == key:
                return read_prepared(paths, list(splits))
        except StorageError as error:
            print(f"{error.where}: {error.what}; index and splits are made again")
    scan = build_index(data, found=found, cache_dir=paths.cache_dir)
    paths.data.unlink(missing_ok=True)  # written last: while it is missing, the tables may be of two scans
    write_csv(paths.scan, scan.files)
    write_csv(paths.duplicates, scan.duplicates)
    write_csv(paths.index, scan.index)
    for name, (protocol, seed) in splits.items():
        samples = make_split(scan.index, protocol, settings.split, settings.augment, seed=seed)
        write_csv(paths.splits_dir / f"{name}.csv", samples)
    content = {
        "key": key,
        "classes": scan.classes,
        "fingerprint": _fingerprint(scan.index),
        "groups": group_summary(scan.index, scan.duplicates),
        "notes": scan.notes,
        "leak": audit_files(paths, settings.split.protocols),
    }
    write_record(paths.data, content, tables)
    return read_prepared(paths, list(splits))


def _fingerprint(index: pd.DataFrame) -> str:
    # Groups decide who is trained on, so a run made with other groups must not be taken for one of these.
    return digest([index_fingerprint(index), sorted(index[["image_id", "group"]].values.tolist())])


def _key(settings: Settings, found: list[FoundFile] | None) -> str:
    """What index and splits depend on: enough to notice a change without reading every photograph again."""
    seeds = settings.train.seeds
    source: list | str = generator_digest()
    if found is not None:
        tables = map(table_path, (settings.data.metadata_csv, settings.data.decisions_csv))
        listed, decided = (file_digest(table) if table and table.is_file() else None for table in tables)
        source = [[[readable(file.name), file.status, *file.state] for file in found], listed, reading_rules()]
        source += [decided] if decided else []
    sections = [section.model_dump(mode="json") for section in (settings.data, settings.split, settings.augment)]
    for name in ("decisions_csv", "same_scenes"):  # what was prepared before there were these stays valid
        if not getattr(settings.data, name):
            del sections[0][name]
    return digest([VERSION, [*sections, seeds if settings.split.vary_with_seed else seeds[:1]], source])


def read_data_record(path: Path) -> dict[str, Any]:
    """``data.json``: what index and splits depend on, the class names, and the digests of the tables.

    Raises:
        StorageError: The file is missing or damaged.
    """
    needs = {"key": str, "classes": list, "fingerprint": str, "notes": list, "leak": dict}
    return read_record(path, remedy=DATA_REMEDY, needs=needs)


def read_prepared(paths: ResultPaths, names: list[str]) -> StudyData:
    """Index and splits of these names as they stand on disk.

    Raises:
        StorageError: A file is missing or damaged, or they do not fit together.
    """
    record, index = read_data_record(paths.data), read_index(paths.index)
    for name in names:
        study_file(paths.splits_dir / f"{name}.csv", paths.root)
    named = index.drop_duplicates("label").sort_values("label")["class_name"].tolist()
    if record["fingerprint"] != _fingerprint(index) or record["classes"] != named:
        raise StorageError("does not fit data.json", where=str(paths.index), remedy=DATA_REMEDY)
    texts, blank = FILE_COLUMNS[: -len(QUALITY_COLUMNS)], dict.fromkeys(QUALITY_COLUMNS, "")
    return StudyData(
        index=index,
        files=read_csv(study_file(paths.scan), columns=texts, na_values=blank),
        classes=record["classes"],
        splits={name: read_split(paths.splits_dir, name) for name in names},
        fingerprint=record["fingerprint"],
        duplicates=read_duplicates(paths.duplicates),
        notes=record["notes"],
    )
