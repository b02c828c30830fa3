"""*Not one of these*: how far a photograph's features lie from everything the recogniser has learned from.

The distance is that to the nearest photograph learned from, between features of unit length (Sun et al. 2022 take the
k-th). All directions of the features count: pictures of other things differ from minerals mostly in those in which
minerals are alike. How well it tells a mineral that was never learned is measured by leaving three classes out.
"""

from dataclasses import dataclass

import numpy as np

from mineral_lib.runtime import derive_seed

LEFT_OUT = 3
ROUNDS = 20
KNOWN_SHARE = 0.95  # of known photographs are not refused


@dataclass(frozen=True)
class Familiarity:
    """Distances from what was learned.

    Attributes:
        points: Features of unit length of the photographs learned from, shape (N, D).
        limit: Distance beyond which a photograph is *not one of these*.
        auroc: Area under the curve of unknown against known, leaving three classes out: mean over the rounds.
        auroc_low: 2.5 % quantile over the rounds.
        auroc_high: 97.5 % quantile.
    """

    points: np.ndarray
    limit: float = np.inf
    auroc: float = np.nan
    auroc_low: float = np.nan
    auroc_high: float = np.nan

    def distance(self, features: np.ndarray) -> np.ndarray:
        """Distance of features (N, D), shape (N,)."""
        # Of unit vectors, the squared distance is 2 - 2 cos.
        return np.sqrt(np.clip(2 - 2 * (unit(features) @ self.points.T).max(1), 0, None))


def fit_familiarity(features: np.ndarray, labels: np.ndarray, held: np.ndarray) -> Familiarity:
    """Set the limit on held-out photographs, and measure how well classes that are left out are told.

    Args:
        features: (N, D).
        labels: (N,).
        held: Which photographs are held out (N,), bool: they set the limit, and nothing is learned from them.
    """
    points = unit(features[~held])
    distance = Familiarity(points).distance(features[held])
    limit = float(np.quantile(distance, KNOWN_SHARE)) if len(distance) else np.inf
    scores = _left_out(features, labels, held) or [np.nan]
    low, high = np.quantile(scores, [0.025, 0.975])
    return Familiarity(points, limit, float(np.mean(scores)), float(low), float(high))


def _left_out(features: np.ndarray, labels: np.ndarray, held: np.ndarray) -> list[float]:
    """Areas under the curve of classes left out against held-out photographs of the others, one a round."""
    from sklearn.metrics import roc_auc_score

    classes = np.unique(labels)
    count = min(LEFT_OUT, len(classes) - 2)
    if count < 1 or not held.any():
        return []
    generator, found = np.random.default_rng(derive_seed("left out", 0)), []
    for _ in range(ROUNDS):
        away = np.isin(labels, generator.choice(classes, count, replace=False))
        asked, learned = held & ~away, ~held & ~away
        if asked.any() and learned.any():
            known = Familiarity(unit(features[learned]))
            distance = known.distance(np.concatenate([features[asked], features[away]]))
            found.append(roc_auc_score(np.repeat([0, 1], [asked.sum(), away.sum()]), distance))
    return found


def unit(points: np.ndarray) -> np.ndarray:
    """Features (N, D) scaled to unit length."""
    return points / np.clip(np.linalg.norm(points, axis=1, keepdims=True), 1e-9, None)
