"""Generated 12-megapixel photographs as JPEG files, the size a phone makes."""

from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (4000, 3000)


def photograph(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Large patches of colour with grain of two sizes on top: about 2.5 MB as a JPEG of quality 90."""
    pixels = np.zeros((size[1], size[0], 3), np.int16)
    for cells, strength in ((5, 200), (40, 60), (400, 40)):
        coarse = rng.integers(0, strength, (cells, cells, 3), np.uint8)
        pixels += np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BILINEAR), np.int16)
    grain = rng.integers(-10, 11, (size[1] // 2, size[0] // 2, 1), np.int16)
    pixels += grain.repeat(2, 0).repeat(2, 1)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def write_photos(folder: Path, count: int, *, classes: int, size: tuple[int, int] = SIZE, seed: int = 0) -> int:
    """Write ``count`` photographs into ``classes`` sub-folders.

    Returns:
        Size of all files in bytes.
    """
    total = 0
    for number in range(count):
        path = folder / f"class{number % classes}" / f"{number:04d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        photograph(np.random.default_rng([seed, number]), size).save(path, quality=90)
        total += path.stat().st_size
    return total
