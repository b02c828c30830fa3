"""Images drawn from formulas: a source domain for pre-training that needs no download and no photograph.

The idea is that of Kataoka et al. 2020 ("Pre-training without natural images"). A class is a body (crystals, spheres,
a lump, a plain surface), a texture and a way to shine, with parameters of its own: habit, cleavage, lustre and
transparency, as in mineralogy. Colours, light, place and background are drawn for every image alone and say nothing
about the class. An image depends on (seed, class, index) alone.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from mineral_lib.errors import ParameterError
from mineral_lib.specimens.formula.colours import earthy, rgb
from mineral_lib.specimens.formula.shapes import HABITS, Body, column, draw_body
from mineral_lib.specimens.formula.textures import TEXTURES, smooth, squash, texture

Array = NDArray[np.float32]
F = np.float32
_CHUNK = 64  # images drawn together: arrays stay in the processor's cache


@dataclass(frozen=True)
class FormulaImages:
    """Labelled formula images.

    Attributes:
        images: (N, px, px, 3) uint8 sRGB.
        labels: (N,) int64 class of each image, in 0..num_classes-1; images of a class follow each other.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


def formula_images(
    *, num_classes: int, images_per_class: int, image_size: int, seed: int, jobs: int = 1
) -> FormulaImages:
    """Draws the images of classes 0..num_classes-1; deterministic, and stateless per (seed, class, index).

    Args:
        num_classes: Number of classes, >= 1.
        images_per_class: Images of each class, >= 1.
        image_size: Side in pixels, a multiple of 8, >= 16.
        seed: Non-negative seed.
        jobs: Processes that draw; the images do not depend on it.

    Raises:
        ParameterError: if a value is out of range.
    """
    if min(num_classes, images_per_class) < 1 or seed < 0 or image_size < 16 or image_size % 8:
        given = f"{num_classes=}, {images_per_class=}, {image_size=}, {seed=}"
        what = "formula images need counts >= 1, a seed >= 0 and a side that is a multiple of 8 and >= 16"
        raise ParameterError(what, where=given, remedy="correct the pre-training parameters.")
    draw = partial(_draw_class, count=images_per_class, px=image_size, seed=seed)
    if jobs == 1:
        parts = [draw(c) for c in range(num_classes)]
    else:
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            parts = list(pool.map(draw, range(num_classes), chunksize=4))
    return FormulaImages(np.concatenate(parts), np.repeat(np.arange(num_classes, dtype=np.int64), images_per_class))


def _draw_class(c: int, *, count: int, px: int, seed: int) -> NDArray[np.uint8]:
    starts = range(0, count, _CHUNK)
    return np.concatenate([_draw(c, range(start, min(start + _CHUNK, count)), px, seed) for start in starts])


