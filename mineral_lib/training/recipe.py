"""A recipe: loss, optimizer, layer-wise learning rates, learning-rate schedule, averaged weights, mixed pictures.

``paper`` is Adam with one rate for all layers and a cosine that moves an epoch at a time (3.3). The rest are the parts
of today's fine-tuning recipes, from timm: AdamW with layer-wise decay of the rate (Bao et al. 2022, "BEiT"; Liu et al.
2022 fine-tune ConvNeXt with it) and an exponential moving average of the weights (Polyak and Juditsky 1992).
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from timm.optim import param_groups_layer_decay
from timm.utils import ModelEmaV3
from torch import nn
from torchvision.transforms import v2

from mineral_lib.config import Train
from mineral_lib.data.augment import draw
from mineral_lib.errors import DataError
from mineral_lib.runtime import derive_seed

Loss = Callable[[Any, torch.Tensor], torch.Tensor]
Mix = Callable[[torch.Tensor, torch.Tensor, int, int], tuple[torch.Tensor, torch.Tensor]]


def classification_loss(aux_weight: float, shift: torch.Tensor | None = None, *, smoothing: float = 0.0) -> Loss:
    """Cross-entropy; GoogLeNet's two auxiliary heads count with ``aux_weight`` each while training.

    Args:
        aux_weight: Weight of each auxiliary head.
        shift: Added to the logits of every head, shape (C,), on the network's device; see ``logit_shift``.
        smoothing: Share of each label that is spread over all classes (Szegedy et al. 2016), 0 to 1.

    Returns:
        Loss of (output, labels (B,) or shares of the classes (B, C)).
    """

    def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        logits = logits.float() if shift is None else logits.float() + shift
        return F.cross_entropy(logits, labels, label_smoothing=smoothing)

    def loss(output: Any, labels: torch.Tensor) -> torch.Tensor:
        if isinstance(output, torch.Tensor):
            return cross_entropy(output, labels)
        main, *auxiliary = output
        return cross_entropy(main, labels) + aux_weight * sum(
            cross_entropy(head, labels) for head in auxiliary if head is not None
        )

    return loss


def logit_shift(labels: Any, num_classes: int, tau: float) -> torch.Tensor | None:
    """Tau * log(prior) of each class, (C,) float32 (Menon et al. 2021, "Long-tail learning via logit adjustment").

    A network trained on logits + shift and asked with its plain logits weighs all classes alike (tau = 1), however
    unequal their numbers in the training labels (N,). None if tau is 0.

    Raises:
        DataError: A class has no training sample, so its prior is 0.
    """
    if tau == 0:
        return None
    counts = torch.from_numpy(np.bincount(np.asarray(labels), minlength=num_classes)).double()
    if empty := (counts == 0).nonzero().flatten().tolist():
        raise DataError(
            f"{len(empty)} classes have no training sample (label {empty[0]} is the first)",
            where="train.logit_adjustment",
            remedy="set it to 0, or drop these classes",
        )
    return (tau * (counts / counts.sum()).log()).float()


def make_optimizer(network: nn.Module, train: Train, lr: float) -> torch.optim.Optimizer:
    """Adam (paper 3.3) or AdamW (authors' code) with torch's default betas."""
    kind = torch.optim.Adam if train.optimizer == "adam" else torch.optim.AdamW
    made = kind(parameter_groups(network, train), lr=lr, weight_decay=train.weight_decay, fused=True)
    return place_optimizer(made)


def place_optimizer(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """Keep the learning rates where the weights are: on an NVIDIA GPU a recorded step reads them there."""
    for group in optimizer.param_groups:
        device, rate = group["params"][0].device, float(group["lr"])
        group["capturable"] = device.type == "cuda"
        group["lr"] = torch.tensor(rate, device=device) if group["capturable"] else rate
    return optimizer


def parameter_groups(network: nn.Module, train: Train) -> Any:
    """All parameters alike; with ``layer_decay`` below 1 a group a layer, each with its ``lr_scale``.

    The head has scale 1, each layer towards the image ``layer_decay`` times that of the layer after it. What a layer is
    says the network's ``group_matcher`` (timm: a block; an ECA module after a stage is a layer too). Networks without
    one (torchvision's, the compact VGG) fall back to timm's ``auto_group_layers``: twelve parameter tensors in the
    order of the network are a layer. Layer by layer, biases and norms are also free of weight decay.
    """
    if train.layer_decay == 1:
        return network.parameters()
    return param_groups_layer_decay(network, weight_decay=train.weight_decay, layer_decay=train.layer_decay)


def annealing(share: float) -> float:
    """Cosine annealing: 1 at the beginning (share 0), 0 at the end (share 1)."""
    return (1 + math.cos(math.pi * share)) / 2


def learning_rate(epoch: int, *, train: Train, share: float | None = None) -> float:
    """Learning rate: linear warm-up to ``lr``, then cosine annealing to ``min_lr`` (paper 3.3), or ``lr`` (constant).

    Args:
        epoch: 1-based.
        train: The ``train`` section.
        share: Share of the epoch that is done, 0 to 1; the warm-up then begins at 0. None: one rate for the epoch.
    """
    done, warm_up = epoch - 1 + (share or 0.0), train.warmup_epochs
    if done < warm_up:
        return train.lr * epoch / (warm_up + 1) if share is None else train.lr * done / warm_up
    if train.schedule == "constant":
        return train.lr
    return train.min_lr + (train.lr - train.min_lr) * annealing((done - warm_up) / (train.epochs - warm_up))


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every group the rate times its ``lr_scale``."""
    for group in optimizer.param_groups:
        value = rate * group.get("lr_scale", 1.0)
        if isinstance(group["lr"], torch.Tensor):
            group["lr"].fill_(value)
        else:
            group["lr"] = value


def freeze_batch_norm(network: nn.Module) -> None:
    """Let every batch normalisation use the statistics it has gathered; its scale and shift go on learning.

    The authors' code does so in its ResNets by accident: after the first epoch they stay in evaluation mode.
    """
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()


def draw_weights(network: nn.Module, deviation: float) -> None:
    """Draw all 2-D convolutions and linear layers anew: truncated normal weights, zero biases (authors' ConvNeXts)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.trunc_normal_(module.weight, std=deviation)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def averaged_weights(network: nn.Module, train: Train) -> ModelEmaV3 | None:
    """The moving average of a network's weights, a copy of it at the start; None if ``ema_decay`` is 0.

    The decay of step n is min(ema_decay, 1 - n ** (-2/3)) (timm's warm-up), so that a short training does not average
    over its start.
    """
    return ModelEmaV3(network, decay=train.ema_decay, use_warmup=True) if train.ema_decay else None


def batch_mixing(train: Train, num_classes: int, *, seed: int) -> Mix | None:
    """Mixup (Zhang et al. 2018) or CutMix (Yun et al. 2019), with both alphas set at even odds; None with both 0.

    Returns:
        A function (images (B, 3, H, W), labels (B,), epoch, step) that gives mixed images and shares of the classes
        (B, num_classes). A picture is mixed with its neighbour in the batch, whose order is random already. A draw
        depends on (seed, epoch, step) only, so a run resumed within an epoch mixes the same pictures.
    """
    kinds = ((v2.MixUp, train.mixup_alpha), (v2.CutMix, train.cutmix_alpha))
    ways = [kind(alpha=alpha, num_classes=num_classes) for kind, alpha in kinds if alpha > 0]
    if not ways:
        return None
    transform = v2.RandomChoice(ways)

    def mix(images: torch.Tensor, labels: torch.Tensor, epoch: int, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        return draw(transform, (images, labels), derive_seed("mix", seed, epoch, step))

    return mix
