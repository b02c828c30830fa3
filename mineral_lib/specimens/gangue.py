"""Coloured, transparent and earthy minerals: how their specimens are built and look."""

from dataclasses import replace

from mineral_lib.specimens.materials import body
from mineral_lib.specimens.variants import PALE, QUARTZ, ROCK, STONE, Variant, earthy, free, glass, grown, massive


def cinnabar() -> list[Variant]:
    """Occurrences of cinnabar: cement between fragments of a pale breccia, rhombohedra."""
    gem = glass("red", 0.25, gloss=0.12, rough=0.2)
    mass = earthy("red", rough=0.7)
    grow = ("crystals", {"shape": "rhombohedron", "count": (10, 20), "size": (0.12, 0.26), "width": 0.6})
    cement = replace(mass, colours=mass.colours * 0.35)
    return [massive(4, PALE, cement, 0.32, pattern="fragments", other_scale=1.9), grown(1, gem, PALE, grow)]


def calcite() -> list[Variant]:
    """Occurrences of calcite: cleavage rhombs, dog-tooth spar."""
    clear = glass("gem", 0.5, gloss=0.05, absorb=0.5, lines=5, line_depth=0.45)
    cleave = ("blocks", {"shape": "rhombohedron", "count": (8, 14), "flat": 0.9, "size": (0.2, 0.42)})
    tooth = ("crystals", {"shape": "dogtooth", "count": (10, 18), "size": (0.14, 0.24), "long": 2.3, "aim": "out"})
    return [free(1, clear, cleave), grown(2.5, replace(clear, clear=0.25, lines=0), ROCK, tooth)]


def olivine() -> list[Variant]:
    """Occurrences of olivine: sugary nodules in basalt with bubbles, dunite of round grains."""
    grains = glass("green", 0.25, grain=6.5, tilt=0.8, shade=0.8, rough=0.2)
    dark = earthy("dull", pores=0.1, pore_scale=9.0)
    basalt = replace(dark, colours=dark.colours * 0.35)
    return [massive(1, basalt, grains, 0.5, pattern="spots", other_scale=1.25), free(0.3, grains, STONE)]


def limonite() -> list[Variant]:
    """Occurrences of limonite: cellular boxwork."""
    earth = earthy("earth", pores=0.7, pore_scale=4.5, mottle=2.5, bump=0.06)
    return [Variant(2, (earth,), (STONE,), 0.14), Variant(1, (replace(earth, pores=0.6),), (STONE,), 0.2)]


def malachite() -> list[Variant]:
    """Occurrences of malachite: banded grapes, banded cut pieces."""
    silk = body("green", rough=0.38, gloss=0.05, bump=0.01, bands=6, band_share=0.9, band_colour=(0.005, 0.03, 0.015))
    grapes = ("grapes", {"count": (14, 26), "size": (0.22, 0.46)})
    return [free(1, silk, grapes), free(1, replace(silk, bands=3.2), STONE)]


def azurite() -> list[Variant]:
    """Occurrences of azurite: rosettes of blades."""
    gem = glass("blue", 0.15, rough=0.18, gloss=0.1)
    rose = {"count": (3, 5)}
    return [grown(1, gem, ROCK, ("rosettes", rose)), free(1, gem, ("rosettes", {**rose, "count": (4, 7)}))]


def bauxite() -> list[Variant]:
    """Occurrences of bauxite: pisolites, round as peas."""
    bean = earthy("earth", contrast=0.5, bump=0.006)
    peas = ("grapes", {"count": (80, 110), "size": (0.12, 0.18), "width": 1.6})
    return [grown(2, bean, earthy("earth"), peas), Variant(1, (bean,), (STONE, peas))]


def sphalerite() -> list[Variant]:
    """Occurrences of sphalerite: coarse cleavage that flashes, dodecahedra."""
    gem = glass("resin", 0.2, gloss=0.16, rough=0.16)
    ore = body("resin", rough=0.2, gloss=0.16, metal=0.4, grain=3.2, tilt=0.9, shade=0.9, bump=0.006)
    grow = ("crystals", {"shape": "dodecahedron", "count": (4, 8), "size": (0.3, 0.5)})
    return [free(4, ore, STONE), grown(1, gem, ROCK, grow)]


def quartz() -> list[Variant]:
    """Occurrences of quartz: six-sided prisms with pyramids."""
    clear = glass("gem", 0.6, lines=8, line_depth=0.1, absorb=0.35, gloss=0.1, rough=0.09)
    milky = replace(clear, clear=0.2, rough=0.2)
    point = {"shape": "prism", "size": (0.22, 0.4), "long": 1.9, "aim": "out", "sink": 0.2}
    tips = ("crystals", {**point, "count": (9, 18)})
    big = ("crystals", {**point, "count": (4, 9), "size": (0.3, 0.55), "aim": "same"})
    return [grown(1, clear, QUARTZ, tips), grown(0.7, milky, QUARTZ, tips), free(3, clear, big)]


def realgar() -> list[Variant]:
    """Occurrences of realgar: parallel striated columns, with orpiment."""
    gem = glass("red", 0.25, gloss=0.12, rough=0.2, lines=8, line_depth=0.4)
    column = {"shape": "stub", "count": (14, 24), "size": (0.13, 0.24), "long": 2.2, "aim": "same"}
    return [grown(1.5, gem, PALE, ("crystals", column)), free(1, gem, ("bundle", {"shape": "stub", "thick": 0.28}))]


def fluorite() -> list[Variant]:
    """Occurrences of fluorite: clear cubes, cleavage octahedra."""
    gem = glass("gem", 0.65, absorb=0.7, steps=0.002, bump=0.002, contrast=0.6)
    cube = ("crystals", {"shape": "cube", "count": (6, 14), "size": (0.16, 0.46)})
    other = ("crystals", {"shape": "octahedron", "count": (1, 3), "size": (0.45, 0.7)})
    return [grown(1, gem, ROCK, cube), free(2, gem, cube), free(0.5, gem, other)]
