"""Bodies of formula images as height maps: crystals, spheres, lumps and plain surfaces, seen from above.

A crystal form is given by half of its faces; the other half lies opposite. Every class stretches a form in its own way
and sets how many individuals there are; every image turns, moves and distorts them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
F = np.float32
FLOOR = F(-0.6)  # height beside the body
_AXES = np.eye(3, dtype=F)


def _ring(count: int, tilt: float = 0.0) -> Array:
    """`count` faces around the long axis z, raised by `tilt` radians."""
    angle = 2 * np.pi * np.arange(count) / count
    rows = np.stack([np.cos(angle), np.sin(angle), np.zeros(count)], 1) * np.cos(tilt)
    return (rows + np.array([0, 0, np.sin(tilt)])).astype(F)


_HEXAGON = _ring(6)[:3]
# Half of the faces, stretch (across, across, along) and range of the number of individuals.
CRYSTALS: dict[str, tuple[Array, tuple[float, float, float], tuple[int, int]]] = {
    "cubes": (_AXES, (1, 1, 1), (1, 5)),
    "rhombs": (_ring(3, 0.78), (1, 1, 1), (1, 4)),
    "octahedra": (np.array([[1, 1, 1], [1, 1, -1], [1, -1, 1], [-1, 1, 1]], F) / 1.4, (1, 1, 1), (1, 4)),
    "dodecahedra": (np.array([np.roll((0, 1, s), k) for s in (1, -1) for k in range(3)], F), (1, 1, 1), (1, 4)),
    "prisms": (np.concatenate([_HEXAGON, _ring(6, 0.8) / 1.5]), (0.4, 0.4, 1.2), (1, 5)),
    "stubs": (np.concatenate([_HEXAGON, _AXES[2:]]), (0.6, 0.6, 0.9), (1, 4)),
    "needles": (np.concatenate([_ring(4)[:2], _AXES[2:]]), (0.09, 0.09, 1.5), (6, 14)),
    "plates": (np.concatenate([_HEXAGON, _AXES[2:]]), (0.9, 0.9, 0.15), (2, 8)),
    "blades": (_AXES, (0.35, 0.08, 1.3), (3, 8)),
}
HABITS = (*CRYSTALS, "spheres", "lump", "surface")


@dataclass(frozen=True)
class Body:
    """What is seen of a body, each (n, px, px).

    Attributes:
        top: Height of its surface, FLOOR beside it.
        low: Height of its lower side.
        mask: 1 on the body, 0 beside it, soft at its outline.
        number: Which individual is seen.
    """

    top: Array
    low: Array
    mask: Array
    number: NDArray[np.int64]


def column(values: Array) -> Array:
    """(n,) values as (n, 1, 1)."""
    return np.asarray(values, F)[:, None, None]


def draw_body(habit: str, form: Array, r: Array, table: Array, coarse: Array) -> Body:
    """The body of each image.

    Args:
        habit: One of HABITS.
        form: Random numbers (6,) of the class.
        r: Random numbers (8, n) of the images.
        table: Random numbers (n, 20, 8) of the individuals.
        coarse: Smooth noise (n, px, px).
    """
    px = coarse.shape[1]
    axis = ((np.arange(px) + 0.5) / px * 2 - 1).astype(F)
    x, y = axis[None, None] - column(0.3 * r[0] - 0.15), axis[:, None] - column(0.3 * r[1] - 0.15)
    if habit == "surface":
        flat = np.zeros_like(coarse)
        return Body(flat, flat - 1, flat + 1, flat.astype(np.int64))
    if habit == "lump":
        return _lump(form, r, x, y, coarse)
    if habit == "spheres":
        return _seen(*_spheres(form, r, table, x, y))
    return _seen(*_crystals(habit, form, r, table, x, y))


def _lump(form: Array, r: Array, x: Array, y: Array, coarse: Array) -> Body:
    c, s, long = column(np.cos(np.pi * r[2])), column(np.sin(np.pi * r[2])), column(0.8 + 0.4 * r[3])
    radius = column(0.55 + 0.35 * r[4])
    p, q = abs(c * x + s * y) * long, abs(c * y - s * x) / long
    box = np.maximum(np.maximum(p, q), 0.75 * (p + q))
    edge = radius - (box if form[0] < 0.4 else np.sqrt(p * p + q * q)) + (0.04 + 0.14 * form[1]) * coarse
    dome = np.sqrt((edge / radius).clip(0, 1)).astype(F)
    return Body(0.6 * dome, -0.3 * dome, (9 * edge + 0.5).clip(0, 1).astype(F), np.zeros(edge.shape, np.int64))


def _seen(tops: list[Array], lows: list[Array]) -> Body:
    """The upper ones of bodies that lie over each other."""
    shape = np.broadcast_shapes(tops[0].shape)
    top, low, depth, number = np.full(shape, FLOOR), np.full(shape, FLOOR), np.zeros(shape, F), np.zeros(shape, int)
    for k, (upper, lower) in enumerate(zip(tops, lows, strict=True)):
        thick = upper - lower
        np.maximum(depth, thick, out=depth)
        seen = (thick > 0) & (upper > top)
        for array, value in ((top, upper), (low, lower), (number, k)):
            np.copyto(array, value, where=seen)
    return Body(top, low, (10 * depth).clip(0, 1), number)


def _spheres(form: Array, r: Array, table: Array, x: Array, y: Array) -> tuple[list[Array], list[Array]]:
    count, tops, lows = int(5 + 14 * form[0]), [], []
    reach, size = 0.8 * r[2] ** 0.3, (0.75 + 0.4 * r[3]) * (0.55 - 0.32 * form[0])
    for k in range(count):
        radius = size * (1 + 0.8 * form[1] * (table[:, k, 2] - 0.5))
        dx, dy = x - column(reach * (2 * table[:, k, 0] - 1)), y - column(reach * (2 * table[:, k, 1] - 1))
        half = column(radius**2) - dx * dx - dy * dy
        half = np.sqrt(np.maximum(half, 0))
        height = column(0.25 * form[2] * (table[:, k, 3] - 0.5))
        tops.append(height + half)
        lows.append(height - half)
    return tops, lows


def _crystals(habit: str, form: Array, r: Array, table: Array, x: Array, y: Array) -> tuple[list[Array], list[Array]]:
    faces, stretch, (few, many) = CRYSTALS[habit]
    count = few + int((many - few + 1) * form[0] * 0.999)
    one = habit in ("needles", "blades")  # long ones stay thin: only their number and order differ
    long = 1 if one else 0.65 + 0.9 * form[1]
    size = (0.6 + 0.25 * r[2]) * (1.0 if one else count**-0.25)
    normals = faces / (np.array(stretch, F) * np.array([1, 1, long], F))
    turned = np.einsum("nkij,fj->knfi", _turns(table[:, :count], form, r), normals)
    sides = 1 + (0.12 + 0.1 * form[2]) * (table[:, :count, None, 3:5] - 0.5)
    uneven = np.random.default_rng(int(1e6 * form[5])).normal(1, 0.1, (2, 1, len(faces)))
    if habit == "octahedra" and form[3] < 0.5:
        uneven[1] *= 1.9  # every other face far away: tetrahedra
    spread = (0.0 if count == 1 else 0.35 + 0.3 * form[4]) * (0.6 + 0.6 * r[3])
    tops, lows = [], []
    for k in range(count):
        flip, steep = turned[k, :, :, 2] < 0, np.maximum(abs(turned[k, :, :, 2]), 0.03)
        near, far = (size[:, None] * uneven[side] * sides[:, k, :, side] / steep for side in (0, 1))
        near, far = np.where(flip, far, near), np.where(flip, near, far)
        slope = turned[k, :, :, :2] / (steep * np.where(flip, -1, 1))[..., None]
        dx, dy = (a - column(spread * (2 * table[:, k, j] - 1)) for j, a in ((0, x), (1, y)))
        top, low = _between(slope.astype(F), near.astype(F), far.astype(F), dx, dy)
        height = column(0.3 * spread * (table[:, k, 2] - 0.5))
        tops.append(top + height)
        lows.append(low + height)
    return tops, lows


def _between(slope: Array, near: Array, far: Array, dx: Array, dy: Array) -> tuple[Array, Array]:
    """Upper and lower side of one crystal: the lowest of its upper faces, the highest of its lower ones."""
    top = low = None
    for f in range(slope.shape[1]):
        plane = -(column(slope[:, f, 0]) * dx + column(slope[:, f, 1]) * dy)
        upper, lower = plane + column(near[:, f]), plane - column(far[:, f])
        top = upper if top is None else np.minimum(top, upper, out=top)
        low = lower if low is None else np.maximum(low, lower, out=low)
    return top, low


def _turns(table: Array, form: Array, r: Array) -> Array:
    """Rotations (n, k, 3, 3): individuals of a class are in any order, parallel, or spread from one direction."""
    q = np.stack([_normal(table[..., 5 + j % 3], table[..., (j + 3) % 5]) for j in range(4)], -1)
    base = np.stack([_normal(r[4 + j % 3], r[(j + 3) % 7]) for j in range(4)], -1)[:, None]
    q = base + (3.0, 0.08, 0.5)[int(2.999 * form[3])] * q
    q /= np.linalg.norm(q, axis=-1, keepdims=True)
    w, i, j, k = np.moveaxis(q, -1, 0)
    rows = [
        1 - 2 * (j * j + k * k),
        2 * (i * j - k * w),
        2 * (i * k + j * w),
        2 * (i * j + k * w),
        1 - 2 * (i * i + k * k),
        2 * (j * k - i * w),
        2 * (i * k - j * w),
        2 * (j * k + i * w),
        1 - 2 * (i * i + j * j),
    ]
    return np.stack(rows, -1).reshape(*w.shape, 3, 3).astype(F)


def _normal(a: Array, b: Array) -> Array:
    return np.sqrt(-2 * np.log(np.maximum(a, 1e-4))) * np.cos(2 * np.pi * b)
