"""Colours in families that look-alikes share, so that no mineral is known by its colour alone.

A family lists colour triples "dark middle light" (sRGB, hexadecimal); a specimen takes a mixture of two of them.
"""

from __future__ import annotations

import numpy as np

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
