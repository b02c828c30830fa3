"""Finding two pictures of the same scene: copies, crops, turns and mirror images, verified by local features.

Candidates come from nearest neighbours of network features, which survive crops and turns that a perceptual hash does
not. A candidate counts only if enough local features (SIFT, Lowe 2004) agree on one similarity transform, and if the
colours agree where the pictures overlap: cut gems or crystals of one mineral look alike, but their corners do not fit.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from PIL import Image
from sklearn.neighbors import NearestNeighbors

from mineral_lib.photos import NEAR, SAME_BYTES, SAME_PIXELS, near_duplicates, read_photo
from mineral_lib.recognition.features import COLOUR, photograph_features
from mineral_lib.recognition.recogniser import installed_kinds, kind_of
from mineral_lib.recognition.unknown import unit

SAME_SCENE = "same scene"
JOBS = 2  # decoding threads

SIDE_PX = 360  # longest side of the pictures that are compared
KEYPOINTS = 600
RATIO = 0.75  # of the nearest to the second nearest descriptor (Lowe 2004)
INLIERS = 12  # local features that must agree on one transform
INLIER_SHARE = 0.3  # of the matches
REACH_PX = 4.0
MOST_COLOUR_DISTANCE = 30.0  # mean absolute difference of overlapping 8-bit pixels
NEIGHBOURS = 8
KEPT = 1000  # pictures whose local features stay in memory, about 0.7 MB each

Pair = tuple[int, int]  # places of two photographs, the smaller first


@dataclass(frozen=True)
class Local:
    """A small picture with its keypoints (K, 2), in pixels, and their descriptors (K, 128); None without any."""

    pixels: np.ndarray
    points: np.ndarray
    descriptors: np.ndarray | None


def local_features(photo: Image.Image, *, mirrored: bool = False) -> Local:
    """Keypoints and descriptors of a photograph, or of its mirror image, at a longest side of 360 px."""
    small = photo.convert("RGB")
    small.thumbnail((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)
    small = small.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else small
    pixels = np.asarray(small)
    points, descriptors = cv2.SIFT_create(KEYPOINTS).detectAndCompute(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), None)
    if descriptors is not None:  # RootSIFT (Arandjelovic and Zisserman 2012)
        descriptors = np.sqrt(descriptors / (descriptors.sum(1, keepdims=True) + 1e-7))
    return Local(pixels, np.float32([point.pt for point in points]).reshape(-1, 2), descriptors)


def verify(one: Local, other: Local) -> tuple[int, float, float] | None:
    """Whether two pictures show the same scene: agreeing features, scale and turn in degrees, or None."""
    if one.descriptors is None or other.descriptors is None or min(len(one.points), len(other.points)) < INLIERS:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(one.descriptors, other.descriptors, k=2)
    good = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < RATIO * pair[1].distance]
    if len(good) < INLIERS:
        return None
    source = one.points[[match.queryIdx for match in good]]
    target = other.points[[match.trainIdx for match in good]]
    cv2.setRNGSeed(0)
    transform, inside = cv2.estimateAffinePartial2D(source, target, method=cv2.RANSAC, ransacReprojThreshold=REACH_PX)
    if transform is None or inside.sum() < max(INLIERS, INLIER_SHARE * len(good)):
        return None
    scale = float(np.hypot(transform[0, 0], transform[1, 0]))
    if not 0.2 < scale < 5 or _colour_distance(one.pixels, other.pixels, transform) > MOST_COLOUR_DISTANCE:
        return None
    return int(inside.sum()), scale, float(np.degrees(np.arctan2(transform[1, 0], transform[0, 0])))


def _colour_distance(one: np.ndarray, other: np.ndarray, transform: np.ndarray) -> float:
    """Mean absolute difference where the first, laid over the second, covers it; infinite without an overlap."""
    size = other.shape[1::-1]
    laid = cv2.warpAffine(one, transform, size)
    covered = cv2.warpAffine(np.full(one.shape[:2], 255, np.uint8), transform, size) > 250
    if covered.mean() < 0.05:
        return float("inf")
    return float(np.abs(laid[covered].astype(float) - other[covered]).mean())


def nearest_kind() -> str | None:
    """Features whose nearest neighbours are candidates; None if the weights are not installed."""
    return next((name for name in installed_kinds() if name != COLOUR.name), None)


def find_copies(
    pictures: pd.DataFrame,
    radius: int | None,
    *,
    asked: np.ndarray | None = None,
    kind: str | None = None,
    cache_dir: Path | None = None,
) -> dict[Pair, dict[str, Any]]:
    """All pairs of pictures that show the same: by bytes, pixels, local features, and by the hash alone.

    Args:
        pictures: Columns ``path``, ``sha256``, ``pixels_sha256`` and ``phash``, one row a picture (N).
        radius: Bits of the hash that may differ, see ``photos.near_duplicates``.
        asked: Rows to compare with all the others, the last ones; None for every pair.
        kind: Features whose nearest neighbours are candidates too, see ``recogniser.kind_of``; the hash alone if None.
        cache_dir: Where features are kept; nowhere if not given.

    Returns:
        Of each pair of rows, the smaller first, ``kind`` (the strongest), ``distance`` in bits (NaN where the hash did
        not find it), and of a verified one what ``same_scenes`` says.
    """
    near = near_duplicates(pictures, radius)
    rows = {(one, two): {"kind": NEAR, "distance": bits} for one, two, bits in near.itertuples(index=False)}
    for name, column in ((SAME_PIXELS, "pixels_sha256"), (SAME_BYTES, "sha256")):
        for same in pictures.groupby(column).indices.values():
            rows |= {pair: {"kind": name, "distance": 0} for pair in combinations(sorted(map(int, same)), 2)}
    crossing = (lambda one, two: True) if asked is None else (lambda one, two: one < asked[0] <= two)
    rows = {pair: row for pair, row in rows.items() if crossing(*pair)}
    exact = {pair for pair, row in rows.items() if row["kind"] != NEAR}
    # More near pairs than that share a background: each would take hundredths of a second to look at.
    candidates = set(rows) if len(rows) <= NEIGHBOURS * len(pictures) else set()
    paths = pictures["path"].tolist()

    def decode(place: int) -> Image.Image:
        return read_photo(paths[place]).image

    if kind:
        digests = pictures["sha256"].tolist()
        (features,) = photograph_features(digests, decode, [kind_of(kind)], cache_dir=cache_dir, jobs=JOBS)
        candidates |= neighbours(features, asked)
    for pair, scene in same_scenes(candidates - exact, decode).items():
        rows[pair] = {"distance": np.nan} | rows.get(pair, {}) | scene | {"kind": SAME_SCENE}
    return rows


def neighbours(features: np.ndarray, among: np.ndarray | None = None) -> set[Pair]:
    """Pairs of photographs whose features (N, D) are near, as candidates: places, the smaller first.

    Args:
        features: Network features (N, D).
        among: Rows to compare with all the others (for example those of a test set); None for every pair.
    """
    every, directions = np.arange(len(features)), unit(features)
    asked, others = (every, every) if among is None else (among, np.setdiff1d(every, among))
    if not len(others) or not len(asked):
        return set()
    count = min(len(others), NEIGHBOURS + (among is None))
    search = NearestNeighbors(n_neighbors=count).fit(directions[others])
    near = others[search.kneighbors(directions[asked], return_distance=False)]
    found = np.stack([np.repeat(asked, count), near.ravel()], axis=1)
    return {(min(pair), max(pair)) for pair in found.tolist() if pair[0] != pair[1]}


def same_scenes(candidates: Collection[Pair], decode: Callable[[int], Image.Image]) -> dict[Pair, dict[str, Any]]:
    """The pairs of photographs that show the same scene.

    Args:
        candidates: Pairs to verify: places of photographs, the smaller first.
        decode: Gives the photograph at a place as a PIL image.

    Returns:
        Of each pair ``inliers`` (local features that agree), ``scale`` (size of the first in the second, 1 for the
        same), ``turn_deg`` (from the first to the second, -180 to 180) and ``mirrored`` (``yes``: the first must be
        mirrored left to right before that).
    """

    @lru_cache(KEPT)
    def upright(row: int) -> Local:
        return local_features(decode(row))

    @lru_cache(1)  # pairs are sorted, so a mirror image is needed for one picture after the other
    def mirror(row: int) -> Local:
        return local_features(decode(row), mirrored=True)

    matches = {}
    for first, second in sorted(candidates):
        for mirrored, view in enumerate((upright, mirror)):
            if found := verify(view(first), upright(second)):
                names = ("inliers", "scale", "turn_deg", "mirrored")
                matches[first, second] = dict(zip(names, (*found, "yes" if mirrored else "no"), strict=True))
                break
    return matches
