"""Probabilities one can trust: a temperature (Guo et al. 2017), and how far stated confidence is from accuracy."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import log_softmax, softmax

from mineral_lib.runtime import derive_seed

BINS = 10
RESAMPLES = 500


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature that makes the labels (N,) most likely under logits (N, C); 1 if there is nothing to fit.

    Args:
        logits: Of photographs the classifier was not fitted on.
        labels: Their classes.
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


def calibration_error(confidence: np.ndarray, correct: np.ndarray) -> float:
    """Expected calibration error: mean distance of confidence from accuracy over bins of equally many photographs.

    Args:
        confidence: Probability of the answer, shape (N,).
        correct: Whether the answer is right, shape (N,).
    """
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    gaps = [abs(confidence[part].mean() - correct[part].mean()) * len(part) for part in parts]
    return float(sum(gaps) / len(confidence))


@dataclass(frozen=True)
class Calibration:
    """How well confidence fits accuracy.

    Attributes:
        error: Expected calibration error, fraction.
        low: Lower end of its 95 % interval, specimens resampled.
        high: Upper end.
        bins: One row a bin: confidence, accuracy (fractions), photographs.
    """

    error: float
    low: float
    high: float
    bins: pd.DataFrame


def measure_calibration(
    probability: np.ndarray, labels: np.ndarray, groups: np.ndarray, *, seed: int = 0
) -> Calibration:
    """Calibration of probabilities (N, C) against labels (N,); ``groups`` (N,) are specimens."""
    confidence, correct = probability.max(1), (probability.argmax(1) == labels).astype(float)
    generator = np.random.default_rng(derive_seed("calibration", seed))
    specimens, member = np.unique(groups, return_inverse=True)
    rows = [np.flatnonzero(member == place) for place in range(len(specimens))]
    errors = []
    for _ in range(RESAMPLES):
        drawn = np.concatenate([rows[place] for place in generator.integers(0, len(rows), len(rows))])
        errors.append(calibration_error(confidence[drawn], correct[drawn]))
    low, high = np.quantile(errors, [0.025, 0.975])
    order = np.argsort(confidence, kind="stable")
    bins = [
        {"confidence": confidence[part].mean(), "accuracy": correct[part].mean(), "photographs": len(part)}
        for part in np.array_split(order, BINS)
        if len(part)
    ]
    return Calibration(calibration_error(confidence, correct), float(low), float(high), pd.DataFrame(bins))
