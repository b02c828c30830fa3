"""The ladder: what each rung of recognition is worth on these photographs, from the commonest name to real weights."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mineral_lib.evaluation.statistics import accuracy_interval
from mineral_lib.recognition.backbone import load_backbone
from mineral_lib.recognition.calibration import probabilities
from mineral_lib.recognition.linear import Choice, choose, fit_linear, score
from mineral_lib.recognition.recogniser import Photographs, kind_of

MAJORITY = "majority"
TOP = 3


@dataclass(frozen=True)
class Rung:
    """One way to recognise.

    Attributes:
        name: For people.
        kinds: Names of its features, see ``recogniser.kind_of``; none for the commonest class.
        choice: What cross-validation chose; None for the commonest class.
        known: Logits of the training, then validation photographs (N, C), by classifiers that have seen none of their
            specimen; NaN where there is none.
        test: Probabilities of the test photographs (T, C), fitted on training and validation photographs.
        seconds: What choosing and fitting took, without the features.
    """

    name: str
    kinds: tuple[str, ...]
    choice: Choice | None
    known: np.ndarray
    test: np.ndarray
    seconds: float


def rungs_of(backbones: Sequence[str], sizes_px: Sequence[int]) -> dict[str, tuple[str, ...]]:
    """Names and features of the rungs: colour, a random network, each backbone at one size, at all, and with colour."""
    found: dict[str, tuple[str, ...]] = {
        "colour histogram": ("colour",),
        f"random network, {sizes_px[0]} px": (f"random@{sizes_px[0]}",),
    }
    for backbone in backbones:
        sizes = load_backbone(backbone).sizes(sizes_px)
        alone = tuple(f"{backbone}@{size}" for size in sizes)
        both = " and ".join(map(str, sizes))
        found[f"{backbone}, {sizes[0]} px"] = alone[:1]
        if len(alone) > 1:
            found[f"{backbone}, {both} px"] = alone
        found[f"{backbone}, {both} px, and colour"] = (*alone, "colour")
    return found


def climb(
    photographs: Photographs, num_classes: int, parts: dict[str, np.ndarray], rungs: dict[str, tuple[str, ...]]
) -> list[Rung]:
    """Fit every rung.

    Args:
        photographs: With labels.
        num_classes: C.
        parts: Rows of ``train``, ``val`` and ``test``.
        rungs: Names and features, see ``rungs_of``.
    """
    labels, both = photographs.labels, np.concatenate([parts["train"], parts["val"]])
    found = [_majority(labels[both], len(parts["test"]), num_classes)]
    needed = list(dict.fromkeys(kind for kinds in rungs.values() for kind in kinds))
    known = dict(zip(needed, photographs.features([kind_of(kind) for kind in needed]), strict=True))
    for name, kinds in rungs.items():
        begin = time.perf_counter()
        features = np.hstack([known[kind] for kind in kinds])
        choice, logits = choose(features[both], labels[both], photographs.groups[both], num_classes)
        linear = fit_linear(features[both], labels[both], num_classes, choice)
        answers = probabilities(linear.logits(features[parts["test"]]), 1.0)
        found.append(Rung(name, kinds, choice, logits, answers, time.perf_counter() - begin))
    return found


def _majority(labels: np.ndarray, asked: int, num_classes: int) -> Rung:
    """Always the commonest class, then the next: probabilities are the shares of the classes."""
    shares = np.bincount(labels, minlength=num_classes) / len(labels)
    logits = np.log(np.maximum(shares, np.finfo(float).tiny))
    return Rung(MAJORITY, (), None, np.tile(logits, (len(labels), 1)), np.tile(shares, (asked, 1)), 0.0)


def scores(
    probability: np.ndarray, labels: np.ndarray, groups: np.ndarray | None = None, **options: int
) -> dict[str, float]:
    """Accuracy, macro recall and share among the first three, fractions; NaN without photographs.

    Among the first three of two or three classes is everything, which says nothing: NaN too.

    Args:
        probability: Of photographs, shape (N, C).
        labels: Their classes (N,).
        groups: Their specimens (N,), for the 95 % interval ``low`` to ``high`` of the accuracy.
        **options: Of the interval, see ``statistics.accuracy_interval``.
    """
    interval = () if groups is None else ("low", "high")
    if not len(labels):
        return dict.fromkeys(("accuracy", "macro_recall", "top3", *interval), float("nan"))
    right = pd.Series(probability.argmax(1) == labels)
    first = np.argsort(-probability, axis=1, kind="stable")[:, :TOP]
    found = {
        "accuracy": float(right.mean()),
        "macro_recall": float(right.groupby(labels).mean().mean()),
        "top3": float((first == labels[:, None]).any(1).mean()) if probability.shape[1] > TOP else float("nan"),
    }
    return found | (dict(zip(interval, accuracy_interval(right, groups, **options), strict=True)) if interval else {})


def best_rung(rungs: Sequence[Rung], labels: np.ndarray) -> Rung:
    """The rung whose cross-validated answers score best (``linear.score``), the first of equals; needs features.

    Args:
        rungs: As ``climb`` gives them.
        labels: Of the training, then validation photographs.
    """
    return max((rung for rung in rungs if rung.kinds), key=lambda rung: score(rung.known, labels))
