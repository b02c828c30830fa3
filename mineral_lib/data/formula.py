"""Images drawn from formulas: a source domain for pre-training that needs no download and no photograph.

The idea is that of Kataoka et al. 2020 ("Pre-training without natural images"). A class is a pair (texture formula,
colour family); its members differ in colour, scale, outline, light and background. Nothing here knows a mineral.
Every image depends on (seed, class, index) alone, so asking for more classes or images never changes the others.
The regression targets are measured on the finished image: colour histograms and edge statistics.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mineral_lib.errors import ParameterError

Array = NDArray[np.float32]
F = np.float32
TEXTURES = (
    "noise", "ridged", "spots", "fibres", "bands", "agate", "cells", "facets",
    "spheres", "pyramids", "needles", "leaves", "crystal", "steps", "grains", "plain",
)  # fmt: skip
BINS, LEVELS = 64, 3
TARGET_COUNT = 2 * BINS + 10 * LEVELS + 15 + 9
_CHUNK = 64  # images drawn together: arrays stay in the processor's cache
_LAB_SPREAD = np.sqrt(np.array([0.02, 0.01, 0.01], F))  # width of a histogram bin in scaled CIELAB
_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_XYZ = (_XYZ / np.array([[0.95], [1.0], [1.089]])).astype(F)  # sRGB to XYZ relative to the D65 white
_CODES = np.arange(256) / 255
_LINEAR = np.where(_CODES > 0.04045, ((_CODES + 0.055) / 1.055) ** 2.4, _CODES / 12.92).astype(F)


@dataclass(frozen=True)
class FormulaImages:
    """Labelled formula images.

    Attributes:
        images: (N, px, px, 3) uint8 sRGB.
        labels: (N,) int64 class of each image, in 0..num_classes-1; images of a class are adjacent.
        targets: (N, TARGET_COUNT) float32 statistics of each image, not scaled: standardise before regressing.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    targets: Array | None


def formula_images(*, num_classes: int, images_per_class: int, image_size: int, seed: int) -> FormulaImages:
    """Draws the images of classes 0..num_classes-1; deterministic, and stateless per (seed, class, index).

    Args:
        num_classes: Number of classes, >= 1; every 16 consecutive classes share one colour family.
        images_per_class: Images of each class, >= 1.
        image_size: Side in pixels, a multiple of 8, >= 16.
        seed: Non-negative seed.

    Raises:
        ParameterError: if a value is out of range.
    """
    if min(num_classes, images_per_class) < 1 or seed < 0 or image_size < 16 or image_size % 8:
        raise ParameterError(
            "formula images need counts >= 1, a seed >= 0 and a side that is a multiple of 8 and >= 16",
            where=f"num_classes={num_classes}, images_per_class={images_per_class}, "
            f"image_size={image_size}, seed={seed}",
            remedy="correct the pre-training parameters.",
        )
    images = np.empty((num_classes, images_per_class, image_size, image_size, 3), np.uint8)
    targets = np.empty((num_classes, images_per_class, TARGET_COUNT), F)
    for c in range(num_classes):
        for start in range(0, images_per_class, _CHUNK):
            part = slice(start, min(start + _CHUNK, images_per_class))
            images[c, part] = _draw(c, range(part.start, part.stop), image_size, seed)
            targets[c, part] = image_statistics(images[c, part])
    labels = np.repeat(np.arange(num_classes, dtype=np.int64), images_per_class)
    return FormulaImages(images.reshape(-1, *images.shape[2:]), labels, targets.reshape(-1, TARGET_COUNT))


