"""How the surface of a mineral looks: colours, lustre, transparency and texture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mineral_lib.specimens.palettes import FAMILIES, draw, linear, palette

Colour = tuple[float, float, float]


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
