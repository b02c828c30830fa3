"""Photographs that show the same picture: perceptual hashes, pairs within a radius, groups of pairs.

The hash is the sign of the 63 lowest alternating coefficients of a 32 x 32 cosine transform of the grey picture, a
variant of pHash (Zauner 2010, "Implementation and benchmarking of perceptual image hash functions") with the sign
in place of the median. A mirror image changes the sign of every second coefficient and a transposition exchanges
rows and columns, so the hashes of all eight flips and quarter turns follow from one of them bit by bit, and the
distance of two photographs over the eight does not depend on which of the two is turned.

Pure functions: nothing here reads or writes a file.
"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd
from PIL import Image
from scipy.fft import dctn
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mineral_lib.errors import DataError
from mineral_lib.photos.images import as_picture

PAIR_COLUMNS = ["first", "second", "distance"]
MAX_RADIUS = 16  # of 63 bits; at 16 most photographs have strangers within reach (benchmarks/RESULTS.md)
MAX_PAIRS = 5_000_000

_SIDE = 32
_BITS = 8
_ZERO = 0.05  # coefficients of a flat or mirror-symmetric picture are rounding noise below this size
_BANDS = 4
# Beyond this radius every hash has so many neighbours a band that comparing all pairs is as fast.
_MAX_BAND_RADIUS = 7
_CHUNK = 2_000_000  # candidate pairs in memory at once


def perceptual_hash(image: Image.Image | np.ndarray) -> np.ndarray:
    """Hashes of the eight flips and quarter turns of a photograph.

    Args:
        image: RGB, upright, a picture or (H, W, 3) uint8.

    Returns:
        (8,) uint64; the first is that of the photograph as it is, and all others follow from it (see ``turned``).
    """
    grey = as_picture(image).convert("L")
    factor = min(grey.size) // (4 * _SIDE)
    grey = grey.reduce(factor) if factor > 1 else grey
    small = grey.convert("F").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    low = dctn(np.asarray(small, dtype=np.float64), norm="ortho")[:_BITS, :_BITS]
    bits = low > _ZERO
    bits[0, 0] = False  # the mean brightness says nothing about the picture
    return turned(_packed(bits.reshape(64)))


def turned(upright: np.ndarray | np.uint64) -> np.ndarray:
    """Hashes of the eight flips and quarter turns from the upright hash.

    Args:
        upright: (...) uint64.

    Returns:
        (..., 8) uint64, the first equal to ``upright``: as it is, mirrored left to right, upside down, both (half
        turn), and the transposes of these four.
    """
    upright = np.asarray(upright, np.uint64)
    bits = np.unpackbits(upright[..., None].astype("<u8").view(np.uint8), axis=-1, bitorder="little").astype(bool)
    bits = bits.reshape(*upright.shape, _BITS, _BITS)
    odd = np.arange(_BITS) % 2 == 1
    masks = [np.zeros((_BITS, _BITS), bool), np.tile(odd, (_BITS, 1)), np.tile(odd[:, None], (1, _BITS))]
    masks.append(masks[1] ^ masks[2])
    eight = [bits ^ mask for mask in masks]
    eight += [np.swapaxes(one, -1, -2) for one in eight]
    return _packed(np.stack(eight, axis=-3).reshape(*upright.shape, 8, 64))


def _packed(bits: np.ndarray) -> np.ndarray:
    """(..., 64) bool to (...) uint64, the first bit lowest."""
    return np.packbits(bits, axis=-1, bitorder="little").view("<u8")[..., 0].astype(np.uint64)


def near_pairs(hashes: np.ndarray, radius: int) -> pd.DataFrame:
    """All pairs of photographs whose hashes differ in at most ``radius`` bits in the best of the eight turns.

    Up to a radius of 7 only photographs that nearly agree in one of four bands of 16 bits are compared (two hashes
    within r bits agree in some band within r // 4), beyond it all pairs are, piece by piece. The result is exact
    both ways.

    Args:
        hashes: (N, 8) uint64 from ``perceptual_hash``.
        radius: Bits, 0 to ``MAX_RADIUS``.

    Returns:
        Columns ``first`` < ``second`` (positions) and ``distance`` (bits), ordered by first and second.

    Raises:
        DataError: More than ``MAX_PAIRS`` pairs, so the radius says nothing on these photographs.
        ValueError: The radius is out of range.
    """
    if not 0 <= radius <= MAX_RADIUS:
        raise ValueError(f"radius must be 0 to {MAX_RADIUS}, not {radius}")
    hashes = np.ascontiguousarray(hashes, dtype=np.uint64).reshape(-1, 8)
    count = len(hashes)
    banded = radius <= _MAX_BAND_RADIUS
    candidates = _band_candidates(hashes, radius // _BANDS) if banded else _all_pairs(hashes, radius)
    found = pd.DataFrame({name: np.empty(0, np.int64) for name in PAIR_COLUMNS})
    waiting: list[pd.DataFrame] = []
    for first, second, distance in candidates:
        keep = (distance <= radius) & (first < second)
        if keep.any():
            columns = zip(PAIR_COLUMNS, (first[keep], second[keep], distance[keep].astype(np.int64)), strict=True)
            waiting.append(pd.DataFrame(dict(columns)))
        if sum(map(len, waiting)) > _CHUNK:
            found, waiting = _closest([found, *waiting], count), []
    return _closest([found, *waiting], count)


def groups(count: int, pairs: pd.DataFrame) -> np.ndarray:
    """Connected photographs: a pair belongs together, and so does whoever is reached over pairs.

    Args:
        count: Number of photographs.
        pairs: Columns ``first`` and ``second``, positions 0 to count - 1.

    Returns:
        (count,) int64 labels 0, 1, ... in the order of each group's first photograph.
    """
    first, second = pairs["first"].to_numpy(np.int64), pairs["second"].to_numpy(np.int64)
    graph = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(count, count))
    labels = connected_components(graph, directed=False)[1]
    return pd.factorize(labels)[0].astype(np.int64)


def _closest(parts: list[pd.DataFrame], count: int) -> pd.DataFrame:
    """Each pair once, with its smallest distance."""
    frame = pd.concat(parts, ignore_index=True).sort_values(PAIR_COLUMNS, ignore_index=True)
    frame = frame.drop_duplicates(["first", "second"], ignore_index=True)
    if len(frame) > MAX_PAIRS:
        raise DataError(
            f"more than {MAX_PAIRS} pairs of near duplicates among {count} photographs",
            where="data.near_duplicate_radius",
            remedy="set a smaller radius, or null for none",
        )
    return frame


def _all_pairs(hashes: np.ndarray, radius: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    rows = max(1, _CHUNK // max(len(hashes), 1))
    turns = np.ascontiguousarray(hashes.T)
    for start in range(0, len(hashes), rows):
        upright = turns[0, start : start + rows, None]
        distance = np.bitwise_count(upright ^ turns[0, start:])
        for turn in range(1, 8):
            np.minimum(distance, np.bitwise_count(upright ^ turns[turn, start:]), out=distance)
        first, second = np.nonzero(distance <= radius)
        yield first + start, second + start, distance[first, second]


def _band_candidates(hashes: np.ndarray, tolerance: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Pairs that agree within ``tolerance`` bits in one band in one of the eight turns, with their distance there."""
    masks = [sum(1 << bit for bit in bits) for size in range(tolerance + 1) for bits in combinations(range(16), size)]
    bands = _interleaved(hashes)
    for band in range(_BANDS):
        upright = bands[:, 0, band]
        for turn in range(8):
            keys = bands[:, turn, band]
            order = np.argsort(keys, kind="stable")
            starts = np.searchsorted(keys[order], np.arange((1 << 16) + 1))
            for mask in masks:
                wanted = upright ^ mask
                for first, place in _expand(starts[wanted], starts[wanted + 1]):
                    second = order[place]
                    yield first, second, np.bitwise_count(hashes[first, 0] ^ hashes[second, turn])


def _interleaved(hashes: np.ndarray) -> np.ndarray:
    """(N, 8, 4) int64 bands of 16 bits. Every fourth bit goes to the same band, so that none holds only the lowest
    frequencies, in which photographs resemble each other most.
    """
    bands = np.zeros((*hashes.shape, _BANDS), np.int64)
    for bit in range(64):
        # Rows of eight frequencies: the shift by the row keeps columns from falling into one band each.
        band, place = (bit + bit // 8) % _BANDS, bit // _BANDS
        bands[..., band] |= ((hashes >> np.uint64(bit)) & np.uint64(1)).astype(np.int64) << place
    return bands


def _expand(start: np.ndarray, stop: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each row the places start .. stop - 1, in pieces of bounded size."""
    sizes = stop - start
    rows = np.flatnonzero(sizes)
    ends = np.cumsum(sizes[rows])
    done = 0
    while done < len(rows):
        before = ends[done - 1] if done else 0
        upto = max(int(np.searchsorted(ends, before + _CHUNK, side="right")), done + 1)
        part = rows[done:upto]
        first = np.repeat(part, sizes[part])
        within = np.arange(len(first)) - np.repeat(ends[done:upto] - sizes[part] - before, sizes[part])
        yield first, start[first] + within
        done = upto
