"""Images drawn from formulas: a source domain for pre-training that needs no download and no photograph.

The idea is that of Kataoka et al. 2020 ("Pre-training without natural images"). A class is a pair (texture
formula, colour family); its members differ in colour, scale, outline, light and background. An image depends
on (seed, class, index) alone. The regression targets are colour histograms of the finished image.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mineral_lib.errors import ParameterError

Array = NDArray[np.float32]
F = np.float32
TEXTURES = ("noise", "fibres", "ridged", "spots", "grains", "bands")
TEXTURES += ("cells", "agate", "facets", "spheres", "diamonds", "cubes")
BINS, TARGET_COUNT = 64, 128
_CHUNK = 64  # images drawn together: arrays stay in the processor's cache
_LAB_SPREAD = np.sqrt(np.array([0.02, 0.01, 0.01], F))  # width of a histogram bin in scaled CIELAB
_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])  # from sRGB
_XYZ = (_XYZ / np.array([[0.95], [1.0], [1.089]])).astype(F)  # relative to the D65 white
_CODES = np.arange(256) / 255
_LINEAR = np.where(_CODES > 0.04045, ((_CODES + 0.055) / 1.055) ** 2.4, _CODES / 12.92).astype(F)


@dataclass(frozen=True)
class FormulaImages:
    """Labelled formula images.

    Attributes:
        images: (N, px, px, 3) uint8 sRGB.
        labels: (N,) int64 class of each image, in 0..num_classes-1; images of a class follow each other.
        targets: (N, TARGET_COUNT) float32 statistics of each image, unscaled: standardise first.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    targets: Array | None


def formula_images(*, num_classes: int, images_per_class: int, image_size: int, seed: int) -> FormulaImages:
    """Draws the images of classes 0..num_classes-1; deterministic, and stateless per (seed, class, index).

    Args:
        num_classes: Number of classes, >= 1; len(TEXTURES) consecutive classes share a colour family.
        images_per_class: Images of each class, >= 1.
        image_size: Side in pixels, a multiple of 8, >= 16.
        seed: Non-negative seed.

    Raises:
        ParameterError: if a value is out of range.
    """
    if min(num_classes, images_per_class) < 1 or seed < 0 or image_size < 16 or image_size % 8:
        given = f"{num_classes=}, {images_per_class=}, {image_size=}, {seed=}"
        what = "formula images need counts >= 1, a seed >= 0 and a side that is a multiple of 8 and >= 16"
        raise ParameterError(what, where=given, remedy="correct the pre-training parameters.")
    images = np.empty((num_classes, images_per_class, image_size, image_size, 3), np.uint8)
    targets = np.empty((num_classes, images_per_class, TARGET_COUNT), F)
    for c in range(num_classes):
        for start in range(0, images_per_class, _CHUNK):
            part = slice(start, min(start + _CHUNK, images_per_class))
            images[c, part] = _draw(c, range(part.start, part.stop), image_size, seed)
            targets[c, part] = image_statistics(images[c, part])
    labels = np.repeat(np.arange(num_classes, dtype=np.int64), images_per_class)
    return FormulaImages(images.reshape(-1, *images.shape[2:]), labels, targets.reshape(-1, TARGET_COUNT))


def image_statistics(images: NDArray[np.uint8]) -> Array:
    """Targets (N, TARGET_COUNT), in 0..1, of images (N, px, px, 3) uint8.

    Square roots of two soft CIELAB histograms of the image at half size: centre-weighted, then plain.
    """
    n, half = len(images), images.shape[1] // 2
    lab = _lab(_LINEAR[images].reshape(n, half, 2, half, 2, 3).mean((2, 4)))
    scaled = lab.reshape(n, -1, 3) / _LAB_SPREAD
    share = (scaled * scaled).sum(-1)[..., None] - 2 * scaled @ _BIN_CENTRES.T + (_BIN_CENTRES**2).sum(1)
    share = np.exp(-0.5 * share) + F(1e-12)
    share /= share.sum(-1, keepdims=True)
    square = ((np.arange(half) + 0.5) / half * 2 - 1) ** 2
    window = np.exp(-(square[:, None] + square) / 0.4).astype(F).ravel()
    return np.sqrt(np.concatenate([window / window.sum() @ share, share.mean(1)], 1)).astype(F)


