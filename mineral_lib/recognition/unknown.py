"""*Not one of these*: how strange a photograph is to a recogniser.

Either of two things makes it strange. Its features lie far from all that was learned: the distance is that to the
nearest photograph learned from, between features of unit length (Sun et al. 2022 take the k-th); so pictures of other
things are told. Or its probabilities are spread over many classes, as those of minerals that were never learned often
are. Leaving three classes out decides how much the second counts, and measures how well the unknown is told.

Other scores were measured beside these two, for example Mahalanobis distances, plain and relative (Ren et al. 2021):
none told unknown minerals better and refused pictures of other things as well (benchmarks/RESULTS.md).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import entr

from mineral_lib.runtime import derive_seed

LEFT_OUT = 3
ROUNDS = 20
KNOWN_SHARE = 0.95  # of known photographs are not refused
DOUBTS = (0.0, 0.5, 1.0)  # of the entropy beside the distance, each in standard deviations of known photographs

Answers = Callable[[np.ndarray, np.ndarray], np.ndarray]  # see fit_familiarity


@dataclass(frozen=True)
class Familiarity:
    """What was learned, and from where on a photograph is strange to it."""

    points: np.ndarray  # features of unit length of the photographs learned from, shape (N, D)
    limit: float = np.inf  # strangeness beyond which a photograph is *not one of these*
    doubt: float = 0.0  # distance that a nat of the entropy of the probabilities is worth, 0 or more
    shift: float = 0.0  # distance that no entropy is worth
    # Area under the curve of unknown against known, leaving three classes out: mean over the rounds.
    auroc: float = np.nan
    auroc_low: float = np.nan  # 2.5 % quantile over the rounds
    auroc_high: float = np.nan  # 97.5 % quantile

    def distance(self, features: np.ndarray) -> np.ndarray:
        """Distance of features (N, D), shape (N,)."""
        # Of unit vectors, the squared distance is 2 - 2 cos.
        return np.sqrt(np.clip(2 - 2 * (unit(features) @ self.points.T).max(1), 0, None))

    def strangeness(self, features: np.ndarray, probability: np.ndarray) -> np.ndarray:
        """Strangeness (N,) of features (N, D) that are answered by probabilities (N, C)."""
        return np.maximum(self.distance(features), self.shift + self.doubt * entr(probability).sum(1))


def fit_familiarity(
    features: np.ndarray, labels: np.ndarray, held: np.ndarray, answers: Answers | None = None
) -> Familiarity:
    """Choose what strangeness is, set its limit on held-out photographs, and measure how well unknown classes are told.

    Args:
        features: (N, D).
        labels: (N,).
        held: Which photographs are held out (N,), bool: they set the limit, and nothing is learned from them.
        answers: Probabilities (A, C) of the photographs at places (A,), the second argument, by a classifier that has
            learned from those at other places, the first argument. Distance alone counts if not given.
    """
    answers = answers or (lambda _, asked: np.ones((len(asked), 1)))
    learned, asked = np.flatnonzero(~held), np.flatnonzero(held)
    known = Familiarity(unit(features[learned]))
    if not len(asked) or len(np.unique(labels[learned])) < 2:
        return known
    distance, probability = known.distance(features[asked]), answers(learned, asked)
    entropy, tried = entr(probability).sum(1), [known]
    for doubt in (weight * distance.std() / max(entropy.std(), 1e-9) for weight in DOUBTS[1:]):
        tried.append(replace(known, doubt=float(doubt), shift=float(distance.mean() - doubt * entropy.mean())))
    scores = _left_out(features, labels, held, answers, tried)
    best = int(scores.mean(0).argmax()) if len(scores) else 0
    strangeness = tried[best].strangeness(features[asked], probability)
    chosen = replace(tried[best], limit=float(np.quantile(strangeness, KNOWN_SHARE)))
    if not len(scores):
        return chosen
    low, high = np.quantile(scores[:, best], [0.025, 0.975])
    return replace(chosen, auroc=float(scores[:, best].mean()), auroc_low=float(low), auroc_high=float(high))


def _left_out(
    features: np.ndarray, labels: np.ndarray, held: np.ndarray, answers: Answers, tried: list[Familiarity]
) -> np.ndarray:
    """Areas under the curve of classes left out against held-out photographs of the others, (rounds, tried)."""
    from sklearn.metrics import roc_auc_score

    classes = np.unique(labels)
    count = min(LEFT_OUT, len(classes) - 2)
    if count < 1:
        return np.empty((0, len(tried)))
    generator, scores = np.random.default_rng(derive_seed("left out", 0)), []
    for _ in range(ROUNDS):
        away = np.isin(labels, generator.choice(classes, count, replace=False))
        learned, asked, strangers = (np.flatnonzero(part) for part in (~held & ~away, held & ~away, away))
        if len(asked) and len(np.unique(labels[learned])) > 1:
            rows = np.concatenate([asked, strangers])
            unknown, probability = np.isin(rows, strangers), answers(learned, rows)
            points = unit(features[learned])
            strangeness = [replace(one, points=points).strangeness(features[rows], probability) for one in tried]
            scores.append([roc_auc_score(unknown, one) for one in strangeness])
    return np.array(scores).reshape(-1, len(tried))


def unit(points: np.ndarray) -> np.ndarray:
    """Features (N, D) scaled to unit length."""
    return points / np.clip(np.linalg.norm(points, axis=1, keepdims=True), 1e-9, None)
