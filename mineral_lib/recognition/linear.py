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

    def after(self, count: int) -> "Linear":
        """The same classifier where ``count`` further features stand before its own and say nothing to it."""
        first = (np.zeros(count), np.ones(count), np.zeros((len(self.bias), count)))
        own = (self.mean, self.scale, self.weight)
        return Linear(*(np.concatenate(pair, -1) for pair in zip(first, own, strict=True)), self.bias)

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


@threadpool_limits.wrap(limits=1)
def fit_each(features: np.ndarray, labels: np.ndarray, num_classes: int, choices: Sequence[Choice]) -> list[Linear]:
    """Standardise features (N, D) and fit multinomial logistic regression to labels (N,), once a choice.

    With fewer photographs than features the solution lies in what the photographs span, and its penalty is the same
    there: the fit is equal, in a tenth of the time. Each starts from the one before with the same class weights, the
    end is the same. Small matrices: several threads wait for each other longer than they work, and the last digits
    depend on their number.
    """
    from sklearn.linear_model import LogisticRegression

    @cache
    def model(class_weight: str | None) -> LogisticRegression:
        return LogisticRegression(class_weight=class_weight, solver="newton-cg", max_iter=1000, warm_start=True)

    mean, scale = features.mean(0), features.std(0) + 1e-6
    plain, basis, found = (features - mean) / scale, None, []
    if len(plain) < plain.shape[1]:
        basis = np.linalg.qr(plain.T)[0]
        plain = plain @ basis
    plain = plain.astype(np.float64)  # rounding of the loss would end Newton's method early, with a warning
    for choice in choices:
        fitted = model(choice.class_weight).set_params(C=choice.strength / len(mean))
        with warnings.catch_warnings():
            # Small collections are welcome.
            warnings.filterwarnings("ignore", message="The number of unique classes")
            fitted.fit(plain, labels)
        rows, shift = fitted.coef_, fitted.intercept_
        if len(fitted.classes_) == 2:  # scikit-learn then keeps one row, for the second class
            rows, shift = np.concatenate([-rows, rows]) / 2, np.concatenate([-shift, shift]) / 2
        weight, bias = np.zeros((num_classes, len(mean))), np.full(num_classes, -np.inf)
        weight[fitted.classes_] = rows if basis is None else rows @ basis.T
        bias[fitted.classes_] = shift
        found.append(Linear(mean, scale, weight, bias))
    return found


def fit_linear(features: np.ndarray, labels: np.ndarray, num_classes: int, choice: Choice) -> Linear:
    """See ``fit_each``."""
    return fit_each(features, labels, num_classes, [choice])[0]


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
        fitted = fit_each(features[rest], labels[rest], num_classes, choices)
        logits[:, held] = [linear.logits(features[held]) for linear in fitted]
    return logits
