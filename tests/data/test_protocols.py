"""The authors' protocol: its test result is its validation result, and its training images are augmented on top."""

from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from PIL import Image

from mineral_lib.data.dataset import MEAN, STD
from mineral_lib.data.prepare import prepare
from mineral_lib.evaluation import predict
from mineral_lib.parameters import load_profile
from mineral_lib.storage import ResultPaths, read_json
from mineral_lib.training.runs import _loaders, load_run_network, make_loop, train_run
from mineral_lib.training.specs import RunSpec


def test_what_the_authors_protocol_reports_is_what_chose_the_epoch(study_root):
    settings = load_profile(
        "test", ["split.protocols=[grouped, authors]", "train.jobs=1", "leakage.runs=[]", "leakage.equal_steps=false"]
    )
    folder = train_run(settings, RunSpec("convnext_tiny", "scratch", "authors", 0), say=lambda line: None)
    split, metrics = prepare(settings).splits["authors"], read_json(folder / "metrics.json")
    test = split[split["split"] == "test"]
    predictions = pd.read_csv(folder / "predictions.csv")
    assert predictions["sample_id"].tolist() == test["sample_id"].tolist() and metrics["num_test"] == len(test)
    assert metrics["selected"]["test"]["accuracy"] == pytest.approx(metrics["selected"]["val_accuracy"], abs=1e-6)
    assert len(pd.read_csv(folder / "history.csv")) == 2


def test_authors_images_are_augmented_on_top_of_being_multiplied_and_the_papers_are_not(tiny):
    data = prepare(tiny)
    for protocol, changing in (("grouped", True), ("paper", False), ("authors", True)):
        loaders = _loaders(tiny, data.splits[protocol], RunSpec("convnext_tiny", "scratch", protocol, 0), data)
        epochs = []
        for epoch in (1, 2):
            loaders["train"].dataset.set_epoch(epoch)
            epochs.append(loaders["train"].dataset[0][0])
        assert bool((epochs[0] != epochs[1]).any()) == changing, protocol
        assert loaders["val"].dataset.augment is None
    # Both protocols deal out the same copies, and what authors holds out is not kept twice.
    assert len(list(ResultPaths.of(tiny.profile).cache_dir.glob("copies-*.npy"))) == 1
    test = [loaders[part].dataset for part in ("val", "test")]
    assert test[0].ids == test[1].ids == data.splits["authors"].query("split == 'test'")["sample_id"].tolist()
    assert (test[0][0][0] == test[1][0][0]).all() and set(loaders["train"].dataset.ids).isdisjoint(test[0].ids)


def test_a_networks_own_recipe_reaches_its_run_and_what_is_predicted_later(study_root):
    own = "{optimizer: adamw, lr: 2e-4, schedule: constant, freeze_batch_norm_after: 1, normalise: half, init_std: 0.1}"
    settings = load_profile(
        "test", [f"train.overrides={{resnet50: {own}}}", "train.jobs=1", "train.precision=fp32", "leakage.runs=[]"]
    )
    spec, made = RunSpec("resnet50", "scratch", "grouped", 0), []
    folder = train_run(settings, spec, say=made.append)
    history, config = pd.read_csv(folder / "history.csv"), read_json(folder / "config.json")
    assert history["lr"].tolist() == [2e-4] * settings.train.epochs and config["train"]["optimizer"] == "adamw"
    data = prepare(settings)
    loader = _loaders(settings.of("resnet50"), data.splits["grouped"], spec, data)["test"]
    plain = _loaders(settings, data.splits["grouped"], spec, data)["test"]
    images, usual = next(iter(loader))[0], next(iter(plain))[0]
    assert torch.allclose(images * 0.5 + 0.5, usual * STD + MEAN, atol=1e-5)  # the same pictures
    network, saved = load_run_network(settings, spec, len(data.classes)), pd.read_csv(folder / "predictions.csv")
    assert network(images).argmax(1).tolist() == saved["predicted"].tolist()[: len(images)]
    loops = [make_loop(torch.nn.Linear(1, 1), one, lr=1e-3) for one in (settings, settings.of("resnet50"))]
    assert [loop.freeze_batch_norm_after for loop in loops] == [0, 1]


class Recorder(torch.nn.Module):
    """A network that keeps what it is shown."""

    def forward(self, images):
        self.images = images
        return torch.zeros(len(images), 2)


def test_new_photographs_are_normalised_as_the_network_was_trained(tmp_path, monkeypatch):
    Image.new("RGB", (96, 96), (255, 0, 51)).save(tmp_path / "a.png")
    index = pd.DataFrame({"path": ["a.png"], "class_name": ["x"]})
    split = pd.DataFrame({"split": ["train"], "class_name": ["x"], "image_id": ["b"]})
    study = SimpleNamespace(classes=["x", "y"], samples=lambda protocol, seed: split)
    spec, network = RunSpec("vgg19", "scratch", "grouped", 0), Recorder()
    monkeypatch.setattr(predict, "load_run_network", lambda *_: network)
    for name, wanted in (("half", [1.0, -1.0, -0.6]), ("imagenet", [2.249, -2.036, -0.917])):
        settings = load_profile("test", [f"train.overrides={{vgg19: {{normalise: {name}}}}}"])
        predict.predict_photographs(settings, spec, study, tmp_path, index)
        assert network.images.mean((0, 2, 3)).tolist() == pytest.approx(wanted, abs=2e-3), name
