"""Baselines: what simple classifiers make of the photographs and splits that the networks are tested on.

Whoever recommends a network has to beat them. All are deterministic and take seconds.
"""

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.linear_model import LogisticRegression

from mineral_lib.config import Settings
from mineral_lib.data.pixels import load_pixels
from mineral_lib.data.prepare import prepare
from mineral_lib.data.shuffled_labels import nearest_labels
from mineral_lib.evaluation.metrics import commonest_label
from mineral_lib.evaluation.probe import colour_histograms
from mineral_lib.storage import ResultPaths, write_csv

STRENGTHS = (1.0, 10.0, 100.0)  # inverse regularisation C of the logistic regression, chosen on validation
THUMBNAIL_PX = 16
COLUMNS = ["baseline", "seed", "image_id", "specimen", "label", "predicted"]


def best_logistic(features: np.ndarray, labels: np.ndarray, split: np.ndarray) -> LogisticRegression:
    """Logistic regression fitted on the training part, its strength of regularisation chosen on validation.

    The strength with the best validation accuracy is taken, the strongest of equals. The strengths suit rows whose
    length is about 1.

    Args:
        features: (N, F).
        labels: (N,).
        split: (N,) train, val or test.
    """
    train, val = split == "train", split == "val"
    best, chosen = -1.0, None
    for strength in STRENGTHS if val.any() else STRENGTHS[:1]:
        model = LogisticRegression(C=strength, max_iter=400, tol=1e-3).fit(features[train], labels[train])
        accuracy = model.score(features[val], labels[val]) if val.any() else 0.0
        if accuracy > best:
            best, chosen = accuracy, model
    return chosen


def histogram_labels(histograms: np.ndarray, labels: np.ndarray, split: np.ndarray) -> np.ndarray:
    """Labels of the test samples by logistic regression on the square roots of colour histograms.

    Args:
        histograms: (N, bins), rows add up to 1.
        labels: (N,).
        split: (N,) train, val or test.
    """
    features = np.sqrt(histograms)
    return best_logistic(features, labels, split).predict(features[split == "test"])


def thumbnails(photos: np.ndarray) -> np.ndarray:
    """Photographs (N, W, W, 3) uint8 at 16 x 16 px, (N, 768) float: what is left is the layout of colours."""
    size = (THUMBNAIL_PX, THUMBNAIL_PX)
    small = [np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.BOX)) for photo in photos]
    return np.stack(small).reshape(len(photos), -1).astype(float)


def baseline_predictions(
    histograms: np.ndarray, small: np.ndarray, labels: np.ndarray, split: np.ndarray
) -> dict[str, np.ndarray]:
    """Predicted labels of the test samples by every baseline.

    Args:
        histograms: Colour histograms (N, bins).
        small: Thumbnails (N, F).
        labels: (N,).
        split: (N,) train, val or test.
    """
    majority = commonest_label(labels[split == "train"])
    return {
        "majority": np.full((split == "test").sum(), majority),
        "colour_histogram": histogram_labels(histograms, labels, split),
        "nearest_neighbour": nearest_labels(small, labels, split),
    }


def run_baselines(settings: Settings) -> pd.DataFrame:
    """Run every baseline on the grouped split of every seed and write ``baselines.csv``: one row a test photograph.

    Seeds that share a split share their baselines, which stand under the first of them: nothing here is drawn by lot.

    Returns:
        Columns baseline, seed, image_id, specimen, label, predicted.
    """
    study, known, frames = prepare(settings), [], []
    photos = load_pixels(study.index, study.index, settings.data, settings.augment)
    histograms, small, ids = colour_histograms(photos), thumbnails(photos), pd.Index(study.index["image_id"])
    for seed in settings.train.seeds:
        samples = study.samples("grouped", seed)
        if any(samples is other for other in known):
            continue
        known.append(samples)
        rows, split = ids.get_indexer(samples["image_id"]), samples["split"].to_numpy()
        predicted = baseline_predictions(histograms[rows], small[rows], samples["label"].to_numpy(), split)
        test = samples.loc[split == "test", ["image_id", "specimen", "label"]]
        frames += [test.assign(baseline=name, seed=seed, predicted=labels) for name, labels in predicted.items()]
    table = pd.concat(frames, ignore_index=True)[COLUMNS]
    write_csv(ResultPaths.of(settings.profile).baselines, table)
    return table
