"""How sure a number is: intervals over seeds and specimens, and paired tests on the same photographs.

``resamples`` is the number of bootstrap samples everywhere, ``seed`` that of the resampling.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.stats import norm
from scipy.stats import t as student
from statsmodels.stats.contingency_tables import mcnemar as exact_mcnemar
from statsmodels.stats.proportion import proportion_confint

# What one seed has to say: a number a photograph and the specimen of each photograph, both of shape (n,).
Part = tuple[np.ndarray, np.ndarray]
LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds (an accuracy, or a difference of accuracies) and how far it can be trusted.

    Two things could have come out otherwise: the seed of a training and the specimens in the test set. What differs
    from seed to seed is seen in the spread of the seeds' means: a t interval with ``seeds - 1`` degrees of freedom
    (a percentile bootstrap of three seeds would be far too narrow). What all seeds share, because they are tested on
    the same specimens, is not seen there; a bootstrap of whole specimens gives it as the covariance of the seeds'
    means. The two half-widths are added as squares (Zou and Donner 2008), and an interval is never narrower than
    that of the specimens alone. With one seed it is over specimens only and says nothing about other seeds.
    """

    value: float  # mean over seeds
    seeds: int  # number of seeds
    seed_sd: float  # standard deviation over seeds, NaN with one seed
    specimen_se: float  # standard error of the mean from the choice of test specimens, seeds as they are
    shared_se: float  # the part of it that all seeds share

    def half_width(self, level: float = LEVEL) -> float:
        """Half the width of the interval of a level."""
        specimens = norm.ppf((1 + level) / 2) * self.specimen_se
        if self.seeds < 2:
            return float(specimens)
        spread = student.ppf((1 + level) / 2, self.seeds - 1) * self.seed_sd / np.sqrt(self.seeds)
        return float(max(np.hypot(spread, norm.ppf((1 + level) / 2) * self.shared_se), specimens))

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Low and high end; NaN with fewer than two specimens."""
        half = self.half_width(level)
        return self.value - half, self.value + half

    @property
    def p_value(self) -> float:
        """One minus the level of the interval that just reaches zero; NaN without an interval."""
        if np.isnan(self.specimen_se):
            return float("nan")
        smallest = 1e-12
        if abs(self.value) <= self.half_width(smallest):
            return 1.0
        if abs(self.value) >= self.half_width(1 - smallest):
            return smallest
        return 1 - float(brentq(lambda level: self.half_width(level) - abs(self.value), smallest, 1 - smallest))


def estimate(parts: Sequence[Part], *, resamples: int = 1000, seed: int = 0) -> Estimate:
    """Mean over seeds, one part each, with its uncertainty over seeds and specimens.

    Seeds may have the same or other test photographs; a specimen is known by its name.
    """
    return _estimate(_means(parts), _resampled_parts(parts, resamples=resamples, seed=seed))


def estimate_gap(a: Sequence[Part], b: Sequence[Part], *, resamples: int = 1000, seed: int = 0) -> Estimate:
    """Mean difference ``a - b`` over the same seeds on two sets of photographs, drawn independently of each other."""
    first, second = (_resampled_parts(parts, resamples=resamples, seed=seed + k) for k, parts in enumerate((a, b)))
    drawn = None if first is None or second is None else first - second
    return _estimate(_means(a) - _means(b), drawn)


def _means(parts: Sequence[Part]) -> np.ndarray:
    return np.array([float(np.mean(values)) for values, _ in parts])


def _estimate(means: np.ndarray, drawn: np.ndarray | None) -> Estimate:
    """An estimate from the seeds' means (S,) and their bootstrap samples (resamples, S)."""
    count = len(means)
    sd = float(means.std(ddof=1)) if count > 1 else float("nan")
    if drawn is None:
        return Estimate(float(means.mean()), count, sd, float("nan"), float("nan"))
    covariance = np.atleast_2d(np.cov(drawn.T))
    shared = (covariance.sum() - np.trace(covariance)) / (count * (count - 1)) if count > 1 else covariance[0, 0]
    own = float(drawn.mean(axis=1).std(ddof=1))
    return Estimate(float(means.mean()), count, sd, own, float(np.sqrt(max(shared, 0))))


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Holm's correction for the number of tests; NaN (not tested) stays NaN and does not count.

    The same numbers as statsmodels' ``multipletests``, which empties the memory of everything at each call.
    """
    found = np.asarray(p_values, dtype=float).copy()
    order = np.argsort(found)[: np.isfinite(found).sum()]  # NaN come last
    found[order] = np.maximum.accumulate(found[order] * np.arange(len(order), 0, -1)).clip(max=1)
    return found


def wilson(successes: ArrayLike, counts: ArrayLike) -> tuple[Any, Any]:
    """Wilson's 95 % interval of a share (or of several), for independent photographs; NaN without any."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return proportion_confint(np.asarray(successes), np.asarray(counts), alpha=1 - LEVEL, method="wilson")


