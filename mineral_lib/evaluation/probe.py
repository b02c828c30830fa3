"""What a frozen network already knows, by a linear probe, and what colours alone tell."""

import numpy as np
import torch
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from mineral_lib.data.dataset import normalise, to_tensor
from mineral_lib.data.folds import grouped_folds
from mineral_lib.models.zoo import classifier_of

RIDGE = np.logspace(0, 5, 11)  # strengths of regularisation to choose from


@torch.inference_mode()
def frozen_features(
    name: str, network: nn.Module, photos: np.ndarray, *, image_size_px: int, device: torch.device | str = "cpu"
) -> np.ndarray:
    """What the classifying layer of a network receives, (N, features) float32.

    Args:
        name: Network name.
        network: The network; it is moved to the device.
        photos: Working images (N, W, W, 3) uint8.
        image_size_px: Side the network sees.
        device: Where to compute.
    """
    found: list[np.ndarray] = []
    head = network.get_submodule(classifier_of(name, network).head[0])
    handle = head.register_forward_pre_hook(lambda _module, inputs: found.append(_pooled(inputs[0])))
    try:
        for start in range(0, len(photos), 128):
            network.eval().to(device)(normalise(to_tensor(photos[start : start + 128], image_size_px).to(device)))
    finally:
        handle.remove()
    return np.concatenate(found)


def _pooled(features: torch.Tensor) -> np.ndarray:
    # A convolutional head (SqueezeNet) receives maps: their mean over all places.
    return (features.mean((2, 3)) if features.ndim == 4 else features.flatten(1)).float().cpu().numpy()


def colour_histograms(photos: np.ndarray) -> np.ndarray:
    """RGB histograms (N, 8 ** 3) of photographs (N, W, W, 3) uint8: the simplest thing that can work."""
    codes = ((photo // 32 @ np.array([64, 8, 1])).ravel() for photo in photos)
    return np.stack([np.bincount(code, minlength=512) / code.size for code in codes])


def linear_probe(features: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> float:
    """Cross-validated accuracy (fraction) of a ridge classifier on standardised features; NaN without two folds.

    The strength of regularisation is chosen by leave-one-out within each training fold. Logistic regression gives
    much the same and takes far longer. ``groups`` (N,) are specimens, never on both sides of a fold.
    """
    model = make_pipeline(StandardScaler(), RidgeClassifierCV(alphas=RIDGE))
    folds = grouped_folds(labels, groups)
    return float(cross_val_score(model, features, labels, cv=folds).mean()) if folds else float("nan")
