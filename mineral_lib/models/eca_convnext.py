"""ECA-ConvNeXt: timm's ConvNeXt with channel attention put in (paper section 2.3, Figure 3); and EfficientNet-Lite0.

The paper adds ECA "after each ConvNeXt block (i.e. after conv_2,3,4,5)", which reads two ways. The authors' code
has one module after each of the four *stages* (``post_stage``, 18 parameters in ConvNeXt-T). ``post_block`` puts one
on the main path after each of the 18 blocks, ``in_branch`` inside each residual branch before its layer scale as in
ECA-Net (84 parameters each). EfficientNet-Lite0 has one after each of its seven stages.
"""

import contextlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from timm.models.convnext import ConvNeXt
from timm.models.efficientnet import EfficientNet
from torch import nn

from mineral_lib.errors import ParameterError
from mineral_lib.models.eca import Eca, kernel_sizes

PLACEMENTS = ("post_stage", "post_block", "in_branch")


def with_eca(
    build: Callable[..., nn.Module],
    *,
    eca_placement: str = "post_stage",
    eca_kernel: str | int = "adaptive",
    eca_init: str = "default",
    **options: Any,
) -> nn.Module:
    """A network that ``build`` makes of the other options, with ECA modules (see ``insert_eca``) or ``none``."""
    network = build(**options)
    if eca_placement != "none":
        insert_eca(network, placement=eca_placement, kernel=eca_kernel, init=eca_init)
    return network


def insert_eca(
    network: ConvNeXt | EfficientNet, *, placement: str, kernel: str | int = "adaptive", init: str = "default"
) -> None:
    """Put ECA modules into a network.

    Load pretrained weights first: ``post_block`` and ``in_branch`` wrap modules, which renames their keys.

    Args:
        network: A ConvNeXt, or an EfficientNet for ``post_stage``.
        placement: ``post_stage``, ``post_block`` or ``in_branch``.
        kernel: ``adaptive``, ``authors`` or an odd number, see ``kernel_sizes``.
        init: ``default`` (gates start near 0.5) or ``identity`` (gates start at 1).

    Raises:
        ValueError: Unknown placement.
        ParameterError: Another placement than an EfficientNet can have.
    """
    if placement not in PLACEMENTS:
        raise ValueError(f"unknown placement {placement!r}: use one of {', '.join(PLACEMENTS)}")
    if isinstance(network, ConvNeXt):
        stages, widths = [stage.blocks for stage in network.stages], [one["num_chs"] for one in network.feature_info]
    elif placement == "post_stage":
        stages = network.blocks
        convolutions = [[one for one in stage.modules() if isinstance(one, nn.Conv2d)] for stage in stages]
        widths = [found[-1].out_channels for found in convolutions]
    else:
        what, where = "eca_efficientnet_lite0 has attention after its stages only", f"model.eca_placement: {placement}"
        raise ParameterError(what, where=where, remedy="set it to post_stage")
    for blocks, width, size in zip(stages, widths, kernel_sizes(widths, kernel), strict=True):
        options = {"kernel_size": size, "identity": init == "identity"}
        if placement == "post_stage":
            blocks.append(Eca(width, **options))
            continue
        for position, block in enumerate(blocks):
            if placement == "post_block":
                blocks[position] = nn.Sequential(OrderedDict(block=block, eca=Eca(width, **options)))
            else:
                eca = Eca(width, channels_first=block.use_conv_mlp, **options)
                block.mlp = nn.Sequential(OrderedDict(mlp=block.mlp, eca=eca))


def eca_modules(network: nn.Module) -> list[Eca]:
    """The ECA modules of a network, in order."""
    return [module for module in network.modules() if isinstance(module, Eca)]


@torch.no_grad()
def mean_gates(network: nn.Module, images: torch.Tensor) -> list[torch.Tensor]:
    """Gate of every ECA module, averaged over a batch of normalised images (B, 3, H, W).

    Returns:
        One tensor (C,) a module, values 0 to 1 (0 to 2 for identity-initialised modules).
    """
    gates: list[torch.Tensor] = []
    with contextlib.ExitStack() as hooks:
        for module in eca_modules(network):
            keep = lambda eca, inputs, _output: gates.append(eca.gates(inputs[0]))  # noqa: E731
            hooks.enter_context(module.register_forward_hook(keep))
        network.eval()(images)
    return [gate.mean(0).float().cpu() for gate in gates]
