"""From photographs to index and splits on disk: the first stretch of every study, done once."""

from dataclasses import dataclass

import pandas as pd

from mineral_lib.config import Settings
from mineral_lib.data.audit import audit_files, count_leak, read_duplicates
from mineral_lib.data.index import build_index, generator_digest, index_fingerprint, photo_folder, read_index
from mineral_lib.data.split import make_split, read_split, split_name, split_seed
from mineral_lib.photos import (
    QUALITY_COLUMNS,
    FoundFile,
    decisions_path,
    group_summary,
    list_files,
    metadata_path,
    readable,
    reading_rules,
)
from mineral_lib.storage import ResultPaths, digest, file_digest, read_json, write_csv, write_json

VERSION = 3


@dataclass(frozen=True)
class StudyData:
    """Index and splits of a profile.

    Attributes:
        index: One row a usable photograph.
        files: One row a file found, with what became of it.
        classes: Class names; the position is the label.
        splits: One table of samples a protocol; with ``split.vary_with_seed`` one a protocol and seed.
        fingerprint: Digest of ids, contents, labels and groups.
        duplicates: Pairs of files that show the same, see ``groups.duplicate_table``.
        notes: Sentences on groups of near duplicates that deserve a look.
    """

    index: pd.DataFrame
    files: pd.DataFrame
    classes: list[str]
    splits: dict[str, pd.DataFrame]
    fingerprint: str
    duplicates: pd.DataFrame
    notes: list[str]

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
    record, key = paths.root / "data.json", _key(settings, found)
    splits = {
        split_name(name, seed, settings.split, seeds): (name, split_seed(seed, settings.split, seeds))
        for seed in seeds
        for name in settings.split.protocols
    }
    wanted = [paths.index, paths.root / "scan.csv", paths.root / "duplicates.csv"]
    wanted += [paths.splits_dir / f"{name}.csv" for name in splits]
    if record.is_file() and all(path.is_file() for path in wanted) and read_json(record)["key"] == key:
        return _read(paths, list(splits))
    scan = build_index(data, found=found, cache_dir=paths.cache_dir)
    write_csv(paths.root / "scan.csv", scan.files)
    write_csv(paths.root / "duplicates.csv", scan.duplicates)
    write_csv(paths.index, scan.index)
    for name, (protocol, seed) in splits.items():
        samples = make_split(scan.index, protocol, settings.split, settings.augment, seed=seed)
        write_csv(paths.splits_dir / f"{name}.csv", samples)
    # Groups decide who is trained on, so a run made with other groups must not be taken for one of these.
    groups = sorted(scan.index[["image_id", "group"]].values.tolist())
    content = {
        "key": key,
        "classes": scan.classes,
        "fingerprint": digest([index_fingerprint(scan.index), groups]),
        "groups": group_summary(scan.index, scan.duplicates),
        "notes": scan.notes,
        "leak": audit_files(paths, settings.split.protocols),
    }
    write_json(record, content)
    return _read(paths, list(splits))


def _key(settings: Settings, found: list[FoundFile] | None) -> str:
    """What index and splits depend on: enough to notice a change without reading every photograph again."""
    seeds = settings.train.seeds
    source: list | str = generator_digest()
    if found is not None:
        tables = [metadata_path(settings.data), decisions_path(settings.data)]
        listed, decided = (file_digest(table) if table and table.is_file() else None for table in tables)
        source = [[[readable(file.name), file.status, *file.state] for file in found], listed, reading_rules()]
        source += [decided] if decided else []
    sections = [section.model_dump(mode="json") for section in (settings.data, settings.split, settings.augment)]
    if settings.data.decisions_csv is None:  # what was prepared before there were decisions stays valid
        del sections[0]["decisions_csv"]
    return digest([VERSION, [*sections, seeds if settings.split.vary_with_seed else seeds[:1]], source])


def _read(paths: ResultPaths, names: list[str]) -> StudyData:
    record = read_json(paths.root / "data.json")
    return StudyData(
        index=read_index(paths.index),
        files=pd.read_csv(paths.root / "scan.csv", keep_default_na=False, na_values=dict.fromkeys(QUALITY_COLUMNS, "")),
        classes=record["classes"],
        splits={name: read_split(paths.splits_dir, name) for name in names},
        fingerprint=record["fingerprint"],
        duplicates=read_duplicates(paths.root / "duplicates.csv"),
        notes=record["notes"],
    )
