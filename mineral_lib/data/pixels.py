"""Decoded photographs on disk: computed once for a set of photographs, then read piece by piece.

Pixels are kept as uint8 at working size (256 for 224) in ``.npy`` files below ``results/cache``. A file is named by a
digest of everything it depends on, written chunk by chunk under a temporary name and read as a memory map, so 34,576
images of 256 px (6.8 GB) need neither much memory nor a second decoding.
"""

import contextlib
import math
import shutil
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import numpy as np
import pandas as pd

from mineral_lib.config import Settings
from mineral_lib.data.augment import augment_offline
from mineral_lib.data.index import (
    generator_digest,
    index_fingerprint,
    photo_folder,
    specimen_keys,
    working_size,
)
from mineral_lib.errors import DataError, StorageError
from mineral_lib.photos.images import read_photo, readable, resize_square
from mineral_lib.storage import ResultPaths, atomic_file, digest

CACHE_VERSION = 1
CHUNK_BYTES = 128 * 2**20

Write = Callable[[np.ndarray], None]


def load_pixels(
    samples: pd.DataFrame, index: pd.DataFrame, settings: Settings, *, cache_dir: Path | None = None
) -> np.ndarray:
    """Pixels of all samples, in their order; the augmented copies of the paper protocol are made here, once.

    Args:
        samples: The split, or the index itself for the photographs as they are.
        index: The table of photographs.
        settings: The profile.
        cache_dir: Where to keep the files; ``results/cache`` if not given.

    Returns:
        (number of samples, W, W, 3) uint8, memory-mapped, read-only; W = ``working_size``.

    Raises:
        DataError: A photograph vanished, changed or cannot be decoded, or the split belongs to other photographs.
        StorageError: There is not enough free disk space.
    """
    folder = _folder(settings, cache_dir)
    photos = _photo_pixels(index, settings, folder)
    copies = samples["copy"].to_numpy() if "copy" in samples else np.zeros(len(samples), int)
    rows = pd.Index(index["image_id"]).get_indexer(samples["image_id"])
    if (rows < 0).any():
        raise DataError(
            "the split names photographs that are not in the index",
            where=str(samples["image_id"][rows < 0].iloc[0]),
            remedy="run notebook 01 again",
        )
    if not copies.any() and np.array_equal(rows, np.arange(len(index))):
        return photos
    ids = samples["image_id"].tolist()
    strengths = settings.augment.model_dump(mode="json", exclude={"offline_factor", "include_original"})
    key = digest([_key(index, settings), strengths, settings.data.seed, ids, copies.tolist()])

    def make(start: int, stop: int) -> np.ndarray:
        return np.stack(
            [
                augment_offline(
                    photos[rows[i]], int(copies[i]), ids[i], augment=settings.augment, seed=settings.data.seed
                )
                for i in range(start, stop)
            ]
        )

    return _cached(folder / f"copies-{key[:20]}.npy", (len(samples), *photos.shape[1:]), make)


def load_masks(index: pd.DataFrame, settings: Settings, *, cache_dir: Path | None = None) -> np.ndarray:
    """Silhouettes of the generated specimens, in the order of the index.

    Returns:
        (N, W, W) bool, memory-mapped, read-only; True where the specimen is.

    Raises:
        DataError: The photographs come from a folder, which has no silhouettes.
    """
    if settings.data.source != "synthetic":
        raise DataError(
            "photographs of a folder have no silhouettes", where="data.source", remedy="use data.source: synthetic"
        )
    return _render(index, settings, _folder(settings, cache_dir))[1]


def load_on_ground(
    index: pd.DataFrame, settings: Settings, ground: str, *, cache_dir: Path | None = None
) -> np.ndarray:
    """Generated specimens photographed once more, everything as it was but for what they lie on; rendered once.

    Args:
        index: Rows of the table of photographs.
        settings: The profile.
        ground: ``grey`` or ``swapped`` (that of another photograph), see ``synthetic.photograph``.
        cache_dir: Where to keep the file; ``results/cache`` if not given.

    Returns:
        (N, W, W, 3) uint8, memory-mapped, read-only, in the order of the index.

    Raises:
        DataError: The photographs come from a folder.
    """
    from mineral_lib.specimens import photographs

    if settings.data.source != "synthetic":
        raise DataError(
            "only generated specimens can be laid on another ground",
            where="data.source",
            remedy="use data.source: synthetic",
        )
    px, keys = working_size(settings.data.image_size_px), specimen_keys(index)
    options = {"image_size": px, "seed": settings.data.seed, "jobs": settings.train.jobs, "ground": ground}
    path = _folder(settings, cache_dir) / f"ground-{digest([_key(index, settings), ground])[:20]}.npy"
    return _cached(path, (len(index), px, px, 3), lambda a, b: photographs(keys[a:b], **options)[0])


