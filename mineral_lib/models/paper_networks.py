"""Facts about the paper's networks, counted on networks built here: what its Table 1, Table 5 and section 2.2 claim."""

from dataclasses import dataclass
from functools import cache

import timm
import torch
from torch import nn

from mineral_lib.config import PAPER_MODELS, PROPOSED, Model
from mineral_lib.models.eca_convnext import PLACEMENTS, eca_modules
from mineral_lib.models.structure import count_parameters, describe_network, file_size_mib, shape_text
from mineral_lib.models.zoo import add_attention, build_base

NUM_CLASSES, PAPER_PX = 26, 224
BASE = "convnext_tiny"
WIDTHS = (96, 192, 384, 768)  # channels of the four stages


@dataclass(frozen=True)
class NetworkFacts:
    """What was counted.

    Attributes:
        parameters: Weights of each of the six networks with 26 outputs, GoogLeNet with its auxiliary heads.
        size_mib: Saved state of ConvNeXt-T and ECA-ConvNeXt-T.
        shapes: Height × width × channels after each step of ConvNeXt-T's Table 1 but the head, photograph of 224 px.
        modules: Number of ECA modules by placement.
        kernels: Kernel size of each stage's module, by ECA-Net's formula and as the authors' code passes the widths.
        pooling_saves: Weights an ECA module's convolution would have more without the pooling before it.
        versions: Sizes in which ConvNeXt was published with weights.
    """

    parameters: dict[str, int]
    size_mib: dict[str, float]
    shapes: dict[str, str]
    modules: dict[str, int]
    kernels: dict[str, tuple[int, ...]]
    pooling_saves: int
    versions: tuple[str, ...]

    @property
    def num_versions(self) -> int:
        """Number of published sizes."""
        return len(self.versions)

    @property
    def attention_adds(self) -> int:
        """Weights that ECA-ConvNeXt-T has more than ConvNeXt-T."""
        return self.parameters[PROPOSED] - self.parameters[BASE]

    @property
    def equation_1_weights(self) -> int:
        """Weights of four modules by the paper's Eq. 1: k of its own for every channel."""
        return sum(k * width for k, width in zip(self.kernels["adaptive"], WIDTHS, strict=True))

    @property
    def equation_2_weights(self) -> int:
        """Weights of four modules by Eq. 2, a convolution: k shared by all channels."""
        return sum(self.kernels["adaptive"])


def _build(name: str, placement: str = "post_stage", kernel: str = "adaptive") -> nn.Module:
    options = Model(
        family="paper",
        eca_placement=placement,
        eca_kernel=kernel,
        eca_init="default",
        init_scheme="library",
        drop_path_rate=0.0,
        aux_weight=0.3,
    )
    return add_attention(name, build_base(name, num_classes=NUM_CLASSES, options=options), options)


@cache
def network_facts() -> NetworkFacts:
    """Build the paper's networks at full size and count; takes a second or two, once a process."""
    with torch.device("meta"):  # shapes without numbers are enough to count
        networks = {name: _build(name) for name in PAPER_MODELS}
        modules = {place: len(eca_modules(_build(PROPOSED, place))) for place in PLACEMENTS}
        attention = {rule: eca_modules(_build(PROPOSED, kernel=rule)) for rule in ("adaptive", "authors")}
    real = {name: networks[name].to_empty(device="cpu") for name in (BASE, PROPOSED)}
    pooled = eca_modules(real[PROPOSED])[0]
    steps, names = describe_network(real[BASE], PAPER_PX), timm.list_pretrained("convnext_*.fb_in22k")
    return NetworkFacts(
        parameters={name: count_parameters(network) for name, network in networks.items()},
        size_mib={name: file_size_mib(network) for name, network in real.items()},
        shapes={step.name: shape_text(step.out_shape) for step in steps if step.kind != "head"},
        modules=modules,
        kernels={rule: tuple(module.kernel_size for module in found) for rule, found in attention.items()},
        pooling_saves=count_parameters(pooled.conv) - count_parameters(pooled),  # a convolution alone, and the module
        versions=tuple(sorted(name.removeprefix("convnext_").split(".")[0] for name in names)),
    )
