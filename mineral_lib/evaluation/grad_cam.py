"""Grad-CAM heat maps (Selvaraju et al. 2017; paper 4.3, Figure 6) by the grad-cam library.

The layer of each network is the last feature map before pooling, see ``models.zoo``. A map is scaled to
its own maximum, so colours can be compared within a panel only.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.image import show_cam_on_image
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from mineral_lib.data.dataset import normalise, to_tensor
from mineral_lib.models.zoo import classifier_of
from mineral_lib.runtime import select_device
from mineral_lib.training.run import Run

# Evaluation sees the centre of the working image: 224 of 256.
CENTRE = 224 / 256
BATCH = 64  # photographs at once


@dataclass(frozen=True)
class HeatMap:
    """A Grad-CAM map of one photograph and one network."""

    heat: np.ndarray  # (px, px) float32 in 0..1
    empty: bool  # whether the map is zero everywhere: no evidence for the class in this layer
    target: int  # label whose evidence is mapped
    predicted: int  # predicted label
    probability: float  # of the predicted label, 0..1


def network_on_device(run: Run) -> nn.Module:
    """The network of a finished run on the device of ``train.device``."""
    return run.network().to(select_device(run.settings.train.device), memory_format=torch.channels_last)


def heat_maps(
    run: Run, photos: np.ndarray, labels: list[int], *, target: str | None = None, network: nn.Module | None = None
) -> list[HeatMap]:
    """Grad-CAM maps of several photographs, computed in batches on the device where the network is.

    Args:
        run: A run, whose network decides the layer.
        photos: Working images (N, W, W, 3) uint8.
        labels: True labels.
        target: ``true_class`` or ``predicted_class``: whose evidence is mapped; ``grad_cam.target`` if None.
        network: The run's network if it is in memory already; read from the finished run if None.
    """
    network, settings = (network or network_on_device(run)).eval(), run.settings
    layer, found = network.get_submodule(classifier_of(run.model, network).cam_layer), []
    with _gradients_behind(network, layer), GradCAM(model=network, target_layers=[layer]) as cam:
        for start in range(0, len(photos), BATCH):
            part = slice(start, start + BATCH)
            images = normalise(to_tensor(photos[part], settings.data.image_size_px), settings.train.normalise)
            true = (target or settings.grad_cam.target) == "true_class"
            found += _batch(cam, images, labels[part] if true else None)
    return found


@contextlib.contextmanager
def _gradients_behind(network: nn.Module, layer: nn.Module) -> Iterator[None]:
    """Gradients for the output of ``layer`` and for nothing before it: all that Grad-CAM asks for."""
    learning = [one for one in network.parameters() if one.requires_grad]
    # A copy, because the layer behind may overwrite what it receives.
    handle = layer.register_forward_hook(lambda _layer, _inputs, output: output.detach().requires_grad_().clone())
    try:
        network.requires_grad_(False)
        yield
    finally:
        handle.remove()
        for one in learning:
            one.requires_grad_(True)


def _batch(cam: GradCAM, images: torch.Tensor, labels: list[int] | None) -> list[HeatMap]:
    targets = None if labels is None else [ClassifierOutputTarget(label) for label in labels]
    maps = np.nan_to_num(cam(input_tensor=images, targets=targets))
    values, guesses = (one.tolist() for one in cam.outputs.detach().float().softmax(1).max(1))
    return [
        HeatMap(heat, bool(heat.max() <= 0), int(label), guess, value)
        for heat, label, guess, value in zip(maps, labels or guesses, guesses, values, strict=True)
    ]


def overlay(photo: np.ndarray, heat: np.ndarray, *, weight: float) -> np.ndarray:
    """Heat map over a photograph, (px, px, 3) uint8.

    Args:
        photo: Picture in the framing of the working images (W, W, 3) uint8; a close-up gives a finer figure.
        heat: Heat map of the photograph's centre, (h, h) in 0..1, enlarged here.
        weight: Share of the heat map, 0..1.
    """
    side = round(photo.shape[0] * CENTRE)
    image = to_tensor(photo, side).permute(1, 2, 0).numpy()
    return laid_over(image, cv2.resize(heat, (side, side), interpolation=cv2.INTER_CUBIC), weight=weight)


def laid_over(image: np.ndarray, heat: np.ndarray, *, weight: float) -> np.ndarray:
    """Heat map (H, W) in 0..1 over a picture (H, W, 3) in 0..1, as (H, W, 3) uint8; see ``overlay``."""
    how = {"use_rgb": True, "colormap": cv2.COLORMAP_TURBO, "image_weight": 1 - weight}
    return show_cam_on_image(image, heat.clip(0, 1), **how)
