"""What a network is made of, measured on the live module: Table 1, the diagrams, parameters, cost and size."""

import io
from dataclasses import asdict, dataclass
from typing import Any

import torch
from timm.models.convnext import ConvNeXt, ConvNeXtBlock
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mineral_lib.models.eca import Eca


@dataclass(frozen=True)
class Step:
    """One row of a structure table.

    Attributes:
        name: Name in the paper's Table 1, for example ``conv2_x``.
        kind: ``stem``, ``stage``, ``eca`` or ``head``.
        in_shape: (C, H, W) before, or (C,) after pooling.
        out_shape: Shape after.
        detail: The layers, for example ``d7x7, 96 | 1x1, 384 | 1x1, 96``.
        repeat: How many times the block stands in the stage.
        kernel: Kernel size of an ECA module, else None.
        parameters: Number of trainable weights.
    """

    name: str
    kind: str
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    detail: str
    repeat: int = 1
    kernel: int | None = None
    parameters: int = 0


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


def describe_block(block: ConvNeXtBlock) -> list[str]:
    """The layers of a ConvNeXt block as Table 1 writes them, read from the module."""
    width, mlp = block.conv_dw.out_channels, block.mlp if hasattr(block.mlp, "fc1") else block.mlp[0]
    size = block.conv_dw.kernel_size[0]
    hidden = mlp.fc1.out_features if isinstance(mlp.fc1, nn.Linear) else mlp.fc1.out_channels
    return [f"d{size}x{size}, {width}", f"1x1, {hidden}", f"1x1, {width}"]


def describe_convnext(network: ConvNeXt, image_size_px: int) -> list[Step]:
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
    steps = [
        Step(
            "conv1",
            "stem",
            *shapes["stem"],
            parameters=count_parameters(network.stem),
            detail=f"{size}x{size}, {stem.out_channels}, stride {stem.stride[0]} | Layer Norm",
        )
    ]
    for number, stage in enumerate(network.stages):
        blocks = [module for module in stage.modules() if isinstance(module, ConvNeXtBlock)]
        ecas = [module for module in stage.modules() if isinstance(module, Eca)]
        before, after = shapes[f"stage{number}"]
        layers = ([] if isinstance(stage.downsample, nn.Identity) else ["Downsample"]) + describe_block(blocks[0])
        inside = len(ecas) > 1 or any(isinstance(module, Eca) for block in blocks for module in block.modules())
        if inside:
            layers.append(f"ECA, k={ecas[0].kernel_size}")
        steps.append(
            Step(
                f"conv{number + 2}_x",
                "stage",
                before,
                after,
                " | ".join(layers),
                repeat=len(blocks),
                parameters=count_parameters(stage) - (0 if inside else sum(count_parameters(e) for e in ecas)),
            )
        )
        if ecas and not inside:
            steps.append(
                Step(
                    f"eca{number + 2}",
                    "eca",
                    after,
                    after,
                    f"ECA, k={ecas[0].kernel_size}",
                    kernel=ecas[0].kernel_size,
                    parameters=count_parameters(ecas[0]),
                )
            )
    steps.append(
        Step(
            "head",
            "head",
            *shapes["head"],
            "Global Avg Pooling | Layer Normalization | Linear",
            parameters=count_parameters(network.head),
        )
    )
    return steps


def describe_network(network: ConvNeXt, image_size_px: int) -> list[dict[str, Any]]:
    """``describe_convnext`` as plain dictionaries, for the reporting floor (which knows no torch)."""
    return [asdict(step) for step in describe_convnext(network, image_size_px)]
