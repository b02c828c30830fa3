"""Where camera, lamps and specimen stand in one photograph (paper, section 3.1); exposure and the film's response."""

from dataclasses import dataclass

import numpy as np

from mineral_lib.specimens import light
from mineral_lib.specimens.catalogue import Specimen

_MIDDLE = 0.2  # luminance the specimen is lit to, linear


@dataclass(frozen=True)
class View:
    """Camera of one photograph: object to camera rotation, lighting, bench height and framing in object units."""

    rotation: np.ndarray
    studio: light.Studio
    floor: float
    unit: float
    centre: np.ndarray


def _studio(rng: np.random.Generator, elevation: float) -> light.Studio:
    """Three soft lamps over a dark bench: their places, strengths and tints differ from picture to picture."""
    axes = np.array([[1, 0, 0], [0, np.sin(elevation), -np.cos(elevation)], [0, np.cos(elevation), np.sin(elevation)]])
    side = rng.choice([-1.0, 1.0])
    lamps = np.array(
        [
            [side * rng.uniform(0.5, 1.0), rng.uniform(-0.1, 0.7), rng.uniform(0.8, 1.3)],
            [-side * rng.uniform(0.7, 1.2), rng.uniform(-0.5, 0.3), rng.uniform(0.4, 0.8)],
            [rng.uniform(-0.3, 0.3), rng.uniform(0.5, 1.2), rng.uniform(0.5, 1.1)],
        ]
    )
    lamps = (lamps / np.linalg.norm(lamps, axis=1, keepdims=True)) @ axes
    warm = np.exp(rng.normal(0, 0.07, (3, 1)) * np.array([1.0, 0.1, -1.1]))
    colours = np.array([[1.55], [0.42], [0.5]]) * rng.uniform(0.7, 1.3, (3, 1)) * warm
    up = np.array([0, np.cos(elevation), np.sin(elevation)])
    parts = (lamps, colours, up, np.full(3, 0.30) * rng.uniform(0.7, 1.3), np.full(3, 0.02))
    return light.Studio(*(part.astype(np.float32) for part in parts))


def aim(thing: Specimen, rng: np.random.Generator) -> View:
    """A camera direction, pose and framing for the specimen."""
    azimuth, elevation = rng.uniform(0, 2 * np.pi), np.deg2rad(rng.uniform(34, 76))
    lean_way, lean = rng.uniform(0, 2 * np.pi), np.deg2rad(rng.normal(0, 13))
    cos, sin = np.cos(azimuth), np.sin(azimuth)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    axis = np.array([np.cos(lean_way), np.sin(lean_way), 0])
    cross = np.array([[0, 0, axis[1]], [0, 0, -axis[0]], [-axis[1], axis[0], 0]])
    leaning = np.eye(3) + np.sin(lean) * cross + (1 - np.cos(lean)) * cross @ cross
    camera = np.array(
        [[1, 0, 0], [0, np.sin(elevation), np.cos(elevation)], [0, -np.cos(elevation), np.sin(elevation)]]
    )
    rotation = camera @ leaning @ turn
    studio = _studio(rng, elevation)
    points = np.concatenate([one.extent(rotation) for one in thing.bodies])
    low, high = points.min(axis=0), points.max(axis=0)
    width, height = (high - low)[:2]
    share = min(np.sqrt(rng.uniform(0.29, 0.43) / (thing.fullness * width * height)), 0.92 / max(width, height))
    unit = 1 / (2 * share)
    middle = (low + high) / 2
    middle[:2] += rng.uniform(-0.05, 0.05, 2) * unit
    floor = float((points @ studio.up).min())
    return View(rotation.astype(np.float32), studio, floor, unit, middle.astype(np.float32))


def rays(view: View, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Ray coordinates (size,) along x and y in object units."""
    line = ((np.arange(size) + 0.5) / size * 2 - 1) * view.unit
    return (line + view.centre[0]).astype(np.float32), (line + view.centre[1]).astype(np.float32)


def exposure(picture: np.ndarray, cover: np.ndarray, rng: np.random.Generator) -> tuple[float, np.ndarray]:
    """How far the lamps are turned up, so that dark ore is not told by its darkness, and the camera's gains (3,)."""
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
