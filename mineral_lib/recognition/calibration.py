"""Probabilities one can trust, and sets with a promise.

A temperature (Guo et al. 2017) brings stated confidence near accuracy; how near is measured. Sets are those of
split-conformal prediction by specimen (Vovk et al. 2005; Sadinle et al. 2019): the set of a specimen holds every class
whose probability reaches a threshold, chosen on specimens with known names so that, of new specimens from the same
source, the promised share has its true class in the set.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import log_softmax, softmax

from mineral_lib.runtime import derive_seed

BINS = 10
RESAMPLES = 500
RESPLITS = 200


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature that makes the labels (N,) most likely under logits (N, C); 1 if there is nothing to fit.

    The logits are those of photographs that the classifier was not fitted on.
    """
    from scipy.optimize import minimize_scalar

    known = np.isfinite(logits[np.arange(len(labels)), labels])
    if known.sum() < 2:
        return 1.0
    logits, labels = logits[known], labels[known]
    rows = np.arange(len(labels))

    def surprise(log_temperature: float) -> float:
        return float(-log_softmax(logits / np.exp(log_temperature), axis=1)[rows, labels].mean())

    found = minimize_scalar(surprise, bounds=(-3.0, 3.0), method="bounded")
    return float(np.exp(found.x))


def probabilities(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities (N, C) of logits (N, C)."""
    return softmax(logits / temperature, axis=1)


def measure_calibration(
    probability: np.ndarray, labels: np.ndarray, groups: np.ndarray, *, seed: int = 0
) -> dict[str, Any]:
    """Calibration of probabilities (N, C) against labels (N,); ``groups`` (N,) are specimens.

    Returns:
        Plain numbers: ``error`` (expected calibration error: mean distance of confidence from accuracy over bins of
        equally many photographs) with ``low`` and ``high`` of its 95 % interval, specimens resampled; and ``bins``
        with confidence, accuracy (fractions) and photographs of each.
    """
    confidence, correct = probability.max(1), (probability.argmax(1) == labels).astype(float)

    def bins_of(drawn: np.ndarray) -> list[dict[str, float]]:
        order = drawn[np.argsort(confidence[drawn], kind="stable")]
        parts = [part for part in np.array_split(order, BINS) if len(part)]
        values = ((confidence[part].mean(), correct[part].mean(), len(part)) for part in parts)
        return [dict(zip(("confidence", "accuracy", "photographs"), map(float, row), strict=True)) for row in values]

    def error(bins: list[dict[str, float]]) -> float:
        gaps = (abs(one["confidence"] - one["accuracy"]) * one["photographs"] for one in bins)
        return sum(gaps) / sum(one["photographs"] for one in bins)

    generator = np.random.default_rng(derive_seed("calibration", seed))
    specimens, member = np.unique(groups, return_inverse=True)
    rows = [np.flatnonzero(member == place) for place in range(len(specimens))]
    errors = []
    for _ in range(RESAMPLES):
        drawn = np.concatenate([rows[place] for place in generator.integers(0, len(rows), len(rows))])
        errors.append(error(bins_of(drawn)))
    low, high = np.quantile(errors, [0.025, 0.975])
    bins = bins_of(np.arange(len(labels)))
    return {"error": error(bins), "low": float(low), "high": float(high), "bins": bins}


def specimen_log_probabilities(probability: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One answer a specimen: the mean log-probability of its photographs, as probabilities.

    From probabilities (N, C) and the specimen of each photograph (N,) to probabilities (S, C), and the row of each
    specimen's first photograph (S,).
    """
    names, first, member = np.unique(groups, return_index=True, return_inverse=True)
    total = np.zeros((len(names), probability.shape[1]))
    np.add.at(total, member, np.log(np.clip(probability, 1e-12, None)))
    return softmax(total / np.bincount(member)[:, None], axis=1), first


def threshold(true_probability: np.ndarray, coverage: float) -> float:
    """The probability a class must reach to be in the set, by that of the true class of calibration specimens (S,).

    ``coverage`` is the promised share, for example 0.9; 0 (every class) if there are too few specimens to promise it.
    """
    rank = int(np.ceil((len(true_probability) + 1) * coverage))
    if rank > len(true_probability):
        return 0.0
    return float(np.sort(true_probability)[::-1][rank - 1])


def sets(probability: np.ndarray, least: float) -> np.ndarray:
    """Which classes are in the set of each row, shape (N, C), bool; the likeliest class always is."""
    inside = probability >= least
    inside[np.arange(len(probability)), probability.argmax(1)] = True
    return inside


def check_coverage(
    probability: np.ndarray, labels: np.ndarray, groups: np.ndarray, promised: float, *, seed: int = 0
) -> dict[str, float]:
    """Calibrate on a random half of the specimens, look at the other half, two hundred times.

    Args as in ``measure_calibration``, and the promised share.

    Returns:
        ``promised``, ``coverage`` (mean share of specimens whose set holds the true class) with ``low`` and ``high``
        (2.5 and 97.5 % quantiles over the re-splits), ``size`` (mean number of classes in a set), ``specimens``,
        ``resplits``.
    """
    joint, first = specimen_log_probabilities(probability, groups)
    true = labels[first]
    generator = np.random.default_rng(derive_seed("coverage", seed))
    rows = []
    for _ in range(RESPLITS):
        half = generator.permutation(len(joint))
        known, new = half[: len(half) // 2], half[len(half) // 2 :]
        inside = sets(joint[new], threshold(joint[known, true[known]], promised))
        rows.append({"coverage": inside[np.arange(len(new)), true[new]].mean(), "size": inside.sum(1).mean()})
    frame = pd.DataFrame(rows)
    low, high = frame["coverage"].quantile([0.025, 0.975]).tolist()
    found = {"promised": float(promised), **frame.mean().to_dict(), "low": low, "high": high}
    return found | {"specimens": len(joint), "resplits": RESPLITS}
