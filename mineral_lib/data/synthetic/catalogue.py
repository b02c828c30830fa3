"""The 26 minerals of the paper's Table 2: how their specimens are built and what they look like."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from mineral_lib.data.synthetic.habits import HABITS, Bodies
from mineral_lib.data.synthetic.materials import Material, body, vary

Part = tuple[str, dict]


@dataclass(frozen=True)
class Variant:
    """One way a mineral occurs: how common (weight), materials by index, parts in building order and rock roughness."""

    weight: float
    materials: tuple[Material, ...]
    parts: tuple[Part, ...]
    rough: float = 0.075


@dataclass(frozen=True)
class Specimen:
    """One individual object: bodies, its materials, its place in the noise (3,) and the roughness of its rock."""

    bodies: Bodies
    materials: tuple[Material, ...]
    offset: np.ndarray
    rough: float


def _metal(codes: str, **look) -> Material:
    return body(codes, **{"metal": 1.0, "rough": 0.3, "bump": 0.015, **look})


def _ore(codes: str, grain: float, **look) -> Material:
    """Massive metallic ore of small turned grains."""
    return _metal(codes, **{"grain": grain, "tilt": 0.45, "shade": 0.25, "rough": 0.42, "bump": 0.03, **look})


def _glass(codes: str, clear: float, **look) -> Material:
    return body(codes, **{"clear": clear, "rough": 0.14, "gloss": 0.05, "bump": 0.006, **look})


def _earth(codes: str, **look) -> Material:
    return body(codes, **{"rough": 0.95, "gloss": 0.02, "bump": 0.035, "bump_scale": 9.0, **look})


def _with(material: Material, other: int, share: float, **look) -> Material:
    """The material with patches or veins of another one."""
    return replace(material, other=other, other_share=share, **look)


_QUARTZ = _glass("8f8a80 b9b4aa d8d4ca", 0.25, rough=0.3, bump=0.02, contrast=0.7, steps=0.01, stain=0.12)
_LIMESTONE = _earth("7c776c a39d90 c4beb0", contrast=0.8, stain=0.15)
_GREY = _earth("4a4845 6d6963 908a80", contrast=0.8, grain=11, tilt=0.2, shade=0.25, stain=0.15)
_BASALT = _earth("26272a 3a3b3c 55534f", contrast=0.7, grain=14, tilt=0.15, shade=0.3)
_RUSTY = _earth("3f2a18 6b4a2a 9a7446", contrast=0.9, grain=9, tilt=0.2, shade=0.2)
_STONE: Part = ("stone", {})
_HOST: Part = ("stone", {"material": 1})


def _massive(weight: float, ore: Material, host: Material, share: float, **look) -> Variant:
    """A lump of ore with patches of host rock."""
    return Variant(weight, (_with(ore, 1, share, **look), host), (_STONE,))


def _grown(weight: float, crystal: Material, host: Material, *parts: Part) -> Variant:
    """Crystals (material 0) on a host stone (material 1)."""
    return Variant(weight, (crystal, host), (_HOST, *parts))


def _free(weight: float, crystal: Material, *parts: Part) -> Variant:
    """Crystals or lumps without host rock."""
    return Variant(weight, (crystal,), parts)


_SULFIDE_STAIN = {"stain": 0.2, "stain_colour": (0.10, 0.055, 0.02)}
_PYRITE = "8d7f55 c2b07a e2d3a0"
_CHALCOPYRITE = "8a7434 bd9d48 dcc070"
_PYRRHOTITE = "6b5a42 a08768 c4ab88"
_LEAD = "6e7178 9c9fa6 c9ccd2"
_BLACK = "0d0d0e 1b1b1d 303134"
def _bornite() -> list[Variant]:
    ore = _ore("5a3b30 8a5a45 b07a5c", 7, tarnish=0.85, tarnish_hue=0.5, rough=0.36, steps=0.02)
    brassy = _with(ore, 1, 0.25, other_scale=2.0)
    return [_massive(3, ore, _GREY, 0.15), Variant(1.5, (brassy, _ore(_CHALCOPYRITE, 9)), (_STONE,)),
            _massive(1.5, replace(ore, tarnish=0.55), _QUARTZ, 0.3, vein=True)]  # fmt: skip


def _cinnabar() -> list[Variant]:
    gem = _glass("5a0d10 92181a bb3a30", 0.25, gloss=0.12, rough=0.2, lines=9, line_depth=0.3)
    mass = _earth("58130f 8c2018 b04632", rough=0.7, grain=10, tilt=0.3, shade=0.3)
    grow = ("crystals", {"shape": "rhombohedron", "count": (8, 22), "size": (0.07, 0.26), "width": 0.5})
    return [Variant(2, (mass, _LIMESTONE), (_STONE,)), _massive(2, mass, _LIMESTONE, 0.5),
            _massive(1, mass, _GREY, 0.35), _grown(2.5, gem, _with(_LIMESTONE, 0, 0.2), grow)]  # fmt: skip


def _hematite() -> list[Variant]:
    steel = _metal("3b3a3d 5c5b60 84848a", rough=0.33, **{"stain": 0.3, "stain_colour": (0.16, 0.035, 0.02)})
    red = _earth("3d1a14 6d2c20 95503a", mottle=2.5, stain=0.2, stain_colour=(0.10, 0.09, 0.09))
    host = _earth("4d2419 7a3f2b a2684a")
    return [_free(2, steel, _STONE, ("grapes", {"count": (30, 60)})), _massive(2, red, steel, 0.3), _free(1.2, red, _STONE),
            _grown(1.2, steel, host, ("leaves", {"count": (14, 26), "size": (0.14, 0.4)})),
            _massive(1.2, replace(steel, grain=8, tilt=0.35, shade=0.3), red, 0.35)]  # fmt: skip


def _pyrrhotite() -> list[Variant]:
    ore = _ore(_PYRRHOTITE, 8, **_SULFIDE_STAIN, steps=0.015)
    plate = ("leaves", {"count": (5, 10), "size": (0.3, 0.6), "thick": 3.0})
    return [_massive(3, ore, _GREY, 0.2), _massive(1, ore, _RUSTY, 0.35), _massive(1, ore, _QUARTZ, 0.25),
            _grown(1, _metal(_PYRRHOTITE, lines=14, line_depth=0.3, stain=0.15), _GREY, plate)]  # fmt: skip


def _magnetite() -> list[Variant]:
    gem = _metal("151516 29292b 47474a", rough=0.28, lines=9, line_depth=0.2, stain=0.08)
    ore = _ore("161617 2a2a2c 454548", 10, stain=0.12)
    grow = ("crystals", {"shape": "octahedron", "count": (3, 12), "size": (0.14, 0.5)})
    return [_grown(2, gem, _with(_GREY, 0, 0.2), grow), _free(1, gem, ("crystals", {**grow[1], "size": (0.25, 0.6)})),
            _massive(2.5, ore, _GREY, 0.2), _massive(1, ore, _RUSTY, 0.2)]  # fmt: skip


def _arsenopyrite() -> list[Variant]:
    gem = _metal("8f8c84 bcb9b0 dedbd2", rough=0.22, lines=12, line_depth=0.4, tarnish=0.12, stain=0.1)
    ore = _ore("77746c a5a299 cdcac0", 9, **_SULFIDE_STAIN)
    grow = ("crystals", {"shape": "stub", "count": (8, 22), "size": (0.14, 0.34), "long": 1.7, "aim": "random"})
    return [_grown(2, gem, _with(_QUARTZ, 0, 0.15), grow), _free(1.5, gem, grow), _massive(2, ore, _QUARTZ, 0.3),
            _massive(1, ore, _RUSTY, 0.3)]  # fmt: skip


def _calcite() -> list[Variant]:
    tone = {"gloss": 0.05, "absorb": 0.5, "steps": 0.008}
    clear, honey = _glass("b9b4a6 dcd7c8 f2eee2", 0.6, **tone), _glass("a3803f cfae6c ead6a4", 0.55, **tone)
    pink, white = _glass("b08a7c d6b6a6 ecd8cc", 0.4, **tone), _glass("9c978c c0bbb0 dcd8ce", 0.15, rough=0.35, steps=0.02)
    cleave = ("blocks", {"shape": "rhombohedron", "flat": 0.9, "size": (0.12, 0.36)})
    tooth = ("crystals", {"shape": "dogtooth", "count": (14, 30), "size": (0.07, 0.16), "long": 3.0, "aim": "out"})
    return [_free(1.5, clear, cleave), _free(1, honey, cleave), _free(0.7, pink, cleave), _grown(1, honey, _GREY, tooth),
            _grown(1, white, _LIMESTONE, tooth), _massive(1.2, white, _LIMESTONE, 0.2)]  # fmt: skip


def _galena() -> list[Variant]:
    gem = _metal("5f636b 92969e c6cad1", rough=0.2, bump=0.006, steps=0.008)
    ore = _ore("63666e 92959d c0c3ca", 6, tilt=0.7, shade=0.15, rough=0.26)
    cube = ("crystals", {"shape": "cube", "count": (4, 12), "size": (0.15, 0.45), "aim": "random"})
    return [_free(2.5, gem, ("blocks", {})), _grown(1.5, gem, _with(_LIMESTONE, 0, 0.15), cube), _massive(2, ore, _GREY, 0.2),
            _massive(0.8, ore, _QUARTZ, 0.25)]  # fmt: skip


def _olivine() -> list[Variant]:
    grains = _glass("33401c 5c6b30 8f9855", 0.25, grain=9, tilt=0.5, shade=0.4, rough=0.25)
    gem = _glass("3a4a1c 62772f 96a75c", 0.6, absorb=1.2)
    stub = ("crystals", {"shape": "stub", "count": (4, 9), "size": (0.16, 0.36), "long": 1.3})
    return [_free(2.5, grains, _STONE), _massive(2.5, grains, _BASALT, 0.4, other_scale=0.9), _massive(1, grains, _RUSTY, 0.25),
            _grown(0.8, gem, _BASALT, stub)]  # fmt: skip


def _chromite() -> list[Variant]:
    ore = _ore("151312 292421 453d37", 11, metal=0.7, rough=0.45, stain=0.1)
    green = _earth("3d4a3a 63705a 929a80", rough=0.6, contrast=0.8)
    spots = replace(ore, grain=6.0, tilt=0.2)
    return [_massive(3, ore, green, 0.15), _massive(1.5, spots, green, 0.35, other_scale=3.0), _massive(1.5, ore, _RUSTY, 0.2)]


def _wolframite() -> list[Variant]:
    blade = _metal("16110f 2d2521 51463f", metal=0.75, rough=0.26, lines=11, line_depth=0.35, stain=0.1)
    ore = _ore("181311 2f2723 52473f", 5, metal=0.75, tilt=0.5, steps=0.02)
    fan = ("sprays", {"shape": "blade", "fans": (1, 3), "count": (4, 9), "length": (0.5, 1.1), "thick": 0.75, "open_": 0.35})
    return [_grown(3, blade, _QUARTZ, fan), _free(1, blade, ("bundle", {"shape": "blade", "count": (8, 16), "thick": 0.6})),
            _massive(1.5, ore, _QUARTZ, 0.35), _massive(1, ore, _GREY, 0.1)]  # fmt: skip


def _limonite() -> list[Variant]:
    earth = _earth("4a2c12 8a5a24 c08f48", pores=0.25, mottle=2.5, stain=0.2, stain_colour=(0.03, 0.015, 0.008))
    dark = body("2a170c 4a2c16 74502a", rough=0.4, gloss=0.05, bump=0.015, stain=0.35, stain_colour=(0.28, 0.13, 0.035))
    red = _earth("4a2414 7f4424 a8703e", pores=0.12, mottle=2.2)
    return [Variant(3, (earth,), (_STONE,), 0.16), Variant(1.5, (_with(earth, 1, 0.4), dark), (_STONE,), 0.14),
            _grown(1.5, dark, earth, ("grapes", {"count": (30, 60), "size": (0.08, 0.24)})), _massive(1.2, red, earth, 0.4)]


def _pyrite() -> list[Variant]:
    gem = _metal(_PYRITE, rough=0.2, lines=16, line_depth=0.45, stain=0.06)
    ore = _ore(_PYRITE, 8, stain=0.1)
    cube = ("crystals", {"shape": "cube", "count": (5, 16), "size": (0.14, 0.46)})
    other = ("crystals", {"shape": "pyritohedron", "count": (7, 20), "size": (0.14, 0.38)})
    return [_free(1.6, gem, cube), _grown(1.6, gem, _with(_GREY, 0, 0.1), cube), _free(1, gem, other),
            _grown(0.8, gem, _QUARTZ, other), _massive(2, ore, _GREY, 0.2), _massive(1, ore, _QUARTZ, 0.3)]  # fmt: skip


def _chalcopyrite() -> list[Variant]:
    ore = _ore(_CHALCOPYRITE, 7, tarnish=0.3, tarnish_hue=0.15, stain=0.1)
    gem = _metal(_CHALCOPYRITE, rough=0.25, lines=10, line_depth=0.25, tarnish=0.35, tarnish_hue=0.2)
    grow = ("crystals", {"shape": "tetrahedron", "count": (6, 16), "size": (0.15, 0.36)})
    return [_massive(3, ore, _GREY, 0.2), _massive(1.5, ore, _QUARTZ, 0.35), _grown(1.5, gem, _QUARTZ, grow),
            _massive(1, replace(ore, tarnish=0.7), _GREY, 0.15)]  # fmt: skip


def _molybdenite() -> list[Variant]:
    flake = _metal("626670 868b97 b4b9c6", rough=0.3, lines=22, line_depth=0.3, bump=0.012)
    ore = _ore("5f636e 858a96 afb4c0", 7, tilt=0.55, rough=0.34)
    books = ("leaves", {"count": (8, 22), "size": (0.14, 0.42), "thick": 1.2})
    return [_grown(2.5, flake, _with(_QUARTZ, 0, 0.12), books), _free(2, flake, ("leaves", {"count": (22, 36), "wobble": 0.3})),
            _massive(1.5, ore, _QUARTZ, 0.45), _massive(1, ore, _GREY, 0.35)]  # fmt: skip


def _stibnite() -> list[Variant]:
    needle = _metal("61656a 8f9398 c2c6ca", rough=0.22, lines=26, line_depth=0.4, tarnish=0.1, tarnish_hue=0.7)
    ore = _ore("5e6166 8b8f94 b9bdc1", 5, tilt=0.5, lines=20, line_depth=0.5)
    fan = ("sprays", {"fans": (2, 3), "count": (22, 34), "thick": 0.7})
    return [_free(2, needle, ("sprays", {"fans": (2, 4), "count": (26, 36), "thick": 0.85})), _grown(2, needle, _QUARTZ, fan),
            _free(1.5, needle, ("bundle", {})), _massive(1.2, ore, _QUARTZ, 0.3)]  # fmt: skip


def _chalcocite() -> list[Variant]:
    ore = _ore("2e3034 4a4d52 73767b", 8, rough=0.5, tilt=0.35, stain=0.15, stain_colour=(0.03, 0.03, 0.032))
    green = replace(ore, stain=0.16, stain_colour=(0.06, 0.22, 0.14))
    gem = _metal("34363a 54575c 83868b", rough=0.3, lines=14, line_depth=0.35)
    stubs = ("crystals", {"shape": "stub", "count": (8, 20), "size": (0.14, 0.32), "long": 1.2})
    return [_massive(2, ore, _GREY, 0.15), _massive(2, green, _GREY, 0.2), _massive(1, ore, _RUSTY, 0.3),
            _grown(1.2, gem, _GREY, stubs)]  # fmt: skip


def _malachite() -> list[Variant]:
    silk = body("0f4a30 236f4c 5ea584", rough=0.38, gloss=0.05, bump=0.008, bands=9, band_share=0.75,
                band_colour=(0.01, 0.10, 0.05))  # fmt: skip
    crust = _earth("17563a 2c8a5c 74bb92", rough=0.7, mottle=3)
    return [_free(2, silk, _STONE, ("grapes", {"count": (30, 60), "size": (0.14, 0.4)})), _free(1.5, replace(silk, bands=5), _STONE),
            _massive(1.5, crust, _RUSTY, 0.4), _grown(1.2, silk, _with(_RUSTY, 0, 0.3), ("grapes", {}))]  # fmt: skip


def _azurite() -> list[Variant]:
    gem = _glass("08123a 10246a 2a4a9c", 0.2, rough=0.18, gloss=0.07, lines=10, line_depth=0.3)
    crust = body("101a48 1b327c 4564ac", rough=0.6, grain=13, tilt=0.5, shade=0.4, bump=0.03)
    host = _with(_earth("5a4630 8d7350 bda67c"), 0, 0.15)
    blades = ("crystals", {"shape": "stub", "count": (14, 30), "size": (0.1, 0.24), "long": 1.6, "aim": "out"})
    green = _earth("1d5c3c 37906a 7cbf9c")
    return [_grown(1.5, gem, host, blades), _free(1, gem, ("crystals", {**blades[1], "size": (0.16, 0.34)})),
            _massive(1.5, crust, host, 0.45), _free(1.2, crust, _STONE, ("grapes", {"count": (16, 36), "size": (0.2, 0.4)})),
            _massive(1.2, crust, green, 0.3)]  # fmt: skip


def _bauxite() -> list[Variant]:
    beans = _earth("6d3a24 a86a48 d2a884", grain=6, shade=0.45, pores=0.05, mottle=1.5)
    pale = _earth("93765a bb9c7c dcc8ac", grain=5, shade=0.35, mottle=1.5, stain=0.25, stain_colour=(0.24, 0.08, 0.035))
    red = _earth("5a281a 8f4a32 b9785a", pores=0.12, mottle=2)
    round_ = ("grapes", {"count": (30, 60), "size": (0.06, 0.14), "width": 0.9})
    return [_free(2.5, beans, _STONE), _free(2, pale, _STONE), _free(1.2, red, _STONE), _grown(1, beans, pale, round_)]


def _pyrolusite() -> list[Variant]:
    soot = _earth(_BLACK, rough=0.8, pores=0.12, stain=0.12)
    needle = _metal("1c1d20 34363a 5a5d62", rough=0.36, lines=24, line_depth=0.4, metal=0.85)
    host = _with(_earth("7d6a50 a58f70 cbb998"), 0, 0.25, vein=True, other_scale=2.0)
    return [_massive(2, soot, _RUSTY, 0.15), _free(1.5, soot, _STONE, ("grapes", {"count": (30, 60)})),
            _free(1, needle, ("sprays", {"fans": (2, 3), "thick": 1.5, "length": (0.5, 0.9)})),
            _grown(1, needle, soot, ("sprays", {"length": (0.3, 0.6), "thick": 1.4})),
            Variant(1, (soot, host), (_HOST,))]  # fmt: skip


def _sphalerite() -> list[Variant]:
    black = _glass("15100d 2c211a 4d3c2f", 0.1, gloss=0.14, rough=0.2, steps=0.008)
    honey = _glass("4a2a10 855424 b98a4a", 0.45, gloss=0.12, rough=0.18, absorb=2.0)
    grains = body("22160e 4a3019 80592f", rough=0.26, gloss=0.13, grain=6, tilt=0.7, shade=0.45, clear=0.1)
    grow = ("crystals", {"shape": "tetrahedron", "count": (7, 18), "size": (0.15, 0.4)})
    return [_grown(1.3, black, _with(_LIMESTONE, 0, 0.2), grow), _grown(1, honey, _GREY, grow), _massive(2.5, grains, _GREY, 0.2),
            _massive(1, grains, _LIMESTONE, 0.35), _free(0.8, black, ("crystals", {**grow[1], "shape": "dodecahedron"}))]


def _quartz() -> list[Variant]:
    tone = {"lines": 12, "line_depth": 0.12, "absorb": 0.35}
    clear, smoky = _glass("a9aaa6 d0d1cd f1f2ee", 0.75, **tone), _glass("4a3b2e 7a6756 b5a493", 0.65, **tone)
    purple, milky = _glass("54407a 8a74b0 c9bedd", 0.6, **tone), _glass("a29f98 c6c3bc e2e0da", 0.2, rough=0.22, **tone)
    tips = ("crystals", {"shape": "prism", "count": (7, 22), "size": (0.14, 0.36), "long": 1.9, "aim": "out", "sink": 0.2})
    big = ("crystals", {**tips[1], "count": (2, 6), "size": (0.3, 0.6), "aim": "same"})
    return [_grown(1.2, clear, _QUARTZ, tips), _free(1, clear, big), _grown(0.8, smoky, _QUARTZ, tips), _grown(0.8, purple, _QUARTZ, tips),
            _grown(1, milky, _QUARTZ, tips), _massive(1.5, replace(milky, steps=0.02, lines=0), _GREY, 0.05)]  # fmt: skip


def _iron_molybdenum() -> list[Variant]:
    host = _earth("3b3129 635347 8f7d6b", grain=9, tilt=0.25, shade=0.3, stain=0.35)
    flake = _metal("626670 868b97 b0b5c1", rough=0.34, grain=8, tilt=0.5)
    books = ("leaves", {"count": (6, 14), "size": (0.08, 0.22)})
    veined = _with(host, 0, 0.22, vein=True, other_scale=1.2)
    return [Variant(2, (flake, veined), (_HOST,)), _grown(2, flake, _with(host, 0, 0.12, other_scale=2.5), books),
            Variant(1, (flake, _with(_RUSTY, 0, 0.16, other_scale=2.5)), (_HOST,))]  # fmt: skip


def _realgar() -> list[Variant]:
    gem = _glass("6a180a 9e2f16 c85c30", 0.35, gloss=0.1, rough=0.2, lines=10, line_depth=0.35)
    mass = _earth("6e2110 9e3a1a c0683a", rough=0.55, grain=9, tilt=0.35, shade=0.3, stain=0.12, stain_colour=(0.7, 0.38, 0.04))
    yellow = _earth("94651c b88828 d4b054", rough=0.6, lines=14, line_depth=0.4)
    grow = ("crystals", {"shape": "stub", "count": (10, 26), "size": (0.08, 0.26), "long": 1.6, "aim": "out"})
    return [_grown(2, gem, _with(_LIMESTONE, 0, 0.25), grow), _massive(1.5, mass, yellow, 0.22), _massive(2, mass, _LIMESTONE, 0.35),
            _free(1, gem, ("crystals", {**grow[1], "size": (0.14, 0.32)}))]  # fmt: skip


def _fluorite() -> list[Variant]:
    tone = {"absorb": 0.7, "steps": 0.006, "bump": 0.004}
    tints = [("3a2560 6b4f9c b7a2d6", 1.4), ("2c5c48 5f9c80 b2d8c4", 1.4), ("35507a 6d8fb8 bcd0e4", 0.7), ("9c8238 cdb668 eadfae", 0.5)]
    cube = ("crystals", {"shape": "cube", "count": (5, 14), "size": (0.16, 0.46)})
    other = ("crystals", {"shape": "octahedron", "count": (1, 5), "size": (0.3, 0.62)})
    rows = []
    for code, weight in tints:
        gem = _glass(code, 0.6, bands=3, band_share=0.25, band_colour=(0.45, 0.5, 0.5), **tone)
        rows += [_grown(weight, gem, _LIMESTONE, cube), _free(weight * 0.6, gem, other), _free(weight * 0.6, gem, ("blocks", {}))]
    return rows


RECIPES = {
    1: _bornite, 2: _cinnabar, 3: _hematite, 4: _pyrrhotite, 5: _magnetite, 6: _arsenopyrite, 7: _calcite, 8: _galena,
    9: _olivine, 10: _chromite, 11: _wolframite, 12: _limonite, 13: _pyrite, 14: _chalcopyrite, 15: _molybdenite,
    16: _stibnite, 17: _chalcocite, 18: _malachite, 19: _azurite, 20: _bauxite, 21: _pyrolusite, 22: _sphalerite,
    23: _quartz, 24: _iron_molybdenum, 25: _realgar, 26: _fluorite,
}  # fmt: skip


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
    materials = []
    for look in chosen.materials:
        look = vary(look, rng)
        materials.append(replace(look, other_share=float(np.clip(look.other_share * rng.uniform(0.1, 1.8), 0, 0.7))))
    bodies: Bodies = []
    for name, options in chosen.parts:
        HABITS[name](rng, bodies, **options)
    rough = chosen.rough * float(np.exp(rng.normal(0, 0.2)))
    return Specimen(bodies, tuple(materials), rng.uniform(0, 32, 3).astype(np.float32), rough)
