"""Counting leaks between the splits: the one place where this is done, from the files of a study.

A held-out sample is *related* to training if train holds the same photograph (an augmented copy of it), another
photograph of the same specimen, or any member of its group, which includes near duplicates.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from mineral_lib.data.split import read_split
from mineral_lib.digests import study_file
from mineral_lib.paths import ResultPaths
from mineral_lib.storage import read_csv

RELATIONS = {"same_photo": "image_id", "same_specimen": "specimen", "same_group": "group"}
HELD_OUT = ("val", "test")


def relatives(samples: pd.DataFrame, split: str = "test") -> pd.DataFrame:
    """The samples of ``val`` or ``test`` with a bool column a relation: does train hold such a relative?"""
    train, part = samples[samples["split"] == "train"], samples[samples["split"] == split]
    return part.assign(**{name: part[column].isin(train[column]) for name, column in RELATIONS.items()})


def count_leak(samples: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Count held-out samples with relatives in train, in a table of samples with image_id, specimen, group and split.

    Returns:
        For ``val`` and ``test``: ``samples``, and for each relation (``same_photo``, ``same_specimen``,
        ``same_group``) the count and the share (0..1). For ``test`` also ``in_val``: samples whose photograph chose
        the epoch as well.
    """
    leak = {}
    for split in HELD_OUT:
        flags = relatives(samples, split)
        counts = {name: int(flags[name].sum()) for name in RELATIONS}
        shares = {f"{name}_share": count / max(len(flags), 1) for name, count in counts.items()}
        leak[split] = {"samples": len(flags), **counts, **shares}
    chosen = samples.loc[samples["split"] == "val", "image_id"]
    leak["test"]["in_val"] = int(samples.loc[samples["split"] == "test", "image_id"].isin(chosen).sum())
    return leak


def leak_note(leak: dict[str, dict[str, Any]], protocol: str = "") -> str:
    """One sentence for the note of a table."""
    test = leak["test"]
    start = f"{protocol}: " if protocol else ""
    return (
        f"{start}{test['same_photo']} of {test['samples']} test images ({test['same_photo_share']:.1%}) have a "
        f"sibling (a copy of the same photograph) in train, {test['same_specimen']} "
        f"({test['same_specimen_share']:.1%}) a photograph of the same specimen, {test['same_group']} "
        f"({test['same_group_share']:.1%}) a specimen mate or near duplicate."
    )


def audit_files(paths: ResultPaths, protocols: list[str]) -> dict[str, dict[str, Any]]:
    """Count the leak of every protocol from the files on disk, duplicates without the help of the groups.

    Returns:
        For each protocol ``count_leak`` of its split file, and in ``test`` also ``listed_duplicate``: test samples of
        which ``duplicates.csv`` lists a duplicate that stands in train.
    """
    listed = read_duplicates(paths.duplicates)[["file_a", "file_b"]]
    mates = pd.concat([listed.set_axis(["one", "other"], axis=1), listed.set_axis(["other", "one"], axis=1)])
    leaks = {}
    for protocol in protocols:
        samples = read_split(paths.splits_dir, protocol)
        train, test = (samples.loc[samples["split"] == part, "image_id"] for part in ("train", "test"))
        leaking = mates.loc[mates["other"].isin(train), "one"]
        leaks[protocol] = count_leak(samples)
        leaks[protocol]["test"]["listed_duplicate"] = int(test.isin(leaking).sum())
    return leaks


def read_duplicates(path: Path) -> pd.DataFrame:
    """Read ``duplicates.csv``; names stay text.

    Raises:
        StorageError: The file is missing or damaged.
    """
    text = dict.fromkeys(("file_a", "class_a", "file_b", "class_b", "kind", "conflict"), str)
    return read_csv(study_file(path), columns=text, dtype=text)
