"""Coloured, transparent and earthy minerals: how their specimens are built and look."""

from __future__ import annotations

from dataclasses import replace

from mineral_lib.data.synthetic.materials import body
from mineral_lib.data.synthetic.variants import (
    BASALT,
    GREY,
    LIMESTONE,
    QUARTZ,
    RUSTY,
    STONE,
    Variant,
    earthy,
    free,
    glass,
    grown,
    massive,
    patched,
)


def cinnabar() -> list[Variant]:
    """Occurrences of cinnabar."""
    gem = glass("5a0d10 92181a bb3a30", 0.25, gloss=0.12, rough=0.2, lines=9, line_depth=0.3)
    mass = earthy("58130f 8c2018 b04632", rough=0.7, grain=10, tilt=0.3, shade=0.3)
    grow = ("crystals", {"shape": "rhombohedron", "count": (8, 22), "size": (0.07, 0.26), "width": 0.5})
    return [
        Variant(2, (mass, LIMESTONE), (STONE,)),
        massive(2, mass, LIMESTONE, 0.5),
        massive(1, mass, GREY, 0.35),
        grown(2.5, gem, patched(LIMESTONE, 0, 0.2), grow),
    ]


def calcite() -> list[Variant]:
    """Occurrences of calcite."""
    tone = {"gloss": 0.05, "absorb": 0.5, "steps": 0.008}
    clear, honey = glass("a39e90 c6c0b0 e0dbcc", 0.6, **tone), glass("8e6c34 b8965a d8bf8a", 0.55, **tone)
    pink, white = (
        glass("98766a bf9e8e dcc0b0", 0.4, **tone),
        glass("9c978c c0bbb0 dcd8ce", 0.15, rough=0.3, bump=0.025),
    )
    cleave = ("blocks", {"shape": "rhombohedron", "flat": 0.9, "size": (0.12, 0.36)})
    tooth = (
        "crystals",
        {"shape": "dogtooth", "count": (14, 30), "size": (0.07, 0.16), "long": 3.0, "aim": "out"},
    )
    return [
        free(1.5, clear, cleave),
        free(1, honey, cleave),
        free(0.7, pink, cleave),
        grown(1, honey, GREY, tooth),
        grown(1, white, LIMESTONE, tooth),
        massive(1.2, white, LIMESTONE, 0.2),
    ]


def olivine() -> list[Variant]:
    """Occurrences of olivine."""
    grains = glass("33401c 5c6b30 8f9855", 0.25, grain=13, tilt=0.5, shade=0.4, rough=0.25)
    gem = glass("3a4a1c 62772f 96a75c", 0.6, absorb=1.2)
    stub = ("crystals", {"shape": "stub", "count": (4, 9), "size": (0.16, 0.36), "long": 1.3})
    return [
        free(2.5, grains, STONE),
        massive(2.5, grains, BASALT, 0.4, other_scale=0.9),
        massive(1, grains, RUSTY, 0.25),
        grown(0.8, gem, BASALT, stub),
    ]


def limonite() -> list[Variant]:
    """Occurrences of limonite."""
    earth = earthy("45291a 845430 b5854c", pores=0.25, mottle=2.5, stain=0.2, stain_colour=(0.03, 0.015, 0.008))
    dark = body(
        "2a170c 4a2c16 74502a",
        rough=0.4,
        gloss=0.05,
        bump=0.015,
        stain=0.35,
        stain_colour=(0.28, 0.13, 0.035),
    )
    red = earthy("4a2414 7f4424 a8703e", pores=0.12, mottle=2.2)
    return [
        Variant(3, (earth,), (STONE,), 0.16),
        Variant(1.5, (patched(earth, 1, 0.4), dark), (STONE,), 0.14),
        grown(1.5, dark, earth, ("grapes", {"count": (30, 60), "size": (0.08, 0.24)})),
        massive(1.2, red, earth, 0.4),
    ]


def malachite() -> list[Variant]:
    """Occurrences of malachite."""
    silk = body(
        "0f4a30 236f4c 5ea584",
        rough=0.38,
        gloss=0.05,
        bump=0.016,
        bump_scale=4.0,
        bands=9,
        band_share=0.75,
        band_colour=(0.01, 0.10, 0.05),
    )
    crust = earthy("17563a 2c8a5c 74bb92", rough=0.7, mottle=3)
    return [
        free(2, silk, STONE, ("grapes", {"count": (30, 60), "size": (0.14, 0.4)})),
        free(1.5, replace(silk, bands=5), STONE),
        massive(1.5, crust, RUSTY, 0.4),
        grown(1.2, silk, patched(RUSTY, 0, 0.3), ("grapes", {})),
    ]


def azurite() -> list[Variant]:
    """Occurrences of azurite."""
    gem = glass("08123a 10246a 2a4a9c", 0.2, rough=0.18, gloss=0.07, lines=10, line_depth=0.3)
    crust = body("101a48 1b327c 4564ac", rough=0.6, grain=13, tilt=0.5, shade=0.4, bump=0.03)
    host = patched(earthy("5a4630 8d7350 bda67c"), 0, 0.15)
    blades = (
        "crystals",
        {"shape": "stub", "count": (14, 30), "size": (0.1, 0.24), "long": 1.6, "aim": "out"},
    )
    green = earthy("1d5c3c 37906a 7cbf9c")
    return [
        grown(1.5, gem, host, blades),
        free(1, gem, ("crystals", {**blades[1], "size": (0.16, 0.34)})),
        massive(1.5, crust, host, 0.45),
        free(1.2, crust, STONE, ("grapes", {"count": (16, 36), "size": (0.2, 0.4)})),
        massive(1.2, crust, green, 0.3),
    ]


