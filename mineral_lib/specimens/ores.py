"""Minerals of metallic or black appearance: how their specimens are built and look."""

from dataclasses import replace

from mineral_lib.specimens.variants import (
    DULL,
    PALE,
    QUARTZ,
    ROCK,
    STONE,
    Variant,
    earthy,
    free,
    grown,
    massive,
    metal,
    patched,
)


def bornite() -> list[Variant]:
    """Occurrences of bornite: peacock ore, woven through with lamellae of chalcopyrite."""
    ore = metal("brass", tarnish=0.7, rough=0.36, bump=0.012)
    dark, light = replace(ore, colours=ore.colours * 0.3), metal("brass", rough=0.25, bump=0.012)
    return [massive(1, dark, light, 0.3, pattern="lamellae", other_scale=3.3)]


def hematite() -> list[Variant]:
    """Occurrences of hematite: kidney ore and iron roses."""
    kidney = metal("metal", rough=0.24, bump=0.004, stain=0.1)
    red = replace(kidney, colours=earthy("red").colours, metal=0.3, gloss=0.15)
    rose = metal("metal", rough=0.25)
    balls = ("grapes", {"count": (16, 28), "size": (0.22, 0.42)})
    petals = ("leaves", {"count": (26, 40), "size": (0.14, 0.4), "wobble": 0.3})
    return [free(2, kidney, balls), free(1, red, balls), grown(0.4, rose, ROCK, petals)]


def pyrrhotite() -> list[Variant]:
    """Occurrences of pyrrhotite: piles of thick six-sided plates, and ore with parallel parting."""
    plate = metal("brass", lines=10, line_depth=0.2, tarnish=0.3, stain=0.1)
    ore = metal("brass", tarnish=0.3, rough=0.4)
    dark = metal("brass", rough=0.6)
    pile = ("leaves", {"count": (4, 7), "size": (0.55, 0.8), "thick": 2.6, "wobble": 0.05})
    layers = {"pattern": "layers", "other_scale": 3.2}
    return [free(0.5, plate, pile), massive(2, ore, replace(dark, colours=dark.colours * 0.12), 0.45, **layers)]


def magnetite() -> list[Variant]:
    """Occurrences of magnetite: octahedra."""
    gem = metal("metal", rough=0.22, lines=5, line_depth=0.8, stain=0.03)
    grow = ("crystals", {"shape": "octahedron", "count": (4, 8), "size": (0.35, 0.6)})
    return [grown(0.7, gem, ROCK, grow), free(2, gem, grow)]


def arsenopyrite() -> list[Variant]:
    """Occurrences of arsenopyrite: small rhombic crystals strewn over vein quartz."""
    gem = metal("metal", rough=0.2, lines=7, line_depth=0.3, tarnish=0.1)
    gem = replace(gem, colours=gem.colours * 0.5)
    strewn = {"shape": "stub", "count": (36, 54), "size": (0.08, 0.15), "long": 2.2, "width": 1.5, "sink": 0.5}
    return [grown(1, gem, QUARTZ, ("crystals", strewn))]


def galena() -> list[Variant]:
    """Occurrences of galena: cleaved steps, cubes with cut corners."""
    gem = metal("metal", rough=0.2, bump=0.004, stain=0.03, mottle=1.0)
    gem = replace(gem, bands=5.5, band_share=0.7, band_colour=(0.02, 0.02, 0.022))
    corner = ("crystals", {"shape": "cuboctahedron", "count": (3, 7), "size": (0.25, 0.5)})
    return [free(5, gem, ("blocks", {"count": (30, 44), "size": (0.1, 0.24)})), grown(1, gem, ROCK, corner)]


def chromite() -> list[Variant]:
    """Occurrences of chromite: leopard ore, round black nodules in serpentine."""
    ore = metal("metal", metal=0.5, rough=0.45)
    black = replace(ore, colours=ore.colours * 0.15)
    spots = {"pattern": "spots", "other_scale": 2.5}
    return [massive(1.5, PALE, black, 0.44, **spots), massive(1, PALE, black, 0.37, **spots)]


