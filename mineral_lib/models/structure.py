"""What a network is made of, measured on the live module: Table 1, the diagrams, parameters, cost and size."""

import io
from dataclasses import dataclass
from typing import Any

import torch
from timm.models.convnext import ConvNeXt, ConvNeXtBlock
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mineral_lib.models.eca import Eca


@dataclass(frozen=True)
class Step:
    """One station on the way of a photograph through the network: a row of Table 1.

    Attributes:
        name: Name in the paper's Table 1, for example ``conv2_x``.
        kind: ``stem``, ``stage``, ``eca`` or ``head``.
        in_shape: (C, H, W) before, or (C,) after pooling.
        out_shape: Shape after.
        layers: The layers in words, for example ``("d7x7, 96", "1x1, 384", "1x1, 96")``.
        repeat: How many times the block stands in the stage.
        block: Depthwise kernel size, width and hidden width of a stage's ConvNeXt blocks, else None.
        downsampled: Whether the stage begins with downsampling.
        eca_kernel: Kernel size of the ECA modules in this step, None without one.
        parameters: Number of trainable weights.
    """

    name: str
    kind: str
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    layers: tuple[str, ...]
    repeat: int = 1
    block: tuple[int, int, int] | None = None
    downsampled: bool = False
    eca_kernel: int | None = None
    parameters: int = 0


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape as the paper writes it: height × width × channels."""
    return "×".join(str(size) for size in (*shape[1:], shape[0]))


def count_parameters(network: nn.Module) -> int:
    """Number of weights of a network, auxiliary heads included."""
    return sum(parameter.numel() for parameter in network.parameters())


def file_size_mib(network: nn.Module) -> float:
    """Size of the network's saved float32 state dict in MiB; the paper's Table 5 prints MiB as "M"."""
    buffer = io.BytesIO()
    torch.save(network.state_dict(), buffer)
    return buffer.tell() / 2**20


@torch.no_grad()
def multiply_adds(network: nn.Module, image_size_px: int) -> float:
    """Cost of one image in giga multiply-adds (GMACs; 1 MAC = 2 FLOPs), counted by torch on a forward pass."""
    device = next(network.parameters()).device
    with FlopCounterMode(display=False) as counter:
        # forward: a compiled network would hide its operations from the counter.
        network.eval().forward(torch.zeros(1, 3, image_size_px, image_size_px, device=device))
    return counter.get_total_flops() / 2e9


@torch.no_grad()
def _shapes(network: nn.Module, modules: dict[str, nn.Module], image_size_px: int) -> dict[str, tuple[tuple, tuple]]:
    seen: dict[str, tuple[tuple, tuple]] = {}

    def recorder(key: str) -> Any:
        return lambda _module, inputs, output: seen.__setitem__(
            key, (tuple(inputs[0].shape[1:]), tuple(output.shape[1:]))
        )

    handles = [module.register_forward_hook(recorder(key)) for key, module in modules.items()]
    try:
        network.eval()(torch.zeros(1, 3, image_size_px, image_size_px))
    finally:
        for handle in handles:
            handle.remove()
    return seen


def _block_of(block: ConvNeXtBlock) -> tuple[int, int, int]:
    """Depthwise kernel size, width and hidden width, read from the module."""
    mlp = block.mlp if hasattr(block.mlp, "fc1") else block.mlp[0]
    hidden = mlp.fc1.out_features if isinstance(mlp.fc1, nn.Linear) else mlp.fc1.out_channels
    return block.conv_dw.kernel_size[0], block.conv_dw.out_channels, hidden


def describe_network(network: ConvNeXt, image_size_px: int) -> list[Step]:
    """The rows of Table 1 of a (possibly ECA-) ConvNeXt, with shapes from a forward pass.

    Args:
        network: A timm ConvNeXt, with or without ECA modules.
        image_size_px: Side of the square input.

    Returns:
        Stem, four stages, an ``eca`` step after each stage with post-stage attention, and the head.
    """
    modules: dict[str, nn.Module] = {"stem": network.stem, "head": network.head}
    modules |= {f"stage{i}": stage for i, stage in enumerate(network.stages)}
    shapes = _shapes(network, modules, image_size_px)
    stem = network.stem[0]
    size = stem.kernel_size[0]
    layers = (f"{size}x{size}, {stem.out_channels}, stride {stem.stride[0]}", "Layer Norm")
    steps = [Step("conv1", "stem", *shapes["stem"], layers, parameters=count_parameters(network.stem))]
    for number, stage in enumerate(network.stages):
        steps += _stage_steps(number + 2, stage, *shapes[f"stage{number}"])
    layers = ("Global Avg Pooling", "Layer Normalization", "Linear")
    return [*steps, Step("head", "head", *shapes["head"], layers, parameters=count_parameters(network.head))]


def _stage_steps(number: int, stage: nn.Module, before: tuple[int, ...], after: tuple[int, ...]) -> list[Step]:
    """The stage, and a step of its own for an ECA module behind it."""
    blocks = [module for module in stage.modules() if isinstance(module, ConvNeXtBlock)]
    ecas = [module for module in stage.modules() if isinstance(module, Eca)]
    inside = any(isinstance(module, Eca) for block in blocks for module in block.modules()) or len(ecas) > 1
    kernel, downsampled = ecas[0].kernel_size if ecas else None, not isinstance(stage.downsample, nn.Identity)
    size, width, hidden = block = _block_of(blocks[0])
    layers = ["Downsample"] if downsampled else []
    layers += [f"d{size}x{size}, {width}", f"1x1, {hidden}", f"1x1, {width}", *([f"ECA, k={kernel}"] if inside else [])]
    behind = [] if inside else ecas
    own = count_parameters(stage) - sum(count_parameters(eca) for eca in behind)
    step = Step(
        f"conv{number}_x",
        "stage",
        before,
        after,
        tuple(layers),
        repeat=len(blocks),
        block=block,
        downsampled=downsampled,
        eca_kernel=kernel if inside else None,
        parameters=own,
    )
    return [step, *(_eca_step(number, eca, after) for eca in behind)]


def _eca_step(number: int, eca: Eca, shape: tuple[int, ...]) -> Step:
    size = eca.kernel_size
    words = (f"ECA, k={size}",)
    return Step(f"eca{number}", "eca", shape, shape, words, eca_kernel=size, parameters=count_parameters(eca))