def _lab(linear: Array) -> Array:
    z = linear @ _XYZ.T
    f = np.where(z > 0.008856, np.cbrt(z), F(7.787) * z + F(16 / 116))
    fx, fy, fz = np.moveaxis(f, -1, 0)
    return np.stack([1.16 * fy - 0.16, 5 * (fx - fy), 2 * (fy - fz)], -1).astype(F)


def _rgb(hue: Array, saturation: Array, value: Array) -> Array:
    k = (np.array([5, 3, 1], F) + np.asarray(hue)[..., None] * 6) % 6
    return (value[..., None] * (1 - saturation[..., None] * np.clip(np.minimum(k, 4 - k), 0, 1))).astype(F)


def _earthy(u: Array) -> Array:
    return np.where(u < 0.6, 0.14 * u / 0.6 - 0.02, u) % 1  # most matter is brown, ochre or nearly grey


_H, _S, _V = np.random.default_rng(0).random((3, BINS))
_BIN_CENTRES = _lab(_LINEAR[(255 * _rgb(_earthy(_H), _S**3, _V)).astype(int)]) / _LAB_SPREAD


def _squash(x: Array) -> Array:
    return F(0.5) + F(0.5) * np.tanh(x)


def _b(column: Array) -> Array:
    return np.asarray(column, F)[:, None, None]


def _smooth(white: Array, slope: Array, corner: Array, stretch: Array, angle: Array) -> Array:
    """Unit-variance noise (n, px, px) with spectrum (f^2 + corner^2)^(-slope/2), stretched along `angle`."""
    px = white.shape[1]
    fy, fx = np.fft.fftfreq(px, 1 / px).astype(F)[:, None], np.fft.rfftfreq(px, 1 / px).astype(F)
    c, s = _b(np.cos(angle)), _b(np.sin(angle))
    power = (c * fx + s * fy) ** 2 + ((c * fy - s * fx) * _b(stretch)) ** 2
    gain = (power + _b(corner) ** 2) ** (-_b(slope) / 2)
    gain[:, 0, 0] = 0
    out = np.fft.irfft2(np.fft.rfft2(white) * gain, s=(px, px))
    return (out / (out.std((1, 2), keepdims=True) + 1e-6)).astype(F)


def _nearest(x: Array, y: Array, seeds: Array, kind: str) -> tuple[Array, ...]:
    """Voronoi cells on a torus: distances to the nearest two seeds, index of the nearest, offsets from it."""
    f1, f2 = np.full((2, *x.shape), 9, F)
    (ox, oy), cell = np.zeros((2, *x.shape), F), np.zeros(x.shape, np.int64)
    for k in range(seeds.shape[1]):
        dx, dy = x - _b(seeds[:, k, 0]), y - _b(seeds[:, k, 1])
        dx, dy = dx - np.rint(dx), dy - np.rint(dy)
        metric = {"diamonds": abs(dx) + abs(dy), "cubes": np.maximum(abs(dx), abs(dy))}
        d = metric[kind] if kind in metric else np.sqrt(dx * dx + dy * dy)
        near = d < f1
        f1, f2 = np.minimum(d, f1), np.where(near, f1, np.minimum(f2, d))
        for array, value in ((cell, k), (ox, dx), (oy, dy)):
            np.copyto(array, value, where=near)
    return f1, f2, cell, ox, oy


