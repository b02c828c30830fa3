"""What a classifier does class by class, with how many photographs stand behind each number."""

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_fscore_support

from mineral_lib.evaluation.statistics import wilson


def per_class(
    labels: np.ndarray, predicted: np.ndarray, num_classes: int, *, specimens: np.ndarray | None = None
) -> pd.DataFrame:
    """Support, precision, recall with Wilson's 95 % interval, and F1 of every class, as fractions.

    Args:
        labels: True classes, shape (n,), integers 0 to ``num_classes - 1``.
        predicted: Predicted classes, same shape.
        num_classes: Number of classes.
        specimens: Specimen of each photograph, shape (n,); every photograph its own if not given.

    Returns:
        One row a class in label order: ``support`` (photographs), ``specimens``, ``correct``, ``precision`` (0 for a
        class that is never predicted), ``recall``, ``recall_low``, ``recall_high``, ``f1``. Without photographs of a
        class its recall, the interval and F1 are NaN.
    """
    labels, predicted = np.asarray(labels), np.asarray(predicted)
    specimens = np.arange(len(labels)) if specimens is None else np.asarray(specimens)
    every = np.arange(num_classes)
    precision, recall, f1, support = precision_recall_fscore_support(labels, predicted, labels=every, zero_division=0)
    correct = np.bincount(labels[labels == predicted], minlength=num_classes)
    ends = np.array([wilson(int(right), int(count)) for right, count in zip(correct, support, strict=True)])
    frame = pd.DataFrame(
        {
            "support": support,
            "specimens": [len(set(specimens[labels == label].tolist())) for label in every],
            "correct": correct,
            "precision": precision,
            "recall": recall,
            "recall_low": ends[:, 0],
            "recall_high": ends[:, 1],
            "f1": f1,
        }
    )
    frame.loc[frame["support"] == 0, ["recall", "f1"]] = np.nan
    return frame
