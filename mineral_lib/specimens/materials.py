"""How the surface of a mineral looks: colours, lustre, transparency and texture."""

from dataclasses import dataclass, replace

import numpy as np

Colour = tuple[float, float, float]

# Colours in families that look-alikes share, so that no mineral is known by its colour alone. A family lists triples
# "dark middle light" (sRGB, hexadecimal); a specimen takes a mixture of two of them.
_BRASS = "857549 b5a068 d8c48c|836d3a b2964e d2b672|6f5c40 a28a62 c6ae82|5a4a2e 8a7448 b59c68|8d8668 b8b08c dcd6b4"
_STEEL = "6e7076 9a9da3 c8cacf|4a4c50 777a80 a6a9af|8f8c84 bcb9b0 dedbd2|5a5f6c 868d9c b4bbca|34363a 55585d 85888d"
_BLACK = "151516 29292b 47474a|201815 3b2f2a 62544c|1c1d20 34363a 5a5d62|2a2c30 484b50 75787e|121820 252d36 48525e"
_RED = "5a0d10 92181a bb3a30|6a180a 9e2f16 c85c30|4a1512 7a2a20 a8503c|7a2a0c b04a1a d87c40|3d1a1a 6a2a2a 96504a"
_EARTH = (
    "45291a 845430 b5854c|2a170c 4a2c16 74502a|663420 9c5e3e c89a74|86643f b08b60 d4b894|522417 84432c ae6e50"
    "|8a8070 b8ac98 dcd2c0|5a4a20 8c7434 bca45c|4a4038 74675a a09282"
)
_GREEN = (
    "0f4a30 236f4c 5ea584|33401c 5c6b30 8f9855|17563a 2c8a5c 74bb92|3a4a1c 62772f 96a75c|40502c 6c7f4a a0ac74"
    "|0c3a34 1d6258 589c90|4a4a20 7a7636 aca460"
)
_BLUE = "08123a 10246a 2a4a9c|101a48 1b327c 4564ac|12304e 20558a 5c92c0|0c1c50 24409a 6a8ad0|182040 30406e 6478a4"
_GEM = (
    "a39e90 c6c0b0 e0dbcc|9c978c c0bbb0 dcd8ce|8e6c34 b8965a d8bf8a|98766a bf9e8e dcc0b0|54407a 8a74b0 c9bedd"
    "|4a3b2e 7a6756 b5a493|2c5c48 5f9c80 b2d8c4|35507a 6d8fb8 bcd0e4|9c8238 cdb668 eadfae|a9aaa6 d0d1cd f1f2ee"
)
_PALE = (
    "7c776c a39d90 c4beb0|8f8a80 b9b4aa d8d4ca|86643f b08b60 d4b894|9a8a72 bcae96 dacfba|7a8078 a2a89c c6cabc"
    "|8c7a74 b49f98 d6c6c0"
)
_DULL = (
    "4a4845 6d6963 908a80|26272a 3a3b3c 55534f|3f2a18 6b4a2a 9a7446|3d4a3a 63705a 929a80|4d2419 7a3f2b a2684a"
    "|2f3038 4c4e58 747680"
)
FAMILIES = {
    "brass": _BRASS,
    "metal": f"{_STEEL}|{_BLACK}",
    "red": _RED,
    "earth": _EARTH,
    "green": _GREEN,
    "blue": _BLUE,
    "gem": _GEM,
    "resin": f"{_BLACK}|{_RED}|{_EARTH}",
    "pale": _PALE,
    "rock": f"{_PALE}|{_DULL}",
    "dull": _DULL,
}


