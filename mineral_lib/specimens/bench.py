"""The dark bench a specimen lies on: its texture, dust and the shadow that falls on it."""

import numpy as np

from mineral_lib.specimens import noise
from mineral_lib.specimens.light import Studio, box_blur

_CELLS = 72
_TONES = np.array([[0.020, 0.021, 0.024], [0.012, 0.012, 0.013], [0.035, 0.031, 0.027], [0.022, 0.027, 0.034]])
_PLAIN = 0.06


def tone(rng: np.random.Generator) -> np.ndarray:
    """Colour (3,) of a dark bench, linear RGB."""
    return _TONES[rng.integers(4)] * np.exp(rng.normal(0, 0.5)) * np.exp(rng.normal(0, 0.15, 3))


def _soften(cells: np.ndarray, radius: int) -> np.ndarray:
    """Cells blurred twice by a square window, close to a Gaussian."""
    return box_blur(box_blur(cells, radius), radius)


def _resample(cells: np.ndarray, size: int) -> np.ndarray:
    """Cell values (c, c) interpolated at the centres of (size, size) pixels."""
    place = np.clip((np.arange(size) + 0.5) / size * _CELLS - 0.5, 0, _CELLS - 1.001)
    low = place.astype(np.int32)
    part = (place - low).astype(np.float32)
    rows = cells[low] + (cells[low + 1] - cells[low]) * part[:, None]
    return rows[:, low] + (rows[:, low + 1] - rows[:, low]) * part


def _footprint(points: np.ndarray, studio: Studio, way: np.ndarray, floor: float) -> np.ndarray:
    """Cells (c, c) of the frame that points (n, 3) reach when they fall along -`way` onto the bench."""
    up = studio.up
    way = way.astype(np.float32)
    drop = (points @ up - np.float32(floor)) / max(float(up @ way), 0.15)
    fallen = points[:, :2] - drop[:, None] * way[:2]
    column = np.floor((fallen[:, 0] + 1) * (_CELLS / 2)).astype(np.int32)
    row = np.floor((fallen[:, 1] + 1) * (_CELLS / 2)).astype(np.int32)
    inside = (column >= 0) & (column < _CELLS) & (row >= 0) & (row < _CELLS)
    hits = np.bincount(row[inside] * _CELLS + column[inside], minlength=_CELLS**2)
    return (hits > 0).astype(np.float32).reshape(_CELLS, _CELLS)


def shadow(points: np.ndarray, studio: Studio, floor: float, *, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Key-lamp shadow and contact darkness on the bench, two arrays (size, size) from 0 (none) to 1.

    Args:
        points: visible surface points (n, 3) in camera axes, frame units (frame spans -1 to 1).
        studio: the lamps.
        floor: height of the bench along `studio.up`, frame units.
        size: pixels of the result.
    """
    cast = np.minimum(1, 1.5 * _soften(_footprint(points, studio, studio.lamps[0], floor), 1))
    under = np.minimum(1, 1.3 * _soften(_footprint(points, studio, studio.up, floor), 1))
    return _resample(_soften(cast, 2), size), _resample(_soften(under, 5), size)


def plain(shadows: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Picture of an even grey bench with the shadows on it, (size, size, 3) linear RGB, rows upward."""
    level = np.float32(_PLAIN) * (1 - 0.72 * shadows[0]) * (1 - 0.68 * shadows[1])
    return np.repeat(level[..., None], 3, axis=2)


def bench(studio: Studio, shadows: tuple[np.ndarray, np.ndarray], rng: np.random.Generator, *, size: int) -> np.ndarray:
    """Picture of the bench with the shadows on it, (size, size, 3) linear RGB, rows upward."""
    line = ((np.arange(size) + 0.5) / size * 2 - 1).astype(np.float32)
    y, x = np.meshgrid(line, line, indexing="ij")
    colour = tone(rng)
    offset = rng.uniform(0, 32, 2)
    stretch = 1 / max(float(studio.up[2]), 0.35)
    flat = (
        np.stack([x + offset[0], y * stretch + offset[1], np.zeros_like(x)], axis=-1).reshape(-1, 3).astype(np.float32)
    )
    pixel = 2 / size
    weave = noise.fractal(flat, 1.3, octaves=2, pixel=pixel) * 0.18
    weave += noise.fractal(flat, float(rng.uniform(14, 30)), octaves=2, pixel=pixel) * float(rng.uniform(0.05, 0.22))
    key = studio.lamps[0]
    fall = 1 + 0.22 * (x * key[0] + y * key[1])
    light = (1 + weave.reshape(size, size)) * fall
    level = light * (1 - 0.72 * shadows[0]) * (1 - 0.68 * shadows[1])
    picture = level[..., None] * colour.astype(np.float32)
    grit = rng.uniform(size=(int(rng.integers(4, 40)), 5))
    for u, v, radius, bright, hue in grit:
        _speck(
            picture,
            (u, v),
            0.0025 + 0.006 * radius**3,
            (0.03 + 0.25 * bright**2) * np.array([1, 0.95, 0.85 + 0.1 * hue]),
        )
    return picture


def _speck(picture: np.ndarray, place: tuple[float, float], radius: float, colour: np.ndarray) -> None:
    """Add a grain of dust at `place` (frame fractions) of `radius` (frame share), in place."""
    size = len(picture)
    half = max(radius * size, 0.5)
    faint = min(1.0, (radius * size / 0.5) ** 2)
    column, row = place[0] * size, place[1] * size
    rows = np.arange(max(0, int(row - 2 * half)), min(size, int(row + 2 * half) + 2))
    cols = np.arange(max(0, int(column - 2 * half)), min(size, int(column + 2 * half) + 2))
    gap = ((rows + 0.5 - row) ** 2)[:, None] + ((cols + 0.5 - column) ** 2)[None]
    spot = faint * np.exp(-gap / (half * half))
    picture[rows[:, None], cols] += (spot[..., None] * colour).astype(np.float32)
