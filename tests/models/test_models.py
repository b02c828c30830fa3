"""The networks: ECA against plain references, parameter counts, placements, weights."""

import subprocess
import sys

import pytest
import safetensors.torch
import timm
import torch

from mineral_lib.config import PAPER_MODELS, Weights
from mineral_lib.errors import ParameterError, WeightsError
from mineral_lib.measurements.ablation import placement_effect
from mineral_lib.measurements.paper_networks import describe_network
from mineral_lib.models.eca import Eca, kernel_sizes
from mineral_lib.models.eca_convnext import PLACEMENTS, eca_modules, mean_gates
from mineral_lib.models.structure import count_parameters, file_size_mib, multiply_adds
from mineral_lib.models.weights import load_backbone, starting_state
from mineral_lib.models.zoo import add_attention, build_base, classifier_of
from mineral_lib.parameters import load_profile

COMPACT = load_profile("quick").model
REAL = load_profile("paper").model
WIDTHS = [96, 192, 384, 768]


def reference_eca(x, kernel):
    """Equation 2, written out in loops."""
    size, channels = len(kernel), x.shape[1]
    padded = torch.zeros(x.shape[0], channels + size - 1)
    padded[:, size // 2 : size // 2 + channels] = x.mean((2, 3))
    gates = torch.stack(
        [torch.sigmoid(sum(kernel[j] * padded[:, c + j] for j in range(size))) for c in range(channels)], 1
    )
    return x * gates[:, :, None, None]


@pytest.mark.parametrize("size", [1, 3, 5])
def test_eca_is_equation_2(size):
    eca, x = Eca(12, kernel_size=size), torch.randn(2, 12, 5, 4)
    torch.testing.assert_close(eca(x), reference_eca(x, eca.conv.weight[0, 0]))


def test_equation_1_with_shared_rows_is_equation_2_but_for_centring():
    channels, size = 12, 3
    eca, y = Eca(channels, kernel_size=size), torch.randn(channels)
    band = torch.zeros(channels, channels)  # Eq. 1: the band starts at the diagonal
    for c in range(channels):
        for j in range(size):
            if c + j < channels:
                band[c, c + j] = eca.conv.weight[0, 0, j]
    convolved = eca.conv(y[None, None])[0, 0]
    torch.testing.assert_close((band @ y)[: channels - 2], convolved[1 : channels - 1])


def test_channels_last_gives_the_same():
    eca, x = Eca(8), torch.randn(2, 8, 3, 3)
    other = Eca(8, channels_first=False)
    other.load_state_dict(eca.state_dict())
    torch.testing.assert_close(other(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), eca(x))


def test_identity_start_changes_nothing():
    x = torch.randn(2, 16, 4, 4)
    torch.testing.assert_close(Eca(16, identity=True)(x), x)


def test_kernel_rules():
    assert [Eca(width).kernel_size for width in WIDTHS] == [3, 5, 5, 5]
    assert kernel_sizes(WIDTHS, "authors") == [5, 3, 5, 5]
    assert kernel_sizes(WIDTHS, 7) == [7, 7, 7, 7]


@pytest.mark.parametrize(
    ("placement", "modules", "added"), [("post_stage", 4, 18), ("post_block", 18, 84), ("in_branch", 18, 84)]
)
def test_parameter_counts(placement, modules, added):
    network = timm.create_model("eca_convnext_tiny", num_classes=26, eca_placement=placement)
    assert len(eca_modules(network)) == modules
    assert count_parameters(network) == 27_840_122 + added


def test_saved_size_agrees_with_the_papers_mib():
    network = build_base("convnext_tiny", num_classes=26, options=REAL)
    assert file_size_mib(network) == pytest.approx(106.25, abs=0.02)


def test_structure_is_table_1():
    network = add_attention("eca_convnext_tiny", build_base("eca_convnext_tiny", num_classes=26, options=REAL), REAL)
    steps = describe_network(network, 224)
    shapes = {step.name: (step.in_shape, step.out_shape) for step in steps}
    assert shapes["conv1"] == ((3, 224, 224), (96, 56, 56))
    assert shapes["conv4_x"] == ((192, 28, 28), (384, 14, 14))
    assert shapes["head"] == ((768, 7, 7), (26,))
    assert [step.repeat for step in steps if step.kind == "stage"] == [3, 3, 9, 3]
    assert [step.eca_kernel for step in steps if step.kind == "eca"] == [3, 5, 5, 5]
    assert sum(step.parameters for step in steps) == count_parameters(network)


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_every_placement_works_in_the_compact_network(placement):
    options = COMPACT.model_copy(update={"eca_placement": placement})
    network = add_attention(
        "eca_convnext_tiny", build_base("eca_convnext_tiny", num_classes=5, options=options), options
    )
    assert network(torch.randn(2, 3, 64, 64)).shape == (2, 5)
    gates = mean_gates(network, torch.randn(2, 3, 64, 64))
    assert len(gates) == (4 if placement == "post_stage" else 12)
    assert all(bool(((gate > 0) & (gate < 1)).all()) for gate in gates)


def test_placement_effect_shows_what_the_audit_found():
    effect = placement_effect(COMPACT).set_index(["placement", "gates start as"])["cosine with the plain network"]
    assert effect["post_stage", "default"] > 0.99
    assert effect["post_block", "default"] < 0.95
    assert effect["post_block", "identity"] == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("name", PAPER_MODELS)
@pytest.mark.parametrize(("options", "px", "side"), [(COMPACT, 64, 4), (REAL, 224, 7)])
def test_networks_by_name(name, options, px, side):
    network = add_attention(name, build_base(name, num_classes=26, options=options), options).eval()
    info = classifier_of(name, network)
    maps = []
    network.get_submodule(info.cam_layer).register_forward_hook(
        lambda module, inputs, output: maps.append(output.shape)
    )
    with torch.inference_mode():
        assert network(torch.randn(1, 3, px, px)).shape == (1, 26)
    assert maps[0][2] == (14 if name == "vgg19" and px == 224 else side)
    for head in info.head:
        network.get_submodule(head)


def test_timm_builds_our_networks_for_anybody():
    names = [name for name in timm.list_models() if name.endswith(("_compact", "_torchvision"))]
    assert len(names) == 10
    for name in [*names, "eca_convnext_tiny"]:
        with torch.device("meta"):
            network = timm.create_model(name, num_classes=26)
        heads = network.default_cfg["classifier"]
        heads = [network.get_submodule(head) for head in ([heads] if isinstance(heads, str) else heads)]
        assert {head.out_features for head in heads} == {26}, name
        network.get_submodule(network.feature_info[-1]["module"])
    network = timm.create_model(
        "eca_convnext_tiny_compact", eca_placement="in_branch", eca_kernel=7, eca_init="identity", drop_path_rate=0.1
    )
    assert {(eca.kernel_size, eca.gain) for eca in eca_modules(network)} == {(7, 2.0)}
    with pytest.raises(ValueError, match="unknown placement 'somewhere'"):
        timm.create_model("eca_convnext_tiny_compact", eca_placement="somewhere")


ORDERS = ("mineral_lib, timm", "timm, mineral_lib", "mineral_lib.models.compact, timm")


@pytest.mark.parametrize("order", ORDERS)
def test_timm_knows_the_networks_whoever_is_imported_first(order):
    code = f"import {order}; assert timm.is_model('eca_convnext_tiny') and timm.is_model('resnet50_compact')"
    subprocess.run([sys.executable, "-W", "error::UserWarning", "-c", code], check=True)


def test_importing_the_library_imports_nothing_heavy():
    code = "import sys, mineral_lib; assert not {'torch', 'timm', 'pandas', 'matplotlib'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_cost_of_known_networks():
    assert multiply_adds(build_base("convnext_tiny", num_classes=1000, options=REAL), 224) == pytest.approx(
        4.45, abs=0.02
    )
    assert multiply_adds(build_base("resnet50", num_classes=1000, options=REAL), 224) == pytest.approx(4.09, abs=0.02)


def test_foreign_networks_by_library_name():
    network = build_base("torchvision:squeezenet1_1", num_classes=5, options=COMPACT)
    assert network(torch.randn(1, 3, 64, 64)).shape == (1, 5)
    assert classifier_of("torchvision:squeezenet1_1", network).head == ("classifier.1",)
    network = build_base("timm:test_convnext", num_classes=5, options=COMPACT)
    assert classifier_of("timm:test_convnext", network).head == ("head.fc",)
    with pytest.raises(ParameterError, match="knows no network"):
        build_base("timm:no_such_net", num_classes=5, options=COMPACT)


def from_file(name, **files):
    """Weights of a network from local files, by network."""
    files = {key: str(path) for key, path in files.items()}
    return starting_state(name, Weights.model_construct(source="file", files=files), COMPACT)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_weights_from_a_local_file(tmp_path, suffix):
    torch.manual_seed(1)
    source = build_base("resnet50", num_classes=7, options=COMPACT)
    path = tmp_path / f"w{suffix}"
    if suffix == ".pth":
        torch.save({"state_dict": {f"module.{key}": value for key, value in source.state_dict().items()}}, path)
    else:
        safetensors.torch.save_file(source.state_dict(), path)
    state, note = from_file("resnet50", resnet50=path)
    target = build_base("resnet50", num_classes=3, options=COMPACT)
    head = target.fc.weight.clone()
    load_backbone("resnet50", target, state, where="test")
    torch.testing.assert_close(target.layer4[0].conv1.weight, source.layer4[0].conv1.weight)
    torch.testing.assert_close(target.fc.weight, head)
    assert path.name in note


def test_weights_that_do_not_fit_or_are_missing(tmp_path):
    state = build_base("resnet50", num_classes=7, options=COMPACT).state_dict()
    with pytest.raises(WeightsError, match="do not fit"):
        load_backbone("convnext_tiny", build_base("convnext_tiny", num_classes=3, options=COMPACT), state, where="test")
    with pytest.raises(WeightsError, match=r"weights\.files\.convnext_tiny"):
        from_file("eca_convnext_tiny")
    damaged = tmp_path / "cut.safetensors"
    damaged.write_bytes(b"\x10\x00\x00")
    with pytest.raises(WeightsError, match="cannot be read"):
        from_file("resnet50", resnet50=damaged)
    with pytest.raises(WeightsError, match="no ImageNet weights for the compact"):
        starting_state("resnet50", Weights.model_construct(source="imagenet"), COMPACT)


def test_hostile_weights_run_nothing(tmp_path):
    canary = tmp_path / "canary"

    class Hostile:
        def __reduce__(self):
            import os

            return os.system, (f"touch {canary}",)

    path = tmp_path / "hostile.pth"
    torch.save({"layer": Hostile()}, path)
    with pytest.raises(WeightsError, match="cannot be read"):
        from_file("resnet50", resnet50=path)
    assert not canary.exists()
