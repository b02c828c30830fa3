"""Photographs that show the same picture: perceptual hashes, pairs within a radius, groups of pairs.

The hash is the sign of the 63 lowest alternating coefficients of a 32 x 32 cosine transform of the grey picture, a
variant of pHash (Zauner 2010, "Implementation and benchmarking of perceptual image hash functions") with the sign
in place of the median. A mirror image changes the sign of every second coefficient and a transposition exchanges
rows and columns, so the hashes of all eight flips and quarter turns follow from one of them bit by bit, and the
distance of two photographs over the eight does not depend on which of the two is turned.

Pure functions: nothing here reads or writes a file.
"""

from functools import reduce

import numpy as np
import pandas as pd
from PIL import Image
from scipy.fft import dctn
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mineral_lib.photos.images import as_picture
from mineral_lib.photos.messages import refusal

PAIR_COLUMNS = ["first", "second", "distance"]
MAX_RADIUS = 16  # of 63 bits; at 16 most photographs have strangers within reach (benchmarks/RESULTS.md)
MAX_PAIRS = 5_000_000

_SIDE = 32
_BITS = 8
_ZERO = 0.05  # coefficients of a flat or mirror-symmetric picture are rounding noise below this size
_CHUNK = 2_000_000  # pairs in memory at once


def perceptual_hash(image: Image.Image | np.ndarray) -> np.ndarray:
    """Hashes (8,) uint64 of the flips and quarter turns, see ``turned``, of an upright RGB photograph."""
    grey = as_picture(image).convert("L")
    factor = min(grey.size) // (4 * _SIDE)
    grey = grey.reduce(factor) if factor > 1 else grey
    small = grey.convert("F").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    low = dctn(np.asarray(small, dtype=np.float64), norm="ortho")[:_BITS, :_BITS]
    bits = low > _ZERO
    bits[0, 0] = False  # the mean brightness says nothing about the picture
    return turned(_packed(bits.reshape(64)))


def turned(upright: np.ndarray | np.uint64) -> np.ndarray:
    """Hashes (..., 8) uint64 of the eight flips and quarter turns from the upright hash (...).

    In this order: as it is, mirrored left to right, upside down, both (half turn), and the transposes of these four.
    """
    upright = np.asarray(upright, np.uint64)
    bits = _unpacked(upright).reshape(*upright.shape, _BITS, _BITS)
    odd = np.indices((_BITS, _BITS)) % 2 == 1
    eight = [bits ^ mask for mask in (False, odd[1], odd[0], odd[0] ^ odd[1])]
    eight += [np.swapaxes(one, -1, -2) for one in eight]
    return _packed(np.stack(eight, axis=-3).reshape(*upright.shape, 8, 64))


def _packed(bits: np.ndarray) -> np.ndarray:
    """(..., 64) bool to (...) uint64, the first bit lowest."""
    return np.packbits(bits, axis=-1, bitorder="little").view("<u8")[..., 0].astype(np.uint64)


def _unpacked(hashes: np.ndarray) -> np.ndarray:
    """(...) uint64 to (..., 64) bool, the lowest bit first."""
    return np.unpackbits(hashes[..., None].astype("<u8").view(np.uint8), axis=-1, bitorder="little").astype(bool)


def near_pairs(hashes: np.ndarray, radius: int) -> pd.DataFrame:
    """All pairs of photographs whose hashes differ in at most ``radius`` bits in the best of the eight turns.

    All pairs of hashes (N, 8) from ``perceptual_hash`` are compared, piece by piece: 3.6 s for 20,000 photographs on
    two slow cores. A radius beyond 0 to ``MAX_RADIUS`` is a ValueError.

    Returns:
        Columns ``first`` < ``second`` (positions) and ``distance`` (bits), ordered by first and second.

    Raises:
        DataError: More than ``MAX_PAIRS`` pairs, so the radius says nothing on these photographs.
    """
    if not 0 <= radius <= MAX_RADIUS:
        raise ValueError(f"radius must be 0 to {MAX_RADIUS}, not {radius}")
    hashes = np.asarray(hashes, np.uint64).reshape(-1, 8)
    turns, count = np.ascontiguousarray(hashes.T), len(hashes)
    found, total, step = [], 0, max(1, _CHUNK // max(count, 1))
    for start in range(0, count, step):
        first, second = np.arange(start, min(start + step, count))[:, None], np.arange(start, count)
        distance = reduce(np.minimum, (np.bitwise_count(turns[0][first] ^ turn[second]) for turn in turns))
        keep = (distance <= radius) & (first < second)
        found.append([np.broadcast_to(part, keep.shape)[keep] for part in (first, second, distance)])
        total += len(found[-1][0])
        if total > MAX_PAIRS:
            raise refusal("many_pairs", "data.near_duplicate_radius", most=MAX_PAIRS, count=count)
    columns = [np.concatenate(parts) for parts in zip(*found, strict=True)] or [[], [], []]
    table = pd.DataFrame(dict(zip(PAIR_COLUMNS, columns, strict=True)), dtype=np.int64)
    return table.sort_values(PAIR_COLUMNS, ignore_index=True)


def groups(count: int, pairs: pd.DataFrame) -> np.ndarray:
    """Connected photographs: a pair belongs together, and so does whoever is reached over pairs.

    Returns (count,) int64 labels 0, 1, ... in the order of each group's first photograph.
    """
    first, second = pairs["first"].to_numpy(np.int64), pairs["second"].to_numpy(np.int64)
    graph = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(count, count))
    labels = connected_components(graph, directed=False)[1]
    return pd.factorize(labels)[0].astype(np.int64)
