"""Features of photographs: a frozen network at one or more sizes, and a colour histogram; each computed once.

Features are kept below ``results/cache/features``, one file a backbone and size, by the digest of each photograph, so a
new photograph in a folder costs only itself.
"""

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from mineral_lib.recognition.backbone import Backbone
from mineral_lib.storage import write_bytes

# Photographs at once. Activations of more are memory that the system gives and takes back each time: a third slower.
BATCH = 4
BINS = 8  # a channel of the colour histogram
HISTOGRAM_SIDE_PX = 128


def view(photo: Image.Image, backbone: Backbone, size_px: int) -> torch.Tensor:
    """The centre of a photograph, its aspect kept, as the backbone wants it: (3, size_px, size_px), values 0 to 1."""
    side = round(size_px / backbone.cfg.get("crop_pct", 1.0))
    scale = side / min(photo.size)
    width, height = (max(side, round(length * scale)) for length in photo.size)
    how = Image.Resampling[str(backbone.cfg.get("interpolation", "bicubic")).upper()]
    left, top = (width - size_px) // 2, (height - size_px) // 2
    small = photo.convert("RGB").resize((width, height), how).crop((left, top, left + size_px, top + size_px))
    return torch.from_numpy(np.array(small)).permute(2, 0, 1).float() / 255


def small_picture(photo: Image.Image) -> Image.Image:
    """The whole photograph in a small square, for its colours."""
    return photo.convert("RGB").resize((HISTOGRAM_SIDE_PX, HISTOGRAM_SIDE_PX), Image.Resampling.BILINEAR)


def colour_cells(photo: Image.Image) -> np.ndarray:
    """Cell of an 8 x 8 x 8 RGB histogram, 0 to 511, of each pixel of the small picture (128, 128)."""
    return np.asarray(small_picture(photo)).astype(int) * BINS // 256 @ [BINS * BINS, BINS, 1]


def histogram(photo: Image.Image) -> np.ndarray:
    """Square roots of an 8 x 8 x 8 RGB histogram, shape (512,), float32."""
    cells = colour_cells(photo).ravel()
    return np.sqrt(np.bincount(cells, minlength=BINS**3) / len(cells)).astype(np.float32)


class FeatureCache:
    """Features by the digest of the photograph, in one file; a missing or damaged one is an empty cache."""

    def __init__(self, path: Path | None) -> None:
        self.path, self.rows = path, dict[str, np.ndarray]()
        if path and path.is_file():
            # zipfile and numpy answer damage with errors of many kinds
            with contextlib.suppress(Exception), np.load(path, allow_pickle=False) as kept:
                self.rows = dict(zip(kept["digests"].tolist(), kept["values"], strict=True))
        self.kept = len(self.rows)  # of them are in the file

    def save(self) -> None:
        """Write the file if rows were added."""
        if self.path and len(self.rows) > self.kept:
            buffer = io.BytesIO()
            np.savez(buffer, digests=np.array(list(self.rows)), values=np.stack(list(self.rows.values())))
            write_bytes(self.path, buffer.getvalue())


@dataclass(frozen=True)
class Kind:
    """One kind of features."""

    name: str  # names the cache file; holds everything but the photograph that the features depend on
    prepare: Callable[[Image.Image], Any]  # from a photograph to what ``compute`` takes; runs in a decoding thread
    compute: Callable[[list], np.ndarray]  # rows (B, D), float32, of a list of prepared photographs
    backbone: Backbone | None = None  # the network; None for the colour histogram
    size_px: int = HISTOGRAM_SIDE_PX  # side of the pictures it sees

    @property
    def title(self) -> str:
        """What people call it, see ``recogniser.kind_of``."""
        return f"{self.backbone.name}@{self.size_px}" if self.backbone else self.name

    @property
    def pooled(self) -> slice:
        """Which of its features the network pools at its end, the others are of earlier stages; all without one."""
        return slice(self.backbone.network.head_hidden_size if self.backbone else None)


def network_kind(backbone: Backbone, size_px: int) -> Kind:
    """Features of a frozen network that sees images of ``size_px``."""
    return Kind(
        f"{backbone.name.replace(':', '_')}-{backbone.digest[:12]}-{size_px}-stages",
        lambda photo: view(photo, backbone, size_px),
        lambda views: backbone.features(torch.stack(views)).numpy(),
        backbone,
        size_px,
    )


COLOUR = Kind("colour", histogram, np.stack)


def compute(
    count: int, prepare: Callable[[int], list], kinds: Sequence[Kind], *, jobs: int
) -> Iterator[tuple[int, list[int], np.ndarray]]:
    """Features of photographs in batches; memory follows the number of decoding threads, not that of photographs.

    In one of them ``prepare`` makes of a photograph's place what each kind computes from, None for what is not wanted.

    Yields:
        Number of the kind, places of photographs, and their rows (B, D).
    """
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        for start in range(0, count, BATCH):
            places = range(start, min(start + BATCH, count))
            batch = list(pool.map(prepare, places))
            for number, kind in enumerate(kinds):
                new = {place: one[number] for place, one in zip(places, batch, strict=True) if one[number] is not None}
                if new:
                    yield number, list(new), kind.compute(list(new.values()))


def photograph_features(
    digests: Sequence[str],
    decode: Callable[[int], Image.Image],
    kinds: Sequence[Kind],
    *,
    cache_dir: Path | None = None,
    jobs: int = 1,
) -> list[np.ndarray]:
    """Features of photographs, one array (N, D) float32 a kind; each photograph is decoded once at most.

    A photograph is known by the SHA-256 of its bytes, and ``decode`` gives the one at a place. Features are kept in
    ``features/`` below ``cache_dir``, if there is one; ``jobs`` threads decode.

    Raises:
        DataError: A photograph cannot be decoded.
    """
    folder = cache_dir / "features" if cache_dir else None
    caches = [FeatureCache(folder / f"{kind.name}.npz" if folder else None) for kind in kinds]
    missing = [place for place, digest in enumerate(digests) if any(digest not in cache.rows for cache in caches)]

    def prepare(number: int) -> list:
        place = missing[number]
        photo, parts = decode(place), zip(kinds, caches, strict=True)
        return [None if digests[place] in cache.rows else kind.prepare(photo) for kind, cache in parts]

    for number, places, rows in compute(len(missing), prepare, kinds, jobs=jobs):
        caches[number].rows |= zip((digests[missing[place]] for place in places), rows, strict=True)
    for cache in caches:
        cache.save()
    return [np.stack([cache.rows[digest] for digest in digests]) for cache in caches]
