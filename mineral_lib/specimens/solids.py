"""Crystals and rocks as convex solids: faces, corners and placement.

A solid is the set n.x <= d over its faces. Crystal forms are given in their own frame with the c axis along +z and
half width about one; `place` turns, stretches and moves them into the specimen.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import numpy as np


@dataclass(frozen=True)
class Solid:
    """One convex body of a specimen.

    Attributes:
        normals: outward unit face normals (p, 3).
        offsets: face distances (p,), inside means normals @ x <= offsets.
        across: direction (p, 3) across which striations alternate on each face.
        corners: vertices (v, 3).
        material: index into the specimen's materials.
        rugged: True when the shape is roughened by displacement (rock), False for crystals.
    """

    normals: np.ndarray
    offsets: np.ndarray
    across: np.ndarray
    corners: np.ndarray
    material: int = 0
    rugged: bool = False

    def extent(self, rotation: np.ndarray) -> np.ndarray:
        """Extreme points (v, 3) in camera axes."""
        return self.corners @ rotation.T


@dataclass(frozen=True)
class Ball:
    """A sphere (botryoids, nodules): centre (3,), radius and material index; as a solid it has one face without way."""

    centre: np.ndarray
    radius: float
    material: int = 0
    rugged: ClassVar[bool] = False
    normals: ClassVar[np.ndarray] = np.zeros((1, 3))
    across: ClassVar[np.ndarray] = np.zeros((1, 3))

    @property
    def corners(self) -> np.ndarray:
        """Its centre (1, 3)."""
        return self.centre[None]

    def extent(self, rotation: np.ndarray) -> np.ndarray:
        """Extreme points (6, 3) in camera axes."""
        return rotation @ self.centre + self.radius * np.concatenate([np.eye(3), -np.eye(3)])


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-9)


def _corners(normals: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Vertices of the solid: every triple of faces that meets inside all others."""
    triples = np.array(list(combinations(range(len(normals)), 3)))
    systems = normals[triples]
    good = np.abs(np.linalg.det(systems)) > 1e-3
    points = np.linalg.solve(systems[good], offsets[triples[good]][..., None])[..., 0]
    return points[(points @ normals.T <= offsets + 1e-4).all(axis=1)]


def _solid(rows: list | np.ndarray, offsets: list | np.ndarray, lines: str = "axis") -> Solid:
    """Solid from face rows; `lines` says how striations run: along the c axis, level, or as on pyrite cubes."""
    normals = _unit(np.asarray(rows, dtype=np.float64))
    offsets = np.asarray(offsets, dtype=np.float64)
    axis = np.array([0.0, 0.0, 1.0])
    if lines == "axis":
        across = np.cross(normals, axis) + 1e-3
    elif lines == "level":
        across = np.tile(axis, (len(normals), 1))
    else:
        across = np.roll(np.abs(normals), 1, axis=1)
    return Solid(normals, offsets, _unit(across), _corners(normals, offsets))


def _ring(count: int, *, tilt: float = 0.0, turn: float = 0.0) -> np.ndarray:
    """`count` face normals around the c axis, raised by `tilt` radians."""
    angle = turn + 2 * np.pi * np.arange(count) / count
    rows = np.stack([np.cos(angle), np.sin(angle), np.zeros(count)], axis=1) * np.cos(tilt)
    return rows + np.array([0, 0, np.sin(tilt)])


_AXES = np.concatenate([np.eye(3), -np.eye(3)])
_SIGNS = np.array([[i, j, k] for i in (1, -1) for j in (1, -1) for k in (1, -1)], dtype=float)


_POINTED = np.vstack([_ring(6), _ring(6, tilt=0.66), [[0, 0, -1]]])
_CHISEL = np.vstack([_ring(6), _ring(4, tilt=0.9, turn=0.4), [[0, 0, -1]]])
_BLADE = [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0.5, 0.6, 0], [-0.5, -0.6, 0], [0, 0.45, 1], [0, -0.3, -1]]
_EVEN = _SIGNS.prod(axis=1) > 0
_DOGTOOTH = np.vstack([_ring(3, tilt=0.3, turn=-0.2), _ring(3, tilt=0.3, turn=0.6)])


def _twelve(long: int) -> list[np.ndarray]:
    """The faces (0, i, j) of a dodecahedron, j `long` times i."""
    return [np.roll((0, i, long * j), k) for i in (1, -1) for j in (1, -1) for k in range(3)]


