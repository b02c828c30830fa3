"""Exposure, white balance and the camera's response."""

from __future__ import annotations

import numpy as np

_MIDDLE = 0.2  # luminance the specimen is lit to, linear


def exposure(picture: np.ndarray, cover: np.ndarray, rng: np.random.Generator) -> tuple[float, np.ndarray]:
    """How far the lamps are turned up for the specimen, so that dark ore is not told by its darkness, and the
    camera's gains (3,): exposure and white balance.
    """
    luminance = picture[cover > 0.99] @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    middle = float(np.median(luminance)) if luminance.size else _MIDDLE
    lamps = float(np.clip((_MIDDLE / max(middle, 1e-3)) ** 0.9, 0.3, 6))
    balance = rng.normal(0, 0.2) * np.array([1.0, 0.1, -1.1]) + rng.normal(0, 0.04, 3)
    return lamps, np.exp(rng.normal(0, 0.3) + balance).astype(np.float32)


def develop(value: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Camera response: shoulder, sRGB, sensor noise; returns uint8."""
    value = value * (1 + value / 6.0) / (1 + 0.72 * value)
    value = np.where(value <= 0.0031308, 12.92 * value, 1.055 * np.maximum(value, 1e-6) ** (1 / 2.4) - 0.055)
    grain = rng.uniform(0.8, 2.2) / 255
    value = value + rng.normal(0, 1, value.shape).astype(np.float32) * np.float32(grain)
    return (np.clip(value, 0, 1) * 255 + 0.5).astype(np.uint8)