def _texture(kind: str, form: dict[str, Array], xy: list[Array], white: Array, table: Array) -> list[Array]:
    """Relief (about 0..1) and mix of the two colours (0..1), each (n, px, px), of one texture formula."""
    (x, y), scale, angle, warp = xy, _b(form["scale"]), form["angle"], _b(form["warp"])
    stretch = 1 / (4 * form["stretch"]) if kind == "fibres" else np.ones(len(x), F)
    fine = _smooth(white, form["slope"], form["scale"], stretch, angle)
    c, s = _b(np.cos(angle)), _b(np.sin(angle))
    u, w, tone = c * x + s * y, (c * y - s * x) * _b(form["stretch"]), table[:, :, 2]
    if kind in ("noise", "fibres"):
        return [_squash(0.8 * fine), _squash(1.2 * fine)]
    if kind in ("ridged", "spots", "grains"):
        grains = 3 * fine * np.roll(fine, 5, 1)
        v = {"ridged": 2 - 6 * abs(fine), "spots": 4 * fine - 2.8, "grains": grains}[kind]
        return [_squash(fine if kind == "grains" else v), _squash(v)]
    if kind == "bands":
        q = np.pi * (u + 0.25 * warp * fine) * scale
        z = np.sin(q) + 0.6 * np.sin(1.7 * q + 6 * _b(tone[:, 0]))
        z += 0.5 * np.sin(0.43 * q + 6 * _b(tone[:, 1]))
        return [_squash(1.5 * _b(form["edge"]) * z)] * 2
    cx, cy = ((a / 4 * scale + 0.18 * warp * np.roll(fine, r, 2)) for a, r in ((u, 0), (w, 17)))
    f1, f2, cell, ox, oy = _nearest(cx + _b(table[:, 0, 0]), cy + _b(table[:, 0, 1]), table[:, :14, :2], kind)
    flat = cell.reshape(len(x), -1)
    v, tx, ty = (np.take_along_axis(table[:, :, j], flat, 1).reshape(x.shape) for j in (2, 3, 4))
    if kind == "agate":
        q = 4 * np.pi * f1 * (1 + _b(form["edge"])) + 0.5 * warp * fine + 6 * _b(tone[:, 0])
        return [_squash(1.6 * np.sin(q) + 0.8 * np.sin(2.3 * q))] * 2
    reliefs = {"cells": _squash(14 * (f2 - f1) - 1.5), "spheres": np.sqrt(1 - (f1 / 0.28).clip(0, 1) ** 2)}
    reliefs["facets"] = 10 * ((tx - 0.5) * ox + (ty - 0.5) * oy) + 0.3 * v
    return [reliefs.get(kind, 1.3 - 4 * f1), 0.8 * v + 0.2 * _squash(fine)]


