"""The paper's networks, measured on live modules: the way of a photograph step by step, and what its claims count.

The steps are the rows of Table 1 and the shapes of the diagrams; the facts are what Table 5 and section 2.2 claim.
"""

import contextlib
from dataclasses import dataclass
from functools import cache

import timm
import torch
from timm.models.convnext import ConvNeXt, ConvNeXtBlock
from torch import nn

from mineral_lib.config import PAPER_MODELS, PROPOSED
from mineral_lib.models.eca import Eca
from mineral_lib.models.eca_convnext import PLACEMENTS, eca_modules
from mineral_lib.models.structure import count_parameters, file_size_mib

BASE = "convnext_tiny"
WIDTHS = (96, 192, 384, 768)  # channels of the four stages


@dataclass(frozen=True)
class Step:
    """One station on the way of a photograph through the network: a row of Table 1."""

    name: str  # name in the paper's Table 1, for example ``conv2_x``
    kind: str  # ``stem``, ``stage``, ``eca`` or ``head``
    in_shape: tuple[int, ...]  # (C, H, W) before, or (C,) after pooling
    out_shape: tuple[int, ...]  # shape after
    layers: tuple[str, ...]  # in words, for example ``("d7x7, 96", "1x1, 384", "1x1, 96")``
    repeat: int = 1  # how many times the block stands in the stage
    block: tuple[int, int, int] | None = None  # depthwise kernel size, width, hidden width of a stage's ConvNeXt blocks
    downsampled: bool = False  # whether the stage begins with downsampling
    eca_kernel: int | None = None  # kernel size of the ECA modules in this step, None without one
    parameters: int = 0  # trainable weights


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape as the paper writes it: height × width × channels."""
    return "×".join(str(size) for size in (*shape[1:], shape[0]))


@torch.no_grad()
def _shapes(network: nn.Module, modules: list[nn.Module], image_size_px: int) -> list[tuple[tuple, tuple]]:
    """Shapes before and after each module, in the order of the forward pass."""
    seen: list[tuple[tuple, tuple]] = []

    def record(_module: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        seen.append((tuple(inputs[0].shape[1:]), tuple(output.shape[1:])))

    with contextlib.ExitStack() as hooks:
        for module in modules:
            hooks.enter_context(module.register_forward_hook(record))
        network.eval()(torch.zeros(1, 3, image_size_px, image_size_px))
    return seen


def describe_network(network: ConvNeXt, image_size_px: int) -> list[Step]:
    """The rows of Table 1 of a (possibly ECA-) ConvNeXt, with shapes from a forward pass.

    Args:
        network: A timm ConvNeXt, with or without ECA modules.
        image_size_px: Side of the square input.

    Returns:
        Stem, four stages, an ``eca`` step after each stage with post-stage attention, and the head.
    """
    stem, *stages, head = _shapes(network, [network.stem, *network.stages, network.head], image_size_px)
    conv = network.stem[0]
    size, stride = conv.kernel_size[0], conv.stride[0]
    layers = (f"{size}x{size}, {conv.out_channels}, stride {stride}", "Layer Norm")
    steps = [Step("conv1", "stem", *stem, layers, parameters=count_parameters(network.stem))]
    for number, (stage, shapes) in enumerate(zip(network.stages, stages, strict=True), 2):
        steps += _stage_steps(number, stage, *shapes)
    layers = ("Global Avg Pooling", "Layer Normalization", "Linear")
    return [*steps, Step("head", "head", *head, layers, parameters=count_parameters(network.head))]


def _stage_steps(number: int, stage: nn.Module, before: tuple[int, ...], after: tuple[int, ...]) -> list[Step]:
    """The stage, and a step of its own for an ECA module behind it."""
    blocks = [module for module in stage.modules() if isinstance(module, ConvNeXtBlock)]
    behind = [module for module in stage.blocks if isinstance(module, Eca)]
    kernel = None if behind else next((eca.kernel_size for eca in eca_modules(stage)), None)
    downsampled, conv = not isinstance(stage.downsample, nn.Identity), blocks[0].conv_dw
    hidden = next(module.fc1 for module in blocks[0].mlp.modules() if hasattr(module, "fc1")).weight.shape[0]
    size, width = conv.kernel_size[0], conv.out_channels
    layers = ["Downsample"] * downsampled + [f"d{size}x{size}, {width}", f"1x1, {hidden}", f"1x1, {width}"]
    layers += [f"ECA, k={kernel}"] if kernel else []
    facts = {"repeat": len(blocks), "block": (size, width, hidden), "downsampled": downsampled, "eca_kernel": kernel}
    facts["parameters"] = count_parameters(stage) - sum(map(count_parameters, behind))
    steps = [Step(f"conv{number}_x", "stage", before, after, tuple(layers), **facts)]
    for eca in behind:
        words, count = (f"ECA, k={eca.kernel_size}",), count_parameters(eca)
        steps.append(Step(f"eca{number}", "eca", after, after, words, eca_kernel=eca.kernel_size, parameters=count))
    return steps


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