def _folder(settings: Settings, cache_dir: Path | None) -> Path:
    return Path(cache_dir) if cache_dir else ResultPaths.of(settings.profile).cache_dir


def _key(index: pd.DataFrame, settings: Settings) -> str:
    source = [settings.data.seed, generator_digest()] if settings.data.source == "synthetic" else []
    px = working_size(settings.data.image_size_px)
    return digest([CACHE_VERSION, index_fingerprint(index), index["image_id"].tolist(), px, source])


def _photo_pixels(index: pd.DataFrame, settings: Settings, folder: Path) -> np.ndarray:
    if settings.data.source == "synthetic":
        return _render(index, settings, folder)[0]
    px = working_size(settings.data.image_size_px)
    root = photo_folder(settings)
    expected = list(zip(index["path"], index["sha256"], strict=True))

    def read(item: tuple[str, str]) -> np.ndarray:
        photo = read_photo(root / item[0])
        if photo.sha256 != item[1]:
            raise DataError(
                "content changed since the scan",
                where=readable(root / item[0]),
                remedy="run the scan (notebook 01) again",
            )
        return resize_square(photo.image, px)

    with warnings.catch_warnings(), ThreadPoolExecutor(settings.train.jobs) as pool:
        warnings.simplefilter("ignore")
        path = folder / f"photos-{_key(index, settings)[:20]}.npy"
        return _cached(path, (len(index), px, px, 3), lambda a, b: np.stack(list(pool.map(read, expected[a:b]))))


def _render(index: pd.DataFrame, settings: Settings, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and silhouettes of generated specimens; both come from one rendering."""
    from mineral_lib.specimens import photographs

    px = working_size(settings.data.image_size_px)
    key = _key(index, settings)[:20]
    image_path, mask_path = folder / f"photos-{key}.npy", folder / f"masks-{key}.npy"
    shape = (len(index), px, px)
    images, masks = _open(image_path, (*shape, 3), np.uint8), _open(mask_path, shape, np.bool_)
    if images is None or masks is None:
        jobs = joblib.cpu_count()  # what a photograph looks like does not depend on it
        keys, step = specimen_keys(index), _chunk(shape) * max(1, jobs // 2)
        with _writer(image_path, (*shape, 3), np.uint8) as write_images, _writer(mask_path, shape, bool) as write_masks:
            for start in range(0, len(keys), step):
                made = photographs(keys[start : start + step], image_size=px, seed=settings.data.seed, jobs=jobs)
                write_images(made[0])
                write_masks(made[1])
        images, masks = _open(image_path, (*shape, 3), np.uint8), _open(mask_path, shape, np.bool_)
    return images, masks


def _chunk(shape: tuple[int, ...]) -> int:
    """Images to hold in memory at once: few large chunks, because each starts its worker processes anew."""
    return max(1, CHUNK_BYTES // (3 * shape[1] * shape[2]))


def _cached(path: Path, shape: tuple[int, ...], make: Callable[[int, int], np.ndarray]) -> np.ndarray:
    """The cached uint8 array, computed in chunks ``make(start, stop)`` if it is not there."""
    array = _open(path, shape, np.uint8)
    if array is None:
        with _writer(path, shape, np.uint8) as write:
            step = _chunk(shape)
            for start in range(0, shape[0], step):
                write(make(start, min(start + step, shape[0])))
        array = _open(path, shape, np.uint8)
    return array


def _open(path: Path, shape: tuple[int, ...], dtype: type) -> np.ndarray | None:
    """The cached array, or None if it is missing, damaged or of another shape."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return array if array.shape == shape and array.dtype == dtype else None


@contextlib.contextmanager
def _writer(path: Path, shape: tuple[int, ...], dtype: type) -> Iterator[Write]:
    """Write a ``.npy`` file chunk by chunk.

    Plain writes, not a writable memory map: on a full disk a map kills the process instead of raising an error.
    """
    total = math.prod(shape) * np.dtype(dtype).itemsize
    path.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(path.parent).free
    if free < total:
        raise StorageError(
            f"needs {total / 1e6:.0f} MB, {free / 1e6:.0f} MB are free",
            where=str(path.parent),
            remedy="free disk space, or lower data.image_size_px or data.fraction",
        )
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    with atomic_file(path) as handle:
        np.lib.format.write_array_header_1_0(handle, header)
        start = handle.tell()
        yield lambda chunk: handle.write(np.ascontiguousarray(chunk, dtype).data) and None
        if handle.tell() - start != total:
            raise StorageError("unexpected number of pixels", where=str(path), remedy="report this as a bug")
