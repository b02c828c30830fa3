"""Facts about the paper's networks, counted on networks built here: what its Table 1, Table 5 and section 2.2 claim."""

from dataclasses import dataclass
from functools import cache

import timm
import torch
from torch import nn

from mineral_lib.config import PAPER_MODELS, PROPOSED
from mineral_lib.measurements.steps import describe_network, shape_text
from mineral_lib.models.eca_convnext import PLACEMENTS, eca_modules
from mineral_lib.models.structure import count_parameters, file_size_mib

BASE = "convnext_tiny"
WIDTHS = (96, 192, 384, 768)  # channels of the four stages


@dataclass(frozen=True)
class NetworkFacts:
    """What was counted."""

    parameters: dict[str, int]  # weights of the six networks with 26 outputs, GoogLeNet with its auxiliary heads
    size_mib: dict[str, float]  # saved state of ConvNeXt-T and ECA-ConvNeXt-T
    shapes: dict[str, str]  # H × W × C after each step of ConvNeXt-T's Table 1 but the head, photograph of 224 px
    modules: dict[str, int]  # number of ECA modules by placement
    # Kernel size of each stage's module, by ECA-Net's formula and as the authors' code passes the widths.
    kernels: dict[str, tuple[int, ...]]
    equations: dict[int, int]  # weights of the four modules by Eq. 1 (k for every channel) and Eq. 2 (k for all)
    pooling_saves: int  # weights an ECA module's convolution would have more without the pooling before it
    versions: tuple[str, ...]  # sizes in which ConvNeXt was published with weights

    @property
    def num_versions(self) -> int:
        """Number of published sizes."""
        return len(self.versions)

    @property
    def attention_adds(self) -> int:
        """Weights that ECA-ConvNeXt-T has more than ConvNeXt-T."""
        return self.parameters[PROPOSED] - self.parameters[BASE]


def _build(name: str, **options: str) -> nn.Module:
    return timm.create_model(name if "convnext" in name else f"{name}_torchvision", num_classes=26, **options)


@cache
def network_facts() -> NetworkFacts:
    """Build the paper's networks at full size and count; takes a second or two, once a process."""
    with torch.device("meta"):  # shapes without numbers are enough to count
        networks = {name: _build(name) for name in PAPER_MODELS}
        modules = {place: len(eca_modules(_build(PROPOSED, eca_placement=place))) for place in PLACEMENTS}
        attention = {rule: eca_modules(_build(PROPOSED, eca_kernel=rule)) for rule in ("adaptive", "authors")}
    kernels = {rule: tuple(module.kernel_size for module in found) for rule, found in attention.items()}
    real = {name: networks[name].to_empty(device="cpu") for name in (BASE, PROPOSED)}
    pooled = eca_modules(real[PROPOSED])[0]
    steps, names = describe_network(real[BASE], 224), timm.list_pretrained("convnext_*.fb_in22k")
    every_channel = sum(k * width for k, width in zip(kernels["adaptive"], WIDTHS, strict=True))
    return NetworkFacts(
        parameters={name: count_parameters(network) for name, network in networks.items()},
        size_mib={name: file_size_mib(network) for name, network in real.items()},
        shapes={step.name: shape_text(step.out_shape) for step in steps if step.kind != "head"},
        modules=modules,
        kernels=kernels,
        equations={1: every_channel, 2: sum(kernels["adaptive"])},
        pooling_saves=count_parameters(pooled.conv) - count_parameters(pooled),  # a convolution alone, and the module
        versions=tuple(sorted(name.removeprefix("convnext_").split(".")[0] for name in names)),
    )
