"""How two materials share a surface: patches, veins, nodules, fragments, lamellae, layers and dendrites."""

from collections.abc import Callable
from functools import partial

import numpy as np

from mineral_lib.specimens import noise

_WAYS = np.array([[0.80, 0.36, 0.48], [-0.45, 0.87, 0.20], [0.20, -0.55, 0.81]], np.float32)


def _patches(points: np.ndarray, share: float, scale: float, pixel: float) -> np.ndarray:
    """Blotches over about `share` of the surface."""
    pattern = noise.fractal(points + 3.3, scale, octaves=5, gain=0.6, pixel=pixel)
    _, _, grain = noise.cells(points + 1.1, 9.0)
    pattern += np.float32(0.3) * grain[:, 0]
    return pattern > np.interp(share, (0, 0.05, 0.16, 0.5, 0.84, 0.95, 1), (9, 0.62, 0.38, 0, -0.38, -0.62, -9))


def _spots(points: np.ndarray, share: float, scale: float, pixel: float) -> np.ndarray:
    """Round, slightly ragged nodules of radius `share` cells."""
    distance, _, grain = noise.cells(points + 0.7, scale)
    ragged = np.float32(0.08) * noise.value_noise(points * np.float32(4 * scale))
    return distance + ragged < share * (1 + np.float32(0.3) * grain[:, 1])


def _fragments(points: np.ndarray, share: float, scale: float, pixel: float) -> np.ndarray:
    """A net around angular fragments, as cement in a breccia or as cracks; `share` is its width in cells."""
    moved = points + np.float32(0.12 / scale) * noise.vector_noise(points * np.float32(2.2 * scale))
    return noise.cells(moved + 2.9, scale)[1] < share


def _planes(
    points: np.ndarray, share: float, scale: float, pixel: float, *, ways: np.ndarray, bend: float
) -> np.ndarray:
    """Bent ragged sheets across each of the directions `ways` (k, 3); `share` of every spacing."""
    wave = np.float32(bend) * noise.value_noise(points * np.float32(1.1) + 5)
    ragged = noise.value_noise(points * np.float32(6)) + 0.6 * noise.value_noise(points * np.float32(15))
    wave += np.float32(0.035 * scale) * ragged
    found = np.zeros(len(points), bool)
    for number, way in enumerate(ways):
        level = (points @ way) * np.float32(scale * (1 + 0.17 * number)) + wave
        found |= level - np.floor(level) < share
    return found


def _lamellae(points: np.ndarray, share: float, scale: float, pixel: float) -> np.ndarray:
    """Exsolved lamellae in two directions, fading in and out."""
    width = 0.25 + noise.value_noise(points * np.float32(1.6) + 8)
    return _planes(points, share, scale, pixel, ways=_WAYS[:2], bend=0.1) & (width > -0.25)


def _dendrites(points: np.ndarray, share: float, scale: float, pixel: float) -> np.ndarray:
    """Moss-like branches that spread from patches."""
    branch = noise.fractal(points + 6.1, scale, octaves=3, gain=0.7, pixel=pixel)
    field = noise.value_noise(points * np.float32(1.2) + 4)
    return np.abs(branch) < share * (0.75 + field)


PATTERNS: dict[str, Callable[[np.ndarray, float, float, float], np.ndarray]] = {
    "patches": _patches,
    "spots": _spots,
    "fragments": _fragments,
    "stockwork": partial(_planes, ways=_WAYS, bend=0.3),  # straight veins that cut each other
    "lamellae": _lamellae,
    "layers": partial(_planes, ways=_WAYS[:1], bend=0.5),
    "dendrites": _dendrites,
}
