"""Photographs of generated mineral specimens (stand-in for the paper's own photographs, section 3.1).

A photograph is decided by (seed, class, specimen, view) alone; the number of pixels only changes its sharpness.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, fields
from multiprocessing import get_context

import numpy as np

from mineral_lib.specimens import bench as benches
from mineral_lib.specimens import light, raycast
from mineral_lib.specimens.camera import View, aim, develop, exposure, rays
from mineral_lib.specimens.catalogue import Specimen, build_specimen
from mineral_lib.specimens.patterns import PATTERNS
from mineral_lib.specimens.solids import Ball
from mineral_lib.specimens.surface import Points, Skin, skin

_SAMPLES = 2  # rays per pixel and direction
GROUNDS = ("own", "grey", "swapped")
Shadows = tuple[np.ndarray, np.ndarray]
_POLE = np.array([0.35, 0.2, 0.91], np.float32)  # where the growth rings of spheres have their centre


@dataclass(frozen=True)
class Photograph:
    """A picture of one specimen.

    Attributes:
        image: (px, px, 3) uint8, sRGB.
        mask: (px, px) bool, True on the specimen itself (not its shadow).
    """

    image: np.ndarray
    mask: np.ndarray


def _points(
    thing: Specimen, view: View, sight: raycast.Sight, spots: np.ndarray
) -> tuple[Points, np.ndarray, np.ndarray]:
    """Surface points in object axes, plus normals in front and behind (n, 3) in camera axes."""
    table = np.concatenate([one.normals for one in thing.bodies]).astype(np.float32)
    lines = np.concatenate([one.across for one in thing.bodies]).astype(np.float32)
    x, y = rays(view, sight.hit.shape[0])
    rows, cols = np.divmod(spots, sight.hit.shape[0])
    place = np.stack([x[cols], y[rows], sight.front.ravel()[spots]], axis=1)
    position = place @ view.rotation
    face = sight.face.ravel()[spots]
    normal, far = table[face] @ view.rotation.T, table[sight.far_face.ravel()[spots]] @ view.rotation.T
    growth = np.linalg.norm(position - np.array([0.6, -0.3, 0.5], np.float32), axis=1)
    body = sight.body.ravel()[spots]
    balls = np.array([isinstance(one, Ball) for one in thing.bodies])
    crystal = ~(balls | [one.rugged for one in thing.bodies])[body]
    if crystal.any():  # zones of crystals are frames around the middle of each face
        middles = np.array([one.corners.mean(axis=0) for one in thing.bodies])
        arm = position[crystal] - middles.astype(np.float32)[body[crystal]]
        across = lines[face[crystal]]
        other = np.cross(table[face[crystal]], across)
        growth[crystal] = np.maximum(np.abs((arm * across).sum(axis=1)), np.abs((arm * other).sum(axis=1)))
    if balls.any():
        places = [(*one.centre, one.radius) if isinstance(one, Ball) else (0, 0, 0, 1) for one in thing.bodies]
        rounded = balls[body]
        ball = np.array(places, np.float32)[body[rounded]]
        arm, radius = position[rounded] - ball[:, :3], ball[:, 3:]
        normal[rounded] = (arm / radius) @ view.rotation.T
        far[rounded] = normal[rounded] * np.array([1, 1, -1], np.float32)
        growth[rounded] = np.linalg.norm(arm - radius * _POLE, axis=1)
    return Points(position, normal @ view.rotation, lines[face], growth), normal, far


def _cover(thing: Specimen, sight: raycast.Sight, spots: np.ndarray, points: Points, pixel: float) -> Skin:
    """Optical surface of all visible points, material by material."""
    own = np.array([one.material for one in thing.bodies])[sight.body.ravel()[spots]]
    where = points.position + thing.offset
    kinds = own.copy()
    for number, look in enumerate(thing.materials):
        mine = np.flatnonzero(own == number)
        if look.other >= 0 and look.other_share > 0.01 and len(mine):
            second = PATTERNS[look.pattern](where[mine], look.other_share, look.other_scale, pixel)
            kinds[mine[second]] = look.other
    whole = Skin.empty(len(spots))
    for number, look in enumerate(thing.materials):
        mine = kinds == number
        if mine.any():
            part = skin(look, points.pick(mine), where[mine], pixel=pixel)
            for field in fields(Skin):
                getattr(whole, field.name)[mine] = getattr(part, field.name)
    return whole


def _slope(values: np.ndarray, body: np.ndarray, axis: int) -> np.ndarray:
    """Difference per pixel along an axis (s, s): the smaller of both sides, so that outlines stay sharp."""
    step = np.diff(values, axis=axis)
    step[np.diff(body, axis=axis) != 0] = 0
    pad = [(0, 0), (0, 0)]
    pad[axis] = (1, 1)
    full = np.pad(step, pad)
    ahead = full[1:] if axis == 0 else full[:, 1:]
    behind = full[:-1] if axis == 0 else full[:, :-1]
    return np.where(np.abs(ahead) < np.abs(behind), ahead, behind) * 0.5 + (ahead + behind) * 0.25


def _bumped(normal: np.ndarray, whole: Skin, sight: raycast.Sight, spots: np.ndarray, view: View) -> np.ndarray:
    """Normals (n, 3) in camera axes after relief and tilted grains."""
    size = sight.hit.shape[0]
    height = np.zeros(size * size, np.float32)
    height[spots] = whole.height
    pixel = np.float32(2 * view.unit / size)
    height = height.reshape(size, size)
    dx = _slope(height, sight.body, 1).ravel()[spots] / pixel
    dy = _slope(height, sight.body, 0).ravel()[spots] / pixel
    gradient = np.stack([dx, dy, np.zeros_like(dx)], axis=1)
    gradient -= np.einsum("ij,ij->i", gradient, normal)[:, None] * normal
    bumped = normal - gradient + whole.tilt @ view.rotation.T
    bumped[:, 2] = np.maximum(bumped[:, 2], 0.03)
    return bumped / np.linalg.norm(bumped, axis=1, keepdims=True)


def _render(thing: Specimen, view: View, image_size: int) -> tuple[np.ndarray, np.ndarray, Shadows]:
    """The specimen without ground: linear RGB (px, px, 3), coverage (px, px) and shadows, rows upward."""
    size = _SAMPLES * image_size
    x, y = rays(view, size)
    pixel = 2 * view.unit / size
    rugged = [one.corners for one in thing.bodies if one.rugged]
    warp = None
    if rugged:
        reach = float(np.linalg.norm(np.concatenate(rugged), axis=1).max())
        warp = raycast.warp_field(x, y, view.rotation, reach=reach, rough=thing.rough, place=thing.offset)
    sight = raycast.cast(thing.bodies, x, y, view.rotation, warp=warp)
    spots = np.flatnonzero(sight.hit)
    points, normal, far = _points(thing, view, sight, spots)
    whole = _cover(thing, sight, spots, points, pixel)
    bumped = _bumped(normal, whole, sight, spots, view)
    lit = light.key_shadow(sight.front, sight.hit, view.studio.lamps[0], pixel).ravel()[spots]
    hollow = light.openness(sight.front, sight.hit, pixel).ravel()[spots]
    framed = ((points.position @ view.rotation.T - view.centre) / np.float32(view.unit)).astype(np.float32)
    thick = np.maximum(sight.front - sight.back, 0).ravel()[spots]
    seen = light.shade(whole, light.Geometry(bumped, far, framed, thick, hollow, lit), view.studio)
    picture = np.zeros((size * size, 3), np.float32)
    picture[spots] = np.minimum(seen, 2.5)
    blocks = (image_size, _SAMPLES, image_size, _SAMPLES)
    picture = picture.reshape(*blocks, 3).mean(axis=(1, 3))
    cover = sight.hit.reshape(blocks).mean(axis=(1, 3), dtype=np.float32)
    floor = (view.floor - float(view.studio.up @ view.centre)) / view.unit
    shadows = benches.shadow(framed, view.studio, floor, size=image_size)
    return picture, cover, shadows


def _ground(key: tuple[int, ...], ground: str, studio: light.Studio, shadows: Shadows, size: int) -> np.ndarray:
    """The bench behind a photograph `key` (seed, class, specimen, view): linear RGB (px, px, 3), rows upward."""
    if ground == "grey":
        return benches.plain(shadows)
    if ground == "swapped":
        key = tuple(np.random.default_rng([*key, 3]).integers(1, 2**31, 4))
    return benches.bench(studio, shadows, np.random.default_rng([*key, 2]), size=size)


def photograph(
    class_number: int, specimen: int, view: int, *, image_size: int, seed: int, ground: str = "own"
) -> Photograph:
    """One photograph of one specimen.

    Args:
        class_number: mineral, 1..26 in the order of the paper's Table 2.
        specimen: which individual, >= 0.
        view: which direction of it, >= 0.
        image_size: width and height in pixels, >= 16.
        seed: of the whole collection, >= 0.
        ground: bench behind the specimen: "own", a plain "grey" one, or one "swapped" for that of another photograph.
            Specimen, lamps, camera and the shadow's place stay the same.

    Returns:
        Photograph with uint8 sRGB image and the specimen's silhouette.

    Raises:
        ValueError: if an argument is out of range.
    """
    if image_size < 16:
        raise ValueError(f"image_size must be at least 16, got {image_size}")
    if min(specimen, view, seed) < 0:
        raise ValueError("specimen, view and seed must not be negative")
    if ground not in GROUNDS:
        raise ValueError(f"ground must be one of {GROUNDS}, got {ground!r}")
    thing, key = build_specimen(class_number, specimen, seed), (seed, class_number, specimen, view)
    rng = np.random.default_rng([*key, 1])
    shot = aim(thing, rng)
    picture, cover, shadows = _render(thing, shot, image_size)
    lamps, gains = exposure(picture, cover, rng)
    behind = _ground(key, ground, shot.studio, shadows, image_size) * (1 - cover)[..., None]
    whole = picture * lamps * gains + behind * (1 if ground == "grey" else gains)
    return Photograph(develop(whole[::-1], rng), cover[::-1] >= 0.5)


def _one(task: tuple[tuple[int, int, int], int, int, str]) -> tuple[np.ndarray, np.ndarray]:
    (class_number, number, view), image_size, seed, ground = task
    shot = photograph(class_number, number, view, image_size=image_size, seed=seed, ground=ground)
    return shot.image, shot.mask


def photographs(
    keys: Sequence[tuple[int, int, int]], *, image_size: int, seed: int, jobs: int = 1, ground: str = "own"
) -> tuple[np.ndarray, np.ndarray]:
    """Many photographs at once.

    Args:
        keys: (class_number, specimen, view) of each photograph, as for `photograph`.
        image_size: width and height in pixels.
        seed: of the whole collection.
        jobs: processes to use; the result does not depend on it.
        ground: "own", "grey" or "swapped", as for `photograph`.

    Returns:
        images (n, px, px, 3) uint8 and masks (n, px, px) bool, in the order of `keys`.

    Raises:
        ValueError: if a key is out of range.
    """
    images = np.empty((len(keys), image_size, image_size, 3), np.uint8)
    masks = np.empty((len(keys), image_size, image_size), bool)
    tasks = [(tuple(int(v) for v in key), image_size, seed, ground) for key in keys]
    several = jobs > 1 and len(keys) > 1
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) if several else nullcontext() as pool:
        chunk = max(1, min(64, len(tasks) // (4 * max(jobs, 1))))
        results = pool.map(_one, tasks, chunksize=chunk) if several else map(_one, tasks)
        for number, (image, mask) in enumerate(results):
            images[number], masks[number] = image, mask
    return images, masks
