"""How crystals, grains and stones join into a hand specimen; object axes, +z up, radius about 1."""

import numpy as np

from mineral_lib.specimens.solids import Ball, Solid, form, place, rock, surface_point, turn_towards

Rng = np.random.Generator
Bodies = list[Solid | Ball]
Pair = tuple[float, float]
Counts = tuple[int, int]


def _spread(rng: Rng, low: float, high: float) -> float:
    """A size between two bounds, small ones more often."""
    return float(low * (high / low) ** (rng.uniform() ** 1.4))


def _several(rng: Rng, bounds: Counts) -> range:
    """As many turns as a number between two bounds, both included."""
    return range(rng.integers(bounds[0], bounds[1] + 1))


def _upward(rng: Rng, lowest: float) -> np.ndarray:
    """A direction (3,) whose height is at least `lowest`."""
    height, angle = rng.uniform(lowest, 1), rng.uniform(0, 2 * np.pi)
    flat = np.sqrt(1 - height**2)
    return np.array([flat * np.cos(angle), flat * np.sin(angle), height])


def _ground(bodies: Bodies) -> Solid | None:
    """The stone that crystals grow on."""
    return next((one for one in bodies if isinstance(one, Solid) and one.rugged), None)


def _foot(rng: Rng, bodies: Bodies, patch: tuple[np.ndarray, float]) -> tuple[np.ndarray, np.ndarray]:
    """A growth point (3,) near the patch (centre direction, width) and the outward direction there (3,)."""
    centre, width = patch
    way = centre + rng.normal(0, width, 3)
    way[2] = abs(way[2]) if centre[2] > 0.3 else way[2]
    way /= np.linalg.norm(way)
    stone = _ground(bodies)
    return (0.28 * way if stone is None else surface_point(stone, np.zeros(3), way)), way


def stone(
    rng: Rng, bodies: Bodies, *, size: tuple[float, float, float] = (0.95, 0.75, 0.6), lobes: int = 2, material: int = 0
) -> None:
    """A broken piece of ore or host rock of half axes about `size`."""
    axes = np.array(size) * np.exp(rng.normal(0, 0.13, 3))
    bodies.append(rock(rng, axes, np.zeros(3), faces=17 + int(rng.integers(-3, 5)), material=material))
    for _ in range(int(rng.integers(0, lobes + 1))):
        way = _upward(rng, -0.5)
        shift = 0.45 * way * axes
        bodies.append(rock(rng, axes * rng.uniform(0.45, 0.75), shift, faces=13, material=material))


def crystals(
    rng: Rng,
    bodies: Bodies,
    *,
    shape: str = "cube",
    count: Counts = (6, 14),
    size: Pair = (0.2, 0.5),
    long: float = 1.0,
    sink: float = 0.3,
    aim: str = "random",
    width: float = 0.55,
) -> None:
    """Crystals on the stone, or grown together when there is none.

    Args:
        rng: source of randomness.
        bodies: the specimen so far; crystals are appended.
        shape: crystal form.
        count: fewest and most crystals.
        size: smallest and largest half width.
        long: stretch along the c axis.
        sink: how deep the foot sits in the ground, in crystal heights (0 on top, 1 fully inside).
        aim: "random", "out" (radiating), or "same" (parallel).
        width: how far the crystals scatter around the middle of the patch.
    """
    kinds = [form(shape, rng) for _ in range(3)]
    patch = (_upward(rng, 0.55), width)
    common = _upward(rng, 0.3)
    for number in _several(rng, count):
        foot, way = _foot(rng, bodies, patch)
        if aim == "same" and _ground(bodies) is None:
            foot = foot * rng.uniform(0.8, 2.4)
        scale = _spread(rng, *size) if number else size[1]
        axis = {"random": rng.normal(size=3), "out": way + rng.normal(0, 0.25, 3), "same": common}[aim]
        spin = rng.uniform(0, 6.28) if aim != "same" else 0.4
        axis = axis / np.linalg.norm(axis)
        reach = scale * long * rng.uniform(0.75, 1.2)
        middle = foot + (axis if aim == "out" else way) * reach * (1 - 2 * sink) * (1 if aim == "out" else 0.5)
        stretch = scale * np.exp(rng.normal(0, 0.1, 3)) * np.array([1, 1, reach / scale])
        bodies.append(place(kinds[number % 3], turn_towards(axis, spin), middle, stretch=stretch))


def blocks(
    rng: Rng,
    bodies: Bodies,
    *,
    shape: str = "cube",
    count: Counts = (14, 26),
    size: Pair = (0.12, 0.42),
    flat: float = 0.6,
) -> None:
    """A cleaved lump: parallel blocks of one crystal, so that its faces form steps."""
    kind = form(shape, np.random.default_rng(0))
    turn = turn_towards(_upward(rng, 0.5), rng.uniform(0, 6.28))
    total = np.array([0.62, 0.52, 0.52 * flat]) * np.exp(rng.normal(0, 0.12, 3))
    bodies.append(place(kind, turn, np.zeros(3), stretch=total * 0.85))
    for _ in _several(rng, count):
        half = np.array([_spread(rng, *size) for _ in range(3)])
        way = rng.uniform(-1, 1, 3)
        way[rng.integers(3)] = rng.choice([-1.0, 1.0])
        local = way * total * rng.uniform(0.7, 1.0)
        if shape != "cube":
            local = local * 0.9
        bodies.append(place(kind, turn, turn @ local, stretch=half))


