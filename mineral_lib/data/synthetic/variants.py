"""How minerals occur: the vocabulary in which the 26 recipes are written."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mineral_lib.data.synthetic.materials import Material, body

Part = tuple[str, dict]


@dataclass(frozen=True)
class Variant:
    """One way a mineral occurs: how common (weight), materials by index, parts in building order and rock roughness."""

    weight: float
    materials: tuple[Material, ...]
    parts: tuple[Part, ...]
    rough: float = 0.075


def metal(codes: str, **look) -> Material:
    """Metallic crystal of three colours."""
    return body(codes, **{"metal": 1.0, "rough": 0.3, "bump": 0.015, **look})


def granular(codes: str, grain: float, **look) -> Material:
    """Massive metallic ore of small turned grains."""
    return metal(codes, **{"grain": grain, "tilt": 0.45, "shade": 0.25, "rough": 0.42, "bump": 0.03, **look})


def glass(codes: str, clear: float, **look) -> Material:
    """Transparent crystal with glassy lustre."""
    return body(codes, **{"clear": clear, "rough": 0.12, "gloss": 0.07, "bump": 0.006, **look})


def earthy(codes: str, **look) -> Material:
    """Dull, earthy or stony material."""
    return body(codes, **{"rough": 0.95, "gloss": 0.02, "bump": 0.035, "bump_scale": 9.0, **look})


def patched(material: Material, other: int, share: float, **look) -> Material:
    """The material with patches or veins of another one."""
    return replace(material, other=other, other_share=share, **look)


QUARTZ = glass("8f8a80 b9b4aa d8d4ca", 0.25, rough=0.3, bump=0.02, contrast=0.7, steps=0.01, stain=0.12)
LIMESTONE = earthy("7c776c a39d90 c4beb0", contrast=0.8, stain=0.15)
GREY = earthy("4a4845 6d6963 908a80", contrast=0.8, grain=11, tilt=0.2, shade=0.25, stain=0.15)
BASALT = earthy("26272a 3a3b3c 55534f", contrast=0.7, grain=14, tilt=0.15, shade=0.3)
RUSTY = earthy("3f2a18 6b4a2a 9a7446", contrast=0.9, grain=9, tilt=0.2, shade=0.2)
STONE: Part = ("stone", {})
HOST: Part = ("stone", {"material": 1})


def massive(weight: float, ore: Material, host: Material, share: float, **look) -> Variant:
    """A lump of ore with patches of host rock."""
    return Variant(weight, (patched(ore, 1, share, **look), host), (STONE,))


def grown(weight: float, crystal: Material, host: Material, *parts: Part) -> Variant:
    """Crystals (material 0) on a host stone (material 1)."""
    return Variant(weight, (crystal, host), (HOST, *parts))


def free(weight: float, crystal: Material, *parts: Part) -> Variant:
    """Crystals or lumps without host rock."""
    return Variant(weight, (crystal,), parts)


SULFIDE_STAIN = {"stain": 0.2, "stain_colour": (0.10, 0.055, 0.02)}
PYRITE = "857549 b5a068 d8c48c"
CHALCOPYRITE = "836d3a b2964e d2b672"
PYRRHOTITE = "6f5c40 a28a62 c6ae82"
BLACK = "0d0d0e 1b1b1d 303134"
