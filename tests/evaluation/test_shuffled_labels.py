"""The random-label control: chance without relatives, well above it with them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from mineral_lib.data.split import shuffled_labels
from mineral_lib.evaluation.controls import nearest_labels, nearest_neighbour_control
from mineral_lib.parameters import load_profile
from mineral_lib.study import Study
from mineral_lib.training.specs import planned_runs


@pytest.fixture
def samples():
    specimens = np.repeat([f"s{i:03d}" for i in range(300)], 2)
    return pd.DataFrame({"group": specimens, "label": np.repeat(np.arange(300) % 6, 2)})


def test_groups_exchange_labels_as_a_whole(samples):
    drawn = shuffled_labels(samples, seed=1)
    assert (np.bincount(drawn) == np.bincount(samples["label"])).all()
    assert samples.assign(drawn=drawn).groupby("group")["drawn"].nunique().max() == 1
    assert 0.1 < (drawn == samples["label"]).mean() < 0.25  # chance is 1/6
    again = shuffled_labels(samples.sample(frac=1, random_state=0), seed=1)
    assert (pd.Series(again).value_counts().sort_index() == pd.Series(drawn).value_counts().sort_index()).all()
    assert (shuffled_labels(samples, seed=2) != drawn).any()


def test_memory_beats_chance_only_where_relatives_are_in_train(samples):
    rng = np.random.default_rng(0)
    own = {name: rng.normal(size=8) for name in samples["group"].unique()}
    features = np.stack([own[name] + 0.1 * rng.normal(size=8) for name in samples["group"]])
    labels = shuffled_labels(samples, seed=0)
    apart = np.where(samples["group"] < "s200", "train", "test")
    across = np.tile(["train", "test"], 300)
    for split, low, high in ((across, 0.95, 1), (apart, 0, 0.3)):
        assert low < (nearest_labels(features, labels, split) == labels[split == "test"]).mean() <= high


def test_runs_epochs_and_labels_of_the_leak_study(study_root):
    settings = load_profile(
        "test", ["leakage.shuffled_runs=[eca_convnext_tiny-transfer]", "train.epochs=8", "leakage.equal_steps=true"]
    )
    names = [spec.name for spec in planned_runs(settings, "leakage")]
    assert "eca_convnext_tiny-transfer-photo-seed0" in names
    assert "eca_convnext_tiny-transfer-paper-shuffled-seed0" in names and len(names) == len(set(names)) == 8

    sizes = {"grouped": 60, "paper": 240, "authors": 320}
    splits = {name: pd.DataFrame({"split": ["train"] * count + ["test"]}) for name, count in sizes.items()}

    def epochs(settings, protocol):
        study = Study(settings)
        study.data = SimpleNamespace(splits=splits, samples=lambda protocol, seed: splits[protocol])
        return study.run("convnext_tiny", protocol=protocol).recipe.epochs

    assert epochs(settings, "paper") == epochs(settings, "authors") == 2
    plain = load_profile("test", ["leakage.equal_steps=false", "train.epochs=8"])
    assert epochs(plain, "paper") == 8


def test_shuffled_runs_get_other_labels(tiny):
    run = Study(tiny).run("convnext_tiny")
    true, drawn = (replace(run, labels=labels).samples["label"] for labels in ("true", "shuffled"))
    assert (true != drawn).mean() > 0.5 and sorted(true) == sorted(drawn)


def test_without_runs_there_is_no_control(tiny):
    assert nearest_neighbour_control(Study(tiny)).empty
