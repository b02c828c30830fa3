"""The recogniser as ONNX answers like the recogniser."""

import json
import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from checkout import needs_weights
from PIL import Image

from mineral_lib.photos import read_photo
from mineral_lib.recognition.features import Kind, small_picture
from mineral_lib.recognition.linear import Linear
from mineral_lib.recognition.model_file import load_recogniser
from mineral_lib.recognition.recogniser import Recogniser, kind_of
from mineral_lib.recognition.unknown import Familiarity
from mineral_lib.specimens import photographs

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
needs_packages = pytest.mark.skipif(
    any(find_spec(name) is None for name in PACKAGES), reason="the extra 'export' is not installed"
)
PHOTOGRAPHS = os.environ.get("MINERAL_TEST_PHOTOS", "")  # real ones; generated ones without


def inputs_of(kind: Kind, photo: Image.Image) -> np.ndarray:
    """A photograph as the file's metadata wants it."""
    if kind.backbone is not None:
        return kind.prepare(photo).numpy()
    return np.asarray(small_picture(photo), np.float32).transpose(2, 0, 1) / np.float32(255)


def answers(path: Path, recogniser: Recogniser, photos: list[Image.Image]) -> np.ndarray:
    import onnxruntime

    from mineral_lib.recognition.onnx_file import input_names

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["classes"]) == recogniser.classes
    inputs = {
        name: np.stack([inputs_of(kind, photo) for photo in photos])
        for name, kind in zip(input_names(recogniser), recogniser.kinds, strict=True)
    }
    assert set(json.loads(metadata["inputs"])) == set(inputs) == {one.name for one in session.get_inputs()}
    return session.run(["probability"], inputs)[0]


def expected(recogniser: Recogniser, photos: list[Image.Image]) -> np.ndarray:
    return recogniser.probabilities(
        [kind.compute([kind.prepare(photo) for photo in photos]) for kind in recogniser.kinds]
    )


@needs_packages
@pytest.mark.parametrize("count", [1, 5])
def test_colours(mineral, made, tmp_path, count):
    path = tmp_path / "colours.onnx"
    status, out, err = mineral("export", "--profile", "own_photos", "--onnx", "--out", path)
    assert (status, out.count("wrote")) == (0, 2), err
    recogniser = load_recogniser(made.file)
    photos = [Image.open(file) for file in sorted(made.folder.rglob("*.png"))[:: 80 // count]]
    found = answers(path, recogniser, photos)
    assert np.abs(found - expected(recogniser, photos)).max() < 1e-4
    assert found.sum(1) == pytest.approx(1, abs=1e-5)


@needs_packages
@needs_weights()
def test_a_network_at_two_sizes_and_colours_on_photographs(tmp_path):
    from mineral_lib.recognition.onnx_file import write_onnx

    if PHOTOGRAPHS:
        files = sorted(Path(PHOTOGRAPHS).rglob("*.jpg"))
        photos = [read_photo(file).image for file in files[:: max(1, len(files) // 8)]]
    else:
        images, _ = photographs([(number, 1, 1) for number in range(1, 9)], image_size=160, seed=0)
        photos = [Image.fromarray(image) for image in images]
    kinds = [kind_of(name) for name in ("lite0@64", "lite0@96", "colour")]
    features = np.hstack([kind.compute([kind.prepare(photo) for photo in photos]) for kind in kinds])
    weight = np.random.default_rng(0).normal(0, 2 / np.sqrt(features.shape[1]), (17, features.shape[1]))
    linear = Linear(features.mean(0), features.std(0) + 0.1, weight, np.zeros(17))
    linear.bias[3] = -np.inf
    known = Familiarity(np.eye(4, 1280))
    recogniser = Recogniser([f"c{label}" for label in range(17)], kinds, linear, 1.3, 0.9, 0.1, 0.1, known)
    path = write_onnx(tmp_path / "all.onnx", recogniser)
    wanted = expected(recogniser, photos)
    assert np.abs(answers(path, recogniser, photos) - wanted).max() < 1e-4
    assert wanted[:, 3].max() == 0 and np.ptp(wanted, axis=0).max() > 0.05


def test_without_the_packages_the_message_says_what_to_install(mineral, made, tmp_path, monkeypatch):
    from mineral_lib.recognition import onnx_file

    monkeypatch.setattr(onnx_file, "find_spec", lambda name: None)
    status, _, err = mineral("export", "--profile", "own_photos", "--onnx", "--out", tmp_path / "a.onnx")
    assert status == 3
    assert "pip install onnx onnxscript onnxruntime" in err


def test_export_copies_the_file_and_its_card(mineral, made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert mineral("export", "--profile", "own_photos")[0] == 0
    assert (tmp_path / "mineral-own_photos.safetensors").read_bytes() == made.file.read_bytes()
    assert (tmp_path / "mineral-own_photos.md").read_text("utf-8").startswith("# Model card")
    status, _, err = mineral("export", "--profile", "quick")
    assert (status, "this profile has no recogniser" in err) == (3, True)