@dataclass(frozen=True)
class Material:
    """Surface of one mineral; lengths in object units (a specimen has radius about 1), shares in [0, 1].

    Attributes:
        colours: dark, middle and light body colour (k, 3, 3), linear RGB, in k alternatives of which a specimen
            mixes two; for metals the reflectance.
        mottle: patches per unit; contrast: how far mottling reaches over the three colours.
        metal: 1 for metallic lustre; rough: 0.05 mirror to 1 matt; clear: 1 transparent; gloss: mirror reflectance
            of a non-metal in front view; absorb: darkening per unit inside a transparent body.
        bump: relief height and bump_scale: its bumps per unit.
        grain: grains per unit (0 none), tilt: how differently grains are turned, shade: their brightness spread.
        lines: striations per unit (0 none), line_depth: their strength.
        bands: growth bands per unit (0 none), band_share: their strength, band_colour (3,).
        steps: height of cleavage or fracture terraces (0 none), step_scale: terraces per unit.
        pores: share of pits, pore_scale: pits per unit.
        tarnish: strength of iridescent tarnish, tarnish_hue: where on the peacock scale (0 gold .. 1 blue-green).
        stain: share of the surface covered by stain_colour (3,) (rust, soot, dust).
        other: second material (index); pattern: how it lies in the first (see `patterns`); other_share: how much of
            the surface or of each spacing it takes; other_scale: patches, nodules or veins per unit.
    """

    colours: np.ndarray
    mottle: float = 2.0
    contrast: float = 1.0
    metal: float = 0.0
    rough: float = 0.6
    clear: float = 0.0
    gloss: float = 0.04
    absorb: float = 1.0
    bump: float = 0.02
    bump_scale: float = 7.0
    grain: float = 0.0
    tilt: float = 0.0
    shade: float = 0.0
    lines: float = 0.0
    line_depth: float = 0.0
    bands: float = 0.0
    band_share: float = 0.0
    band_colour: Colour = (0.0, 0.0, 0.0)
    steps: float = 0.0
    step_scale: float = 2.0
    pores: float = 0.0
    pore_scale: float = 8.0
    tarnish: float = 0.0
    tarnish_hue: float = 0.5
    stain: float = 0.0
    stain_colour: Colour = (0.16, 0.07, 0.025)
    other: int = -1
    other_share: float = 0.0
    other_scale: float = 1.4
    pattern: str = "patches"


def linear(code: str) -> np.ndarray:
    """Linear-light RGB (3,) in [0, 1] of an sRGB colour written as six hexadecimal digits."""
    value = np.array([int(code[k : k + 2], 16) for k in (0, 2, 4)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def palette(family: str) -> np.ndarray:
    """All colour triples of a family, (k, 3, 3): triple, dark to light, linear RGB."""
    return np.array([[linear(code) for code in row.split()] for row in FAMILIES[family].split("|")])


def draw(colours: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One triple (3, 3) between two triples of a palette (k, 3, 3)."""
    first, second = colours[rng.integers(len(colours), size=2)]
    share = rng.uniform(0, 0.5)
    return np.exp((1 - share) * np.log(first) + share * np.log(second))


def body(codes: str, **look: float | str | Colour) -> Material:
    """Material of a palette (its name, or one triple "dark middle light" in hexadecimal) and any other attributes."""
    colours = palette(codes) if codes in FAMILIES else np.array([[linear(code) for code in codes.split()]])
    return Material(colours, **look)


def vary(material: Material, rng: np.random.Generator) -> Material:
    """The same mineral in another specimen: another colour of its palette, other lustre and texture."""
    brightness = np.exp(rng.normal(0, 0.15))
    tint = np.exp(rng.normal(0, 0.06) * np.array([1.0, 0.1, -1.0]) + rng.normal(0, 0.03, 3))  # warmer or colder
    rust = rng.uniform(0.05, 0.25) if rng.uniform() < 0.15 else 0.0  # washed ore still carries rust and clay
    factor = np.exp(rng.normal(0, 0.1, 6))
    return replace(
        material,
        colours=np.clip(draw(material.colours, rng) * brightness * tint, 0.004, 0.92),
        mottle=material.mottle * factor[0],
        contrast=material.contrast * factor[1],
        rough=float(np.clip(material.rough * np.exp(rng.normal(0, 0.18)), 0.06, 1.0)),
        grain=material.grain * factor[2],
        bump=material.bump * factor[3],
        lines=material.lines * factor[4],
        bands=material.bands * factor[5],
        tarnish=float(np.clip(material.tarnish * rng.uniform(0.0, 1.5), 0, 1)),
        tarnish_hue=float(material.tarnish_hue + rng.normal(0, 0.2)),
        stain=float(np.clip(rust + material.stain * rng.uniform(0.2, 1.6), 0, 0.6)),
        other_share=float(min(material.other_share * rng.uniform(0.7, 1.3), 0.6)),
    )
