"""A faster weight gradient for ConvNeXt's large depthwise convolutions on a CPU.

torch's CPU library takes many times as long for the weight gradient of a 7 x 7 depthwise convolution as for its output
(torch 2.15); in bfloat16 it was about a third of a training step. Ours beside it: `benchmarks/depthwise.py`. Every row
offset of the kernel is one matrix product a channel: the products of all pairs of columns of x and of the output's
gradient. Its diagonals add up to the gradient of that kernel row.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd.function import once_differentiable

SMALLEST_KERNEL = 5  # 3 x 3 is fast as it is
# Up to here float32 products are the faster ones, for bfloat16 input too; on wider maps the pairs of columns pay in
# bfloat16 only.
NARROW = 16


def weight_gradient(x: torch.Tensor, gradient: torch.Tensor, kernel_size: int) -> torch.Tensor:
    """Gradient of a depthwise convolution (stride 1, padding half the odd kernel) with respect to its weights.

    From input and gradient of the output, both (B, C, H, W) of one type; shape (C, 1, kernel_size, kernel_size),
    float32, or float64 for float64 input.
    """
    _, channels, height, width = x.shape
    half = kernel_size // 2
    exact = torch.promote_types(x.dtype, torch.float32)
    # (C, H, B, W): any range of rows is one matrix a channel without a copy.
    kind = exact if width <= NARROW else x.dtype
    x, gradient = (part.to(kind).permute(1, 2, 0, 3).contiguous() for part in (x, gradient))
    reach = min(half, height - 1)
    pairs = torch.stack(
        [
            torch.bmm(
                gradient[:, max(0, -row) : height - max(0, row)].reshape(channels, -1, width).mT,
                x[:, max(0, row) : height - max(0, -row)].reshape(channels, -1, width),
            )
            for row in range(-reach, reach + 1)
        ],
        dim=1,
    )
    result = torch.zeros(channels, 1, kernel_size, kernel_size, dtype=exact, device=x.device)
    rows = slice(half - reach, half + reach + 1)
    for column in range(-min(half, width - 1), min(half, width - 1) + 1):
        result[:, 0, rows, half + column] = pairs.diagonal(column, dim1=2, dim2=3).sum(-1, dtype=exact)
    return result


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        bias = None if bias is None else bias.to(x.dtype)
        return F.conv2d(x, weight.to(x.dtype), bias, padding=weight.shape[-1] // 2, groups=len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        size, for_x, for_weight, for_bias = weight.shape[-1], None, None, None
        if ctx.needs_input_grad[0]:
            same = {"padding": size // 2, "groups": len(weight)}
            for_x = torch.nn.grad.conv2d_input(x.shape, weight.to(x.dtype), gradient, **same)
        if ctx.needs_input_grad[1]:
            for_weight = weight_gradient(x, gradient, size).to(weight.dtype)
        if ctx.needs_input_grad[2]:
            for_bias = gradient.sum((0, 2, 3), dtype=weight.dtype)
        return for_x, for_weight, for_bias


class DepthwiseConv2d(nn.Conv2d):
    """A depthwise ``nn.Conv2d`` with the faster weight gradient; the output is the same to the last bit.

    Args:
        conv: The convolution to stand in for; weights, hooks and mode are shared with it.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        self.__dict__ = conv.__dict__

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Output (B, C, H, W) of x (B, C, H, W)."""
        if torch.is_autocast_enabled(x.device.type):
            x = x.to(torch.get_autocast_dtype(x.device.type))
        if not self.weight.requires_grad or (x.dtype == torch.float32 and x.shape[-1] > NARROW):
            return super().forward(x)
        return _Depthwise.apply(x, self.weight, self.bias)


def use_fast_depthwise(network: nn.Module) -> nn.Module:
    """Put the faster convolution in the place of every large depthwise one, in place; weights and names stay.

    Only stride 1, dilation 1 and "same" padding of zeros are touched. A network that is itself such a one is replaced.
    """
    for name, child in network.named_children():
        setattr(network, name, use_fast_depthwise(child))
    if type(network) is not nn.Conv2d or network.padding_mode != "zeros":
        return network
    size, channels = network.kernel_size[0], network.in_channels
    shape = (network.kernel_size, network.stride, network.dilation, network.padding)
    same = shape == ((size, size), (1, 1), (1, 1), (size // 2, size // 2))
    large = size % 2 == 1 and size >= SMALLEST_KERNEL and network.groups == channels == network.out_channels
    return DepthwiseConv2d(network) if same and large else network
