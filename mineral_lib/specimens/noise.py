"""Procedural noise in object space: lattice value noise, fractal sums and cells.

The lattice repeats every 32 cells; a specimen gets its own piece of it by an offset, so a pattern depends only on
position, never on the number of pixels. Octaves finer than a pixel are faded out, which keeps a small picture equal
to a large one scaled down.
"""

import numpy as np

_PERIOD = 32
_CORNERS = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
_TURN = np.array([[0.00, 0.80, 0.60], [-0.80, 0.36, -0.48], [-0.60, -0.48, 0.64]], dtype=np.float32)


def _lattice(channels: int, key: int) -> np.ndarray:
    """Values in [-1, 1] at the eight corners of every lattice cell, shape (32**3, 8, channels)."""
    values = np.random.default_rng(key).uniform(-1, 1, (_PERIOD,) * 3 + (channels,)).astype(np.float32)
    rolled = [np.roll(values, tuple(-c), axis=(0, 1, 2)).reshape(-1, channels) for c in _CORNERS]
    return np.ascontiguousarray(np.stack(rolled, axis=1))


def _polynomial(corners: np.ndarray) -> np.ndarray:
    """Coefficients of 1, w, v, vw, u, uw, uv, uvw of the trilinear blend of corner values (cells, 8, channels)."""
    cube = corners.reshape(len(corners), 2, 2, 2, -1)
    for axis in (1, 2, 3):
        low, high = np.split(cube, 2, axis=axis)
        cube = np.concatenate([low, high - low], axis=axis)
    return np.ascontiguousarray(cube.reshape(corners.shape))


_SCALAR = _polynomial(_lattice(1, 11))[:, :, 0].copy()
_VECTOR = _polynomial(_lattice(3, 12))
_JITTER = _lattice(3, 13).reshape(-1, 24)


def _locate(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cell number and position inside the cell of each point."""
    base = np.floor(points)
    inside = points - base
    cell = base.astype(np.int32) & (_PERIOD - 1)
    return (cell[:, 0] * _PERIOD + cell[:, 1]) * _PERIOD + cell[:, 2], inside


def _smooth(table: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Noise with the given coefficients (cells, 8[, channels]) at points (n, 3)."""
    cell, inside = _locate(points)
    u, v, w = np.ascontiguousarray((inside * inside * (3 - 2 * inside)).T)
    c = table.take(cell, axis=0)
    if c.ndim == 3:
        u, v, w = u[:, None], v[:, None], w[:, None]
    near = c[:, 0] + w * c[:, 1] + v * (c[:, 2] + w * c[:, 3])
    return near + u * (c[:, 4] + w * c[:, 5] + v * (c[:, 6] + w * c[:, 7]))


def value_noise(points: np.ndarray) -> np.ndarray:
    """Smooth noise at `points` (n, 3), one value in [-1, 1] each, features about one unit wide."""
    return _smooth(_SCALAR, points)


def vector_noise(points: np.ndarray) -> np.ndarray:
    """Three independent smooth noises at `points` (n, 3), shape (n, 3), values in [-1, 1]."""
    return _smooth(_VECTOR, points)


def fractal(
    points: np.ndarray,
    frequency: float,
    *,
    octaves: int = 3,
    gain: float = 0.55,
    pixel: float = 0.0,
    creased: bool = False,
) -> np.ndarray:
    """Sum of `octaves` noises, each twice as fine and `gain` times as strong as the one before.

    Args:
        points: positions (n, 3) in object units.
        frequency: cells per object unit of the first octave.
        octaves: number of terms.
        gain: strength ratio of successive terms.
        pixel: size of a pixel in object units; octaves finer than about two pixels are left out.
        creased: take each noise by its magnitude, which gives sharp valleys as on broken stone.

    Returns:
        Array (n,), roughly normal with standard deviation 0.35.
    """
    total = np.zeros(len(points), dtype=np.float32)
    weight = 1.0
    moved = points * np.float32(frequency)
    for _ in range(octaves):
        fade = min(1.0, max(0.0, 2.0 - 3.0 * frequency * pixel))
        if fade == 0.0:
            break
        wave = value_noise(moved)
        total += np.float32(weight * fade) * (np.abs(wave) if creased else wave)
        moved = (moved @ _TURN) * np.float32(2.03) + np.float32(7.7)
        frequency *= 2.03
        weight *= gain
    return total


def cells(points: np.ndarray, frequency: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Irregular grains (Worley cells).

    Args:
        points: positions (n, 3) in object units.
        frequency: grains per object unit.

    Returns:
        distance to the grain's centre (n,), gap to the next grain (n,) (0 on the border) and a random vector of the
        grain (n, 3) in [-1, 1]; lengths in units of the grain size.
    """
    cell, inside = _locate(points * np.float32(frequency))
    jitter = _JITTER.take(cell, axis=0)
    first = np.full(len(points), 9.0, dtype=np.float32)
    second = first.copy()
    chosen = np.zeros(len(points), dtype=np.int32)
    for k, corner in enumerate(_CORNERS):
        delta = inside - corner.astype(np.float32) - np.float32(0.42) * jitter[:, 3 * k : 3 * k + 3]
        squared = np.einsum("ij,ij->i", delta, delta)
        nearer = squared < first
        second = np.where(nearer, first, np.minimum(second, squared))
        first = np.where(nearer, squared, first)
        chosen[nearer] = k
    grain = jitter.reshape(-1, 8, 3)[np.arange(len(points)), chosen]
    root = np.sqrt(first)
    return root, np.sqrt(second) - root, grain
