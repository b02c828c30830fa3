"""The random-label control: chance without relatives, well above it with them."""

import numpy as np
import pandas as pd
import pytest

from mineral_lib.data.shuffled_labels import nearest_neighbour, shuffled_labels
from mineral_lib.evaluation.leak_control import nearest_neighbour_control
from mineral_lib.parameters import load_profile
from mineral_lib.training.runs import run_epochs, run_samples
from mineral_lib.training.specs import RunSpec, leakage_runs


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
    assert nearest_neighbour(features, labels, across).mean() > 0.95
    assert nearest_neighbour(features, labels, apart).mean() < 0.3


def test_runs_epochs_and_labels_of_the_leak_study(study_root):
    settings = load_profile(
        "test", ["leakage.shuffled_runs=[eca_convnext_tiny-transfer]", "train.epochs=8", "leakage.equal_steps=true"]
    )
    names = [spec.name for spec in leakage_runs(settings)]
    assert "eca_convnext_tiny-transfer-photo-seed0" in names
    assert "eca_convnext_tiny-transfer-paper-shuffled-seed0" in names and len(names) == len(set(names)) == 8

    class Data:
        splits = {
            name: pd.DataFrame({"split": ["train"] * count + ["test"]})
            for name, count in (("grouped", 60), ("paper", 240), ("authors", 320))
        }

        @classmethod
        def samples(cls, protocol, seed):
            return cls.splits[protocol]

    spec = RunSpec("convnext_tiny", "scratch", "paper", 0)
    assert run_epochs(settings, spec, Data) == 2
    assert run_epochs(settings, RunSpec("convnext_tiny", "scratch", "authors", 0), Data) == 2
    plain = load_profile("test", ["leakage.equal_steps=false", "train.epochs=8"])
    assert run_epochs(plain, spec, Data) == 8


def test_shuffled_runs_get_other_labels(tiny):
    from mineral_lib.data.prepare import prepare

    data, spec = prepare(tiny), RunSpec("convnext_tiny", "scratch", "grouped", 0)
    true = run_samples(tiny, spec, data)["label"]
    drawn = run_samples(tiny, RunSpec("convnext_tiny", "scratch", "grouped", 0, labels="shuffled"), data)["label"]
    assert (true != drawn).mean() > 0.5 and sorted(true) == sorted(drawn)


def test_without_runs_there_is_no_control(tiny):
    assert nearest_neighbour_control(tiny).empty
