"""Compact siblings of the six networks for small photographs on a CPU.

One rule for all: a quarter of the paper network's widths, and the last stride-2 step left out, so that a 64 px
photograph ends in a 4 x 4 map instead of 2 x 2. ConvNeXt also has two thirds of the blocks, kernels of 3 instead of
7, because 7 / 224 px is about 2 / 64 px and a 7 x 7 kernel on a 4 x 4 map learns places by heart, and the overlapping
stem of timm's own small ConvNeXts. The siblings keep what distinguishes the networks (no batch norm in VGG, inception
branches and auxiliary heads, residual bottlenecks, cardinality, depthwise convolution with layer norm), but they are
*not* the paper's networks and carry "(compact)" wherever they appear.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from timm.models.convnext import ConvNeXt, ConvNeXtBlock
from timm.models.resnet import Bottleneck, ResNet
from torch import nn
from torchvision.models.googlenet import BasicConv2d, GoogLeNet, Inception, InceptionAux
from torchvision.models.vgg import cfgs, make_layers

SCALE = 4


class CompactVGG(nn.Module):
    """VGG19's sixteen convolutions at a quarter of the width, without its last pooling; ``num_classes`` outputs."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.features = make_layers([width if width == "M" else width // SCALE for width in cfgs["E"]][:-1])
        self.avgpool = nn.AdaptiveAvgPool2d(4)
        hidden = 4096 // SCALE
        self.classifier = nn.Sequential(
            nn.Linear(512 // SCALE * 16, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(hidden, num_classes),
        )
        for module in self.features.modules():  # torchvision's VGG starts its convolutions the same way
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(module.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (B, num_classes) of normalised images (B, 3, H, W)."""
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def _narrow(block: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    """A GoogLeNet building block with every width divided (the three colour channels stay)."""

    def build(in_channels: int, *widths: int, **options: int) -> nn.Module:
        inside = in_channels if in_channels == 3 else in_channels // SCALE
        return block(inside, *(width // SCALE for width in widths), **options)

    return build


def _narrow_aux(in_channels: int, num_classes: int, dropout: float = 0.7) -> nn.Module:
    head = InceptionAux(in_channels // SCALE, num_classes, dropout=dropout)
    head.conv = BasicConv2d(in_channels // SCALE, 128 // SCALE, kernel_size=1)
    head.fc1 = nn.Linear(2048 // SCALE, 1024 // SCALE)
    head.fc2 = nn.Linear(1024 // SCALE, num_classes)
    return head


class CompactGoogLeNet(GoogLeNet):
    """GoogLeNet with two auxiliary heads at a quarter of the width, without its last pooling."""

    def __init__(self, num_classes: int) -> None:
        blocks = [_narrow(BasicConv2d), _narrow(Inception), _narrow_aux]
        super().__init__(num_classes=num_classes, aux_logits=True, init_weights=True, blocks=blocks)
        self.maxpool4 = nn.Identity()
        self.fc = nn.Linear(1024 // SCALE, num_classes)


# The last stage keeps its resolution; ResNeXt has 8 groups of 4 channels instead of 32.
compact_resnet = partial(
    ResNet,
    Bottleneck,
    layers=(3, 4, 6, 3),
    channels=tuple(width // SCALE for width in (64, 128, 256, 512)),
    stem_width=64 // SCALE,
    output_stride=16,
)
compact_resnext = partial(compact_resnet, cardinality=8, base_width=16)


def compact_convnext(**options: Any) -> ConvNeXt:
    """ConvNeXt at a quarter of T's width, depths 2-2-6-2, kernels 3 x 3; the last stage keeps its resolution."""
    dims = tuple(width // SCALE for width in (96, 192, 384, 768))
    fixed = {"depths": (2, 2, 6, 2), "kernel_sizes": 3, "stem_type": "overlap_tiered", "output_stride": 16}
    network = ConvNeXt(dims=dims, **fixed, **options)
    for block in network.stages[-1].modules():
        if isinstance(block, ConvNeXtBlock):
            # timm trades the stride for dilation; on a 4 x 4 map a dilated kernel sees little but padding.
            block.conv_dw.dilation, block.conv_dw.padding = (1, 1), (1, 1)
    return network
