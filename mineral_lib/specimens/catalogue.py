"""The 26 minerals in the order of the paper's Table 2, and their individual specimens."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mineral_lib.specimens import gangue, ores, raycast
from mineral_lib.specimens.habits import HABITS, Bodies
from mineral_lib.specimens.materials import Material, vary


@dataclass(frozen=True)
class Specimen:
    """One individual object.

    Attributes:
        bodies: solids and spheres, object axes.
        materials: what they are made of.
        offset: place in the noise (3,).
        rough: displacement of its rock, object units.
        fullness: share of its bounding rectangle that it covers, as seen from above at a slant.
    """

    bodies: Bodies
    materials: tuple[Material, ...]
    offset: np.ndarray
    rough: float
    fullness: float


RECIPES = {
    1: ores.bornite,
    2: gangue.cinnabar,
    3: ores.hematite,
    4: ores.pyrrhotite,
    5: ores.magnetite,
    6: ores.arsenopyrite,
    7: gangue.calcite,
    8: ores.galena,
    9: gangue.olivine,
    10: ores.chromite,
    11: ores.wolframite,
    12: gangue.limonite,
    13: ores.pyrite,
    14: ores.chalcopyrite,
    15: ores.molybdenite,
    16: ores.stibnite,
    17: ores.chalcocite,
    18: gangue.malachite,
    19: gangue.azurite,
    20: gangue.bauxite,
    21: ores.pyrolusite,
    22: gangue.sphalerite,
    23: gangue.quartz,
    24: ores.iron_molybdenum,
    25: gangue.realgar,
    26: gangue.fluorite,
}


@lru_cache(maxsize=64)
def build_specimen(class_number: int, number: int, seed: int) -> Specimen:
    """Specimen `number` of a mineral (1..26 in the order of Table 2), the same for the same arguments.

    Raises:
        ValueError: if the class is not 1..26 or a number is negative.
    """
    if class_number not in RECIPES:
        raise ValueError(f"class_number must be 1..26, got {class_number}")
    rng = np.random.default_rng([seed, class_number, number])
    variants = RECIPES[class_number]()
    weights = np.array([one.weight for one in variants])
    chosen = variants[rng.choice(len(variants), p=weights / weights.sum())]
    materials = [vary(look, rng) for look in chosen.materials]
    bodies: Bodies = []
    for name, options in chosen.parts:
        HABITS[name](rng, bodies, **options)
    rough = chosen.rough * float(np.exp(rng.normal(0, 0.2)))
    return Specimen(bodies, tuple(materials), rng.uniform(0, 32, 3).astype(np.float32), rough, _fullness(bodies))


def _fullness(bodies: Bodies) -> float:
    """Covered share of the bounding rectangle in a slanted view."""
    slant = np.array([[0.8, 0.6, 0], [-0.45, 0.6, 0.66], [0.396, -0.528, 0.75]], np.float32)
    line = np.linspace(-2.5, 2.5, 100, dtype=np.float32)
    hit = raycast.cast(bodies, line, line, slant, warp=None).hit
    rows, columns = np.flatnonzero(hit.any(axis=1)), np.flatnonzero(hit.any(axis=0))
    return float(hit.sum() / max(1, (np.ptp(rows) + 1) * (np.ptp(columns) + 1)))
