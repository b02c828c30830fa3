"""The training loss: cross-entropy, with auxiliary heads, smoothed labels and corrected priors where asked for."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from mineral_lib.errors import DataError

Loss = Callable[[Any, torch.Tensor], torch.Tensor]


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
