"""Where the evidence lies, and ``mineral identify --maps``."""

import json
import shutil

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from mineral_lib.recognition.backbone import RANDOM, Backbone, load_backbone
from mineral_lib.recognition.evidence_map import _colours, _places, evidence_map
from mineral_lib.recognition.features import BINS, histogram, network_kind
from mineral_lib.recognition.model_file import load_recogniser


@pytest.fixture(scope="module")
def photo():
    pixels = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((480, 360), Image.Resampling.BICUBIC)


def backbone(name):
    if name == RANDOM:
        return load_backbone(name)
    torch.manual_seed(0)
    network = timm.create_model(name, num_classes=0).eval().requires_grad_(False)
    return Backbone(name, network, dict(network.pretrained_cfg), "", name)


@pytest.mark.parametrize("name", [RANDOM, "test_resnet"])
def test_the_mean_of_a_map_is_what_the_features_add_to_the_logit(photo, name):
    kind = network_kind(backbone(name), 160 if name != RANDOM else 64)
    features = kind.compute([kind.prepare(photo)])[0].astype(float)
    weight = np.random.default_rng(0).normal(size=len(features) + 5)  # those of the next kind follow
    evidence, used = _places(kind, photo, weight)
    assert (evidence.ndim, used) == (2, len(features))
    assert evidence.std() > 0
    assert evidence.mean() == pytest.approx(weight[:used] @ features, rel=3e-3)  # stages are brought to one size


@pytest.mark.parametrize("name", ["test_vit", "test_vit2", "test_convnext", "swin_s3_tiny_224"])
def test_networks_of_tokens_or_with_a_layer_behind_the_average_have_a_map(photo, name):
    network = backbone(name)
    kind = network_kind(network, network.size_px)
    weight = np.random.default_rng(0).normal(size=kind.compute([kind.prepare(photo)]).shape[1])
    evidence, used = _places(kind, photo, weight)
    assert evidence.shape[0] == evidence.shape[1] > 3
    assert used == len(weight)
    assert np.isfinite(evidence).all() and evidence.std() > 0


def test_the_colours_of_pixels_add_up_to_the_histogram(photo):
    weight = np.random.default_rng(0).normal(size=BINS**3)
    assert _colours(photo, weight)[0].mean() == pytest.approx(weight @ histogram(photo), rel=1e-4)


def test_evidence_lies_where_the_mineral_is(made):
    recogniser = load_recogniser(made.file)
    pixels = np.full((50, 100, 3), (200, 180, 90), np.uint8)
    pixels[:, 50:] = (40, 140, 90)
    picture, heat = evidence_map(recogniser, Image.fromarray(pixels), recogniser.classes.index("malachite"))
    assert picture.shape == (240, 480, 3) and heat.shape == (240, 480)
    assert heat[:, 260:].min() > heat[:, :220].max()


def test_maps_are_written_beside_the_answers(mineral, made, tmp_path):
    names = ["a.png", "$x^2$ \x1b[31m.png"]
    for name in names:
        (tmp_path / "photos").mkdir(exist_ok=True)
        shutil.copy(made.folder / "malachite" / "0_0.png", tmp_path / "photos" / name)
    status, out, err = mineral("identify", tmp_path / "photos", "--json", "--maps", tmp_path / "deep" / "maps")
    written = sorted((tmp_path / "deep" / "maps").iterdir())
    assert (status, len(json.loads(out))) == (0, 2)
    assert "wrote 2 evidence maps" in err
    assert [path.name for path in written] == ["001__x_2_31m.png", "002_a.png"]
    for path in written:
        assert Image.open(path).format == "PNG"
    assert sorted(path.name for path in (tmp_path / "photos").glob("*.png")) == sorted(names)


def test_a_file_in_the_way_is_named_before_anything_is_answered(mineral, made, tmp_path):
    photo = shutil.copy(made.folder / "malachite" / "0_0.png", tmp_path / "a.png")
    status, out, err = mineral("identify", made.folder, "--maps", photo)
    assert (status, out) == (2, "")
    assert "a.png: is a file" in err and "Traceback" not in err
    status, out, err = mineral("identify", made.folder, "--maps", tmp_path / "a.png" / "maps")
    assert (status, out) == (4, "")
    assert "a.png" in err and "Traceback" not in err
