"""Folds for cross-validation, of as many photographs as there are: specimens stay together, classes are spread."""

import warnings

import numpy as np

MOST = 5

Fold = tuple[np.ndarray, np.ndarray]


def grouped_folds(labels: np.ndarray, groups: np.ndarray) -> list[Fold]:
    """Rows to fit on and rows held out, up to five times; fewer where classes or specimens are few.

    ``groups`` (N,) are specimens, never on both sides. Only folds that hold something out and leave two classes to
    learn are given; none if there are none.
    """
    from sklearn.model_selection import StratifiedGroupKFold  # takes a second, and is needed only where one fits

    count = min(MOST, len(np.unique(groups)), int(np.bincount(labels).max(initial=0)))
    if count < 2:
        return []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class|The number of unique classes")
        dealt = list(StratifiedGroupKFold(count, shuffle=True, random_state=0).split(labels, labels, groups))
    return [(rest, held) for rest, held in dealt if len(held) and len(np.unique(labels[rest])) > 1]
