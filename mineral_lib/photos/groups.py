"""Which photographs belong together: the same specimen, the same pixels, or nearly the same picture.

A group never straddles the splits of the default protocol. Rules:

* Photographs are joined by a common specimen, by equal pixels, by a distance of their perceptual hashes of at most
  ``data.near_duplicate_radius``, and with ``data.same_scenes`` by local features that agree; whoever is reached over
  such links belongs to the group, also across classes.
* A group is named after its first specimen (without a specimen pattern: its first photograph), so photographs added
  to a specimen do not rename it.
* Groups are kept as they are found, however large: a smaller test set is better than a leak. But near duplicates that
  swallow a class are more likely a shared background than one specimen, so ``group_notes`` names every such group
  together with the radius at which it falls apart.
"""

import hashlib

import numpy as np
import pandas as pd
from PIL import Image

from mineral_lib.photos.duplicates import PAIR_COLUMNS, groups, near_pairs, perceptual_hash, turned
from mineral_lib.photos.images import as_picture

DUPLICATE_COLUMNS = ["file_a", "class_a", "file_b", "class_b", "kind", "distance", "conflict"]
SAME_BYTES, SAME_PIXELS, SAME_SCENE, NEAR = "same bytes", "same pixels", "same scene", "near"
LARGE_SHARE = 0.25  # of a class: more in one group, and the split 6:2:2 can no longer be met
LARGE_COUNT = 8  # fewer photographs in a group are named only if they leave too few groups
MIN_GROUPS = 3  # one for each of train, val and test
_STRIP = 1024  # rows


def fingerprints(image: Image.Image | np.ndarray) -> dict[str, str]:
    """What the scan keeps of a decoded RGB photograph: ``pixels_sha256`` and the upright hash ``phash``."""
    picture = as_picture(image)
    content = hashlib.sha256(str((picture.height, picture.width, 3)).encode())
    for top in range(0, picture.height, _STRIP):  # in strips: the bytes of a large picture are never held at once
        content.update(picture.crop((0, top, picture.width, min(top + _STRIP, picture.height))).tobytes())
    return {"pixels_sha256": content.hexdigest(), "phash": f"{perceptual_hash(picture)[0]:016x}"}


def near_duplicates(index: pd.DataFrame, radius: int | None) -> pd.DataFrame:
    """Pairs of rows of the index within ``radius`` bits (none for None), see ``duplicates.near_pairs``.

    Raises:
        DataError: There are too many pairs for the radius to mean anything.
    """
    if radius is None:
        return pd.DataFrame(columns=PAIR_COLUMNS, dtype=np.int64)
    return near_pairs(turned(np.array([int(text, 16) for text in index["phash"]], dtype=np.uint64)), radius)


def add_groups(index: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """The index, in any order, with its column ``group`` filled; ``pairs`` of rows belong together."""
    links = [pairs[["first", "second"]]]
    for name in ("specimen", "pixels_sha256"):  # each row is linked with the first row of the same value
        place = pd.Series(np.flatnonzero(index[name] != ""))
        first = place.groupby(index[name].to_numpy()[place]).transform("first")
        links.append(pd.DataFrame({"first": first, "second": place}))
    labels = groups(len(index), pd.concat(links, ignore_index=True))
    return index.assign(group=index["specimen"].groupby(labels).transform("min"))


def duplicate_table(index: pd.DataFrame, near: pd.DataFrame, scenes: pd.DataFrame, exact: pd.DataFrame) -> pd.DataFrame:
    """All pairs, conflicts first.

    Args:
        index: The table of photographs.
        near: Its near duplicates, distance in bits.
        scenes: Its pairs of one scene, in the same columns; distance NaN where the hashes are not near.
        exact: Pairs of equal bytes or pixels, distance 0.
    """
    parts = [part for part in (scenes.assign(kind=SAME_SCENE), near.assign(kind=NEAR)) if len(part)] or [near]
    pairs = pd.concat(parts).reindex(columns=[*PAIR_COLUMNS, "kind"]).drop_duplicates(["first", "second"])
    names = index[["image_id", "class_name", "pixels_sha256"]]
    one, two = (names.iloc[pairs[place]].reset_index(drop=True) for place in ("first", "second"))
    found = pd.concat([one.iloc[:, :2], two.iloc[:, :2]], axis=1).set_axis(DUPLICATE_COLUMNS[:4], axis=1)
    found = found.assign(kind=pairs["kind"].to_numpy(), distance=pairs["distance"].to_numpy())
    found = found[one["pixels_sha256"] != two["pixels_sha256"]]
    table = pd.concat([part for part in (exact, found) if len(part)] or [exact], ignore_index=True)
    table["distance"] = table["distance"].astype("Int64")
    table["conflict"] = np.where(table["class_a"] == table["class_b"], "no", "yes")
    order = ["conflict", "distance", "file_a", "file_b"]
    table = table.sort_values(order, ascending=[False, True, True, True], ignore_index=True)
    return table.reindex(columns=DUPLICATE_COLUMNS)


def group_notes(index: pd.DataFrame, pairs: pd.DataFrame) -> list[str]:
    """Sentences on groups that hold too much of a class for its split to be a good one; usually none."""
    notes = []
    for name, rows in index.groupby("class_name", sort=False):
        specimens, count = rows["specimen"].nunique(), rows["group"].nunique()
        largest = rows["group"].mode().iloc[0]
        members = rows[rows["group"] == largest]
        if members["specimen"].nunique() == 1:
            continue
        if len(members) >= LARGE_COUNT and len(members) > LARGE_SHARE * len(rows):
            notes.append(
                f"{name}: {len(members)} of {len(rows)} photographs are one group of near duplicates (first: "
                f"{largest}). They stay on one side of every grouped split. If they only share a background, set "
                f"data.near_duplicate_radius to {_better_radius(index, pairs, name)}."
            )
        elif count < MIN_GROUPS <= specimens:
            notes.append(f"{name}: near duplicates join its {specimens} specimens to {count}, so it is in train only.")
    return notes


def _better_radius(index: pd.DataFrame, pairs: pd.DataFrame, class_name: str) -> int | str:
    """The largest radius at which no group holds more than ``LARGE_SHARE`` of the class, or ``null``."""
    inside = (index["class_name"] == class_name).to_numpy()
    for radius in sorted(set(pairs["distance"]), reverse=True):
        found = add_groups(index, pairs[pairs["distance"] < radius])[inside]
        if found["group"].value_counts().iloc[0] <= max(LARGE_SHARE * inside.sum(), LARGE_COUNT - 1):
            return int(radius) - 1 if radius > 0 else "null"
    return "null"


def group_summary(index: pd.DataFrame, duplicates: pd.DataFrame) -> dict[str, int]:
    """Counts for the record of a study."""
    sizes, kinds = index["group"].value_counts(), duplicates["kind"].value_counts()
    return {
        "photographs": len(index),
        "specimens": int(index["specimen"].nunique()),
        "groups": len(sizes),
        "largest_group": int(sizes.iloc[0]),
        "groups_across_classes": int((index.groupby("group")["class_name"].nunique() > 1).sum()),
        **{
            f"{kind.replace(' ', '_')}_pairs": int(kinds.get(kind, 0))
            for kind in (SAME_BYTES, SAME_PIXELS, SAME_SCENE, NEAR)
        },
        "conflicts": int((duplicates["conflict"] == "yes").sum()),
    }
