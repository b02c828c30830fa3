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

from mineral_lib.config import Augment, Data
from mineral_lib.data.augment import augment_offline
from mineral_lib.data.index import generator_digest, index_fingerprint, photo_folder, specimen_keys, working_size
from mineral_lib.digests import checked, write_record
from mineral_lib.errors import StorageError
from mineral_lib.paths import project_root
from mineral_lib.photos import read_photo, refusal, resize_square
from mineral_lib.runtime import apart_from_the_script
from mineral_lib.specimens import photographs
from mineral_lib.storage import atomic_file, digest

CACHE_VERSION = 1
CHUNK_BYTES = 128 * 2**20
Make = Callable[[int, int], tuple[np.ndarray, ...]]  # the rows start .. stop - 1 of each array


def load_pixels(samples: pd.DataFrame, index: pd.DataFrame, data: Data, augment: Augment) -> np.ndarray:
    """Pixels of all samples, in their order; the augmented copies of the paper protocol are made here, once.

    Args:
        samples: The split, or the index itself for the photographs as they are.
        index: The table of photographs.
        data: The section ``data`` of the profile.
        augment: Its section ``augment``, for the copies.

    Returns:
        (number of samples, W, W, 3) uint8, memory-mapped, read-only; W = ``working_size``.

    Raises:
        DataError: A photograph vanished, changed or cannot be decoded, or the split belongs to other photographs.
        StorageError: There is not enough free disk space.
    """
    photos = _photo_pixels(index, data)
    copies = samples["copy"].to_numpy() if "copy" in samples else np.zeros(len(samples), int)
    rows = pd.Index(index["image_id"]).get_indexer(samples["image_id"])
    if (rows < 0).any():
        raise refusal("foreign_split", samples["image_id"][rows < 0].iloc[0])
    if not copies.any() and np.array_equal(rows, np.arange(len(index))):
        return photos
    ids = samples["image_id"].tolist()
    strengths = augment.model_dump(mode="json", exclude={"offline_factor", "include_original"})
    key = digest([_key(index, data), strengths, data.seed, ids, copies.tolist()])

    def make(start: int, stop: int) -> tuple[np.ndarray]:
        made = [
            augment_offline(photos[rows[i]], int(copies[i]), ids[i], augment=augment, seed=data.seed)
            for i in range(start, stop)
        ]
        return (np.stack(made),)

    return _cached([f"copies-{key[:20]}"], len(samples), photos.shape[1], make)[0]


def load_masks(index: pd.DataFrame, data: Data) -> np.ndarray:
    """Silhouettes of generated specimens, (N, W, W) bool, memory-mapped, read-only, in the order of the index.

    Raises:
        DataError: The photographs come from a folder, which has no silhouettes.
    """
    if data.source != "synthetic":
        raise refusal("no_silhouettes", "data.source")
    return _rendered(index, data)[1]


def load_on_ground(index: pd.DataFrame, data: Data, ground: str) -> np.ndarray:
    """Pixels of generated specimens as ``load_pixels`` gives them, on a ``grey`` or ``swapped`` ground; rendered once.

    Raises:
        DataError: The photographs come from a folder.
    """
    if data.source != "synthetic":
        raise refusal("no_ground", "data.source")
    return _rendered(index, data, ground=ground)[0]


def _cache_dir() -> Path:
    return project_root() / "results" / "cache"


def _key(index: pd.DataFrame, data: Data) -> str:
    source = [data.seed, generator_digest()] if data.source == "synthetic" else []
    px = working_size(data.image_size_px)
    return digest([CACHE_VERSION, index_fingerprint(index), index["image_id"].tolist(), px, source])


def _photo_pixels(index: pd.DataFrame, data: Data) -> np.ndarray:
    if data.source == "synthetic":
        return _rendered(index, data)[0]
    root, px = photo_folder(data), working_size(data.image_size_px)
    expected = list(zip(index["path"], index["sha256"], strict=True))

    def read(item: tuple[str, str]) -> np.ndarray:
        return resize_square(read_photo(root / item[0], sha256=item[1]).image, px)

    with warnings.catch_warnings(action="ignore"), ThreadPoolExecutor(joblib.cpu_count()) as pool:
        name = f"photos-{_key(index, data)[:20]}"
        return _cached([name], len(index), px, lambda a, b: (np.stack(list(pool.map(read, expected[a:b]))),))[0]


def _rendered(index: pd.DataFrame, data: Data, *, ground: str = "own") -> list[np.ndarray]:
    """Pixels and silhouettes of generated specimens, both from one rendering; on another ground pixels alone."""
    key = _key(index, data)
    names = [f"{kind}-{key[:20]}" for kind in ("photos", "masks")]
    names = names if ground == "own" else [f"ground-{digest([key, ground])[:20]}"]
    px, keys, jobs = working_size(data.image_size_px), specimen_keys(index), joblib.cpu_count()

    def make(start: int, stop: int) -> tuple[np.ndarray, ...]:  # what a photograph looks like does not depend on jobs
        with apart_from_the_script():
            made = photographs(keys[start:stop], image_size=px, seed=data.seed, jobs=jobs, ground=ground)
        return made[: len(names)]

    # Few large chunks, because each starts its worker processes anew.
    return _cached(names, len(index), px, make, chunks=max(1, jobs // 2))


def _cached(names: list[str], count: int, px: int, make: Make, *, chunks: int = 1) -> list[np.ndarray]:
    """The cached arrays (pictures, then silhouettes), made ``chunks`` chunks at a time if one of them is not there."""
    kinds = [((count, px, px, 3), np.uint8), ((count, px, px), np.bool_)]
    files = {_cache_dir() / f"{name}.npy": kind for name, kind in zip(names, kinds, strict=False)}
    arrays = [_open(path, *kind) for path, kind in files.items()]
    if all(array is not None for array in arrays):
        return arrays
    step = max(1, CHUNK_BYTES // (3 * px * px)) * chunks
    with contextlib.ExitStack() as stack:
        writers = [stack.enter_context(_writer(path, *kind)) for path, kind in files.items()]
        for start in range(0, count, step):
            for write, made in zip(writers, make(start, min(start + step, count)), strict=True):
                write(made)
    return [_open(path, *kind) for path, kind in files.items()]


def _open(path: Path, shape: tuple[int, ...], dtype: type) -> np.ndarray | None:
    """The cached array, or None if it is missing, damaged or of another shape."""
    record = path.with_suffix(".json")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        if array.shape != shape or array.dtype != dtype:
            return None
        if record.exists():
            checked(path, record, remedy="it is made again")
        else:  # just written
            write_record(record, {}, [path])
    except StorageError as error:
        print(f"{error.where}: {error.what}; it is made again")
        return None
    except (OSError, ValueError, EOFError):
        return None
    return array


@contextlib.contextmanager
def _writer(path: Path, shape: tuple[int, ...], dtype: type) -> Iterator[Callable[[np.ndarray], None]]:
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
    path.with_suffix(".json").unlink(missing_ok=True)
    with atomic_file(path) as handle:
        np.lib.format.write_array_header_1_0(handle, header)
        start = handle.tell()
        yield lambda chunk: handle.write(np.ascontiguousarray(chunk, dtype).data) and None
        if handle.tell() - start != total:
            raise StorageError("unexpected number of pixels", where=str(path), remedy="report this as a bug")
