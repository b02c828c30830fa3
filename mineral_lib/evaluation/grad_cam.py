"""Grad-CAM heat maps (Selvaraju et al. 2017; paper 4.3, Figure 6) by the grad-cam library.

The layer of each network is the last feature map before pooling, see ``models.zoo.CLASSIFIERS``. A map is scaled to
its own maximum, so colours can be compared within a panel only.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.image import show_cam_on_image
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from mineral_lib.config import Normalisation
from mineral_lib.data.dataset import normalise, to_tensor
from mineral_lib.models.zoo import classifier_of

# Evaluation sees the centre of the working image: 224 of 256.
CENTRE = 224 / 256


@dataclass(frozen=True)
class HeatMap:
    """A Grad-CAM map of one photograph and one network.

    Attributes:
        heat: (px, px) float32 in 0..1.
        empty: Whether the map is zero everywhere: no evidence for the class in this layer.
        target: Label whose evidence is mapped.
        predicted: Predicted label.
        probability: Probability of the predicted label, 0..1.
    """

    heat: np.ndarray
    empty: bool
    target: int
    predicted: int
    probability: float


def heat_maps(
    name: str, network: nn.Module, photos: np.ndarray, labels: list[int], *, image_size_px: int, target: str,
    by: Normalisation = "imagenet",
) -> list[HeatMap]:
    """Grad-CAM maps of several photographs.

    Args:
        name: Network name, which decides the layer.
        network: Trained network on the CPU.
        photos: Working images (N, W, W, 3) uint8.
        labels: True labels.
        image_size_px: Side the network sees.
        target: ``true_class`` or ``predicted_class``: whose evidence is mapped.
        by: How the network's images are normalised.
    """
    images = normalise(torch.stack([to_tensor(photo, image_size_px) for photo in photos]), by)
    network.eval()
    with torch.inference_mode():
        probabilities = network(images).softmax(1)
    predicted = probabilities.argmax(1).tolist()
    wanted = labels if target == "true_class" else predicted
    layer = network.get_submodule(classifier_of(name, network).cam_layer)
    with GradCAM(model=network, target_layers=[layer]) as cam:
        maps = cam(input_tensor=images, targets=[ClassifierOutputTarget(label) for label in wanted])
    maps = np.nan_to_num(maps)
    return [
        HeatMap(heat, bool(heat.max() <= 0), int(label), int(guess), float(probabilities[i, guess]))
        for i, (heat, label, guess) in enumerate(zip(maps, wanted, predicted, strict=True))
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
    large = cv2.resize(heat, (side, side), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    return show_cam_on_image(image, large, use_rgb=True, colormap=cv2.COLORMAP_TURBO, image_weight=1 - weight)


def evidence_on_specimen(heat: np.ndarray, mask: np.ndarray) -> float:
    """Share of the heat (0..1) that lies on the specimen; ``mask`` is (px, px) bool."""
    total = float(heat.sum())
    return float(heat[mask].sum() / total) if total > 0 else float("nan")
