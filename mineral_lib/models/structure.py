"""Parameters, size and cost of a network, measured on the live module."""

import io

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


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
