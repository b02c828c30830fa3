"""Minerals of metallic or black appearance: how their specimens are built and look."""

from __future__ import annotations

from dataclasses import replace

from mineral_lib.data.synthetic.variants import (
    BLACK,
    CHALCOPYRITE,
    GREY,
    HOST,
    LIMESTONE,
    PYRITE,
    PYRRHOTITE,
    QUARTZ,
    RUSTY,
    STONE,
    SULFIDE_STAIN,
    Variant,
    earthy,
    free,
    granular,
    grown,
    massive,
    metal,
    patched,
)


def bornite() -> list[Variant]:
    """Occurrences of bornite."""
    ore = granular("5a3b30 8a5a45 b07a5c", 7, tarnish=0.85, tarnish_hue=0.5, rough=0.36, steps=0.02)
    brassy = patched(ore, 1, 0.25, other_scale=2.0)
    return [
        massive(3, ore, GREY, 0.15),
        Variant(1.5, (brassy, granular(CHALCOPYRITE, 9)), (STONE,)),
        massive(1.5, replace(ore, tarnish=0.55), QUARTZ, 0.3, vein=True),
    ]


def hematite() -> list[Variant]:
    """Occurrences of hematite."""
    steel = metal("3b3a3d 5c5b60 84848a", rough=0.33, **{"stain": 0.3, "stain_colour": (0.16, 0.035, 0.02)})
    red = earthy("3d1c14 713423 9c5c40", mottle=2.5, stain=0.2, stain_colour=(0.10, 0.09, 0.09))
    host = earthy("4d2419 7a3f2b a2684a")
    return [
        free(2, steel, STONE, ("grapes", {"count": (30, 60)})),
        massive(2, red, steel, 0.3),
        free(1.2, red, STONE),
        grown(1.2, steel, host, ("leaves", {"count": (14, 26), "size": (0.14, 0.4)})),
        massive(1.2, replace(steel, grain=8, tilt=0.35, shade=0.3), red, 0.35),
    ]


def pyrrhotite() -> list[Variant]:
    """Occurrences of pyrrhotite."""
    ore = granular(PYRRHOTITE, 8, **SULFIDE_STAIN, steps=0.015)
    plate = ("leaves", {"count": (5, 10), "size": (0.3, 0.6), "thick": 3.0})
    return [
        massive(3, ore, GREY, 0.2),
        massive(1, ore, RUSTY, 0.35),
        massive(1, ore, QUARTZ, 0.25),
        grown(1, metal(PYRRHOTITE, lines=14, line_depth=0.3, stain=0.15), GREY, plate),
    ]


def magnetite() -> list[Variant]:
    """Occurrences of magnetite."""
    gem = metal("151516 29292b 47474a", rough=0.28, lines=9, line_depth=0.2, stain=0.08)
    ore = granular("161617 2a2a2c 454548", 10, stain=0.12)
    grow = ("crystals", {"shape": "octahedron", "count": (3, 12), "size": (0.14, 0.5)})
    return [
        grown(2, gem, patched(GREY, 0, 0.2), grow),
        free(1, gem, ("crystals", {**grow[1], "size": (0.25, 0.6)})),
        massive(2.5, ore, GREY, 0.2),
        massive(1, ore, RUSTY, 0.2),
    ]


def arsenopyrite() -> list[Variant]:
    """Occurrences of arsenopyrite."""
    gem = metal("8f8c84 bcb9b0 dedbd2", rough=0.22, lines=12, line_depth=0.4, tarnish=0.12, stain=0.1)
    ore = granular("77746c a5a299 cdcac0", 9, **SULFIDE_STAIN)
    grow = (
        "crystals",
        {"shape": "stub", "count": (8, 22), "size": (0.14, 0.34), "long": 1.7, "aim": "random"},
    )
    return [
        grown(2, gem, patched(QUARTZ, 0, 0.15), grow),
        free(1.5, gem, grow),
        massive(2, ore, QUARTZ, 0.3),
        massive(1, ore, RUSTY, 0.3),
    ]


