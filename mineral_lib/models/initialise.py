"""Random starting weights of a ConvNeXt: as its library draws them, or awake from the first step."""

import torch
from timm.models.convnext import ConvNeXt, ConvNeXtBlock
from torch import nn

LAYER_SCALE = 0.3
# Features several units wide let a new head learn quickly at the small learning rates of fine-tuning.
FEATURE_SCALE = 5.0


def wake_up(network: nn.Module) -> nn.Module:
    """Start values for a short training: fan-in weights, layer scale 0.3 instead of 1e-6, wide features.

    With the library's start a ConvNeXt spends its first few hundred steps waking up its blocks. The other networks of
    the comparison have no such sleepers: their libraries scale the weights by the fan, and they stay as they are.
    """
    if not isinstance(network, ConvNeXt):
        return network
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and name != "head.fc":
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="linear")
        if isinstance(module, ConvNeXtBlock) and module.gamma is not None:
            nn.init.constant_(module.gamma, LAYER_SCALE)
    nn.init.constant_(network.head.norm.weight, FEATURE_SCALE)
    return network


@torch.no_grad()
def scale_features(network: nn.Module, factor: float) -> None:
    """Make what the head of a ConvNeXt receives wider or narrower; other networks stay as they are."""
    if isinstance(network, ConvNeXt):
        network.head.norm.weight.mul_(factor)
        network.head.norm.bias.mul_(factor)
