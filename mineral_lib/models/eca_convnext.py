"""ECA-ConvNeXt: a ConvNeXt of timm with channel attention put in (paper section 2.3, Figure 3).

The paper adds ECA "after each ConvNeXt block (i.e. after conv_2,3,4,5)", which reads two ways. The authors' code
has one module after each of the four *stages* (``post_stage``, 18 parameters in ConvNeXt-T). ``post_block`` puts one
on the main path after each of the 18 blocks, ``in_branch`` inside each residual branch before its layer scale as in
ECA-Net (84 parameters each).
"""

from collections import OrderedDict

import torch
from timm.models.convnext import ConvNeXt
from torch import nn

from mineral_lib.models.eca import Eca, kernel_sizes

PLACEMENTS = ("post_stage", "post_block", "in_branch")


def insert_eca(
    network: ConvNeXt, *, placement: str = "post_stage", kernel: str | int = "adaptive", init: str = "default"
) -> ConvNeXt:
    """Put ECA modules into a ConvNeXt, in place, and return it.

    Load pretrained weights first: ``post_block`` and ``in_branch`` wrap modules, which renames their keys.

    Args:
        network: A timm ConvNeXt.
        placement: ``post_stage``, ``post_block`` or ``in_branch``.
        kernel: ``adaptive``, ``authors`` or an odd number, see ``kernel_sizes``.
        init: ``default`` (gates start near 0.5) or ``identity`` (gates start at 1).

    Raises:
        ValueError: Unknown placement.
    """
    if placement not in PLACEMENTS:
        raise ValueError(f"unknown placement {placement!r}: use one of {', '.join(PLACEMENTS)}")
    widths = [info["num_chs"] for info in network.feature_info]
    for stage, width, size in zip(network.stages, widths, kernel_sizes(widths, kernel), strict=True):
        options = {"kernel_size": size, "identity": init == "identity"}
        if placement == "post_stage":
            stage.blocks.append(Eca(width, **options))
            continue
        for position, block in enumerate(stage.blocks):
            if placement == "post_block":
                stage.blocks[position] = nn.Sequential(OrderedDict(block=block, eca=Eca(width, **options)))
            else:
                eca = Eca(width, channels_first=block.use_conv_mlp, **options)
                block.mlp = nn.Sequential(OrderedDict(mlp=block.mlp, eca=eca))
    return network


def eca_modules(network: nn.Module) -> list[Eca]:
    """The ECA modules of a network, in order."""
    return [module for module in network.modules() if isinstance(module, Eca)]


@torch.no_grad()
def mean_gates(network: nn.Module, images: torch.Tensor) -> list[torch.Tensor]:
    """Gate of every ECA module for a batch, averaged over the batch.

    Args:
        network: A network with ECA modules.
        images: Normalised images (B, 3, H, W).

    Returns:
        One tensor (C,) a module, values 0 to 1 (0 to 2 for identity-initialised modules).
    """
    gates: list[torch.Tensor] = []

    def record(module: Eca, inputs: tuple[torch.Tensor], _output: torch.Tensor) -> None:
        x = inputs[0] if module.channels_first else inputs[0].permute(0, 3, 1, 2)
        weights = torch.sigmoid(module.conv(x.mean((2, 3)).unsqueeze(1))).squeeze(1)
        gates.append(module.gain * weights.mean(0).float().cpu())

    handles = [module.register_forward_hook(record) for module in eca_modules(network)]
    try:
        network.eval()(images)
    finally:
        for handle in handles:
            handle.remove()
    return gates
