"""Sets with a promise: split-conformal prediction by specimen (Vovk et al. 2005; Sadinle et al. 2019).

The set of a specimen holds every class whose probability reaches a threshold. The threshold is chosen on specimens with
known names so that, of new specimens from the same source, the promised share has its true class in the set.
"""

import numpy as np
import pandas as pd
from scipy.special import softmax

from mineral_lib.runtime import derive_seed

RESPLITS = 200


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

    Args as in ``calibration.measure_calibration``, and the promised share.

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
