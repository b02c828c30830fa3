"""Finding two pictures of the same scene: copies, crops, turns and mirror images, verified by local features.

Candidates come from nearest neighbours of network features, which survive crops and turns that a perceptual hash does
not. A candidate counts only if enough local features (SIFT, Lowe 2004) agree on one similarity transform, and if the
colours agree where the pictures overlap: cut gems or crystals of one mineral look alike, but their corners do not fit.
"""

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
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
from threadpoolctl import threadpool_limits

from mineral_lib.photos import NEAR, PAIR_COLUMNS, SAME_BYTES, SAME_PIXELS, SAME_SCENE, read_photo
from mineral_lib.recognition.features import COLOUR, photograph_features
from mineral_lib.recognition.recogniser import installed_kinds, kind_of
from mineral_lib.recognition.unknown import unit

JOBS = 2  # decoding threads

SIDE_PX = 360  # longest side of the pictures that are compared
KEYPOINTS = 600
RATIO = 0.75  # of the nearest to the second nearest descriptor (Lowe 2004)
INLIERS = 12  # local features that must agree on one transform
INLIER_SHARE = 0.3  # of the matches
REACH_PX = 4.0
LEAST_AREA = 0.05  # of one picture, inside the hull of what agrees: a watermark that two share is a line of text
MOST_COLOUR_DISTANCE = 30.0  # mean absolute difference of overlapping 8-bit pixels
NEIGHBOURS = 8
KEPT = 1000  # pictures whose local features stay in memory, about 0.7 MB each

Pair = tuple[int, int]  # places of two photographs, the smaller first


@dataclass(frozen=True)
class Local:
    """A small picture with its keypoints (K, 2), in pixels, and their descriptors (K, 128) of unit length."""

    pixels: np.ndarray
    points: np.ndarray
    descriptors: np.ndarray

    @property
    def mirrored(self) -> "Local":
        """The same of the mirror image, nothing computed anew.

        A descriptor is 4 x 4 cells of 8 directions in the frame of its keypoint's own direction: mirroring reverses
        the rows of cells and the sense of the directions.
        """
        cells = self.descriptors.reshape(-1, 4, 4, 8)[:, ::-1, :, -np.arange(8) % 8]
        points = self.points * [-1, 1] + [self.pixels.shape[1] - 1, 0]
        return Local(self.pixels[:, ::-1].copy(), points.astype(np.float32), cells.reshape(-1, 128))


def local_features(photo: Image.Image) -> Local:
    """Keypoints and descriptors of a photograph at a longest side of 360 px."""
    small = photo.convert("RGB")
    small.thumbnail((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)
    pixels = np.asarray(small)
    points, descriptors = cv2.SIFT_create(KEYPOINTS).detectAndCompute(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), None)
    descriptors = np.empty((0, 128), np.float32) if descriptors is None else descriptors
    # RootSIFT (Arandjelovic and Zisserman 2012)
    descriptors = np.sqrt(descriptors / (descriptors.sum(1, keepdims=True) + 1e-7))
    return Local(pixels, np.float32([point.pt for point in points]).reshape(-1, 2), descriptors)


def verify(one: Local, other: Local) -> tuple[int, float, float] | None:
    """Whether two pictures show the same scene: agreeing features, scale and turn in degrees, or None."""
    if min(len(one.points), len(other.points)) < INLIERS:
        return None
    source, target = _matches(one, other)
    if len(source) < INLIERS:
        return None
    transform, inside = cv2.estimateAffinePartial2D(source, target, method=cv2.RANSAC, ransacReprojThreshold=REACH_PX)
    if transform is None or inside.sum() < max(INLIERS, INLIER_SHARE * len(source)):
        return None
    agreeing = inside.ravel() > 0
    area = max(_covered(source[agreeing], one.pixels), _covered(target[agreeing], other.pixels))
    scale = float(np.hypot(transform[0, 0], transform[1, 0]))
    if area < LEAST_AREA or not 0.2 < scale < 5:
        return None
    if _colour_distance(one.pixels, other.pixels, transform) > MOST_COLOUR_DISTANCE:
        return None
    return int(inside.sum()), scale, float(np.degrees(np.arctan2(transform[1, 0], transform[0, 0])))


def _matches(one: Local, other: Local) -> tuple[np.ndarray, np.ndarray]:
    """Points of both pictures (M, 2) whose descriptors are much nearer to each other than to the second nearest."""
    cosines, rows = one.descriptors @ other.descriptors.T, np.arange(len(one.points))
    nearest = cosines.argmax(1)
    best = cosines[rows, nearest]
    cosines[rows, nearest] = -1
    first, second = (np.sqrt(np.clip(2 - 2 * cosine, 0, None)) for cosine in (best, cosines.max(1)))
    good = first < RATIO * second
    return one.points[good], other.points[nearest[good]]


def _covered(points: np.ndarray, pixels: np.ndarray) -> float:
    """Share of a picture inside the hull of points in it."""
    return cv2.contourArea(cv2.convexHull(points)) / (pixels.shape[0] * pixels.shape[1])


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
    near: pd.DataFrame,
    *,
    asked: np.ndarray | None = None,
    kind: str | None = None,
    cache_dir: Path | None = None,
) -> dict[Pair, dict[str, Any]]:
    """All pairs of pictures that show the same: by bytes, pixels, local features, and by the hash alone.

    Args:
        pictures: Columns ``path``, ``sha256`` and ``pixels_sha256``, one row a picture (N).
        near: Pairs that the hash found, see ``photos.near_duplicates``.
        asked: Rows to compare with all the others, the last ones; None for every pair.
        kind: Features whose nearest neighbours are candidates too, see ``recogniser.kind_of``; the hash alone if None.
        cache_dir: Where features are kept; nowhere if not given.

    Returns:
        Of each pair of rows, the smaller first, ``kind`` (the strongest), ``distance`` in bits (NaN where the hash did
        not find it), and of a verified one what ``same_scenes`` says.
    """
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


def find_scenes(pictures: pd.DataFrame, near: pd.DataFrame, *, cache_dir: Path | None = None) -> pd.DataFrame:
    """The pairs of ``find_copies`` that show the same scene, verified: what ``photos.scan`` asks for."""
    rows = find_copies(pictures, near, kind=nearest_kind(), cache_dir=cache_dir)
    scenes = [(*pair, row["distance"]) for pair, row in rows.items() if row["kind"] == SAME_SCENE]
    return pd.DataFrame(scenes, columns=PAIR_COLUMNS)


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
    def local(row: int) -> Local:
        return local_features(decode(row))

    def scene(pair: Pair) -> dict[str, Any] | None:
        first, second = map(local, pair)
        upright = verify(first, second)
        found = upright or verify(first.mirrored, second)
        names = ("inliers", "scale", "turn_deg", "mirrored")
        return dict(zip(names, (*found, "no" if upright else "yes"), strict=True)) if found else None

    pairs = sorted(candidates)
    with ThreadPoolExecutor(JOBS) as pool, threadpool_limits(1):  # two threads of two would be in each other's way
        return {pair: found for pair, found in zip(pairs, pool.map(scene, pairs), strict=True) if found}