def _draw(c: int, indices: range, px: int, seed: int) -> NDArray[np.uint8]:
    """Images (n, px, px, 3) of class c: a textured, lit body before a plain or noisy background."""
    form = np.random.default_rng([seed, 2, c]).random(24, dtype=F)
    rngs = [np.random.default_rng([seed, 3, c, i]) for i in indices]
    r = np.stack([g.random(56, dtype=F) for g in rngs], 1)  # r[j]: the j-th number of every image
    table = np.stack([g.random((20, 8), dtype=F) for g in rngs])
    white = np.stack([g.standard_normal((2, px, px), dtype=F) for g in rngs])
    coarse = smooth(white[:, 1], *(np.full(len(rngs), v, F) for v in (2.2, 1.5, 1, 0)))
    body = draw_body(HABITS[c % len(HABITS)], form[:6], r[:8], table, coarse)
    relief, pattern = _surface(c, form[6:14], r[8:14], table, white[:, 0], body)
    height = body.top + (0.01 + 0.12 * form[14] ** 2 * column(0.6 + 0.8 * r[14])) * relief
    first, second = _two_colours(r[15:21])
    mix = squash((pattern - 0.5 + 0.6 * column(r[21] - 0.5) + 0.1 * coarse) * (1.5 + 3 * form[15]))
    matter = first + mix[..., None] * (second - first)
    behind = _background(r[22:32], coarse, white[:, 0])
    shadow = np.roll(body.mask, (px // 12, px // 20), (1, 2))
    behind *= (1 - column(0.6 * r[32]) * shadow)[..., None]
    lit = _lit(matter, first, height, body, behind, form[16:24], r[33:42])
    image = behind + body.mask[..., None] * (lit - behind)
    image = _focus(image, column(r[42])[..., None])
    image *= ((0.85 + 0.5 * r[43]) * (0.92 + 0.16 * r[44:47])).T[:, None, None]  # exposure, white balance
    image += column(0.035 * r[47])[..., None] * np.roll(white[:, 0], 11, 1)[..., None]
    return (image.clip(0, 1) * 255).astype(np.uint8)


def _surface(c: int, form: Array, r: Array, table: Array, white: Array, body: Body) -> tuple[Array, Array]:
    """Relief and pattern of the texture, shifted from one individual to the next."""
    px = white.shape[1]
    axis = ((np.arange(px) + 0.5) / px * 2 - 1).astype(F)
    shift = (table[:, :, j][np.arange(len(white))[:, None, None], body.number] for j in (5, 6))
    x, y = (a + s for a, s in zip((axis[None, None], axis[:, None]), shift, strict=True))
    scale, stretch = 2 * 2 ** (2.2 * (0.8 * form[0] + 0.2 * r[1])), 1 + 2.5 * form[1] ** 2 * (0.6 + 0.8 * r[2])
    shape = {"angle": np.pi * r[0], "scale": scale, "stretch": stretch, "warp": np.full(len(white), form[3])}
    shape |= {"slope": 1.05 + 1.6 * form[2] + 0.3 * r[3], "edge": 0.5 + 1.5 * form[4] + 0.2 * r[4]}
    return texture(TEXTURES[c % len(TEXTURES)], shape, [x, y], white, table)


def _two_colours(r: Array) -> Iterator[Array]:
    """Two colours of each image, each (n, 1, 1, 3): the second is near the first or free, as the image wills."""
    hue, value, j = earthy(r[0]), 0.12 + 0.85 * r[2] ** 0.7, r - 0.5
    saturation = 0.95 * r[1] ** 2.2
    near = r[3] < 0.6
    second = np.where(near, (hue + 0.12 * j[4]) % 1, earthy(r[4])), np.where(near, saturation, r[5] ** 2.2)
    other = (value + np.where(near, 0.5, 1.2) * j[5]).clip(0.03, 1)
    return (colour[:, None, None] for colour in (rgb(hue, saturation, value), rgb(*second, other)))


def _lit(matter: Array, first: Array, height: Array, body: Body, behind: Array, form: Array, r: Array) -> Array:
    """The body under its lamp: matt, glossy, metallic or transparent, as the class wills."""
    metal = np.clip(3 * form[0] - 1.7, 0, 1)
    clear = 0 if metal else np.clip(2.4 * form[1] - 1.4, 0, 0.8)
    gloss, shine = form[2] ** 1.5 * (0.7 + 0.6 * r[0]), 4 * 2 ** (5 * form[3])
    normal = _normals(height)
    lamp = np.stack([np.cos(6.3 * r[1]), np.sin(6.3 * r[1]), 0.5 + 0.8 * r[2]])
    lamp /= np.linalg.norm(lamp, axis=0)
    half = lamp + np.array([[0], [0], [1]], F)  # between the lamp and the viewer
    half /= np.linalg.norm(half, axis=0)
    diffuse, mirror = ((sum(n * column(v) for n, v in zip(normal, a, strict=True))).clip(0, 1) for a in (lamp, half))
    ambient = column(0.25 + 0.35 * r[3])
    shade, mirror = ambient + (1.25 - ambient) * diffuse, column(gloss) * mirror ** F(shine)
    if metal:
        bend = column(3 + 6 * r[4]) * normal[2]  # the room that a metal mirrors
        room = sum(np.sin(bend * n + column(6.3 * turn)) for n, turn in zip(normal[:2], r[5:7], strict=True))
        shade = (1 - metal) * shade + metal * (0.25 * shade + 1.1 * squash(1.5 * room))
    out = matter * shade[..., None]
    if clear:
        under = _normals(body.low)
        inner = 0.55 + 0.6 * sum(n * column(v) for n, v in zip(under, -lamp, strict=True)).clip(-0.6, 0.8)
        fade = np.exp(-(0.3 + 1.5 * form[4]) * (body.top - body.low).clip(0, 2))[..., None]
        through = (0.35 + 0.65 * matter) * (fade * behind + (1 - fade) * inner[..., None] * (0.3 + 0.7 * first))
        out += clear * (through - out)
    return out + mirror[..., None] * (1 + metal * (first - 1))


def _normals(height: Array) -> tuple[Array, Array, Array]:
    half_px = height.shape[1] / 2
    gx, gy = (np.diff(height, axis=k, prepend=np.take(height, [0], k)) * half_px for k in (2, 1))
    gx, gy = gx.clip(-4, 4), gy.clip(-4, 4)
    upright = 1 / np.sqrt(1 + gx * gx + gy * gy)
    return -gx * upright, -gy * upright, upright


def _focus(image: Array, blur: Array) -> Array:
    """A little blur, as a lens makes it; it also smooths the steps of edges."""
    for axis in (1, 2):
        image = image + 0.35 * blur * (0.5 * (np.roll(image, 1, axis) + np.roll(image, -1, axis)) - image)
    return image


def _background(r: Array, coarse: Array, white: Array) -> Array:
    px = coarse.shape[1]
    axis = ((np.arange(px) + 0.5) / px * 2 - 1).astype(F)
    plain = r[0] < 0.5
    tones = [0.1 * r[1], 0.85 + 0.15 * r[1], 0.25 + 0.5 * r[1]]  # black, white, grey
    value = np.select([r[0] < 1 / 6, r[0] < 1 / 3, plain], tones, r[1])
    hue, saturation = earthy(r[3]), np.where(plain, 0.1 * r[2], 0.6 * r[2] ** 2)
    near, far = rgb(hue, saturation, value), rgb(hue, saturation, (value * (0.5 + 0.8 * r[4])).clip(0, 1))
    turn = 6.3 * r[7]
    ramp = (0.5 + 0.5 * (column(np.cos(turn)) * axis + column(np.sin(turn)) * axis[:, None])).clip(0, 1)
    grain = 1 + column(np.where(r[5] < 0.25, 0.4 * r[6], 0.03)) * (np.roll(coarse, 23, 2) + 0.3 * white)
    return (near[:, None, None] + ramp[..., None] * (far - near)[:, None, None]) * grain[..., None]
