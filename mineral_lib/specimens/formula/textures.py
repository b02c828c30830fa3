"""Textures of formula images: relief and pattern of a surface, each drawn by a formula."""

import numpy as np
from numpy.typing import NDArray

from mineral_lib.specimens.formula.shapes import column

Array = NDArray[np.float32]
F = np.float32
TEXTURES = ("plain", "noise", "fibres", "ridged", "spots", "grains", "bands")
TEXTURES += ("cells", "agate", "facets", "bubbles", "diamonds", "steps")


def squash(x: Array) -> Array:
    """From any number to 0..1, smoothly."""
    return F(0.5) + F(0.5) * np.tanh(x)


def smooth(white: Array, slope: Array, corner: Array, stretch: Array, angle: Array) -> Array:
    """Unit-variance noise (n, px, px) with spectrum (f^2 + corner^2)^(-slope/2), stretched along `angle`."""
    px = white.shape[1]
    fy, fx = np.fft.fftfreq(px, 1 / px).astype(F)[:, None], np.fft.rfftfreq(px, 1 / px).astype(F)
    c, s = column(np.cos(angle)), column(np.sin(angle))
    power = (c * fx + s * fy) ** 2 + ((c * fy - s * fx) * column(stretch)) ** 2
    gain = (power + column(corner) ** 2) ** (-column(slope) / 2)
    gain[:, 0, 0] = 0
    out = np.fft.irfft2(np.fft.rfft2(white) * gain, s=(px, px))
    return (out / (out.std((1, 2), keepdims=True) + 1e-6)).astype(F)


def _nearest(x: Array, y: Array, seeds: Array, kind: str) -> tuple[Array, ...]:
    """Voronoi cells on a torus: distances to the nearest two seeds, index of the nearest, offsets from it."""
    f1, f2 = np.full((2, *x.shape), 9, F)
    (ox, oy), cell = np.zeros((2, *x.shape), F), np.zeros(x.shape, np.int64)
    for k in range(seeds.shape[1]):
        dx, dy = x - column(seeds[:, k, 0]), y - column(seeds[:, k, 1])
        dx, dy = dx - np.rint(dx), dy - np.rint(dy)
        d = abs(dx) + abs(dy) if kind == "diamonds" else np.sqrt(dx * dx + dy * dy)
        near = d < f1
        f1, f2 = np.minimum(d, f1), np.where(near, f1, np.minimum(f2, d))
        for array, value in ((cell, k), (ox, dx), (oy, dy)):
            np.copyto(array, value, where=near)
    return f1, f2, cell, ox, oy


def texture(kind: str, form: dict[str, Array], xy: list[Array], white: Array, table: Array) -> tuple[Array, Array]:
    """Relief (about 0..1) and pattern (0..1), each (n, px, px), of one texture formula.

    Args:
        kind: One of TEXTURES.
        form: ``angle``, ``scale``, ``stretch``, ``slope``, ``edge`` and ``warp`` of each image, each (n,).
        xy: Surface coordinates, each (n, px, px), about -1..1.
        white: White noise (n, px, px).
        table: Random numbers (n, 20, 5 or more).
    """
    (x, y), scale, angle, warp = xy, column(form["scale"]), form["angle"], column(form["warp"])
    stretch = 1 / (4 * form["stretch"]) if kind == "fibres" else np.ones(len(x), F)
    fine = smooth(white, form["slope"], form["scale"], stretch, angle)
    c, s = column(np.cos(angle)), column(np.sin(angle))
    u, w, tone = c * x + s * y, (c * y - s * x) * column(form["stretch"]), table[:, :, 2]
    if kind == "plain":
        return 0.1 * fine, squash(0.3 * fine)
    if kind in ("noise", "fibres"):
        return squash(0.8 * fine), squash(1.2 * fine)
    if kind in ("ridged", "spots", "grains"):
        grains = 3 * fine * np.roll(fine, 5, 1)
        v = {"ridged": 2 - 6 * abs(fine), "spots": 4 * fine - 2.8, "grains": grains}[kind]
        return squash(fine if kind == "grains" else v), squash(v)
    if kind == "steps":  # cleavage: terraces, each with a straight edge
        q = (u + 0.15 * warp * fine + 0.3 * column(tone[:, 0])) * scale
        return (np.floor(q) + np.floor(0.7 * w * scale)) * 0.4 - 0.5 * u, squash(2 * (q - np.rint(q)))
    if kind == "bands":
        q = np.pi * (u + 0.25 * warp * fine) * scale
        z = np.sin(q) + 0.6 * np.sin(1.7 * q + 6 * column(tone[:, 0]))
        z += 0.5 * np.sin(0.43 * q + 6 * column(tone[:, 1]))
        return (squash(1.5 * column(form["edge"]) * z),) * 2
    cx, cy = ((a / 4 * scale + 0.18 * warp * np.roll(fine, r, 2)) for a, r in ((u, 0), (w, 17)))
    f1, f2, cell, ox, oy = _nearest(cx + column(table[:, 0, 0]), cy + column(table[:, 0, 1]), table[:, :14, :2], kind)
    flat = cell.reshape(len(x), -1)
    v, tx, ty = (np.take_along_axis(table[:, :, j], flat, 1).reshape(x.shape) for j in (2, 3, 4))
    if kind == "agate":
        q = 4 * np.pi * f1 * (1 + column(form["edge"])) + 0.5 * warp * fine + 6 * column(tone[:, 0])
        return (squash(1.6 * np.sin(q) + 0.8 * np.sin(2.3 * q)),) * 2
    reliefs = {"cells": squash(14 * (f2 - f1) - 1.5), "bubbles": np.sqrt(1 - (f1 / 0.28).clip(0, 1) ** 2)}
    reliefs["facets"] = 10 * ((tx - 0.5) * ox + (ty - 0.5) * oy) + 0.3 * v
    return reliefs.get(kind, 1.3 - 4 * f1), 0.8 * v + 0.2 * squash(fine)
