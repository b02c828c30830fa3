"""How sure a number is: intervals by specimen, and paired tests of two networks on the same photographs."""

from functools import lru_cache

import numpy as np
from statsmodels.stats.contingency_tables import mcnemar as exact_mcnemar
from statsmodels.stats.proportion import proportion_confint


def wilson(successes: int, count: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a share, for independent photographs; (nan, nan) without any."""
    if count == 0:
        return float("nan"), float("nan")
    low, high = proportion_confint(successes, count, alpha=1 - level, method="wilson")
    return float(low), float(high)


def cluster_bootstrap(
    values: np.ndarray, specimens: np.ndarray, *, resamples: int = 1000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of a mean, resampling whole specimens.

    Photographs of one specimen resemble each other, so they are not independent; drawing specimens keeps them
    together (Efron and Tibshirani 1993, chapter 13). Works for correctness (0 or 1) and for differences of
    two networks.

    Args:
        values: One number a photograph, shape (n,).
        specimens: Specimen of each photograph, shape (n,).
        resamples: Number of bootstrap samples.
        seed: Seed of the resampling.
        level: Coverage.

    Returns:
        Low and high end; (nan, nan) with fewer than two specimens.
    """
    means = _resampled(values, specimens, resamples=resamples, seed=seed)
    if means is None:
        return float("nan"), float("nan")
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def independent_difference(
    a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray], *, resamples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of mean(a) - mean(b) for two test sets of different photographs, resampling whole specimens.

    Args:
        a: Values and specimens of the first set, both (n,).
        b: The same of the second set, drawn independently of the first.
        resamples: Number of bootstrap samples.
        seed: Seed of the resampling.
    """
    first, second = (_resampled(*part, resamples=resamples, seed=seed + k) for k, part in enumerate((a, b)))
    if first is None or second is None:
        return float("nan"), float("nan")
    low, high = np.quantile(first - second, [0.025, 0.975])
    return float(low), float(high)


def _resampled(values: np.ndarray, specimens: np.ndarray, *, resamples: int, seed: int) -> np.ndarray | None:
    """Means (resamples,) of bootstrap samples of whole specimens; None with fewer than two specimens."""
    _, group = np.unique(np.asarray(specimens).astype(str), return_inverse=True)
    sizes = np.bincount(group)
    if len(sizes) < 2:
        return None
    sums = np.bincount(group, weights=np.asarray(values, dtype=float))
    drawn = _draws(len(sizes), resamples, seed)
    return (drawn @ sums) / (drawn @ sizes)


@lru_cache(maxsize=8)
def _draws(count: int, resamples: int, seed: int) -> np.ndarray:
    """How often each of ``count`` specimens is drawn, (resamples, count) float; tables share the same draws."""
    return np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples).astype(float)


def accuracy_interval(
    correct: np.ndarray, specimens: np.ndarray, *, resamples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of an accuracy by cluster bootstrap.

    If every photograph is right (or wrong) resampling has nothing to vary; then Wilson's interval for as many
    independent cases as there are specimens is returned instead of one without width.
    """
    correct = np.asarray(correct, dtype=float)
    if len(correct) and correct.min() == correct.max():
        count = len(np.unique(np.asarray(specimens).astype(str)))
        return wilson(count if correct[0] else 0, count)
    return cluster_bootstrap(correct, specimens, resamples=resamples, seed=seed)


def mcnemar(correct_a: np.ndarray, correct_b: np.ndarray) -> dict[str, float]:
    """Exact McNemar test of two networks on the same photographs.

    Args:
        correct_a: Whether network A is right, shape (n,).
        correct_b: The same for network B.

    Returns:
        ``only_a`` and ``only_b`` (photographs that only one of them gets right) and the two-sided
        ``p_value``. It assumes independent photographs, so with several views of a specimen it is too small.
    """
    a, b = np.asarray(correct_a, dtype=bool), np.asarray(correct_b, dtype=bool)
    only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
    table = [[int((a & b).sum()), only_a], [only_b, int((~a & ~b).sum())]]
    return {"only_a": only_a, "only_b": only_b, "p_value": float(exact_mcnemar(table, exact=True).pvalue)}
