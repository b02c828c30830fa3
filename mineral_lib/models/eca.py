"""Efficient channel attention (Wang et al. 2020; paper section 2.2, Equations 1 and 2).

    w = sigmoid(C1D_k(GAP(x))),   y = w * x

A one-dimensional convolution of size k slides over the channel means, so each channel's weight depends on its k
neighbours. The paper's Equation 1 gives every channel its own k weights (k x C); Equation 2 shares one set of k
weights among all channels. The study uses Equation 2, which is what ECA-Net and the parameter counts are.
"""

import torch
from timm.layers import EcaModule


class Eca(EcaModule):
    """timm's ECA module with a choice of starting gate and of channel axis.

    Args:
        channels: Number of channels C of the feature map.
        kernel_size: Size k of the convolution across channels (odd), or None for ECA-Net's formula
            k = odd(|log2(C) + 1| / 2).
        identity: Start with gate 1 instead of about 0.5, so that pretrained features pass unchanged:
            the gate is 2 * sigmoid and the convolution starts at zero.
        channels_first: Feature maps are (B, C, H, W); if False (B, H, W, C), as inside a ConvNeXt block.
    """

    def __init__(
        self, channels: int, *, kernel_size: int | None = None, identity: bool = False, channels_first: bool = True
    ) -> None:
        super().__init__(channels=None if kernel_size else channels, kernel_size=kernel_size or 3)
        self.channels = channels
        self.gain = 2.0 if identity else 1.0
        self.channels_first = channels_first
        if identity:
            torch.nn.init.zeros_(self.conv.weight)

    @property
    def kernel_size(self) -> int:
        """Size k of the convolution across channels."""
        return self.conv.kernel_size[0]

    def gates(self, x: torch.Tensor) -> torch.Tensor:
        """Weight of every channel of ``x``, shape (B, C), 0 to 1 (0 to 2 if the gates start as identity)."""
        means = x.mean((2, 3) if self.channels_first else (1, 2))
        return self.gain * torch.sigmoid(self.conv(means.unsqueeze(1))).squeeze(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scale the channels of ``x``; the shape stays the same."""
        if self.channels_first:
            return self.gain * super().forward(x)
        return self.gain * super().forward(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def kernel_sizes(widths: list[int], rule: str | int) -> list[int | None]:
    """Kernel size of the ECA module of each stage.

    Args:
        widths: Channels of the four stages, for example [96, 192, 384, 768].
        rule: ``adaptive`` (None: the module's own formula, giving 3, 5, 5, 5), ``authors`` (their code passes the
            width of another stage, giving 5, 3, 5, 5) or a fixed odd size.
    """
    if isinstance(rule, int):
        return [rule] * len(widths)
    if rule == "authors":
        return [Eca(width).kernel_size for width in [widths[-1], *widths[:-1]]]
    return [None] * len(widths)
