"""From photographs to index and splits on disk: the first stretch of every study, done once."""

from dataclasses import dataclass

import pandas as pd

from mineral_lib.config import Settings
from mineral_lib.data.audit import audit_files, count_leak, leak_note, read_duplicates
from mineral_lib.data.index import build_index, generator_digest, index_fingerprint, photo_folder, read_index
from mineral_lib.data.split import make_split, read_split, split_name
from mineral_lib.photos.groups import group_summary
from mineral_lib.photos.quality import QUALITY_COLUMNS
from mineral_lib.photos.record import reading_rules
from mineral_lib.photos.scan import metadata_path
from mineral_lib.photos.walk import folder_state
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

    def leak_note(self, protocol: str) -> str:
        """One sentence on the leak of a protocol."""
        return leak_note(self.leak(protocol))


def _source(settings: Settings) -> list | str:
    """What the photographs depend on: enough to notice a change without reading every photograph again."""
    if settings.data.source == "synthetic":
        return generator_digest()
    table = metadata_path(settings.data)
    listed = file_digest(table) if table and table.is_file() else None
    return [folder_state(photo_folder(settings)), listed, reading_rules()]


def _key(settings: Settings) -> str:
    sections = [
        settings.data.model_dump(mode="json"),
        settings.split.model_dump(mode="json"),
        settings.augment.model_dump(mode="json"),
        settings.train.seeds if settings.split.vary_with_seed else settings.train.seeds[:1],
    ]
    return digest([VERSION, sections, _source(settings)])


def prepare(settings: Settings) -> StudyData:
    """Scan or plan the photographs, split them by every protocol, write index and splits; reuse what is up to date.

    Raises:
        DataError: The folder cannot be used; the message says why.
    """
    paths = ResultPaths.of(settings.profile)
    record, key = paths.root / "data.json", _key(settings)
    protocols = settings.split.protocols
    splits = {split_name(name, seed, settings): (name, seed) for seed in settings.train.seeds for name in protocols}
    wanted = [paths.index, paths.root / "scan.csv", paths.root / "duplicates.csv"]
    wanted += [*(paths.splits_dir / f"{name}.csv" for name in splits)]
    if record.is_file() and all(path.is_file() for path in wanted) and read_json(record)["key"] == key:
        return _read(paths, list(splits))
    scan = build_index(settings, cache_dir=paths.cache_dir)
    write_csv(paths.root / "scan.csv", scan.files)
    write_csv(paths.root / "duplicates.csv", scan.duplicates)
    write_csv(paths.index, scan.index)
    for name, (protocol, seed) in splits.items():
        write_csv(paths.splits_dir / f"{name}.csv", make_split(scan.index, protocol, settings, run_seed=seed))
    # Groups decide who is trained on, so a run made with other groups must not be taken for one of these.
    groups = sorted(scan.index[["image_id", "group"]].values.tolist())
    data = {
        "key": key,
        "classes": scan.classes,
        "fingerprint": digest([index_fingerprint(scan.index), groups]),
        "groups": group_summary(scan.index, scan.duplicates),
        "notes": list(scan.notes),
    }
    write_json(record, data | {"leak": audit_files(paths, protocols)})
    return _read(paths, list(splits))


def _read(paths: ResultPaths, names: list[str]) -> StudyData:
    record = read_json(paths.root / "data.json")
    splits = {name: read_split(paths.splits_dir / f"{name}.csv") for name in names}
    return StudyData(
        index=read_index(paths.index),
        files=pd.read_csv(paths.root / "scan.csv", keep_default_na=False, na_values=dict.fromkeys(QUALITY_COLUMNS, "")),
        classes=record["classes"],
        splits=splits,
        fingerprint=record["fingerprint"],
        duplicates=read_duplicates(paths.root / "duplicates.csv"),
        notes=record["notes"],
    )
