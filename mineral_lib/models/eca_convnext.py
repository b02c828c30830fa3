"""ECA-ConvNeXt: timm's ConvNeXt with channel attention put in (paper section 2.3, Figure 3).

The paper adds ECA "after each ConvNeXt block (i.e. after conv_2,3,4,5)", which reads two ways. The authors' code
has one module after each of the four *stages* (``post_stage``, 18 parameters in ConvNeXt-T). ``post_block`` puts one
on the main path after each of the 18 blocks, ``in_branch`` inside each residual branch before its layer scale as in
ECA-Net (84 parameters each).
"""

import contextlib
from collections import OrderedDict
from typing import Any

import torch
from timm.models.convnext import ConvNeXt
from torch import nn

from mineral_lib.models.eca import Eca, kernel_sizes

PLACEMENTS = ("post_stage", "post_block", "in_branch")


class EcaConvNeXt(ConvNeXt):
    """A ConvNeXt with ECA modules.

    Args:
        eca_placement: One of ``PLACEMENTS``, or ``none``: without modules until ``insert_eca``.
        eca_kernel: As ``insert_eca``.
        eca_init: As ``insert_eca``.
        **options: Of timm's ``ConvNeXt``, for example ``num_classes`` and ``drop_path_rate``.
    """

    def __init__(
        self,
        *,
        eca_placement: str = "post_stage",
        eca_kernel: str | int = "adaptive",
        eca_init: str = "default",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if eca_placement != "none":
            self.insert_eca(placement=eca_placement, kernel=eca_kernel, init=eca_init)

    def insert_eca(self, *, placement: str, kernel: str | int = "adaptive", init: str = "default") -> None:
        """Put in the ECA modules.

        Load pretrained weights first: ``post_block`` and ``in_branch`` wrap modules, which renames their keys.

        Args:
            placement: ``post_stage``, ``post_block`` or ``in_branch``.
            kernel: ``adaptive``, ``authors`` or an odd number, see ``kernel_sizes``.
            init: ``default`` (gates start near 0.5) or ``identity`` (gates start at 1).

        Raises:
            ValueError: Unknown placement.
        """
        if placement not in PLACEMENTS:
            raise ValueError(f"unknown placement {placement!r}: use one of {', '.join(PLACEMENTS)}")
        widths = [info["num_chs"] for info in self.feature_info]
        for stage, width, size in zip(self.stages, widths, kernel_sizes(widths, kernel), strict=True):
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
    with contextlib.ExitStack() as hooks:
        for module in eca_modules(network):
            keep = lambda eca, inputs, _output: gates.append(eca.gates(inputs[0]))  # noqa: E731
            hooks.enter_context(module.register_forward_hook(keep))
        network.eval()(images)
    return [gate.mean(0).float().cpu() for gate in gates]
