"""What every pixel of a view sees: orthographic ray casting of convex solids and spheres."""

from dataclasses import dataclass

import numpy as np

from mineral_lib.specimens import noise
from mineral_lib.specimens.solids import Ball, Solid

_FAR = np.float32(-1e3)


@dataclass(frozen=True)
class Sight:
    """The visible surface of a specimen on a grid of (s, s) rays, camera axes x right, y up, z to the camera.

    Attributes:
        hit: (s, s) bool.
        front: depth z of the nearest surface where hit (s, s), object units.
        back: depth where the same body ends (s, s).
        face: number of the visible face (s, s), -1 where nothing is hit; the last numbers are the spheres.
        far_face: number of the face behind (s, s).
        body: number of the visible body (s, s).
    """

    hit: np.ndarray
    front: np.ndarray
    back: np.ndarray
    face: np.ndarray
    far_face: np.ndarray
    body: np.ndarray


def warp_field(
    x: np.ndarray, y: np.ndarray, rotation: np.ndarray, *, reach: float, rough: float, place: np.ndarray
) -> np.ndarray:
    """Displacement (s, s, 3) in camera axes that roughens rocks, worked out on every second ray.

    Args:
        x: abscissae (s,) of the rays in object units.
        y: ordinates (s,).
        rotation: object to camera (3, 3).
        reach: radius of the specimen.
        rough: displacement size in object units.
        place: noise offset of the specimen (3,).
    """
    coarse_x, coarse_y = 0.5 * (x[0::2] + x[1::2]), 0.5 * (y[0::2] + y[1::2])
    grid_y, grid_x = np.meshgrid(coarse_y, coarse_x, indexing="ij")
    depth = 0.85 * np.sqrt(np.maximum(reach**2 - grid_x**2 - grid_y**2, 0))
    points = np.stack([grid_x, grid_y, depth], axis=-1).reshape(-1, 3).astype(np.float32) @ rotation + place
    pixel = float(abs(coarse_x[1] - coarse_x[0]))
    field = noise.vector_noise(points * np.float32(2.6))
    for frequency, strength in ((7.0, 0.5), (17.0, 0.26)):
        fade = min(1.0, max(0.0, 2.0 - 3.0 * frequency * pixel))
        if fade > 0:
            field += np.float32(strength * fade) * noise.vector_noise(points * np.float32(frequency) + 5)
    half = (field * np.float32(rough)).reshape(len(coarse_y), len(coarse_x), 3)
    padded = np.pad(half, ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows = np.empty((len(y), padded.shape[1], 3), np.float32)
    rows[0::2], rows[1::2] = 0.75 * padded[1:-1] + 0.25 * padded[:-2], 0.75 * padded[1:-1] + 0.25 * padded[2:]
    full = np.empty((len(y), len(x), 3), np.float32)
    full[:, 0::2] = 0.75 * rows[:, 1:-1] + 0.25 * rows[:, :-2]
    full[:, 1::2] = 0.75 * rows[:, 1:-1] + 0.25 * rows[:, 2:]
    return full


def _span(values: np.ndarray, axis: np.ndarray, margin: float) -> slice:
    """Rays of an ascending axis that can meet a body with these coordinates."""
    low, high = np.searchsorted(axis, [values.min() - margin, values.max() + margin])
    return slice(int(low), int(high))


def _limit(
    planes: np.ndarray, offsets: np.ndarray, x: np.ndarray, y: np.ndarray, *, upper: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Nearest (upper) or farthest bound on depth over faces, and which face it is."""
    a = (offsets / planes[:, 2])[:, None, None]
    b = (-planes[:, 0] / planes[:, 2])[:, None, None]
    c = (-planes[:, 1] / planes[:, 2])[:, None, None]
    depth = (a + c * y) + b * x
    number = depth.argmin(axis=0) if upper else depth.argmax(axis=0)
    return (depth.min(axis=0) if upper else depth.max(axis=0)), number


def _cast_solid(
    solid: Solid, axes: tuple[np.ndarray, np.ndarray], rotation: np.ndarray, *, warp: np.ndarray | None
) -> tuple | None:
    """Window, depths and face numbers of one solid, or None when no ray can meet it."""
    x, y = axes
    corners = solid.corners @ rotation.T
    margin = 0.0 if warp is None else float(np.abs(warp[..., :2]).max())
    columns, rows = _span(corners[:, 0], x, margin), _span(corners[:, 1], y, margin)
    if columns.start >= columns.stop or rows.start >= rows.stop:
        return None
    normals = (solid.normals @ rotation.T).astype(np.float32)
    slope = normals[:, 2]
    normals[:, 2] = np.where(np.abs(slope) < 1e-3, np.where(slope < 0, -1e-3, 1e-3), slope)
    offsets = solid.offsets.astype(np.float32)
    ray_x, ray_y = x[None, columns], y[rows, None]
    if warp is not None:
        piece = warp[rows, columns]
        ray_x, ray_y = ray_x + piece[..., 0], ray_y + piece[..., 1]
    ahead = np.flatnonzero(normals[:, 2] > 0)
    behind = np.flatnonzero(normals[:, 2] <= 0)
    front, near = _limit(normals[ahead], offsets[ahead], ray_x, ray_y, upper=True)
    back, far = _limit(normals[behind], offsets[behind], ray_x, ray_y, upper=False)
    inside = front > back
    if warp is not None:
        front = front + piece[..., 2]
    return (rows, columns), inside, front, back, ahead[near], behind[far]


def _cast_ball(ball: Ball, axes: tuple[np.ndarray, np.ndarray], rotation: np.ndarray) -> tuple:
    """Window and depths of one sphere."""
    x, y = axes
    centre = rotation @ ball.centre
    edge = np.array([-ball.radius, ball.radius])
    columns, rows = _span(centre[0] + edge, x, 0), _span(centre[1] + edge, y, 0)
    left = ball.radius**2 - (x[None, columns] - centre[0]) ** 2 - (y[rows, None] - centre[1]) ** 2
    half = np.sqrt(np.maximum(left, 0))
    return (rows, columns), left > 0, centre[2] + half, centre[2] - half, 0, 0


def cast(
    bodies: list[Solid | Ball], x: np.ndarray, y: np.ndarray, rotation: np.ndarray, *, warp: np.ndarray | None
) -> Sight:
    """Visible surface of `bodies` for parallel rays.

    Args:
        bodies: solids and spheres in object axes.
        x: ascending abscissae (s,) of the rays in object units.
        y: ascending ordinates (s,).
        rotation: object to camera (3, 3).
        warp: displacement field (s, s, 3) for rugged solids, or None.

    Returns:
        Sight with rows in ascending y (the caller flips the finished picture).
    """
    shape = (len(y), len(x))
    front, back = np.full(shape, _FAR), np.full(shape, _FAR)
    face, far_face = np.full(shape, -1, np.int32), np.full(shape, -1, np.int32)
    owner = np.full(shape, -1, np.int32)
    axes, first = (x, y), 0
    for number, body in enumerate(bodies):
        if isinstance(body, Ball):
            found = _cast_ball(body, axes, rotation)
        else:
            found = _cast_solid(body, axes, rotation, warp=warp if body.rugged else None)
        if found is not None:
            window, inside, near, far, near_face, behind_face = found
            seen = inside & (near > front[window])
            faces = (face, near_face + first), (far_face, behind_face + first)
            for target, value in ((front, near), (back, far), (owner, number), *faces):
                np.copyto(target[window], value, where=seen, casting="unsafe")
        first += len(body.normals)
    return Sight(owner >= 0, front, back, face, far_face, owner)
