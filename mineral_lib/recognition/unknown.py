"""*Not one of these*: how far a photograph's features lie from everything the recogniser has learned from.

Two distances: to the nearest class mean in a shared, shrunk covariance (Lee et al. 2018), and to the k-th nearest
training photograph by angle (Sun et al. 2022). Which one is used is chosen by leaving three classes out.
"""

from dataclasses import dataclass

import numpy as np

from mineral_lib.runtime import derive_seed

NEIGHBOURS = 5
MOST_DIMENSIONS = 128  # features are projected on their main directions, so that a covariance can be estimated
LEFT_OUT = 3
ROUNDS = 20
KNOWN_SHARE = 0.95  # of known photographs are not refused


@dataclass(frozen=True)
class Familiarity:
    """Distances from what was learned.

    Attributes:
        kind: ``mahalanobis`` or ``neighbour``.
        centre: Mean of the features, shape (D,).
        axes: Projection, shape (D, E).
        points: Class means (C, E) in whitened space, or unit training features (N, E).
        limit: Distance beyond which a photograph is *not one of these*.
        auroc: Area under the curve of unknown against known, leaving three classes out: mean over the rounds.
        auroc_low: 2.5 % quantile over the rounds.
        auroc_high: 97.5 % quantile.
    """

    kind: str
    centre: np.ndarray
    axes: np.ndarray
    points: np.ndarray
    limit: float = np.inf
    auroc: float = np.nan
    auroc_low: float = np.nan
    auroc_high: float = np.nan

    def distance(self, features: np.ndarray) -> np.ndarray:
        """Distance of features (N, D), shape (N,)."""
        projected = (features - self.centre) @ self.axes
        if self.kind == "mahalanobis":
            return np.sqrt(((projected[:, None] - self.points[None]) ** 2).sum(2)).min(1)
        # Of unit vectors, the squared distance is 2 - 2 cos.
        place = min(NEIGHBOURS, len(self.points)) - 1
        squared = np.partition(2 - 2 * _unit(projected) @ self.points.T, place, axis=1)[:, place]
        return np.sqrt(np.clip(squared, 0, None))


def learn(features: np.ndarray, labels: np.ndarray, kind: str) -> Familiarity:
    """What is familiar after these features (N, D) with labels (N,)."""
    from sklearn.covariance import ledoit_wolf

    centre = features.mean(0)
    _, _, directions = np.linalg.svd(features - centre, full_matrices=False)
    axes = directions[: min(MOST_DIMENSIONS, len(features) // 4 + 1)].T
    projected = (features - centre) @ axes
    if kind == "neighbour":
        return Familiarity(kind, centre, axes, _unit(projected))
    means = np.stack([projected[labels == label].mean(0) for label in np.unique(labels)])
    rest = projected - means[np.unique(labels, return_inverse=True)[1]]
    values, vectors = np.linalg.eigh(ledoit_wolf(rest)[0])
    whiten = vectors / np.sqrt(np.clip(values, 1e-9, None))
    return Familiarity(kind, centre, axes @ whiten, means @ whiten)


def fit_familiarity(features: np.ndarray, labels: np.ndarray, held: np.ndarray, *, seed: int = 0) -> Familiarity:
    """Choose the distance by leaving three classes out, then learn from all and set the limit on held-out photographs.

    Args:
        features: (N, D).
        labels: (N,).
        held: Which photographs are held out (N,), bool: they set the limit and are learned from only at the end.
        seed: Draws the classes left out.
    """
    scores = {kind: _left_out(features, labels, held, kind, seed) for kind in ("mahalanobis", "neighbour")}
    kind = max(scores, key=lambda name: np.nan_to_num(np.mean(scores[name] or [np.nan])))
    known = learn(features[~held], labels[~held], kind)
    limit = float(np.quantile(known.distance(features[held]), KNOWN_SHARE)) if held.any() else np.inf
    found = scores[kind] or [np.nan]
    low, high = np.quantile(found, [0.025, 0.975])
    return Familiarity(
        kind, known.centre, known.axes, known.points, limit, float(np.mean(found)), float(low), float(high)
    )


def _left_out(features: np.ndarray, labels: np.ndarray, held: np.ndarray, kind: str, seed: int) -> list[float]:
    from sklearn.metrics import roc_auc_score

    classes = np.unique(labels)
    count = min(LEFT_OUT, len(classes) - 2)
    if count < 1 or not held.any():
        return []
    generator, found = np.random.default_rng(derive_seed("left out", seed)), []
    for _ in range(ROUNDS):
        away = np.isin(labels, generator.choice(classes, count, replace=False))
        asked, fitted = held & ~away, ~held & ~away
        if asked.any() and len(np.unique(labels[fitted])) > 1:
            known = learn(features[fitted], labels[fitted], kind)
            distance = np.concatenate([known.distance(features[asked]), known.distance(features[away])])
            found.append(roc_auc_score(np.repeat([0, 1], [asked.sum(), away.sum()]), distance))
    return found


def _unit(points: np.ndarray) -> np.ndarray:
    return points / np.clip(np.linalg.norm(points, axis=1, keepdims=True), 1e-9, None)
