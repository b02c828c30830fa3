"""Classification metrics of the paper (Eq. 3-5), with every averaging it leaves open."""

import numpy as np
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

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
    every = np.arange(num_classes)
    found = {"accuracy": float(accuracy_score(labels, predicted))}
    for average in ("macro", "weighted", "micro"):
        precision, recall, f1, _ = precision_recall_fscore_support(
            labels, predicted, labels=every, average=average, zero_division=0
        )
        found |= {f"precision_{average}": float(precision), f"recall_{average}": float(recall)}
        if average == "macro":
            found["f1_macro"] = float(f1)
    return {name: found[name] for name in METRIC_NAMES}


def commonest_label(labels: np.ndarray) -> int:
    """The commonest class, the lowest label of equals. *Chance* in this study is always naming that of the training
    part.
    """
    return int(np.bincount(np.asarray(labels, dtype=int)).argmax())


def confusion(labels: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Counts, shape (num_classes, num_classes): rows are true classes, columns predicted ones."""
    return confusion_matrix(labels, predicted, labels=np.arange(num_classes))


def binary_terms(counts: np.ndarray, index: int) -> dict[str, int]:
    """TP, FP, FN, TN of one class against the rest, in the standard sense (the paper swaps FP and FN, audit
    E1).
    """
    true_positive = int(counts[index, index])
    false_negative = int(counts[index].sum()) - true_positive
    false_positive = int(counts[:, index].sum()) - true_positive
    return {
        "TP": true_positive,
        "FP": false_positive,
        "FN": false_negative,
        "TN": int(counts.sum()) - true_positive - false_positive - false_negative,
    }
