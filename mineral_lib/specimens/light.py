"""Lamps, cast shadows, hollows and the colour that reaches the camera."""

from dataclasses import dataclass

import numpy as np

from mineral_lib.specimens.surface import Skin


@dataclass(frozen=True)
class Studio:
    """Lighting of one photograph in camera axes.

    Attributes:
        lamps: unit directions towards the lamps (k, 3), the first is the key lamp.
        colours: lamp intensities (k, 3).
        up: unit direction away from the bench (3,).
        ambient: light from all around (3,).
        bench: colour of the bench (3,) as the specimen mirrors it, linear RGB.
    """

    lamps: np.ndarray
    colours: np.ndarray
    up: np.ndarray
    ambient: np.ndarray
    bench: np.ndarray


@dataclass(frozen=True)
class Geometry:
    """Visible points in camera axes: normals in front and behind, place, depth, openness to room and key lamp."""

    normal: np.ndarray
    far_normal: np.ndarray
    place: np.ndarray
    thickness: np.ndarray
    open: np.ndarray
    lit: np.ndarray


def key_shadow(depth: np.ndarray, hit: np.ndarray, lamp: np.ndarray, pixel: float) -> np.ndarray:
    """Share of key light reaching each ray's surface (s, s), by marching over the depth map towards the lamp."""
    size = depth.shape[0]
    lit = np.ones(depth.shape, np.float32)
    ground = np.where(hit, depth, np.float32(-1e3))
    for part in (0.008, 0.016, 0.028, 0.044, 0.065, 0.09, 0.125, 0.17):
        reach = part * size
        dx, dy = round(reach * lamp[0]), round(reach * lamp[1])
        if dx == 0 and dy == 0:
            continue
        rise = np.float32(reach * pixel * lamp[2])
        rows, cols = slice(max(0, -dy), size - max(0, dy)), slice(max(0, -dx), size - max(0, dx))
        from_rows = slice(rows.start + dy, rows.stop + dy)
        from_cols = slice(cols.start + dx, cols.stop + dx)
        over = ground[from_rows, from_cols] - ground[rows, cols] - rise
        width = np.float32(0.35 * reach * pixel + 0.01)
        lit[rows, cols] = np.minimum(lit[rows, cols], 1 - np.clip(over / width, 0, 1))
    return lit


def box_blur(values: np.ndarray, radius: int) -> np.ndarray:
    """Mean over a square window of half width `radius` pixels, edges repeated."""
    for _ in range(2):
        padded = np.pad(values, ((radius + 1, radius), (0, 0)), mode="edge")
        total = np.cumsum(padded, axis=0, dtype=np.float32)
        values = ((total[2 * radius + 1 :] - total[: -2 * radius - 1]) / np.float32(2 * radius + 1)).T
    return values


def openness(depth: np.ndarray, hit: np.ndarray, pixel: float) -> np.ndarray:
    """Share of the surroundings a point can see (s, s), by its depth below them; over 1 on edges, worn brighter."""
    lowest = float(depth[hit].min())
    filled = np.where(hit, depth, np.float32(lowest))
    result = np.ones(depth.shape, np.float32)
    for part, strength in ((0.02, 7.0), (0.06, 3.5)):
        radius = max(1, round(part * depth.shape[0]))
        below = box_blur(filled, radius) - filled
        result -= np.clip(np.float32(strength) * below, -0.12, 0.5)
    return np.clip(result, 0.15, 1.2)


def _environment(way: np.ndarray, studio: Studio, rough: np.ndarray) -> np.ndarray:
    """Light (n, 3) arriving from directions `way` (n, 3), blurred by roughness (n,)."""
    height = way @ studio.up
    soft = 0.12 + 0.6 * rough
    sky = np.clip(0.5 + 0.5 * height / soft, 0, 1)[:, None]
    light = studio.bench * (1 - sky) * 0.6 + studio.ambient * sky * (0.45 + 0.75 * np.clip(height, 0, 1))[:, None]
    sharp = 1.4 / (rough**1.5 + 0.035)
    for lamp, colour, size in zip(studio.lamps, studio.colours, (1.0, 0.7, 0.55), strict=False):
        angle = way @ lamp
        lobe = np.exp(np.minimum((angle - np.float32(0.90)) * sharp * np.float32(size), 0))
        light = light + (lobe * (0.25 + 0.75 / (1 + 2.5 * rough)))[:, None] * colour
    return light.astype(np.float32)


def shade(skin: Skin, place: Geometry, studio: Studio) -> np.ndarray:
    """Linear RGB (n, 3) of visible points.

    Metals mirror the room in their own colour, other minerals scatter light and mirror a little of it; transparent
    ones also show the room through their far faces.
    """
    normal = place.normal
    facing = np.clip(normal[:, 2], 0.02, 1)
    view = np.array([0, 0, 1], np.float32) - 0.34 * place.place * np.array([1, 1, 0], np.float32)
    mirror = 2 * np.einsum("ij,ij->i", normal, view)[:, None] * normal - view
    mirror /= np.linalg.norm(mirror, axis=1, keepdims=True)
    room = _environment(mirror, studio, skin.rough)
    room *= (place.open * (0.45 + 0.55 * place.lit))[:, None]
    received = np.zeros_like(room)
    for number, (lamp, colour) in enumerate(zip(studio.lamps, studio.colours, strict=True)):
        slope = normal @ lamp
        wrap = 0.12 + 0.5 * skin.clear
        falling = np.clip((slope + wrap) / (1 + wrap), 0, 1)
        if number == 0:
            falling = falling * (place.lit + (1 - place.lit) * 0.5 * skin.clear)
        received += falling[:, None] * colour
    sky = 0.5 + 0.5 * (normal @ studio.up)
    received += (place.open * sky)[:, None] * studio.ambient
    scattered = skin.colour * received * 0.55
    rim = (1 - facing) ** 5
    glassy = _through(skin, place, studio)
    clear = skin.clear[:, None]
    mirrored = (skin.gloss + (1 - skin.gloss) * rim * (1 - 0.85 * skin.rough))[:, None]
    stone = (scattered * (1 - clear) + glassy * clear) * (1 - mirrored) + mirrored * room * (
        1 + 1.6 * (1 - skin.rough)
    )[:, None]
    tone = skin.colour + (1 - skin.colour) * (rim * 0.5)[:, None]
    metal = tone * (room * 0.95 + received * 0.24)
    return stone + (metal - stone) * skin.metal[:, None]


def _through(skin: Skin, place: Geometry, studio: Studio) -> np.ndarray:
    """Light (n, 3) that comes through a transparent body: far faces, glow and colour by depth."""
    way = np.array([0, 0, -1], np.float32) - 0.45 * place.normal
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    turned = way - 2 * np.einsum("ij,ij->i", way, place.far_normal)[:, None] * place.far_normal
    seen = _environment(turned, studio, np.full(len(way), 0.22, np.float32))
    depth = np.clip(place.thickness * skin.absorb, 0, 3)
    tint = np.maximum(skin.colour, 0.004) ** (0.3 + 0.8 * np.minimum(depth, 1.6))[:, None]
    glow = 0.05 + 0.5 * np.exp(-3.5 * place.thickness)
    return tint * (0.95 * seen + (glow * (0.5 + 0.5 * place.open))[:, None] * studio.colours.sum(axis=0) * 0.55)
