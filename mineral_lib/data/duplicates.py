"""Perceptual hashes of photographs."""

from functools import cache

import numpy as np
from PIL import Image

SIDE_PX = 32  # size at which a photograph is hashed
BITS = 8  # the hash keeps BITS x BITS low frequencies


@cache
def _cosines() -> np.ndarray:
    positions = (np.arange(SIDE_PX) + 0.5) * np.pi / SIDE_PX
    return np.cos(np.arange(BITS)[:, None] * positions)


def perceptual_hash(pixels: np.ndarray) -> np.ndarray:
    """pHash of the photograph and of its eight flips and turns (Zauner 2010).

    Args:
        pixels: (H, W, 3) uint8.

    Returns:
        (8,) uint64: the signs of 8 x 8 low DCT frequencies about their median; the first is the photograph as it is.
    """
    grey = Image.fromarray(pixels).convert("L").resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS, reducing_gap=2.0)
    waves = _cosines() @ np.asarray(grey, np.float64) @ _cosines().T
    odd = (-1.0) ** np.arange(BITS)
    flips = [waves * up[:, None] * left for up in (np.ones(BITS), odd) for left in (np.ones(BITS), odd)]
    turned = np.stack([table for flip in flips for table in (flip, flip.T)]).reshape(8, -1)
    bits = turned > np.median(turned[:, 1:], axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(">u8").astype(np.uint64).ravel()
