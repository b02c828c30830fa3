"""Mixing the pictures of a batch: mixup (Zhang et al. 2018) and CutMix (Yun et al. 2019).

A draw depends on (seed, epoch, step) only, so a run resumed within an epoch mixes the same pictures.
"""

from collections.abc import Callable

import torch
from torchvision.transforms import v2

from mineral_lib.config import Train
from mineral_lib.data.augment import draw
from mineral_lib.runtime import derive_seed

Mix = Callable[[torch.Tensor, torch.Tensor, int, int], tuple[torch.Tensor, torch.Tensor]]


def batch_mixing(train: Train, num_classes: int, *, seed: int) -> Mix | None:
    """A function (images, labels, epoch, step) that mixes a batch; None if both alphas are 0.

    Args:
        train: The ``train`` section. With both alphas set, each batch is mixed one way or the other, at even odds.
        num_classes: C.
        seed: Seed of the run.

    Returns:
        The function turns images (B, 3, H, W) into mixed ones and labels (B,) into shares (B, C) that add up to 1. A
        picture is mixed with its neighbour in the batch, whose order is random already.
    """
    kinds = ((v2.MixUp, train.mixup_alpha), (v2.CutMix, train.cutmix_alpha))
    ways = [kind(alpha=alpha, num_classes=num_classes) for kind, alpha in kinds if alpha > 0]
    if not ways:
        return None
    transform = v2.RandomChoice(ways)

    def mix(images: torch.Tensor, labels: torch.Tensor, epoch: int, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        return draw(transform, (images, labels), derive_seed("mix", seed, epoch, step))

    return mix