def galena() -> list[Variant]:
    """Occurrences of galena."""
    gem = metal("72757b a2a5aa cfd1d5", rough=0.24, bump=0.008, steps=0.01, grain=3.5, tilt=0.14, stain=0.08)
    ore = granular("63666e 92959d c0c3ca", 6, tilt=0.7, shade=0.15, rough=0.26)
    cube = ("crystals", {"shape": "cube", "count": (4, 12), "size": (0.15, 0.45), "aim": "random"})
    return [
        free(2.5, gem, ("blocks", {})),
        grown(1.5, gem, patched(LIMESTONE, 0, 0.15), cube),
        massive(2, ore, GREY, 0.2),
        massive(0.8, ore, QUARTZ, 0.25),
    ]


def chromite() -> list[Variant]:
    """Occurrences of chromite."""
    ore = granular("151312 292421 453d37", 11, metal=0.7, rough=0.45, stain=0.1)
    green = earthy("3d4a3a 63705a 929a80", rough=0.6, contrast=0.8)
    spots = replace(ore, grain=6.0, tilt=0.2)
    return [
        massive(3, ore, green, 0.15),
        massive(1.5, spots, green, 0.35, other_scale=3.0),
        massive(1.5, ore, RUSTY, 0.2),
    ]


def wolframite() -> list[Variant]:
    """Occurrences of wolframite."""
    blade = metal("16110f 2d2521 51463f", metal=0.75, rough=0.26, lines=11, line_depth=0.35, stain=0.1)
    ore = granular("181311 2f2723 52473f", 5, metal=0.75, tilt=0.5, steps=0.02)
    fan = (
        "sprays",
        {
            "shape": "blade",
            "fans": (1, 3),
            "count": (4, 9),
            "length": (0.5, 1.1),
            "thick": 0.75,
            "open_": 0.35,
        },
    )
    return [
        grown(3, blade, QUARTZ, fan),
        free(1, blade, ("bundle", {"shape": "blade", "count": (8, 16), "thick": 0.6})),
        massive(1.5, ore, QUARTZ, 0.35),
        massive(1, ore, GREY, 0.1),
    ]


def pyrite() -> list[Variant]:
    """Occurrences of pyrite."""
    gem = metal(PYRITE, rough=0.2, lines=16, line_depth=0.45, stain=0.06)
    ore = granular(PYRITE, 8, stain=0.1)
    cube = ("crystals", {"shape": "cube", "count": (5, 16), "size": (0.14, 0.46)})
    other = ("crystals", {"shape": "pyritohedron", "count": (7, 20), "size": (0.14, 0.38)})
    return [
        free(1.6, gem, cube),
        grown(1.6, gem, patched(GREY, 0, 0.1), cube),
        free(1, gem, other),
        grown(0.8, gem, QUARTZ, other),
        massive(2, ore, GREY, 0.2),
        massive(1, ore, QUARTZ, 0.3),
    ]


def chalcopyrite() -> list[Variant]:
    """Occurrences of chalcopyrite."""
    ore = granular(CHALCOPYRITE, 7, tarnish=0.3, tarnish_hue=0.15, stain=0.1)
    gem = metal(CHALCOPYRITE, rough=0.25, lines=10, line_depth=0.25, tarnish=0.35, tarnish_hue=0.2)
    grow = ("crystals", {"shape": "tetrahedron", "count": (6, 16), "size": (0.15, 0.36)})
    return [
        massive(3, ore, GREY, 0.2),
        massive(1.5, ore, QUARTZ, 0.35),
        grown(1.5, gem, QUARTZ, grow),
        massive(1, replace(ore, tarnish=0.7), GREY, 0.15),
    ]