def image_statistics(images: NDArray[np.uint8]) -> Array:
    """Statistics (N, TARGET_COUNT) of images (N, px, px, 3) uint8: what the network learns to regress.

    Square roots of two soft CIELAB histograms (centre-weighted, plain), edge strength and orientation on three
    octaves, CIELAB quantiles of the central quarter, and CIELAB mean and signed root covariance.
    """
    n, half = len(images), images.shape[1] // 2
    lab = _lab(_LINEAR[images].reshape(n, half, 2, half, 2, 3).mean((2, 4)))
    weight, flat = _window(half).ravel(), lab.reshape(n, -1, 3)
    scaled = flat / _LAB_SPREAD
    share = (scaled * scaled).sum(-1)[..., None] - 2 * scaled @ _BIN_CENTRES.T + (_BIN_CENTRES**2).sum(1)
    share = np.exp(-0.5 * share)
    share /= share.sum(-1, keepdims=True) + F(1e-9)
    grey, edges = images.astype(F).mean(-1) / 255, []
    for _ in range(LEVELS):
        edges += _edges(grey)
        grey = grey.reshape(n, grey.shape[1] // 2, 2, -1, 2).mean((2, 4))
    centre = np.sort(_central(lab).reshape(n, -1, 3), axis=1)
    quantiles = centre[:, [int(q * centre.shape[1]) for q in (0.05, 0.25, 0.5, 0.75, 0.95)]].reshape(n, -1)
    mean = (flat * weight[:, None]).sum(1)
    away = flat - mean[:, None]
    cov = ((away * weight[:, None]).transpose(0, 2, 1) @ away)[:, [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]]
    cov = np.sign(cov) * np.sqrt(abs(cov))
    parts = [np.sqrt(weight @ share), np.sqrt(share.mean(1)), np.stack(edges, 1), quantiles, mean, cov]
    return np.concatenate(parts, 1).astype(F)


def _edges(grey: Array) -> list[Array]:
    gx, gy, window = np.zeros_like(grey), np.zeros_like(grey), _window(grey.shape[1])
    gx[:, 1:-1, 1:-1] = grey[:, 1:-1, 2:] - grey[:, 1:-1, :-2]
    gy[:, 1:-1, 1:-1] = grey[:, 2:, 1:-1] - grey[:, :-2, 1:-1]
    m = np.sqrt(gx * gx + gy * gy) + F(1e-6)
    c2, s2 = (gx * gx - gy * gy) / m, 2 * gx * gy / m
    fields = (m, c2, s2, (c2 * c2 - s2 * s2) / m, 2 * c2 * s2 / m)
    ranks = np.sort(_central(m).reshape(len(m), -1), axis=1)
    out = [m.mean((1, 2)), np.log((m * m * window).sum((1, 2)) + F(1e-4))]
    return out + [(f * window).sum((1, 2)) for f in fields] + [ranks[:, int(q * ranks.shape[1])] for q in (0.1, 0.5, 0.9)]


def _central(a: Array) -> Array:
    k = a.shape[1] // 4
    return a[:, k:-k, k:-k]


def _window(px: int) -> Array:
    g = ((np.arange(px) + 0.5) / px * 2 - 1) ** 2
    w = np.exp(-(g[:, None] + g) / 0.4).astype(F)
    return w / w.sum()


def _lab(linear: Array) -> Array:
    z = linear @ _XYZ.T
    f = np.where(z > 0.008856, np.cbrt(z), F(7.787) * z + F(16 / 116))
    return np.stack([1.16 * f[..., 1] - 0.16, 5 * (f[..., 0] - f[..., 1]), 2 * (f[..., 1] - f[..., 2])], -1).astype(F)


def _rgb(hue: Array, saturation: Array, value: Array) -> Array:
    k = (np.array([5, 3, 1], F) + np.asarray(hue)[..., None] * 6) % 6
    return (value[..., None] * (1 - saturation[..., None] * np.clip(np.minimum(k, 4 - k), 0, 1))).astype(F)


def _earthy(u: Array) -> Array:
    return np.where(u < 0.6, 0.14 * u / 0.6 - 0.02, u) % 1  # most matter is brown, ochre or nearly grey


def _bin_centres() -> Array:
    h, s, v = np.random.default_rng(0).random((3, BINS))
    return _lab(_LINEAR[(255 * _rgb(_earthy(h), s**3, v)).astype(int)]) / _LAB_SPREAD


_BIN_CENTRES = _bin_centres()


def _squash(x: Array) -> Array:
    return F(0.5) + F(0.5) * np.tanh(x)


def _b(column: Array) -> Array:
    return np.asarray(column, F)[:, None, None]


def _draw(c: int, indices: range, px: int, seed: int) -> NDArray[np.uint8]:
    """Images (n, px, px, 3) of class c: an object with a textured surface, lit from one side, on a background."""
    from mineral_lib.data.formula_texture import smooth_noise, texture  # placeholder replaced below

    raise NotImplementedError
