"""The authors' protocol: its test result is its validation result, and its training images are augmented on top."""

from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from PIL import Image

from mineral_lib.data.dataset import MEAN, STD
from mineral_lib.parameters import load_profile
from mineral_lib.paths import ResultPaths
from mineral_lib.recognition.predict import predict_photographs
from mineral_lib.study import Study
from mineral_lib.training.run import Run
from mineral_lib.training.train_run import make_loop


def test_what_the_authors_protocol_reports_is_what_chose_the_epoch(study_root):
    settings = load_profile(
        "test", ["split.protocols=[grouped, authors]", "train.jobs=1", "leakage.runs=[]", "leakage.equal_steps=false"]
    )
    run = Study(settings).run("convnext_tiny", protocol="authors").train(say=lambda line: None)
    test, metrics = run.samples.query("split == 'test'"), run.metrics
    written = pd.read_csv(run.path("predictions.csv"))
    assert written["sample_id"].tolist() == test["sample_id"].tolist() and metrics["num_test"] == len(test)
    assert metrics["selected"]["test"]["accuracy"] == pytest.approx(metrics["selected"]["val_accuracy"], abs=1e-6)
    assert len(run.history) == 2


def test_authors_images_are_augmented_on_top_of_being_multiplied_and_the_papers_are_not(tiny):
    study = Study(tiny)
    for protocol, changing in (("grouped", True), ("paper", False), ("authors", True)):
        loaders = study.run("convnext_tiny", protocol=protocol).loaders()
        epochs = []
        for epoch in (1, 2):
            loaders["train"].dataset.epoch = epoch
            epochs.append(loaders["train"].dataset[0][0])
        assert bool((epochs[0] != epochs[1]).any()) == changing, protocol
        assert loaders["val"].dataset.augment is None
    # Both protocols deal out the same copies, and what authors holds out is not kept twice.
    assert len(list(ResultPaths.of(tiny.profile).cache_dir.glob("copies-*.npy"))) == 1
    test = [loaders[part].dataset for part in ("val", "test")]
    assert test[0].ids == test[1].ids == study.samples("authors").query("split == 'test'")["sample_id"].tolist()
    assert (test[0][0][0] == test[1][0][0]).all() and set(loaders["train"].dataset.ids).isdisjoint(test[0].ids)


def test_a_networks_own_recipe_reaches_its_run_and_what_is_predicted_later(study_root):
    own = "{optimizer: adamw, lr: 2e-4, schedule: constant, freeze_batch_norm_after: 1, normalise: half, init_std: 0.1}"
    settings = load_profile(
        "test", [f"train.overrides={{resnet50: {own}}}", "train.jobs=1", "train.precision=fp32", "leakage.runs=[]"]
    )
    run = Study(settings).run("resnet50").train(say=lambda line: None)
    assert run.history["lr"].tolist() == [2e-4] * settings.train.epochs
    assert run.config["train"]["optimizer"] == "adamw"
    loader, plain = (run.study.run(model).loaders()["test"] for model in ("resnet50", "vgg19"))
    images, usual = next(iter(loader))[0], next(iter(plain))[0]
    assert torch.allclose(images * 0.5 + 0.5, usual * STD + MEAN, atol=1e-5)  # the same pictures
    saved = pd.read_csv(run.path("predictions.csv"))
    assert run.network()(images).argmax(1).tolist() == saved["predicted"].tolist()[: len(images)]
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
    network = Recorder()
    monkeypatch.setattr(Run, "network", lambda _: network)
    for name, wanted in (("half", [1.0, -1.0, -0.6]), ("imagenet", [2.249, -2.036, -0.917])):
        settings = load_profile("test", [f"train.overrides={{vgg19: {{normalise: {name}}}}}"])
        study = Study(settings)
        study.data = SimpleNamespace(classes=["x", "y"], samples=lambda protocol, seed: split)
        predict_photographs(study.run("vgg19"), tmp_path, index)
        assert network.images.mean((0, 2, 3)).tolist() == pytest.approx(wanted, abs=2e-3), name
