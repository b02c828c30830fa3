"""A linear classifier on frozen features: logistic regression, its strength chosen by cross-validation.

scikit-learn is imported where something is fitted: a recogniser that only answers starts a second earlier without it.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from threadpoolctl import threadpool_limits

from mineral_lib.data.folds import grouped_folds
from mineral_lib.recognition.calibration import probabilities

STRENGTHS = (1, 3, 10, 30, 100)  # of one feature: what suits does not depend on how many there are
# Small matrices: several threads wait for each other longer than they work, and the last digits depend on their number.
_one_thread = threadpool_limits.wrap(limits=1)


@dataclass(frozen=True)
class Linear:
    """A fitted classifier, as plain arrays."""

    mean: np.ndarray  # subtracted from the features, shape (D,)
    scale: np.ndarray  # divides them after that, shape (D,)
    weight: np.ndarray  # shape (C, D); a class without training photographs has zeros
    bias: np.ndarray  # shape (C,); minus infinity for such a class

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Logits (N, C) of features (N, D)."""
        return ((features - self.mean) / self.scale) @ self.weight.T + self.bias

    def probabilities(self, features: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        """Probabilities (N, C) of features (N, D)."""
        return probabilities(self.logits(features), temperature)


@dataclass(frozen=True)
class Choice:
    """How strongly a classifier is held back."""

    strength: float  # inverse regularisation: scikit-learn's ``C`` times the number of features
    class_weight: str | None  # None, or ``balanced``: classes count alike


CHOICES = tuple(Choice(strength, weight) for weight in (None, "balanced") for strength in STRENGTHS)


def score(logits: np.ndarray, labels: np.ndarray) -> float:
    """What is compared: the mean of accuracy and macro recall, so that rare minerals count too.

    A fraction, from logits or probabilities (N, C) and labels (N,); photographs without (NaN) do not count, 0 if all.
    """
    known = np.isfinite(logits).any(1)
    right, labels = logits[known].argmax(1) == labels[known], labels[known]
    if not len(right):
        return 0.0
    return float(right.mean() + np.mean([right[labels == label].mean() for label in np.unique(labels)])) / 2


@dataclass(frozen=True)
class _Standardised:
    """Standardised features in as few directions as they have.

    With fewer photographs than features the solution lies in what the photographs span, and its penalty is the same
    there: the fit is equal, in a tenth of the time.
    """

    mean: np.ndarray
    scale: np.ndarray
    basis: np.ndarray | None
    features: np.ndarray

    @classmethod
    @_one_thread
    def of(cls, features: np.ndarray) -> "_Standardised":
        mean, scale = features.mean(0), features.std(0) + 1e-6
        plain = (features - mean) / scale
        if len(plain) >= plain.shape[1]:
            return cls(mean, scale, None, plain.astype(np.float64))
        basis = np.linalg.qr(plain.T)[0]
        # In double precision: rounding of the loss would end Newton's method early, with a warning.
        return cls(mean, scale, basis, (plain @ basis).astype(np.float64))

    @_one_thread
    def fit(self, labels: np.ndarray, num_classes: int, choices: Sequence[Choice]) -> list[Linear]:
        """One classifier a choice; each starts from the one before with the same class weights, the end is the same."""
        from sklearn.linear_model import LogisticRegression

        @cache
        def model(class_weight: str | None) -> LogisticRegression:
            return LogisticRegression(class_weight=class_weight, solver="newton-cg", max_iter=1000, warm_start=True)

        found = []
        for choice in choices:
            fitted = model(choice.class_weight).set_params(C=choice.strength / len(self.mean))
            with warnings.catch_warnings():
                # Small collections are welcome.
                warnings.filterwarnings("ignore", message="The number of unique classes")
                fitted.fit(self.features, labels)
            found.append(self._linear(fitted.classes_, fitted.coef_, fitted.intercept_, num_classes))
        return found

    def _linear(self, classes: np.ndarray, rows: np.ndarray, shift: np.ndarray, num_classes: int) -> Linear:
        if len(classes) == 2:  # scikit-learn then keeps one row, for the second class
            rows, shift = np.concatenate([-rows, rows]) / 2, np.concatenate([-shift, shift]) / 2
        weight, bias = np.zeros((num_classes, len(self.mean))), np.full(num_classes, -np.inf)
        weight[classes] = rows if self.basis is None else rows @ self.basis.T
        bias[classes] = shift
        return Linear(self.mean, self.scale, weight, bias)


def fit_linear(features: np.ndarray, labels: np.ndarray, num_classes: int, choice: Choice) -> Linear:
    """Standardise features (N, D) and fit multinomial logistic regression to labels (N,)."""
    return _Standardised.of(features).fit(labels, num_classes, [choice])[0]


def added(first: Linear, second: Linear, first_temperature: float, second_temperature: float) -> Linear:
    """One classifier on the features of both, side by side: its logits are the sum of theirs, over temperatures."""
    return Linear(
        np.concatenate([first.mean, second.mean]),
        np.concatenate([first.scale, second.scale]),
        np.hstack([first.weight / first_temperature, second.weight / second_temperature]),
        first.bias / first_temperature + second.bias / second_temperature,
    )


def choose(features: np.ndarray, labels: np.ndarray, groups: np.ndarray, num_classes: int) -> tuple[Choice, np.ndarray]:
    """The choice whose out-of-fold answers score best, the stronger regularisation of equals, and their logits (N, C).

    Args as in ``out_of_fold``.
    """
    logits = out_of_fold(features, labels, groups, num_classes, CHOICES)
    best = max(range(len(CHOICES)), key=lambda place: score(logits[place], labels))
    return CHOICES[best], logits[best]


def out_of_fold(
    features: np.ndarray, labels: np.ndarray, groups: np.ndarray, num_classes: int, choices: Sequence[Choice]
) -> np.ndarray:
    """Logits (K, N, C) of every photograph, for K choices, by classifiers that have seen none of its specimen.

    NaN where no fold could be held out, for example everywhere with fewer than two specimens. From features (N, D),
    labels (N,) and the specimen of each photograph (N,).
    """
    logits = np.full((len(choices), len(labels), num_classes), np.nan)
    for rest, held in grouped_folds(labels, groups):
        fitted = _Standardised.of(features[rest]).fit(labels[rest], num_classes, choices)
        logits[:, held] = [linear.logits(features[held]) for linear in fitted]
    return logits
