"""Colour, relief and lustre of the visible points of a specimen, from object-space noise."""

from dataclasses import dataclass

import numpy as np

from mineral_lib.specimens import noise
from mineral_lib.specimens.materials import Material

_PEACOCK = np.array(
    [
        [0.62, 0.44, 0.14],
        [0.55, 0.22, 0.13],
        [0.34, 0.09, 0.24],
        [0.12, 0.10, 0.42],
        [0.07, 0.24, 0.42],
        [0.20, 0.38, 0.30],
    ],
    dtype=np.float32,
)
_VEIL = np.array([1.0, 0.45, 1.6], dtype=np.float32)
_CLEAVAGE = np.array([0.61, 0.52, 0.60], dtype=np.float32)


@dataclass
class Points:
    """Visible points: object position (n, 3), normal (n, 3), striation direction (n, 3) and growth distance (n,)."""

    position: np.ndarray
    normal: np.ndarray
    across: np.ndarray
    growth: np.ndarray

    def pick(self, chosen: np.ndarray) -> "Points":
        """The points where `chosen` (n,) is True."""
        return Points(self.position[chosen], self.normal[chosen], self.across[chosen], self.growth[chosen])


@dataclass
class Skin:
    """Optical surface per point: colour (n, 3), relief height (n,), tilt of the normal (n, 3), lustre (n,)."""

    colour: np.ndarray
    height: np.ndarray
    tilt: np.ndarray
    metal: np.ndarray
    rough: np.ndarray
    clear: np.ndarray
    gloss: np.ndarray
    absorb: np.ndarray

    @classmethod
    def empty(cls, count: int) -> "Skin":
        """Storage for `count` points."""
        wide = [np.zeros((count, 3), np.float32) for _ in range(2)]
        flat = [np.zeros(count, np.float32) for _ in range(6)]
        return cls(wide[0], flat[0], wide[1], *flat[1:])


