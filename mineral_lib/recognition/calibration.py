"""Probabilities one can trust: a temperature (Guo et al. 2017), and how far stated confidence is from accuracy."""

from typing import Any

import numpy as np
from scipy.special import log_softmax, softmax

from mineral_lib.runtime import derive_seed

BINS = 10
RESAMPLES = 500


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