def bauxite() -> list[Variant]:
    """Occurrences of bauxite."""
    beans = earthy("663420 9c5e3e c89a74", grain=6, shade=0.45, pores=0.05, mottle=1.5)
    pale = earthy("86643f b08b60 d4b894", grain=5, shade=0.35, mottle=1.5, stain=0.25, stain_colour=(0.24, 0.08, 0.035))
    red = earthy("522417 84432c ae6e50", pores=0.12, mottle=2)
    round_ = ("grapes", {"count": (30, 60), "size": (0.06, 0.14), "width": 0.9})
    return [
        free(2.5, beans, STONE),
        free(2, pale, STONE),
        free(1.2, red, STONE),
        grown(1, beans, pale, round_),
    ]


def sphalerite() -> list[Variant]:
    """Occurrences of sphalerite."""
    black = glass("15100d 2c211a 4d3c2f", 0.1, gloss=0.14, rough=0.2, steps=0.004)
    honey = glass("4a2a10 855424 b98a4a", 0.45, gloss=0.12, rough=0.18, absorb=2.0)
    grains = body("22160e 4a3019 80592f", rough=0.26, gloss=0.13, grain=6, tilt=0.7, shade=0.45, clear=0.1)
    grow = ("crystals", {"shape": "tetrahedron", "count": (7, 18), "size": (0.15, 0.4)})
    return [
        grown(1.3, black, patched(LIMESTONE, 0, 0.2), grow),
        grown(1, honey, GREY, grow),
        massive(2.5, grains, GREY, 0.2),
        massive(1, grains, LIMESTONE, 0.35),
        free(0.8, black, ("crystals", {**grow[1], "shape": "dodecahedron"})),
    ]


def quartz() -> list[Variant]:
    """Occurrences of quartz."""
    tone = {"lines": 12, "line_depth": 0.16, "absorb": 0.35, "gloss": 0.1, "rough": 0.09}
    clear, smoky = glass("a9aaa6 d0d1cd f1f2ee", 0.75, **tone), glass("4a3b2e 7a6756 b5a493", 0.65, **tone)
    purple, milky = (
        glass("54407a 8a74b0 c9bedd", 0.6, **tone),
        glass("a29f98 c6c3bc e2e0da", 0.25, **{**tone, "rough": 0.22}),
    )
    tips = (
        "crystals",
        {"shape": "prism", "count": (7, 22), "size": (0.14, 0.36), "long": 1.9, "aim": "out", "sink": 0.2},
    )
    big = ("crystals", {**tips[1], "count": (4, 9), "size": (0.3, 0.55), "aim": "same"})
    return [
        grown(1.2, clear, QUARTZ, tips),
        free(1, clear, big),
        grown(0.8, smoky, QUARTZ, tips),
        grown(0.8, purple, QUARTZ, tips),
        grown(1, milky, QUARTZ, tips),
        massive(1.5, replace(milky, bump=0.03, bump_scale=3.0, lines=0), GREY, 0.05),
    ]


def realgar() -> list[Variant]:
    """Occurrences of realgar."""
    gem = glass("6a180a 9e2f16 c85c30", 0.35, gloss=0.1, rough=0.2, lines=10, line_depth=0.35)
    mass = earthy(
        "641a10 962e1a bc5434",
        rough=0.6,
        grain=9,
        tilt=0.35,
        shade=0.3,
        stain=0.08,
        stain_colour=(0.7, 0.38, 0.04),
    )
    yellow = earthy("94651c b88828 d4b054", rough=0.6, lines=14, line_depth=0.4)
    grow = ("crystals", {"shape": "stub", "count": (10, 26), "size": (0.08, 0.26), "long": 1.6, "aim": "out"})
    return [
        grown(2, gem, patched(LIMESTONE, 0, 0.25), grow),
        massive(1.2, mass, yellow, 0.15),
        massive(2, mass, LIMESTONE, 0.35),
        free(1, gem, ("crystals", {**grow[1], "size": (0.14, 0.32)})),
    ]


def fluorite() -> list[Variant]:
    """Occurrences of fluorite."""
    tone = {"absorb": 0.7, "steps": 0.006, "bump": 0.004}
    tints = [
        ("3a2560 6b4f9c b7a2d6", 1.4),
        ("2c5c48 5f9c80 b2d8c4", 1.4),
        ("35507a 6d8fb8 bcd0e4", 0.7),
        ("9c8238 cdb668 eadfae", 0.5),
    ]
    cube = ("crystals", {"shape": "cube", "count": (5, 14), "size": (0.16, 0.46)})
    other = ("crystals", {"shape": "octahedron", "count": (1, 5), "size": (0.3, 0.62)})
    rows = []
    for code, weight in tints:
        gem = glass(code, 0.6, bands=3, band_share=0.25, band_colour=(0.45, 0.5, 0.5), **tone)
        rows += [
            grown(weight, gem, LIMESTONE, cube),
            free(weight * 0.6, gem, other),
            free(weight * 0.6, gem, ("blocks", {})),
        ]
    return rows