def _resampled_parts(parts: Sequence[Part], *, resamples: int, seed: int) -> np.ndarray | None:
    """Means (resamples, parts) of several sets of photographs; a specimen is drawn for all sets that hold it."""
    names = [np.asarray(specimens).astype(str) for _, specimens in parts]
    unique, groups = np.unique(np.concatenate(names), return_inverse=True)
    count = len(unique)
    if count < 2:
        return None
    sums, sizes = np.zeros((count, len(parts))), np.zeros((count, len(parts)))
    ends = np.cumsum([len(name) for name in names])[:-1]
    for column, ((values, _), group) in enumerate(zip(parts, np.split(groups, ends), strict=True)):
        sums[:, column] = np.bincount(group, weights=np.asarray(values, dtype=float), minlength=count)
        sizes[:, column] = np.bincount(group, minlength=count)
    drawn = _draws(count, resamples, seed)
    totals, sampled = drawn @ sums, drawn @ sizes
    means = np.tile(sums.sum(axis=0) / sizes.sum(axis=0), (resamples, 1))  # stays where no specimen of a set is drawn
    return np.divide(totals, sampled, out=means, where=sampled > 0)


@lru_cache(maxsize=8)
def _draws(count: int, resamples: int, seed: int) -> np.ndarray:
    """How often each of ``count`` specimens is drawn, (resamples, count) float; tables share the same draws."""
    return np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples).astype(float)


def accuracy_interval(
    correct: np.ndarray, specimens: np.ndarray, *, resamples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of an accuracy or another mean, by percentile bootstrap of whole specimens.

    Photographs of one specimen resemble each other, so they are not independent; drawing specimens keeps them together
    (Efron and Tibshirani 1993, chapter 13). If every photograph is right (or wrong) resampling has nothing to vary;
    then Wilson's interval for as many independent cases as there are specimens stands for one without width.

    Takes a number and the specimen of each photograph, (n,); gives (nan, nan) with fewer than two specimens.
    """
    correct = np.asarray(correct, dtype=float)
    if len(correct) and correct.min() == correct.max():
        count = len(np.unique(np.asarray(specimens).astype(str)))
        return wilson(count if correct[0] else 0, count)
    means = _resampled_parts([(correct, specimens)], resamples=resamples, seed=seed)
    if means is None:
        return float("nan"), float("nan")
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(means[:, 0], [tail, 1 - tail])
    return float(low), float(high)


def accuracy_over_seeds(
    parts: Sequence[Part], *, resamples: int = 1000, seed: int = 0
) -> tuple[Estimate, tuple[float, float]]:
    """Mean accuracy over seeds and its 95 % interval over seeds and specimens, inside 0 to 1; see ``estimate``."""
    options = {"resamples": resamples, "seed": seed}
    correct, specimens = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    low, high = accuracy_interval(correct, specimens, **options)
    found = estimate(parts, **options)
    if found.seeds > 1:
        ends = found.interval()
        low, high = max(0.0, min(low, ends[0])), min(1.0, max(high, ends[1]))
    return found, (low, high)


def mcnemar(correct_a: np.ndarray, correct_b: np.ndarray) -> dict[str, float]:
    """Exact McNemar test of two networks, right or not on the same n photographs.

    Returns:
        ``only_a`` and ``only_b`` (photographs that only one of them gets right) and the two-sided
        ``p_value``. It assumes independent photographs, so with several views of a specimen it is too small.
    """
    a, b = np.asarray(correct_a, dtype=bool), np.asarray(correct_b, dtype=bool)
    only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
    table = [[int((a & b).sum()), only_a], [only_b, int((~a & ~b).sum())]]
    return {"only_a": only_a, "only_b": only_b, "p_value": float(exact_mcnemar(table, exact=True).pvalue)}
