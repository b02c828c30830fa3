"""Train, validation and test (paper 3.3: 6:2:2) under four protocols.

* ``grouped`` is free of leaks: photographs of one group (specimen, near duplicates) stay together, and training images
  are augmented on the fly. A folder that is split already keeps its own split under this name, with the leaks that it
  has: they are counted and said.
* ``photo`` deals out photographs and ignores that several may show one specimen, as most studies do.
* ``paper`` follows the order of the paper's text (3.2, then 3.3): every photograph is multiplied first, the images
  are pooled, and the pool is split at random, so augmented siblings fall on both sides.
* ``authors`` follows the authors' code: the folder of multiplied images is split 80:20 by image, class by class, so
  that nearly every held-out image has a copy in train. The 20 % choose the best epoch *and* are reported: a folder for
  tests exists and some scripts look at a batch of it, but no accuracy is computed on it. Here they stand in the table
  twice, once as val and once as test, so that everything downstream works as usual; such a test result has been looked
  at in every epoch, and the leak audit counts it (``in_val``).

Two assignments: ``balanced`` deals the groups of a class in a seeded order and cuts where images comes closest to the
ratios; ``hash`` draws the place of a group from (seed, group) alone, so that a new photograph moves no other, at the
price of parts that meet the ratios on average only.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from mineral_lib.catalogue import find_mineral
from mineral_lib.config import Augment, Protocol, Split
from mineral_lib.digests import DATA_RECORD, study_file, vouches
from mineral_lib.photos import PART, refusal
from mineral_lib.runtime import derive_seed
from mineral_lib.storage import read_csv

SPLITS = ("train", "val", "test")
SPLIT_COLUMNS = ["sample_id", "image_id", "copy", "label", "class_name", "specimen", "group", "split"]
UNITS = {"grouped": "group", "photo": "image_id", "paper": "sample_id", "authors": "sample_id"}
MULTIPLIED = ("paper", "authors")  # protocols that deal out the copies of photographs, not photographs
AUTHORS_SHARES = {"train": 0.8, "test": 0.2}  # authors' code: read_split_data(val_rate=0.2)
FEW_TEST_PHOTOGRAPHS = 5  # with fewer, one photograph moves the recall of a class by more than 20 points
DEFAULT_FACTOR = 4  # most frequent factor of Table 2, for classes that are not in the table
_TEXT = ["sample_id", "image_id", "class_name", "specimen", "group", "split"]


def split_name(protocol: str, seed: int, split: Split, seeds: list[int]) -> str:
    """Name of the split that the runs of a seed use: that of the protocol, unless ``split.vary_with_seed``."""
    return f"{protocol}-seed{seed}" if split.vary_with_seed and seed != seeds[0] else protocol


def split_seed(seed: int, split: Split, seeds: list[int]) -> int:
    """Seed of the split that the runs of a seed use; ``seeds`` are those of the profile."""
    return split.seed + (seed - seeds[0] if split.vary_with_seed else 0)


def make_split(
    index: pd.DataFrame, protocol: Protocol, split: Split, augment: Augment, *, seed: int | None = None
) -> pd.DataFrame:
    """Assign every sample to train, val or test.

    The result depends on ids, labels, groups and the seed only, never on the order of rows. Classes of role
    ``train_only``, and under ``balanced`` classes with too few units (groups, photographs, samples) for one in each
    part, are in train only (see ``train_only_classes``). A group that holds photographs of several classes has
    contradicting labels: under ``balanced`` it is never tested, it stands in train.

    Args:
        index: The table of photographs, with groups.
        protocol: ``grouped``, ``photo`` (one sample a photograph), ``paper`` or ``authors`` (one sample a copy).
        split: The section ``split`` of the profile.
        augment: Its section ``augment``; says how many copies a photograph has.
        seed: Seed of the split; ``split.seed`` if not given.

    Returns:
        One row a sample, columns ``SPLIT_COLUMNS``, ordered by label, image_id and copy. Under ``authors`` each held
        out sample has two rows, val and test.

    Raises:
        DataError: A part is empty, so that nothing can be selected or tested, or train holds one class.
    """
    samples = index.sort_values(["label", "image_id"], ignore_index=True)
    if protocol in MULTIPLIED:
        samples = _copies(samples, augment)
    else:
        samples = samples.assign(copy=0, sample_id=samples["image_id"])
    shares = AUTHORS_SHARES if protocol == "authors" else dict(zip(SPLITS, split.ratios, strict=True))
    seed = split.seed if seed is None else seed
    if protocol == "grouped" and PART in samples:
        samples["split"] = _given(samples, split, seed)
    else:
        samples["split"] = _assigned(samples, protocol, split, shares, seed)
    if protocol == "authors":
        held_out = samples["split"] == "test"
        samples = pd.concat([samples, samples[held_out].assign(split="val")])
        samples = samples.sort_values(["label", "image_id", "copy"], kind="stable", ignore_index=True)
    for part in SPLITS:
        if not (samples["split"] == part).any():
            raise refusal("empty_part", f"split {protocol}", part=part)
    if samples.loc[samples["split"] == "train", "label"].nunique() < 2:
        raise refusal("one_class", f"split {protocol}")
    return samples[SPLIT_COLUMNS]


def _given(samples: pd.DataFrame, split: Split, seed: int) -> pd.Series:
    """The split that the folder came with; a validation part that it lacks is drawn by group from its train."""
    given = samples[PART].copy()
    if not (given == "val").any():
        train, val, _ = split.ratios
        shares = {"train": train / (train + val), "val": val / (train + val)}
        given.update(_assigned(samples[given == "train"], "grouped", split, shares, seed))
    return given


def _assigned(samples: pd.DataFrame, protocol: str, split: Split, shares: dict[str, float], seed: int) -> pd.Series:
    """The part of each sample, dealt out by the rules of the protocol."""
    units = samples[UNITS[protocol]]
    if split.assignment == "hash":
        return _by_hash(units, shares, seed).where(samples["role"] != "train_only", "train")
    order = {unit: (derive_seed("split", protocol, seed, unit), unit) for unit in units.unique()}
    several = units.map(samples.groupby(units)["label"].nunique()) > 1
    parts = [
        _balanced(units[rows], samples.loc[rows, "role"].iloc[0], several=several[rows], order=order, shares=shares)
        for rows in samples.groupby("label", sort=True).groups.values()
    ]
    return pd.concat(parts)


def _by_hash(units: pd.Series, shares: dict[str, float], seed: int) -> pd.Series:
    """The part of each unit, drawn from its name and the seed alone (also not from the protocol)."""
    bounds = np.cumsum(list(shares.values()))[:-1]
    names = list(shares)
    place = {
        unit: names[int(np.searchsorted(bounds, derive_seed("split", seed, unit) / 2**63, side="right"))]
        for unit in units.unique()
    }
    return units.map(place)


def _balanced(
    units: pd.Series, role: str, *, several: pd.Series, order: dict[str, tuple], shares: dict[str, float]
) -> pd.Series:
    """The part of each sample of one class; ``several`` marks units that hold other classes as well."""
    sizes, shared = units.value_counts(), set(units[several])
    names = sorted(sizes.index, key=lambda name: (name not in shared, order[name]))
    if role == "train_only" or len(names) < len(shares) or len(names) - len(shared) < len(shares) - 1:
        return pd.Series("train", index=units.index)
    cuts = _cuts(sizes[names].to_numpy(), tuple(shares.values()), least=len(shared))
    parts = np.repeat(list(shares), np.diff([0, *cuts, len(names)]))
    return units.map(dict(zip(names, parts, strict=True)))


def _cuts(sizes: np.ndarray, shares: tuple[float, ...], least: int = 0) -> list[int]:
    """Units up to the end of each part but the last; cuts are where images (``sizes``) come closest to the shares."""
    upto = np.cumsum(sizes)
    cuts, done = [], max(least, 1) - 1
    for number, boundary in enumerate(np.cumsum(shares)[:-1] * upto[-1]):
        last = len(sizes) - (len(shares) - 1 - number)  # leaves at least one unit for each later part
        done += 1 + int(np.argmin(np.abs(upto[done:last] - boundary)))
        cuts.append(done)
    return cuts


def train_only_classes(samples: pd.DataFrame) -> list[str]:
    """Names of the classes that are in train only, in label order."""
    tested = set(samples.loc[samples["split"] != "train", "class_name"])
    names = samples.drop_duplicates("label").sort_values("label")["class_name"]
    return [name for name in names if name not in tested]


def copy_factor(class_name: str, augment: Augment) -> int:
    """Images a photograph of this class becomes under ``paper`` and ``authors`` (Table 2: 4, 5 or 8)."""
    if augment.offline_factor != "table_2":
        return augment.offline_factor
    mineral = find_mineral(class_name)
    return mineral.factor if mineral else DEFAULT_FACTOR


def read_split(splits_dir: Path, protocol: str, seed: int | None = None) -> pd.DataFrame | None:
    """The saved split of a protocol (that of a seed, where seeds have their own), ids as text; None if it was not made.

    Raises:
        StorageError: The file is damaged.
    """
    paths = [splits_dir / f"{name}.csv" for name in (f"{protocol}-seed{seed}", protocol)]
    path = next((path for path in paths if path.is_file()), paths[-1])
    if not path.is_file() and not vouches(splits_dir.parent / DATA_RECORD, path):
        return None
    text = dict.fromkeys(_TEXT, str)
    return read_csv(study_file(path, splits_dir.parent), columns=_TEXT, numbers=["copy", "label"], dtype=text)


def _copies(photos: pd.DataFrame, augment: Augment) -> pd.DataFrame:
    factors = photos["class_name"].map({name: copy_factor(name, augment) for name in photos["class_name"].unique()})
    samples = photos.loc[photos.index.repeat(factors)]
    first = 0 if augment.include_original else 1
    samples["copy"] = samples.groupby("image_id").cumcount() + first
    # No photograph can be called "a.jpg/copy1", because "a.jpg" is a file and not a folder.
    suffix = "/copy" + samples["copy"].astype(str)
    samples["sample_id"] = samples["image_id"].where(samples["copy"] == 0, samples["image_id"] + suffix)
    return samples.reset_index(drop=True)


def shuffled_labels(samples: pd.DataFrame, *, seed: int) -> np.ndarray:
    """Labels (N,) for the random-label control: whole groups have exchanged their classes.

    Nobody can predict them for a new specimen. What a classifier scores on them above chance it can only have from
    relatives of the test images in the training part, also from other views of a specimen (Zhang et al. 2017 showed
    that networks fit such labels).
    """
    groups = samples.drop_duplicates("group").sort_values("group")
    order = np.random.default_rng(derive_seed(seed, "shuffled labels")).permutation(len(groups))
    drawn = dict(zip(groups["group"], groups["label"].to_numpy()[order], strict=True))
    return samples["group"].map(drawn).to_numpy(np.int64)
