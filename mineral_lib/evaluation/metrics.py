"""Classification metrics of the paper (Eq. 3-5), with every averaging it leaves open, over all classes and for each."""

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from mineral_lib.evaluation.statistics import wilson

METRIC_NAMES = (
    "accuracy",
    "precision_macro",
    "recall_macro",
    "f1_macro",
    "precision_weighted",
    "recall_weighted",
    "precision_micro",
    "recall_micro",
)


def classification_metrics(labels: np.ndarray, predicted: np.ndarray, num_classes: int) -> dict[str, float]:
    """Accuracy, precision and recall of a classifier, as fractions.

    The paper states Eq. 3 for two classes and no averaging. Accuracy is correct / all (a one-vs-rest
    accuracy would be near 1 for 26 classes). Micro and weighted recall equal accuracy by definition; the
    paper's recall differs from its accuracy in every row, so its recall must be the macro one (audit E2, E3).

    Args:
        labels: True classes, shape (n,), integers 0 to ``num_classes - 1``.
        predicted: Predicted classes, same shape.
        num_classes: Number of classes; one that is never true and never predicted counts as 0 in macro
            averages.

    Returns:
        One value for each of ``METRIC_NAMES``.
    """
    found = {"accuracy": float(np.mean(np.asarray(labels) == predicted))}
    for average in ("macro", "weighted", "micro"):
        scores = precision_recall_fscore_support(
            labels, predicted, labels=np.arange(num_classes), average=average, zero_division=0
        )
        names = (f"precision_{average}", f"recall_{average}", f"f1_{average}")
        found |= {name: float(score) for name, score in zip(names, scores[:3], strict=True)}
    return {name: found[name] for name in METRIC_NAMES}


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
    labels, predicted, every = np.asarray(labels), np.asarray(predicted), np.arange(num_classes)
    specimens = pd.Series(np.arange(len(labels)) if specimens is None else specimens)
    precision, recall, f1, support = precision_recall_fscore_support(labels, predicted, labels=every, zero_division=0)
    correct = confusion(labels, predicted, num_classes).diagonal()
    low, high = wilson(correct, support)
    columns = {
        "support": support,
        "specimens": specimens.groupby(labels).nunique().reindex(every, fill_value=0).to_numpy(),
        "correct": correct,
        "precision": precision,
        "recall": np.where(support, recall, np.nan),
        "recall_low": low,
        "recall_high": high,
        "f1": np.where(support, f1, np.nan),
    }
    return pd.DataFrame(columns)


def commonest_label(labels: np.ndarray) -> int:
    """The commonest class, the lowest label of equals: *chance* is always naming that of the training part."""
    return int(np.bincount(np.asarray(labels, dtype=int)).argmax())


def confusion(labels: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Counts, shape (num_classes, num_classes): rows are true classes, columns predicted ones."""
    return confusion_matrix(labels, predicted, labels=np.arange(num_classes))


def binary_terms(counts: np.ndarray, index: int) -> dict[str, int]:
    """TP, FP, FN, TN of one class against the rest, in the standard sense (the paper swaps FP and FN, audit E1)."""
    right, row, column = counts[index, index], counts[index].sum(), counts[:, index].sum()
    terms = {"TP": right, "FP": column - right, "FN": row - right, "TN": counts.sum() - row - column + right}
    return {name: int(count) for name, count in terms.items()}