# Faces, their distances, how striations run: as on pyrite cubes, level, or along the axis.
FORMS: dict[str, tuple[list | np.ndarray, np.ndarray, str]] = {
    "cube": (_AXES, np.ones(6), "cubic"),
    "cuboctahedron": (np.vstack([_AXES, _SIGNS]), np.r_[np.ones(6), np.full(8, 1.3)], "level"),
    "octahedron": (np.vstack([_SIGNS, _AXES]), np.r_[np.full(8, 0.72), np.full(6, 1.12)], "level"),
    "tetrahedron": (np.vstack([_SIGNS[_EVEN], _SIGNS[~_EVEN]]), np.r_[np.full(4, 0.62), np.full(4, 1.15)], "level"),
    "dodecahedron": (_twelve(1), np.full(12, 0.9), "level"),
    "pyritohedron": (np.vstack([_twelve(2), _AXES]), np.r_[np.full(12, 0.92), np.full(6, 0.98)], "cubic"),
    "rhombohedron": (np.vstack([_ring(3, tilt=0.78), -_ring(3, tilt=0.78)]), np.ones(6), "level"),
    "dogtooth": (np.vstack([_DOGTOOTH, -_DOGTOOTH]), np.full(12, 0.75), "level"),
    "prism": (_POINTED, np.r_[np.full(6, 0.45), np.full(6, 1.0), 1.2], "level"),
    "needle": (_CHISEL, np.r_[np.full(6, 0.09), np.full(4, 0.8), 1.0], "axis"),
    "blade": (_BLADE, np.array([0.16, 0.16, 0.55, 0.55, 0.40, 0.40, 1.0, 1.0]), "axis"),
    "plate": (np.vstack([_ring(6), [[0, 0, 1], [0, 0, -1]]]), np.r_[np.full(6, 0.9), 0.07, 0.07], "level"),
    "stub": (
        np.vstack([_ring(4, turn=0.5), _ring(4, tilt=0.75), -_ring(4, tilt=0.75)]),
        np.r_[np.full(4, 0.6), np.full(8, 0.95)],
        "axis",
    ),
}


def form(name: str, rng: np.random.Generator) -> Solid:
    """A crystal form with unequally developed faces.

    Args:
        name: One of `FORMS`; a prism is hexagonal with pyramids, a stub a short prism.
        rng: source of the individual distortion.

    Returns:
        Solid centred on the origin, half width about 1 (long axis along z for the long forms).
    """
    rows, offsets, lines = FORMS[name]
    return _solid(rows, offsets * np.exp(rng.normal(0, 0.09, len(offsets))), lines)


def place(shape: Solid, turn: np.ndarray, position: np.ndarray, *, stretch: np.ndarray, material: int = 0) -> Solid:
    """The form stretched along its own axes (3,), turned by a rotation (3, 3) and moved to `position` (3,)."""
    stretch = np.asarray(stretch, dtype=np.float64)
    scaled = shape.normals / stretch
    length = np.linalg.norm(scaled, axis=1)
    normals = (scaled / length[:, None]) @ turn.T
    corners = (shape.corners * stretch) @ turn.T + position
    return Solid(normals, shape.offsets / length + normals @ position, shape.across @ turn.T, corners, material)


def rock(
    rng: np.random.Generator, size: np.ndarray, position: np.ndarray, *, faces: int = 18, material: int = 0
) -> Solid:
    """A broken stone: random faces around an ellipsoid of half axes `size` (3,)."""
    step = np.arange(faces) + 0.5
    height = 1 - 2 * step / faces
    angle = step * 2.39996 + rng.uniform(0, 6.28)
    rows = np.stack([np.sqrt(1 - height**2) * np.cos(angle), np.sqrt(1 - height**2) * np.sin(angle), height], axis=1)
    rows = _unit(rows + rng.normal(0, 0.22, rows.shape))
    offsets = rng.uniform(0.72, 1.0, faces)
    body = _solid(rows, offsets)
    stone = place(body, np.eye(3), np.asarray(position), stretch=size, material=material)
    return Solid(stone.normals, stone.offsets, stone.across, stone.corners, material, rugged=True)


def surface_point(body: Solid, centre: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Where the ray from `centre` (inside) along `direction` (3,) leaves the body."""
    rate = body.normals @ direction
    room = body.offsets - body.normals @ centre
    return centre + direction * np.min(np.where(rate > 1e-6, room / np.maximum(rate, 1e-6), np.inf))


def turn_towards(axis: np.ndarray, spin: float) -> np.ndarray:
    """Rotation (3, 3) that brings +z to `axis`, after a spin in radians about z."""
    axis = axis / np.linalg.norm(axis)
    side = np.cross(axis, [0.31, 0.87, 0.13] if abs(axis[2]) > 0.8 else [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side)
    other = np.cross(axis, side)
    frame = np.stack([side, other, axis], axis=1)
    cos, sin = np.cos(spin), np.sin(spin)
    return frame @ np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
