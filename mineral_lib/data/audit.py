"""Counting leaks between the splits, from the sample table itself."""

from typing import Any

import pandas as pd


def count_leak(samples: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Count samples whose photograph, or whose specimen, also stands in train.

    Args:
        samples: Table of samples with image_id, specimen and split.

    Returns:
        For ``val`` and ``test``: samples, sibling_in_train (another copy of the same photograph is in train),
        specimen_in_train (a photograph of the same specimen is), and both as shares (0..1).
    """
    train = samples[samples["split"] == "train"]
    leak = {}
    for split in ("val", "test"):
        part = samples[samples["split"] == split]
        siblings = int(part["image_id"].isin(train["image_id"]).sum())
        specimens = int(part["specimen"].isin(train["specimen"]).sum())
        count = max(len(part), 1)
        leak[split] = {
            "samples": len(part),
            "sibling_in_train": siblings,
            "specimen_in_train": specimens,
            "sibling_share": siblings / count,
            "specimen_share": specimens / count,
        }
    return leak


def leak_note(leak: dict[str, dict[str, Any]], protocol: str = "") -> str:
    """One sentence for the note of a table."""
    test = leak["test"]
    start = f"{protocol}: " if protocol else ""
    return (
        f"{start}{test['sibling_in_train']} of {test['samples']} test images ({test['sibling_share']:.1%}) have a "
        f"sibling (a copy of the same photograph) in train, {test['specimen_in_train']} "
        f"({test['specimen_share']:.1%}) a photograph of the same specimen."
    )
