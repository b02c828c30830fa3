"""Facts about the paper's networks, counted on networks built here: what its Table 1, Table 5 and section 2.2 claim."""

from dataclasses import dataclass
from functools import cache

import timm
import torch
from torch import nn

from mineral_lib.config import PAPER_MODELS, Model
from mineral_lib.models.eca_convnext import PLACEMENTS, eca_modules
from mineral_lib.models.structure import count_parameters, describe_network, file_size_mib
from mineral_lib.models.zoo import add_attention, build_base

NUM_CLASSES, PAPER_PX = 26, 224
PROPOSED, BASE = "eca_convnext_tiny", "convnext_tiny"


@dataclass(frozen=True)
class NetworkFacts:
    """What was counted.

    Attributes:
        parameters: Weights of each of the six networks with 26 outputs, GoogLeNet with its auxiliary heads.
        size_mib: Saved state of ConvNeXt-T and ECA-ConvNeXt-T.
        shapes: (C, H, W) before and after each step of ConvNeXt-T's Table 1, photograph of 224 px.
        modules: Number of ECA modules by placement.
        kernels: Kernel size of each stage's module, by ECA-Net's formula and as the authors' code passes the widths.
        pooling_saves: Weights an ECA module's convolution would have more without the pooling before it.
        versions: Sizes in which ConvNeXt was published with weights.
    """

    parameters: dict[str, int]
    size_mib: dict[str, float]
    shapes: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]
    modules: dict[str, int]
    kernels: dict[str, tuple[int, ...]]
    pooling_saves: int
    versions: tuple[str, ...]


def _options(placement: str = "post_stage", kernel: str = "adaptive") -> Model:
    return Model(
        family="paper",
        eca_placement=placement,
        eca_kernel=kernel,
        eca_init="default",
        init_scheme="library",
        drop_path_rate=0.0,
        aux_weight=0.3,
    )


def _build(name: str, options: Model) -> nn.Module:
    return add_attention(name, build_base(name, num_classes=NUM_CLASSES, options=options), options)


@cache
def network_facts() -> NetworkFacts:
    """Build the paper's networks at full size and count; takes a second or two, once a process."""
    with torch.device("meta"):  # shapes without numbers are enough to count
        networks = {name: _build(name, _options()) for name in PAPER_MODELS}
        modules = {place: len(eca_modules(_build(PROPOSED, _options(place)))) for place in PLACEMENTS}
        kernels = {
            rule: tuple(module.kernel_size for module in eca_modules(_build(PROPOSED, _options(kernel=rule))))
            for rule in ("adaptive", "authors")
        }
    parameters = {name: count_parameters(network) for name, network in networks.items()}
    real = {name: networks[name].to_empty(device="cpu") for name in (BASE, PROPOSED)}
    pooled = eca_modules(real[PROPOSED])[0]
    steps = describe_network(real[BASE], PAPER_PX)
    return NetworkFacts(
        parameters=parameters,
        size_mib={name: file_size_mib(network) for name, network in real.items()},
        shapes={step.name: (step.in_shape, step.out_shape) for step in steps},
        modules=modules,
        kernels=kernels,
        pooling_saves=count_parameters(pooled.conv) - count_parameters(pooled),  # a convolution alone, and the module
        versions=tuple(
            sorted(name.removeprefix("convnext_").split(".")[0] for name in timm.list_pretrained("convnext_*.fb_in22k"))
        ),
    )
