"""Train, validation and test (paper 3.3: 6:2:2) under two protocols.

``grouped`` is free of leaks: all photographs of one specimen stay together, and training images are augmented on the
fly. ``paper`` follows the order of the paper's text (3.2, then 3.3): every photograph is multiplied first, the images
are pooled, and the pool is split at random, so augmented siblings fall on both sides.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from mineral_lib.catalogue import find_mineral
from mineral_lib.config import Augment, Protocol, Settings
from mineral_lib.errors import DataError
from mineral_lib.runtime import derive_seed

SPLITS = ("train", "val", "test")
SPLIT_COLUMNS = ["sample_id", "image_id", "copy", "label", "class_name", "specimen", "split"]
FEW_TEST_PHOTOGRAPHS = 5  # with fewer, one photograph moves the recall of a class by more than 20 points
DEFAULT_FACTOR = 4  # most frequent factor of Table 2, for classes that are not in the table
_TEXT = ["sample_id", "image_id", "class_name", "specimen", "split"]


def make_split(index: pd.DataFrame, protocol: Protocol, settings: Settings) -> pd.DataFrame:
    """Assign every sample to train, val or test.

    The result depends on ids, labels and the seed only, never on the order of rows. Classes of role ``train_only``,
    and under ``grouped`` classes with fewer than three specimens, are in train only (see ``train_only_classes``).

    Args:
        index: The table of photographs.
        protocol: ``grouped`` (one sample a photograph) or ``paper`` (one sample a copy).
        settings: The profile; uses split.ratios, split.seed, augment.offline_factor and augment.include_original.

    Returns:
        One row a sample, columns ``SPLIT_COLUMNS``, ordered by label, image_id and copy.

    Raises:
        DataError: No class can be tested.
    """
    samples = index.sort_values(["label", "image_id"], ignore_index=True)
    if protocol == "paper":
        samples = _copies(samples, settings.augment)
    else:
        samples = samples.assign(copy=0, sample_id=samples["image_id"])
    parts = [_split_class(photos, protocol, settings) for _, photos in samples.groupby("label", sort=True)]
    samples["split"] = pd.concat(parts)
    if not (samples["split"] == "test").any():
        raise DataError("no class has enough specimens to be tested", where=f"split {protocol}",
                        remedy="add photographs of at least three specimens a class, or correct data.specimen_pattern")
    return samples[SPLIT_COLUMNS]


def train_only_classes(samples: pd.DataFrame) -> list[str]:
    """Names of the classes that are in train only, in label order."""
    tested = set(samples.loc[samples["split"] != "train", "class_name"])
    names = samples.drop_duplicates("label").sort_values("label")["class_name"]
    return [name for name in names if name not in tested]


def copy_factor(class_name: str, augment: Augment) -> int:
    """Images a photograph of this class becomes under the paper protocol (Table 2: 4, 5 or 8)."""
    if augment.offline_factor != "table_2":
        return augment.offline_factor
    mineral = find_mineral(class_name)
    return mineral.factor if mineral else DEFAULT_FACTOR


def read_split(path: Path) -> pd.DataFrame:
    """Read ``splits/<protocol>.csv``; ids stay text, also when they look like numbers or like ``NA``."""
    return pd.read_csv(path, dtype=dict.fromkeys(_TEXT, str), keep_default_na=False)


def _copies(photos: pd.DataFrame, augment: Augment) -> pd.DataFrame:
    factors = photos["class_name"].map({name: copy_factor(name, augment) for name in photos["class_name"].unique()})
    samples = photos.loc[photos.index.repeat(factors)]
    first = 0 if augment.include_original else 1
    samples["copy"] = samples.groupby("image_id").cumcount() + first
    # No photograph can be called "a.jpg/copy1", because "a.jpg" is a file and not a folder.
    suffix = "/copy" + samples["copy"].astype(str)
    samples["sample_id"] = samples["image_id"].where(samples["copy"] == 0, samples["image_id"] + suffix)
    return samples.reset_index(drop=True)


def _split_class(samples: pd.DataFrame, protocol: Protocol, settings: Settings) -> pd.Series:
    """The split of each sample of one class."""
    key = "specimen" if protocol == "grouped" else "sample_id"
    sizes = samples[key].value_counts()
    order = sorted(sizes.index, key=lambda name: (derive_seed("split", protocol, settings.split.seed, name), name))
    if samples["role"].iloc[0] == "train_only" or len(order) < len(SPLITS):
        return pd.Series("train", index=samples.index)
    first, second = _cuts(sizes[order].to_numpy(), settings.split.ratios)
    place = {name: SPLITS[(i >= first) + (i >= second)] for i, name in enumerate(order)}
    return samples[key].map(place)


def _cuts(sizes: np.ndarray, ratios: tuple[float, float, float]) -> tuple[int, int]:
    """Where to cut a row of groups in three parts, none empty, each cut where images come closest to the ratios.

    Args:
        sizes: Images a group, in the order in which groups are allotted.
        ratios: Shares of train, val and test.

    Returns:
        Number of groups in train, and in train and val together.
    """
    upto = np.cumsum(sizes)
    boundary = np.cumsum(ratios) * upto[-1]
    last = len(sizes) - 2  # leaves at least one group for val and one for test
    first = int(np.argmin(np.abs(upto[: last] - boundary[0]))) + 1
    second = int(np.argmin(np.abs(upto[first : last + 1] - boundary[1]))) + first + 1
    return first, second