def wolframite() -> list[Variant]:
    """Occurrences of wolframite: blades in white quartz."""
    blade = metal("metal", metal=0.75, rough=0.26, lines=8, line_depth=0.3)
    dark = replace(blade, colours=blade.colours * 0.35)
    fan = {"shape": "blade", "fans": (1, 2), "count": (4, 8), "length": (0.8, 1.4), "thick": 0.8, "open_": 0.22}
    sheaf = ("bundle", {"shape": "blade", "count": (7, 12)})
    return [grown(2.5, dark, QUARTZ, ("sprays", fan)), free(0.5, dark, sheaf)]


def pyrite() -> list[Variant]:
    """Occurrences of pyrite: striated cubes and pentagonal dodecahedra."""
    gem = metal("brass", rough=0.2, lines=5, line_depth=0.8, tarnish=0.15)
    cube = ("crystals", {"shape": "cube", "count": (3, 7), "size": (0.3, 0.6)})
    other = ("crystals", {"shape": "pyritohedron", "count": (4, 9), "size": (0.25, 0.5)})
    return [free(3, gem, cube), grown(1, gem, ROCK, cube), free(0.5, gem, other)]


def chalcopyrite() -> list[Variant]:
    """Occurrences of chalcopyrite: grains strewn through dark rock, sphenoids on quartz."""
    ore = metal("brass", tarnish=0.35, tarnish_hue=0.2, rough=0.3, bump=0.03)
    grow = ("crystals", {"shape": "tetrahedron", "count": (5, 10), "size": (0.25, 0.45)})
    dark = replace(DULL, colours=DULL.colours * 0.15)
    strewn = massive(3, dark, replace(ore, bump=0.01), 0.36, pattern="spots", other_scale=4.2)
    return [grown(0.6, ore, QUARTZ, grow), strewn]


def molybdenite() -> list[Variant]:
    """Occurrences of molybdenite: books of six-sided flakes."""
    flake = metal("metal", rough=0.26, lines=9, line_depth=0.3, bump=0.004)
    return [
        grown(0.4, flake, QUARTZ, ("leaves", {"count": (6, 10), "size": (0.3, 0.6)})),
        free(2, flake, ("leaves", {"count": (10, 16), "size": (0.5, 0.8), "thick": 0.7, "wobble": 0.16})),
    ]


def stibnite() -> list[Variant]:
    """Occurrences of stibnite: radiating needles and sheaves."""
    needle = metal("metal", rough=0.22, lines=12, line_depth=0.4, tarnish=0.1)
    fan = ("sprays", {"fans": (2, 3), "count": (22, 34), "thick": 0.7})
    return [
        free(2, needle, ("sprays", {"fans": (2, 4), "count": (26, 36), "thick": 0.85})),
        grown(0.6, needle, ROCK, fan),
        free(0.5, needle, ("bundle", {})),
    ]


def chalcocite() -> list[Variant]:
    """Occurrences of chalcocite: smooth ore, cracked like dry mud."""
    ore = metal("metal", rough=0.3, bump=0.008, stain=0.03)
    soot = earthy("dull", rough=0.9)
    crack = replace(soot, colours=soot.colours * 0.12)
    return [massive(1, ore, crack, 0.17, pattern="fragments", other_scale=2.3)]


def pyrolusite() -> list[Variant]:
    """Occurrences of pyrolusite: dendrites on a pale slab."""
    ink = metal("metal", metal=0.3, rough=0.6)
    ink = replace(ink, colours=ink.colours * 0.2)
    slab = patched(PALE, 1, 0.26, pattern="dendrites", other_scale=5.0)
    return [Variant(1, (slab, ink), (("stone", {"size": (1.0, 0.8, 0.35), "lobes": 0}),), 0.03)]


def iron_molybdenum() -> list[Variant]:
    """Occurrences of the iron-molybdenum ore (class 24, whose exact identity the paper leaves open): stockwork."""
    host = earthy("dull", grain=9, tilt=0.25, shade=0.3, stain=0.2)
    flake = replace(QUARTZ, clear=0.0, other=2, other_share=0.2, other_scale=2.5)
    veined = patched(replace(host, colours=host.colours * 0.5), 1, 0.18, pattern="stockwork", other_scale=1.5)
    return [Variant(1, (veined, flake, DULL), (STONE,))]
