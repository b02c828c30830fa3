"""Colours of formula images: how they are drawn, and the colour statistics that a control source regresses."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
F = np.float32
BINS, TARGET_COUNT = 64, 128
_LAB_SPREAD = np.sqrt(np.array([0.02, 0.01, 0.01], F))  # width of a histogram bin in scaled CIELAB
_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])  # from sRGB
_XYZ = (_XYZ / np.array([[0.95], [1.0], [1.089]])).astype(F)  # relative to the D65 white
_CODES = np.arange(256) / 255
_LINEAR = np.where(_CODES > 0.04045, ((_CODES + 0.055) / 1.055) ** 2.4, _CODES / 12.92).astype(F)
_CHUNK = 64  # images described together: arrays stay in the processor's cache


def rgb(hue: Array, saturation: Array, value: Array) -> Array:
    """Colours (..., 3) of hue, saturation and value, each 0..1."""
    k = (np.array([5, 3, 1], F) + np.asarray(hue)[..., None] * 6) % 6
    return (value[..., None] * (1 - saturation[..., None] * np.clip(np.minimum(k, 4 - k), 0, 1))).astype(F)


def earthy(u: Array) -> Array:
    """Hues of uniform numbers: most matter is brown, ochre or nearly grey."""
    return np.where(u < 0.6, 0.14 * u / 0.6 - 0.02, u) % 1


def image_statistics(images: NDArray[np.uint8]) -> Array:
    """Colour statistics (N, TARGET_COUNT), in 0..1, of images (N, px, px, 3) uint8; px even.

    Square roots of two soft CIELAB histograms of the image at half size: centre-weighted, then plain.
    """
    return np.concatenate([_statistics(images[start : start + _CHUNK]) for start in range(0, len(images), _CHUNK)])


def _statistics(images: NDArray[np.uint8]) -> Array:
    n, half = len(images), images.shape[1] // 2
    lab = _lab(_LINEAR[images].reshape(n, half, 2, half, 2, 3).mean((2, 4)))
    scaled = lab.reshape(n, -1, 3) / _LAB_SPREAD
    share = (scaled * scaled).sum(-1)[..., None] - 2 * scaled @ _BIN_CENTRES.T + (_BIN_CENTRES**2).sum(1)
    share = np.exp(-0.5 * share) + F(1e-12)
    share /= share.sum(-1, keepdims=True)
    square = ((np.arange(half) + 0.5) / half * 2 - 1) ** 2
    window = np.exp(-(square[:, None] + square) / 0.4).astype(F).ravel()
    return np.sqrt(np.concatenate([window / window.sum() @ share, share.mean(1)], 1)).astype(F)


def _lab(linear: Array) -> Array:
    z = linear @ _XYZ.T
    f = np.where(z > 0.008856, np.cbrt(z), F(7.787) * z + F(16 / 116))
    fx, fy, fz = np.moveaxis(f, -1, 0)
    return np.stack([1.16 * fy - 0.16, 5 * (fx - fy), 2 * (fy - fz)], -1).astype(F)


_H, _S, _V = np.random.default_rng(0).random((3, BINS))
_BIN_CENTRES = _lab(_LINEAR[(255 * rgb(earthy(_H), _S**3, _V)).astype(int)]) / _LAB_SPREAD