def molybdenite() -> list[Variant]:
    """Occurrences of molybdenite."""
    flake = metal("626670 868b97 b4b9c6", rough=0.3, lines=22, line_depth=0.3, bump=0.012)
    ore = granular("5f636e 858a96 afb4c0", 7, tilt=0.55, rough=0.34)
    books = ("leaves", {"count": (8, 22), "size": (0.14, 0.42), "thick": 1.2})
    return [
        grown(2.5, flake, patched(QUARTZ, 0, 0.12), books),
        free(2, flake, ("leaves", {"count": (22, 36), "wobble": 0.3})),
        massive(1.5, ore, QUARTZ, 0.45),
        massive(1, ore, GREY, 0.35),
    ]


def stibnite() -> list[Variant]:
    """Occurrences of stibnite."""
    needle = metal("61656a 8f9398 c2c6ca", rough=0.22, lines=26, line_depth=0.4, tarnish=0.1, tarnish_hue=0.7)
    ore = granular("5e6166 8b8f94 b9bdc1", 5, tilt=0.5, lines=20, line_depth=0.5)
    fan = ("sprays", {"fans": (2, 3), "count": (22, 34), "thick": 0.7})
    return [
        free(2, needle, ("sprays", {"fans": (2, 4), "count": (26, 36), "thick": 0.85})),
        grown(2, needle, QUARTZ, fan),
        free(1.5, needle, ("bundle", {})),
        massive(1.2, ore, QUARTZ, 0.3),
    ]


def chalcocite() -> list[Variant]:
    """Occurrences of chalcocite."""
    ore = granular("2e3034 4a4d52 73767b", 8, rough=0.5, tilt=0.35, stain=0.15, stain_colour=(0.03, 0.03, 0.032))
    green = replace(ore, stain=0.16, stain_colour=(0.06, 0.22, 0.14))
    gem = metal("34363a 54575c 83868b", rough=0.3, lines=14, line_depth=0.35)
    stubs = ("crystals", {"shape": "stub", "count": (8, 20), "size": (0.14, 0.32), "long": 1.2})
    return [
        massive(2, ore, GREY, 0.15),
        massive(2, green, GREY, 0.2),
        massive(1, ore, RUSTY, 0.3),
        grown(1.2, gem, GREY, stubs),
    ]


def pyrolusite() -> list[Variant]:
    """Occurrences of pyrolusite."""
    soot = earthy(BLACK, rough=0.8, pores=0.12, stain=0.12)
    needle = metal("1c1d20 34363a 5a5d62", rough=0.36, lines=24, line_depth=0.4, metal=0.85)
    host = patched(earthy("7d6a50 a58f70 cbb998"), 0, 0.25, vein=True, other_scale=2.0)
    return [
        massive(2, soot, RUSTY, 0.15),
        free(1.5, soot, STONE, ("grapes", {"count": (30, 60)})),
        free(1, needle, ("sprays", {"fans": (2, 3), "thick": 1.5, "length": (0.5, 0.9)})),
        grown(1, needle, soot, ("sprays", {"length": (0.3, 0.6), "thick": 1.4})),
        Variant(1, (soot, host), (HOST,)),
    ]


def iron_molybdenum() -> list[Variant]:
    """Occurrences of the iron-molybdenum ore (class 24, whose exact identity the paper leaves open)."""
    host = earthy("3b3129 635347 8f7d6b", grain=9, tilt=0.25, shade=0.3, stain=0.35)
    flake = metal("626670 868b97 b0b5c1", rough=0.34, grain=8, tilt=0.5)
    books = ("leaves", {"count": (6, 14), "size": (0.08, 0.22)})
    veined = patched(host, 0, 0.22, vein=True, other_scale=1.2)
    return [
        Variant(2, (flake, veined), (HOST,)),
        grown(2, flake, patched(host, 0, 0.12, other_scale=2.5), books),
        Variant(1, (flake, patched(RUSTY, 0, 0.16, other_scale=2.5)), (HOST,)),
    ]
