"""Large arrays on disk: made once, written piece by piece, read as memory maps."""

import contextlib
import math
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from mineral_lib.digests import checked, write_record
from mineral_lib.errors import StorageError
from mineral_lib.storage import atomic_file

Make = Callable[[int, int], tuple[np.ndarray, ...]]  # the rows start .. stop - 1 of each array


def cached_arrays(files: Mapping[Path, tuple[tuple[int, ...], type]], make: Make, *, step: int) -> list[np.ndarray]:
    """Arrays of some files (shape and type by path), made ``step`` rows at a time if one of them is not there.

    Raises:
        StorageError: There is not enough free disk space.
    """
    arrays = [_open(path, *kind) for path, kind in files.items()]
    if all(array is not None for array in arrays):
        return arrays
    count = next(iter(files.values()))[0][0]
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
        else:  # just written, or before there were digests
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
