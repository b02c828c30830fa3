"""Linear probe: how much a frozen network already knows, measured by a linear classifier on its features."""

import numpy as np
import torch
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import StratifiedGroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from mineral_lib.data.dataset import normalise, to_tensor
from mineral_lib.models.zoo import classifier_of

RIDGE = np.logspace(0, 5, 11)  # strengths of regularisation to choose from


@torch.inference_mode()
def frozen_features(
    name: str, network: nn.Module, photos: np.ndarray, *, image_size_px: int, device: torch.device | str = "cpu"
) -> np.ndarray:
    """What the classifying layer of a network receives.

    Args:
        name: Network name.
        network: The network; it is moved to the device.
        photos: Working images (N, W, W, 3) uint8.
        image_size_px: Side the network sees.
        device: Where to compute.

    Returns:
        (N, features) float32.
    """
    found: list[np.ndarray] = []
    head = network.get_submodule(classifier_of(name, network).head[0])
    handle = head.register_forward_pre_hook(lambda _module, inputs: found.append(_pooled(inputs[0])))
    try:
        for start in range(0, len(photos), 128):
            images = [to_tensor(photo, image_size_px) for photo in photos[start : start + 128]]
            network.eval().to(device)(normalise(torch.stack(images).to(device)))
    finally:
        handle.remove()
    return np.concatenate(found)


def _pooled(features: torch.Tensor) -> np.ndarray:
    # A convolutional head (SqueezeNet) receives maps: their mean over all places.
    return (features.mean((2, 3)) if features.ndim == 4 else features.flatten(1)).float().cpu().numpy()


def colour_histograms(photos: np.ndarray, bins: int = 8) -> np.ndarray:
    """RGB histograms (N, bins ** 3) of photographs (N, W, W, 3) uint8: the simplest thing that can work."""
    rows = []
    for photo in photos:
        levels = photo.astype(np.int64) * bins // 256
        codes = (levels[..., 0] * bins + levels[..., 1]) * bins + levels[..., 2]
        rows.append(np.bincount(codes.ravel(), minlength=bins**3) / codes.size)
    return np.stack(rows)


def linear_probe(features: np.ndarray, labels: np.ndarray, groups: np.ndarray, *, folds: int = 5) -> float:
    """Cross-validated accuracy (fraction) of a ridge classifier on standardised features.

    The strength of regularisation is chosen by leave-one-out within each training fold. Logistic regression gives
    much the same and takes far longer.

    Args:
        features: (N, features).
        labels: (N,).
        groups: (N,) specimens; a specimen is never on both sides of a fold.
        folds: Number of folds.
    """
    model = make_pipeline(StandardScaler(), RidgeClassifierCV(alphas=RIDGE))
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=0)
    return float(cross_val_score(model, features, labels, groups=groups, cv=splitter).mean())
