"""Folders of small pictures, one colour a class."""

from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"pyrite": (200, 180, 90), "石英": (225, 225, 230), "malachite": (40, 140, 90), "my own": (120, 60, 150)}


def paint(folder: Path, name: str, colour, count: int, seed: int = 0, spread: int = 30) -> None:
    """Pictures of one colour, each with its own shade and grain."""
    generator = np.random.default_rng([seed, len(name)])
    (folder / name).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        shade = np.array(colour) + generator.normal(0, spread, 3)
        pixels = shade + generator.normal(0, 25, (48, 64, 3))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name / f"{seed}_{number}.png")
