"""Fine-tuning: it starts from what the frozen classifier says, is kept, and becomes the recogniser if it is better."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from checkout import needs_weights
from painted import paint
from PIL import Image

from mineral_lib.errors import WeightsError
from mineral_lib.paths import ROOT_VARIABLE
from mineral_lib.recognition import fine_tuning
from mineral_lib.recognition.backbone import LITE0, RANDOM, load_backbone
from mineral_lib.recognition.features import COLOUR
from mineral_lib.recognition.ladder import Rung, best_rung
from mineral_lib.recognition.learn import MODEL_FILE, build_recogniser, ladder_text, study_of_folder
from mineral_lib.recognition.linear import Linear, added
from mineral_lib.recognition.model_file import load_recogniser

pytestmark = needs_weights()
CHANGES = [
    "recogniser.sizes_px=[32]",
    "recogniser.fine_tune=true",
    "recogniser.fine_tuning.image_size_px=32",
    "recogniser.fine_tuning.epochs=2",
    "data.near_duplicate_radius=null",
]


def classifier(width, num_classes=3, seed=0):
    draw = np.random.default_rng(seed).normal
    return Linear(
        draw(size=width), np.exp(draw(size=width)), draw(size=(num_classes, width)) / 40, draw(size=num_classes)
    )


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """Two colours under a fine-tuned ladder: the study, the recogniser, the ladder, what was said."""
    root, folder = tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("photographs")
    shutil.copytree(Path(__file__).resolve().parents[2] / "params", root / "params")
    for name, colour in (("malachite", (40, 140, 90)), ("pyrite", (200, 180, 90))):
        paint(folder, name, colour, 20, spread=60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ROOT_VARIABLE, str(root))
        study, lines = study_of_folder(folder, CHANGES), []
        yield study, *build_recogniser(study, backbones=[LITE0], say=lines.append), lines


def test_the_network_first_says_what_the_classifier_says():
    backbone = load_backbone(LITE0)
    linear, images = classifier(1280), torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        features = backbone.network(images).double().numpy()
        logits = fine_tuning._network(backbone, linear).eval()(images).numpy()
    assert np.allclose(logits, linear.logits(features), atol=1e-3)


def test_both_ways_stand_in_the_ladder(tuned):
    _, _, ladder, lines = tuned
    rows = ladder.set_index("rung")
    alone = f"{LITE0}, fine-tuned, 32 px"
    together = next(name for name in rows.index if name.startswith(f"{alone}, with {LITE0}"))
    assert rows.loc[[alone, together], "cv_accuracy"].isna().all() and rows["val_accuracy"].notna().all()
    assert sum("fine-tuning on" in line for line in lines) == 4  # twice two epochs, the second time on more
    assert sum("validation" in line for line in lines) == 2
    assert "validation %" in ladder_text(ladder) and "nan" not in ladder_text(ladder)
    assert ladder["chosen"].sum() == 1


def test_it_is_kept(tuned, monkeypatch):
    study, _, ladder, _ = tuned
    monkeypatch.setattr(fine_tuning, "_train", None)
    again = build_recogniser(study, backbones=[LITE0])[1]
    pd.testing.assert_frame_equal(again.drop(columns="seconds"), ladder.drop(columns="seconds"))
    report = (study.paths.recogniser_dir / "report.html").read_text(encoding="utf-8")
    assert "where a network was fine-tuned" in report


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_what_is_kept_lies_between_start_and_end(tuned, monkeypatch, share):
    study = study_of_folder(
        Path(tuned[0].settings.data.folder), [*CHANGES, f"recogniser.fine_tuning.learned_share={share}"]
    )
    linear = classifier(1280, 2)

    def train(study, network, *_):
        return {name: value + 4 if value.is_floating_point() else value for name, value in network.state_dict().items()}

    monkeypatch.setattr(fine_tuning, "_train", train)
    backbone = load_backbone(LITE0)
    kind, head = fine_tuning.fine_tune(study, backbone, linear)
    started = fine_tuning._network(backbone, linear).classifier
    other, _ = fine_tuning.fine_tune(study, backbone, classifier(1280, 2, seed=1))
    assert other.name != kind.name  # another start is another training
    assert np.allclose(head.weight[:, :1280] - started.weight.detach().numpy(), 4 * share, atol=1e-5)
    weights = zip(kind.backbone.network.parameters(), backbone.network.parameters(), strict=True)
    assert all(torch.allclose(kept - first, torch.tensor(4 * share), atol=1e-4) for kept, first in weights)


def test_the_fine_tuned_recogniser_survives_its_file(tuned, monkeypatch):
    study = tuned[0]
    monkeypatch.setattr("mineral_lib.recognition.learn.best_rung", lambda rungs, labels: rungs[-1])
    made, _ = build_recogniser(study, backbones=[LITE0])
    read, parts = load_recogniser(study.paths.recogniser_dir / MODEL_FILE), []
    assert [kind.title for kind in read.kinds][-1] == f"{LITE0}-tuned@32" and made.about["strength"] is None
    pictures = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    for kind, other in zip(made.kinds, read.kinds, strict=True):
        given = [np.asarray(COLOUR.prepare(_photo(one)) if kind is COLOUR else one) for one in pictures]
        given = given if kind is COLOUR else list(pictures)
        parts.append((kind.compute(given), other.compute(given)))
    assert all(np.allclose(first, second, atol=1e-5) for first, second in parts)
    assert np.allclose(made.probabilities([one for one, _ in parts]), read.probabilities([one for _, one in parts]))
    assert "Fine-tuned on train" in (study.paths.recogniser_dir / "model_card.md").read_text(encoding="utf-8")


def _photo(picture):
    return Image.fromarray((picture.permute(1, 2, 0).numpy() * 255).astype(np.uint8))


def test_logits_are_added():
    first, second = classifier(4), classifier(6, seed=1)
    rows = np.random.default_rng(2).normal(size=(5, 10))
    wanted = first.logits(rows[:, :4]) / 2 + second.logits(rows[:, 4:]) / 0.5
    assert np.allclose(added(first, second, 2, 0.5).logits(rows), wanted)


@pytest.mark.parametrize(("held", "best"), [([1, 1], "tuned"), ([1, 0], "frozen")])
def test_rungs_are_compared_where_both_have_answers(held, best):
    labels = np.array([0, 1, 0, 1])
    frozen = np.eye(2)[[0, 1, 0, 0]].astype(float)  # right, right, right, wrong
    logits = np.full((4, 2), np.nan)
    logits[2:] = np.eye(2)[[label if right else 1 - label for label, right in zip(labels[2:], held, strict=True)]]
    rungs = [
        Rung(name, (COLOUR,), None, None, known, None, 0.0) for name, known in (("frozen", frozen), ("tuned", logits))
    ]
    assert best_rung(rungs, labels).name == best


@pytest.mark.parametrize("change", [{"classifier": ("head", "head_dist")}, {"mean": (0.48, 0.46, 0.41)}])
def test_what_cannot_be_fine_tuned_is_said(tuned, change):
    backbone = load_backbone(RANDOM)
    with pytest.raises(WeightsError, match=r"head is not one|normalised"):
        fine_tuning.fine_tune(tuned[0], replace(backbone, cfg=backbone.cfg | change), classifier(1280, 2))