def _draw(c: int, indices: range, px: int, seed: int) -> NDArray[np.uint8]:
    """Images (n, px, px, 3) of class c: a textured, lit object on a plain or noisy background."""
    colour = np.random.default_rng([seed, 1, c // len(TEXTURES)]).random(8, dtype=F)
    form = np.random.default_rng([seed, 2, c]).random(11, dtype=F)
    rngs = [np.random.default_rng([seed, 3, c, i]) for i in indices]
    r = np.stack([g.random(44, dtype=F) for g in rngs], 1)  # r[j]: the j-th number of every image
    table = np.stack([g.random((20, 5), dtype=F) for g in rngs])
    white = np.stack([g.standard_normal((2, px, px), dtype=F) for g in rngs])
    axis = ((np.arange(px) + 0.5) / px * 2 - 1).astype(F)
    x, y = (np.broadcast_to(a, (len(rngs), px, px)) for a in np.meshgrid(axis, axis))
    shape = {"angle": np.pi * r[0], "scale": 2 * 2 ** (2.2 * (0.7 * form[0] + 0.3 * r[1]))}
    shape |= {"stretch": 1 + 2.5 * form[1] ** 2 * (0.6 + 0.8 * r[2])}
    shape |= {"slope": 1.05 + 1.6 * form[2] + 0.3 * r[3], "edge": 0.5 + 1.5 * form[4] + 0.2 * r[4]}
    shape["warp"] = np.full(len(rngs), form[3])
    relief, mix = _texture(TEXTURES[c % len(TEXTURES)], shape, [x, y], white[:, 0], table)
    coarse = _smooth(white[:, 1], *(np.full(len(rngs), v, F) for v in (2.2, 1.5, 1, 0)))
    first, second = _two_colours(colour, r)
    bias = 0.8 * _b(0.7 * colour[7] + 0.3 * r[11] - 0.5) + 0.12 * coarse
    mix = _squash((mix - 0.5 + bias) * (2.5 + 3 * form[5]))
    surface = first[:, None, None] + mix[..., None] * (second - first)[:, None, None]
    inside, dome = _outline(r, x, y, coarse)
    height = (0.02 + 0.16 * form[7] ** 1.5 * _b(0.6 + 0.8 * r[22])) * relief + 0.55 * dome
    diffuse, mirror = _light(height, r, shine=8 + 40 * form[9])
    ambient, tint = _b(0.25 + 0.35 * r[24]), (0.6 + 0.4 * first if form[10] > 0.6 else np.ones_like(first))
    body = surface * (ambient + (1.15 - ambient) * diffuse)[..., None]
    body += (form[8] ** 1.5 * _b(0.7 + 0.6 * r[23]) * mirror)[..., None] * tint[:, None, None]
    behind = _background(r, x, y, coarse, white[:, 0])
    behind *= (1 - _b(0.6 * r[34]) * np.roll(inside, (px // 12, px // 20), (1, 2)))[..., None]  # cast shadow
    image = behind + inside[..., None] * (body - behind)
    image *= ((0.75 + 0.5 * r[35]) * (0.92 + 0.16 * r[40:43])).T[:, None, None]  # exposure, white balance
    image += _b(0.035 * r[36])[..., None] * np.roll(white[:, 0], 11, 1)[..., None]
    return (image.clip(0, 1) * 255).astype(np.uint8)


def _two_colours(family: Array, r: Array) -> tuple[Array, Array]:
    j = r - 0.5
    hue, saturation = _earthy(family[0]) + 0.1 * j[5], abs(0.95 * family[1] ** 2.2 + 0.2 * j[6]).clip(0, 1)
    value = (0.08 + 0.88 * family[2] + 0.3 * j[7]).clip(0.03, 1)
    first = _rgb(hue % 1, saturation, value)
    if family[3] >= 0.6:  # the second colour is free
        return first, _rgb(_earthy(r[8]), r[9] ** 2.5, r[10].clip(0.03, 1))
    near = (value + 0.6 * (family[6] - 0.5) + 0.4 * j[10]).clip(0.03, 1)
    return first, _rgb((hue + 0.12 * j[8]) % 1, abs(saturation + 0.4 * j[9]).clip(0, 1), near)


def _outline(r: Array, x: Array, y: Array, coarse: Array) -> tuple[Array, Array]:
    """Soft mask of the object and its dome; one image in five is filled by the surface."""
    c, s, long = _b(np.cos(np.pi * r[17])), _b(np.sin(np.pi * r[17])), _b(0.75 + 0.5 * r[15])
    radius = _b(np.where(r[12] < 0.2, 3, 0.5 + 0.4 * r[16]))
    dx, dy = x - _b(0.4 * r[13] - 0.2), y - _b(0.4 * r[14] - 0.2)
    p, q = abs(c * dx + s * dy) * long, abs(c * dy - s * dx) / long
    box = np.maximum(np.maximum(p, q), 0.75 * (p + q))
    edge = radius - np.where(_b(r[18]) < 0.4, box, np.sqrt(p * p + q * q)) + _b(0.04 + 0.12 * r[19]) * coarse
    return _squash(18 * edge), np.sqrt((edge / radius).clip(0, 1))


def _light(height: Array, r: Array, *, shine: float) -> tuple[Array, Array]:
    half_px = height.shape[1] / 2
    gx, gy = (np.diff(height, axis=k, prepend=np.take(height, [0], k)) * half_px for k in (2, 1))
    light = np.stack([np.cos(6.3 * r[20]), np.sin(6.3 * r[20]), 0.5 + 0.6 * r[21]])
    light /= np.linalg.norm(light, axis=0)
    half = light + np.array([[0], [0], [1]], F)  # between the light and the viewer
    half /= np.linalg.norm(half, axis=0)
    norm = np.sqrt(1 + gx * gx + gy * gy)
    diffuse, mirror = (((_b(v[2]) - gx * _b(v[0]) - gy * _b(v[1])) / norm).clip(0, 1) for v in (light, half))
    return diffuse, mirror ** F(shine)


def _background(r: Array, x: Array, y: Array, coarse: Array, white: Array) -> Array:
    plain = r[25] < 0.5
    tones = [0.1 * r[26], 0.85 + 0.15 * r[26], 0.25 + 0.5 * r[26]]  # black, white, grey
    value = np.select([r[25] < 1 / 6, r[25] < 1 / 3, plain], tones, r[26])
    hue, saturation = _earthy(r[28]), np.where(plain, 0.1 * r[27], 0.6 * r[27] ** 2)
    near, far = _rgb(hue, saturation, value), _rgb(hue, saturation, (value * (0.5 + 0.8 * r[30])).clip(0, 1))
    ramp = (0.5 + 0.5 * (_b(np.cos(6.3 * r[33])) * x + _b(np.sin(6.3 * r[33])) * y)).clip(0, 1)
    texture = 1 + _b(np.where(r[31] < 0.35, 0.5 * r[32], 0.03)) * (np.roll(coarse, 23, 2) + 0.3 * white)
    return (near[:, None, None] + ramp[..., None] * (far - near)[:, None, None]) * texture[..., None]
