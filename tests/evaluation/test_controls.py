"""Baselines: they learn from the training part only, and know what they should."""

import numpy as np
import pandas as pd
import pytest

from mineral_lib.evaluation import controls
from mineral_lib.evaluation.controls import baseline_predictions, colour_histograms, run_baselines, thumbnails
from mineral_lib.reporting.comparison import chance_level
from mineral_lib.study import Study


@pytest.fixture
def coloured():
    """Three classes, each with a colour of its own under noise; 40 photographs a class."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 40)
    colours = np.array([[200, 60, 60], [60, 200, 60], [60, 60, 200]])
    photos = (colours[labels][:, None, None] + rng.normal(0, 25, (120, 18, 18, 3))).clip(0, 255).astype(np.uint8)
    return photos, labels, np.tile(["train", "train", "val", "test"], 30)


def test_colour_is_enough_where_classes_differ_in_it(coloured):
    photos, labels, split = coloured
    found = baseline_predictions(colour_histograms(photos), thumbnails(photos), labels, split)
    true = labels[split == "test"]
    assert (found["colour_histogram"] == true).all() and (found["nearest_neighbour"] == true).mean() > 0.9
    assert set(found["majority"]) == {0}
    grey = np.repeat(photos.mean(axis=3, keepdims=True).astype(np.uint8), 3, axis=3)
    blind = baseline_predictions(colour_histograms(grey), thumbnails(grey), labels, split)
    assert (blind["colour_histogram"] == true).mean() < 0.8


def histogram_labels(histograms, labels, split):
    return baseline_predictions(histograms, histograms, labels, split)["colour_histogram"]


def test_test_labels_are_never_looked_at(coloured):
    photos, labels, split = coloured
    histograms = colour_histograms(photos)
    other = np.where(split == "test", 0, labels)
    assert (histogram_labels(histograms, labels, split) == histogram_labels(histograms, other, split)).all()


def test_validation_chooses_the_regularisation(coloured, monkeypatch):
    photos, labels, split = coloured
    monkeypatch.setattr(controls, "STRENGTHS", (1e-9, 10.0))  # the first only knows the commonest class
    split = np.where((split == "train") & (labels > 0) & (np.arange(120) % 4 == 0), "unused", split)
    histograms, true = colour_histograms(photos), labels[split == "test"]
    assert (histogram_labels(histograms, labels, split) == true).all()
    fooled = np.where(split == "val", 0, labels)
    assert set(histogram_labels(histograms, fooled, split)) == {0}


def test_baselines_of_a_profile_are_written_once_a_test_photograph(tiny):
    study = Study(tiny)
    table, paths = run_baselines(study), study.paths
    saved = pd.read_csv(paths.baselines)
    assert list(saved.columns) == ["baseline", "seed", "image_id", "specimen", "label", "predicted"]
    assert len(saved) == len(table) and not saved.duplicated(["baseline", "seed", "image_id"]).any()
    split = pd.read_csv(paths.splits_dir / "grouped.csv")
    assert set(saved["image_id"]) == set(split.loc[split["split"] == "test", "image_id"])
    majority = saved[saved["baseline"] == "majority"]
    assert (majority["label"] == majority["predicted"]).mean() == pytest.approx(chance_level(study))
    assert run_baselines(study).equals(table)
