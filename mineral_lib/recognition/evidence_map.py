"""Where on a photograph the evidence for a mineral lies.

The classifier is linear in pooled features, so its logit is a mean over places: each place of the last feature map
counts with the classifier's weights (class activation mapping, Zhou et al. 2016), each pixel with the weight of its
colour. The maps of all kinds of features are added. Gradient times activation of the last feature map (HiResCAM,
Draelos and Carin 2020) gives the same map for every network that ends with an average, and an approximation for others;
where a token is pooled, what the last block receives stands for the last feature map. For the means and deviations of a
stage's map it gives what each place adds to them, since both grow as the map does.
"""

from math import isqrt

import cv2
import numpy as np
import torch
from PIL import Image
from torch import nn

from mineral_lib.recognition.backbone import described_stages, map_statistics
from mineral_lib.recognition.features import BINS, Kind, colour_cells
from mineral_lib.recognition.recogniser import Recogniser

SIDE_PX = 480  # longer side of a map
PATCHES = 16  # a side: evidence of colours is shown as coarsely as that of a network; rare colours would be specks


def evidence_map(recogniser: Recogniser, photo: Image.Image, label: int) -> tuple[np.ndarray, np.ndarray]:
    """Evidence for a class on a photograph of any size.

    Returns:
        The photograph (H, W, 3), uint8, its longer side 480 px, and the evidence of each pixel (H, W) in units of the
        logit: above 0 it speaks for the class, below 0 against it; 0 where no features look.
    """
    scale = SIDE_PX / max(photo.size)
    width, height = (max(1, round(length * scale)) for length in photo.size)
    picture = np.asarray(photo.convert("RGB").resize((width, height), Image.Resampling.BICUBIC))
    heat, weight = np.zeros((height, width)), recogniser.linear.weight[label] / recogniser.linear.scale
    for kind in recogniser.kinds:
        evidence, used = _colours(photo, weight) if kind.backbone is None else _places(kind, photo, weight)
        weight = weight[used:]
        rows, columns = (height, width) if kind.backbone is None else [_seen(kind, min(height, width))] * 2
        top, left = (height - rows) // 2, (width - columns) // 2
        large = cv2.resize(evidence, (columns, rows), interpolation=cv2.INTER_LINEAR)
        heat[top : top + rows, left : left + columns] += large
    return picture, heat


def _seen(kind: Kind, shorter: int) -> int:
    """Side of the square that a network sees of a picture with this shorter side, see ``features.view``."""
    return max(1, round(shorter * kind.size_px / round(kind.size_px / kind.backbone.cfg.get("crop_pct", 1.0))))


def _colours(photo: Image.Image, weight: np.ndarray) -> tuple[np.ndarray, int]:
    """Evidence (16, 16) by colour: what a cell of the histogram adds, shared by its pixels; and features used."""
    cells = colour_cells(photo)
    shares = np.bincount(cells.ravel(), minlength=BINS**3) / cells.size
    evidence = weight[cells] / np.sqrt(shares[cells])
    return cv2.resize(evidence, (PATCHES, PATCHES), interpolation=cv2.INTER_AREA), BINS**3


def _places(kind: Kind, photo: Image.Image, weight: np.ndarray) -> tuple[np.ndarray, int]:
    """Evidence (h, w) of the places of a network's last feature map, as for its features; and features used."""
    network, images = kind.backbone.network, kind.backbone.normalised(kind.prepare(photo)[None])
    upright, used = _evidence(network, images, weight)
    mirrored, _ = _evidence(network, images.flip(3), weight)
    return (upright + mirrored[:, ::-1]) / 2, used


def _evidence(network: nn.Module, images: torch.Tensor, weight: np.ndarray) -> tuple[np.ndarray, int]:
    """Evidence of the last feature map and of the stages before it; and features used, see ``backbone.describe``."""
    kept: list[torch.Tensor] = []

    def keep(output: torch.Tensor) -> torch.Tensor:
        kept.append(output.detach().requires_grad_())
        return kept[-1]

    # A pooled token reads the other tokens in the last block; behind it they count no more.
    token = getattr(network, "global_pool", "") in ("token", "map")
    layers = [network.blocks[-1].norm1] if token else []
    handles = [layer.register_forward_hook(lambda _layer, _inputs, output: keep(output)) for layer in layers]
    last, stages = network.forward_intermediates(images, indices=described_stages(network), output_fmt="NCHW")
    for handle in handles:
        handle.remove()
    pooled = network.forward_head(last if token else keep(last), pre_logits=True)[0]
    evidence, used = _as_mean(_by_place(network, _product(pooled, weight, kept[0])[0])), len(pooled)
    for stage in (stage.detach().requires_grad_() for stage in stages):
        statistics = map_statistics(stage)[0]
        places = _as_mean(_product(statistics, weight[used:], stage)[0].sum(0))
        evidence = evidence + cv2.resize(places, evidence.shape[::-1], interpolation=cv2.INTER_AREA)
        used += len(statistics)
    return evidence, used


def _product(features: torch.Tensor, weight: np.ndarray, maps: torch.Tensor) -> torch.Tensor:
    """Gradient of the logit that features (D,) add, times the maps that they are computed from."""
    score = (features * torch.from_numpy(weight[: len(features)]).float()).sum()
    (gradient,) = torch.autograd.grad(score, maps)
    return maps.detach() * gradient


def _by_place(network: nn.Module, evidence: torch.Tensor) -> torch.Tensor:
    """Evidence (h, w) of each place of a last feature map; of tokens, those before the first place are none."""
    if evidence.ndim == 2:
        evidence = evidence[getattr(network, "num_prefix_tokens", 0) :].sum(-1)
        return evidence.reshape(isqrt(len(evidence)), -1)
    return evidence.sum(-1 if getattr(network, "output_fmt", "NCHW") == "NHWC" else 0)


def _as_mean(places: torch.Tensor) -> np.ndarray:
    """Evidence (h, w) whose mean, not sum, is what the features add."""
    return places.double().numpy() * places.numel()
