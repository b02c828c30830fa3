"""How minerals occur: the vocabulary in which the 26 recipes are written."""

from dataclasses import dataclass, replace
from typing import Any

from mineral_lib.specimens.materials import Material, body

Part = tuple[str, dict]


@dataclass(frozen=True)
class Variant:
    """One way a mineral occurs: how common (weight), materials by index, parts in building order and rock roughness."""

    weight: float
    materials: tuple[Material, ...]
    parts: tuple[Part, ...]
    rough: float = 0.075


def metal(codes: str, **look: Any) -> Material:
    """Metallic crystal of three colours."""
    return body(codes, **{"metal": 1.0, "rough": 0.3, "bump": 0.015, **look})


def glass(codes: str, clear: float, **look: Any) -> Material:
    """Transparent crystal with glassy lustre."""
    return body(codes, **{"clear": clear, "rough": 0.12, "gloss": 0.07, "bump": 0.006, **look})


def earthy(codes: str, **look: Any) -> Material:
    """Dull, earthy or stony material."""
    return body(codes, **{"rough": 0.95, "gloss": 0.02, "bump": 0.024, "bump_scale": 9.0, **look})


def patched(material: Material, other: int, share: float, **look: Any) -> Material:
    """The material with patches, veins or nodules of another one."""
    return replace(material, other=other, other_share=share, **look)


QUARTZ = glass("pale", 0.25, rough=0.3, bump=0.02, contrast=0.7, steps=0.01, stain=0.1)
PALE = earthy("pale", contrast=0.6, stain=0.1)
ROCK = earthy("rock", contrast=0.8, stain=0.12)
DULL = earthy("dull", contrast=0.8, stain=0.1)
STONE: Part = ("stone", {})
HOST: Part = ("stone", {"material": 1})


def massive(weight: float, ore: Material, host: Material, share: float, **look: Any) -> Variant:
    """A lump of ore that a second material divides; `look` has its pattern and scale."""
    return Variant(weight, (patched(ore, 1, share, **look), host), (STONE,))


def grown(weight: float, crystal: Material, host: Material, *parts: Part) -> Variant:
    """Crystals (material 0) on a host stone (material 1)."""
    return Variant(weight, (crystal, host), (HOST, *parts))


def free(weight: float, crystal: Material, *parts: Part) -> Variant:
    """Crystals or lumps without host rock."""
    return Variant(weight, (crystal,), parts)
