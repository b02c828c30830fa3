"""Splitting photographs by where they come from, and a random split of the same size to compare with.

Photographs of one source share camera, light, background and taste. If one source holds most photographs of some
classes, a classifier can learn the source in place of the mineral, and a random split rewards it for that. So the
photographs of the *dominating* source are trained on and all others tested, and the reverse, on the classes that both
sides have. The random split has as many photographs of each class in training and test as the split by source, so
that neither the size nor the shares of the classes explain a difference. Groups (near duplicates) stay whole in all of
them.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from mineral_lib.runtime import derive_seed

MIN_SHARE = 0.1  # of all photographs: a smaller source dominates nothing
MIN_SHARED = 5  # photographs of a class on each side, else the class takes no part
VALIDATION = 0.25  # of what is not tested: 2 of 6 + 2, as in the grouped split
DIRECTIONS = {
    "from_source": "trained on the source, tested on the others",
    "to_source": "trained on the others, tested on the source",
}


def read_sources(path: Path, index: pd.DataFrame) -> np.ndarray:
    """Source of each photograph of the index, found by its SHA-256.

    Args:
        path: CSV file with the columns ``sha256`` and ``source``.
        index: The table of photographs.

    Raises:
        ValueError: Some photograph has no source.
    """
    table = pd.read_csv(path, dtype=str).drop_duplicates("sha256").set_index("sha256")["source"]
    sources = table.reindex(index["sha256"])
    if sources.isna().any():
        raise ValueError(f"{path.name} names no source for {int(sources.isna().sum())} of {len(index)} photographs")
    return sources.to_numpy(str)


def shared_classes(inside: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Labels with at least ``MIN_SHARED`` photographs both inside and outside a source."""
    sizes = {label: (labels == label).sum() for label in np.unique(labels)}
    own = {label: (inside & (labels == label)).sum() for label in sizes}
    return np.array([label for label in sizes if MIN_SHARED <= own[label] <= sizes[label] - MIN_SHARED], dtype=int)


def dominating_source(sources: np.ndarray, labels: np.ndarray) -> str:
    """The source with the largest share of the photographs of the classes that it shares with the others.

    Sources with less than ``MIN_SHARE`` of all photographs or fewer than two shared classes are left out.

    Raises:
        ValueError: No source is left.
    """
    shares = {}
    for name in np.unique(sources):
        inside = sources == name
        classes = shared_classes(inside, labels)
        if inside.mean() >= MIN_SHARE and len(classes) > 1:
            shares[str(name)] = inside[np.isin(labels, classes)].mean()
    if not shares:
        raise ValueError("no source shares two classes with the others")
    return max(shares, key=lambda name: (shares[name], name))


def source_split(
    inside: np.ndarray, labels: np.ndarray, groups: np.ndarray, *, direction: str, seed: int
) -> np.ndarray:
    """Train, val, test or nothing for each photograph: one side is trained on, the other is tested.

    A group on both sides is trained on. Only the choice of the validation photographs depends on the seed.

    Args:
        inside: Whether a photograph is of the source, shape (N,).
        labels: (N,).
        groups: (N,).
        direction: Key of ``DIRECTIONS``.
        seed: Seed.
    """
    pool = np.isin(labels, shared_classes(inside, labels))
    train = pool & (inside if direction == "from_source" else ~inside)
    train = pool & np.isin(groups, groups[train])
    return _with_validation(np.where(train, "train", np.where(pool, "test", "")), labels, groups, seed)


def random_split(like: np.ndarray, labels: np.ndarray, groups: np.ndarray, *, seed: int) -> np.ndarray:
    """A random split of the same photographs with as many of each class in training (with val) and test as ``like``.

    Args:
        like: What ``source_split`` returned.
        labels: (N,).
        groups: (N,).
        seed: Seed.
    """
    split = np.where(like == "", "", "train").astype("<U5")
    for label in np.unique(labels[like != ""]):
        _move(split, labels, groups, label, int(((labels == label) & (like == "test")).sum()), "test", seed)
    return _with_validation(split, labels, groups, seed)


def _with_validation(split: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    for label in np.unique(labels[split == "train"]):
        count = round(VALIDATION * ((labels == label) & (split == "train")).sum())
        _move(split, labels, groups, label, count, "val", seed)
    return split


def _move(
    split: np.ndarray, labels: np.ndarray, groups: np.ndarray, label: int, count: int, part: str, seed: int
) -> None:
    """Move whole groups of a class from train to another part, in a seeded order, ``count`` photographs at most."""
    chosen = (labels == label) & (split == "train")
    several = set(groups[(labels != label) & (split != "")])
    for group in sorted(set(groups[chosen]) - several, key=lambda name: derive_seed("source", part, seed, name)):
        members = chosen & (groups == group)
        if members.sum() <= count:
            split[members] = part
            count -= int(members.sum())
