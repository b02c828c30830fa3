"""Sets with a promise: split-conformal prediction by specimen (Vovk et al. 2005; Sadinle et al. 2019).

The set of a specimen holds every class whose probability reaches a threshold. The threshold is chosen on specimens with
known names so that, of new specimens from the same source, the promised share has its true class in the set.
"""

import numpy as np
import pandas as pd

from mineral_lib.runtime import derive_seed

RESPLITS = 200


def specimen_log_probabilities(probability: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One answer a specimen: the mean log-probability of its photographs, as probabilities.

    Args:
        probability: (N, C).
        groups: Specimen of each photograph, shape (N,).

    Returns:
        Probabilities (S, C), and for each specimen its first photograph's row (S,).
    """
    names, first, member = np.unique(groups, return_index=True, return_inverse=True)
    total = np.zeros((len(names), probability.shape[1]))
    np.add.at(total, member, np.log(np.clip(probability, 1e-12, None)))
    mean = total / np.bincount(member)[:, None]
    joint = np.exp(mean - mean.max(1, keepdims=True))
    return joint / joint.sum(1, keepdims=True), first


def threshold(true_probability: np.ndarray, coverage: float) -> float:
    """The probability a class must reach to be in the set.

    Args:
        true_probability: Probability of the true class of each calibration specimen, shape (S,).
        coverage: Promised share, for example 0.9.

    Returns:
        0 (every class) if there are too few specimens to promise anything.
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

    Args:
        probability: (N, C), of photographs the classifier was not fitted on.
        labels: (N,).
        groups: Specimens (N,).
        promised: Promised share.
        seed: Of the re-splits.

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
    low, high = frame["coverage"].quantile([0.025, 0.975])
    found = {"promised": promised, "coverage": frame["coverage"].mean(), "low": low, "high": high}
    found["size"] = frame["size"].mean()
    return {name: float(value) for name, value in found.items()} | {"specimens": len(joint), "resplits": RESPLITS}