def _ramp(stops: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Colour (n, 3) at `value` (n,) in [0, 1] along equally spaced colour stops (k, 3)."""
    scaled = np.clip(value, 0, 1) * np.float32(len(stops) - 1)
    low = np.minimum(scaled.astype(np.int32), len(stops) - 2)
    stops = stops.astype(np.float32)
    return stops[low] + (stops[low + 1] - stops[low]) * (scaled - low)[:, None]


def _edge(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """Smooth step from 0 at `low` to 1 at `high`."""
    part = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    return part * part * (3 - 2 * part)


def _striae(look: Material, points: Points, where: np.ndarray, pixel: float) -> np.ndarray:
    """Striations (n,), about -1 in a furrow and 1 on a ridge."""
    along = np.einsum("ij,ij->i", points.position, points.across)[:, None] * points.across
    stretched = 0.6 * where + along * np.float32(look.lines)
    fade = min(1.0, max(0.0, 2.0 - 3.0 * look.lines * pixel))
    return np.float32(fade) * (noise.value_noise(stretched) + 0.5 * noise.value_noise(stretched * np.float32(0.37)))


def _relief(look: Material, where: np.ndarray, pixel: float) -> np.ndarray:
    """Height (n,) of bumps and terraces."""
    broken = look.bump >= 0.02
    height = noise.fractal(where, look.bump_scale, octaves=4, gain=0.55, pixel=pixel, creased=broken)
    height *= np.float32(look.bump * (1.7 if broken else 1.0))
    if look.steps:
        along = (where @ _CLEAVAGE)[:, None] * _CLEAVAGE
        drawn = 0.35 * where + along * np.float32(look.step_scale)
        level = noise.fractal(drawn, 1.0, octaves=2, pixel=pixel) * np.float32(6)
        height += np.float32(look.steps) * (np.floor(level) + _edge(level - np.floor(level), 0.8, 1.0))
    return height


def _coloured(look: Material, points: Points, where: np.ndarray, pixel: float) -> np.ndarray:
    """Body colour (n, 3) with mottling and growth bands."""
    pattern = noise.fractal(where, look.mottle, octaves=4, pixel=pixel)
    colour = _ramp(look.colours, 0.5 + np.float32(0.8 * look.contrast) * pattern)
    if look.bands:
        phase = points.growth * np.float32(look.bands) + 0.35 * pattern
        wave = _edge(np.sin(6.283 * phase) + 0.4 * np.sin(6.283 * 2.7 * phase + 1), -0.4, 0.4)
        fade = min(1.0, max(0.0, 2.0 - 2.0 * look.bands * pixel))
        mix = np.float32(look.band_share) * (0.5 + np.float32(fade) * (wave - 0.5))
        colour += (np.asarray(look.band_colour, np.float32) - colour) * mix[:, None]
    return colour


def _weather(look: Material, where: np.ndarray, colour: np.ndarray, pixel: float) -> tuple[np.ndarray, np.ndarray]:
    """Tarnished and stained colour (n, 3) and the stained share (n,)."""
    if look.tarnish:
        field = noise.fractal(where + 9.1, 1.1, octaves=4, pixel=pixel)
        film = _ramp(_PEACOCK, np.float32(look.tarnish_hue) + np.float32(0.75) * field)
        strength = np.float32(look.tarnish) * _edge(noise.fractal(where + 4.4, 0.9, octaves=3, pixel=pixel), -0.5, 0.3)
        colour = colour + (film - colour) * strength[:, None]
    stained = np.zeros(len(where), np.float32)
    if look.stain:
        field = noise.fractal(where + 6.2, 1.5, octaves=5, gain=0.65, pixel=pixel)
        stained = _edge(field, 0.62 - 1.3 * look.stain, 1.0 - 1.3 * look.stain)
        depth = 0.7 + 0.6 * noise.value_noise(where * np.float32(5))
        rust = np.asarray(look.stain_colour, np.float32) * depth[:, None]
        colour = colour + (rust - colour) * (0.85 * stained)[:, None]
    return colour, stained


def skin(look: Material, points: Points, where: np.ndarray, *, pixel: float) -> Skin:
    """Optical surface of points made of one material.

    Args:
        look: the material.
        points: visible points.
        where: noise positions (n, 3): object position plus the specimen's offset.
        pixel: pixel size in object units.

    Returns:
        Skin with colour in linear RGB, height in object units, tilt in object axes.
    """
    count = len(where)
    colour = _coloured(look, points, where, pixel)
    height = _relief(look, where, pixel)
    if look.lines:
        fine = _striae(look, points, where, pixel)
        height += np.float32(look.line_depth / look.lines) * fine
        colour *= np.exp(np.float32(1.1 * look.line_depth) * (fine - 0.3))[:, None]
    tilt = np.zeros((count, 3), np.float32)
    if look.grain:
        _, gap, vector = noise.cells(where, look.grain)
        fade = min(1.0, max(0.3, 1.6 - 2.2 * look.grain * pixel))
        tilt = vector * np.float32(look.tilt * fade)
        colour *= np.maximum(1 + np.float32(look.shade * fade) * vector[:, :1], 0.15)
        colour *= (0.6 + 0.4 * _edge(gap, 0.0, 0.22))[:, None]
        height += np.float32(0.12 / look.grain) * np.minimum(gap, 0.35)
    if look.pores:
        field = noise.fractal(where + 2.2, look.pore_scale, octaves=3, pixel=pixel)
        pit = _edge(field, 0.75 - look.pores, 0.95 - look.pores)
        height -= np.float32(0.4 / look.pore_scale) * pit
        colour *= (1 - 0.85 * pit)[:, None]
    colour, stained = _weather(look, where, colour, pixel)
    keep = 1 - stained
    clear = keep * look.clear
    if look.clear:  # clouds and healed cracks: part of every crystal is milky
        cloud = noise.fractal(where * _VEIL + 8.8, 2.2, octaves=4, gain=0.65, pixel=pixel)
        clear *= 0.25 + 0.95 * _edge(cloud, 0.35, -0.35)
    rough = look.rough + stained * (0.9 - look.rough)
    gloss = 0.02 + keep * (look.gloss - 0.02)
    return Skin(colour, height, tilt, keep * look.metal, rough, clear, gloss, np.full(count, look.absorb, np.float32))