def grapes(
    rng: Rng, bodies: Bodies, *, count: Counts = (28, 60), size: Pair = (0.1, 0.32), width: float = 0.75
) -> None:
    """Botryoidal crust: spheres on the stone, or a cluster of spheres."""
    patch = (_upward(rng, 0.7), width)
    for _ in _several(rng, count):
        foot, way = _foot(rng, bodies, patch)
        radius = _spread(rng, *size)
        if _ground(bodies) is None:
            foot = foot * rng.uniform(1.2, 2.3) * np.array([1.1, 0.95, 0.7])
        bodies.append(Ball(foot - way * radius * rng.uniform(0.1, 0.7), radius))


def sprays(
    rng: Rng,
    bodies: Bodies,
    *,
    shape: str = "needle",
    fans: Counts = (1, 3),
    count: Counts = (16, 26),
    length: Pair = (0.6, 1.1),
    thick: float = 1.0,
    open_: float = 0.45,
) -> None:
    """Radiating needles or blades from a few centres."""
    kinds = [form(shape, rng) for _ in range(3)]
    for _ in _several(rng, fans):
        main = _upward(rng, 0.0)
        root = -0.4 * main + rng.normal(0, 0.15, 3) if _ground(bodies) is None else _foot(rng, bodies, (main, 0.3))[0]
        for number in _several(rng, count):
            axis = main + rng.normal(0, open_, 3)
            axis /= np.linalg.norm(axis)
            half = 0.5 * rng.uniform(*length)
            width = thick * half * rng.uniform(0.6, 1.3)
            turn, stretch = turn_towards(axis, rng.uniform(0, 6.28)), np.array([width, width, half])
            bodies.append(place(kinds[number % 3], turn, root + axis * half, stretch=stretch))


def bundle(rng: Rng, bodies: Bodies, *, shape: str = "needle", count: Counts = (26, 44), thick: float = 1.6) -> None:
    """A sheaf of nearly parallel columns lying on the bench."""
    kinds = [form(shape, rng) for _ in range(3)]
    main = np.array([1.0, 0.0, rng.uniform(-0.1, 0.25)])
    for number in _several(rng, count):
        axis = main + rng.normal(0, 0.10, 3)
        side = np.array([rng.normal(0, 0.12), rng.normal(0, 0.30), rng.normal(0, 0.2)])
        half = rng.uniform(0.6, 0.95)
        width = thick * half * rng.uniform(0.6, 1.4)
        turn, stretch = turn_towards(axis, rng.uniform(0, 6.28)), np.array([width, width, half])
        bodies.append(place(kinds[number % 3], turn, side, stretch=stretch))


def leaves(
    rng: Rng,
    bodies: Bodies,
    *,
    count: Counts = (10, 22),
    size: Pair = (0.25, 0.7),
    thick: float = 1.0,
    wobble: float = 0.16,
) -> None:
    """Foliated plates, stacked in books or set into the stone."""
    kinds = [form("plate", rng) for _ in range(3)]
    main, patch = _upward(rng, 0.45), (_upward(rng, 0.6), 0.5)
    stone_below = _ground(bodies) is not None
    for number in _several(rng, count):
        axis = main + rng.normal(0, wobble * (4 if stone_below else 1), 3)
        if stone_below:
            foot = _foot(rng, bodies, patch)[0] * 0.99
        else:
            side = rng.normal(0, 0.24, 3)
            foot = side - main * (side @ main) + main * rng.normal(0, 0.2)
        scale = _spread(rng, *size) if number > 2 else size[1]
        stretch = np.array([scale, scale * rng.uniform(0.6, 1.0), thick * scale * rng.uniform(0.6, 1.6)])
        turn = turn_towards(axis, rng.uniform(0, 6.28))
        bodies.append(place(kinds[number % 3], turn, foot, stretch=stretch))


def rosettes(rng: Rng, bodies: Bodies, *, count: Counts = (3, 6)) -> None:
    """Balls of blades that stand on edge around a few centres."""
    kinds = [form("plate", rng) for _ in range(3)]
    free = _ground(bodies) is None
    patch = (_upward(rng, 0.6), 0.6)
    for _ in _several(rng, count):
        foot, way = _foot(rng, bodies, patch)
        middle, scale = foot * (1.5 if free else 1.0), _spread(rng, 0.3, 0.5)
        for number in range(12):
            edge = np.cross(way, rng.normal(size=3)) + 0.5 * rng.normal(size=3)
            stretch = scale * np.array([1.0, rng.uniform(0.6, 1.0), 1.0])
            turn = turn_towards(edge, rng.uniform(0, 6.28))
            shift = 0.12 * scale * rng.normal(size=3)
            bodies.append(place(kinds[number % 3], turn, middle + shift, stretch=stretch))


HABITS = {habit.__name__: habit for habit in (stone, crystals, blocks, grapes, sprays, bundle, leaves, rosettes)}
