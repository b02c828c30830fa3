"""A folder that is split already (see ``layout``): its split is kept, and counted is how much of its test leaks."""

import pandas as pd

from mineral_lib.photos.walk import FoundFile

PART = "part"  # the column of the index, only for such folders: train, val or test
UNTRAINED = "its class has no photograph in train"


def keep_parts(found: list[FoundFile]) -> None:
    """Leave out classes that train lacks; where there is only one other part it is the test, whatever its name."""
    used = [file for file in found if file.status == "used" and file.part]
    trained = {file.class_name for file in used if file.part == "train"}
    for file in used:
        if file.class_name not in trained:
            file.set("skipped", UNTRAINED)
    if "test" not in {file.part for file in used}:
        for file in used:
            file.part = "test" if file.part == "val" else file.part


def split_notes(index: pd.DataFrame, duplicates: pd.DataFrame) -> list[str]:
    """What is to be said of a given split: its parts, and test photographs with a copy in train.

    Args:
        index: The table of photographs, with ``part``.
        duplicates: Pairs of files that show the same, see ``groups.duplicate_table``.
    """
    parts = index.set_index("image_id")[PART]
    counts = ", ".join(f"{name} {(parts == name).sum()}" for name in ("train", "val", "test") if (parts == name).any())
    drawn = "" if (parts == "val").any() else "; validation is drawn from its train, by specimen"
    known = duplicates[duplicates["file_a"].isin(parts.index) & duplicates["file_b"].isin(parts.index)]
    ends = [known[["file_a", "file_b", "kind"]], known[["file_b", "file_a", "kind"]]]
    pairs = pd.concat([end.set_axis(["test", "train", "kind"], axis=1) for end in ends])
    crossing = (pairs["test"].map(parts) == "test") & (pairs["train"].map(parts) == "train")
    copies = pairs[crossing].groupby("test")["kind"].agg(lambda kinds: (kinds != "near").any())
    tested = int((parts == "test").sum())
    return [
        f"The folder is split already ({counts} photographs); this split is kept{drawn}.",
        f"{len(copies)} of {tested} test photographs have a copy in train ({int(copies.sum())} of the same bytes or "
        f"pixels, {int((~copies.astype(bool)).sum())} near duplicates).",
    ]
