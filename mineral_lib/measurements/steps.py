"""The way of a photograph through a ConvNeXt, step by step, measured on the live module: Table 1 and the diagrams."""

import contextlib
from dataclasses import dataclass

import torch
from timm.models.convnext import ConvNeXt, ConvNeXtBlock
from torch import nn

from mineral_lib.models.eca import Eca
from mineral_lib.models.eca_convnext import eca_modules
from mineral_lib.models.structure import count_parameters


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
