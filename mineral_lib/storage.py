"""The one atomic writer, the readers, and digests.

Every file of the project is written here: bytes go to a temporary file in the same folder, are flushed to
disk, and only then take the final name. A reader therefore sees the old file or the new one, never half of one.
"""

import contextlib
import csv
import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import psutil

from mineral_lib.errors import StorageError, note

# What a disk answers that does not know an operation: locks, flushing a folder.
UNSUPPORTED = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL, errno.ENOTTY}
PATIENCE = 20  # tries of a rename on Windows
# Temporary files are named .<name>.partial-<process>, in the folder of the file they become.
PARTIAL = ".partial-"


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``: flushed and renamed to it on success, else deleted; may raise StorageError."""
    path = Path(path)
    partial = path.with_name(f".{path.name}{PARTIAL}{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with partial.open("rb+") as handle:
            _flush(handle.fileno())
        move(partial, path)
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def write_error(path: Path, error: OSError) -> StorageError:
    """What to tell the user when ``path`` cannot be written."""
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        with contextlib.suppress(OSError):
            reason += f", {shutil.disk_usage(path.parent).free / 1e6:.1f} MB are free"
    return StorageError(
        f"cannot write the file ({reason})",
        where=str(path),
        remedy="free disk space or choose a folder you may write to; finished files and checkpoints are intact",
    )


def _sync_folder(folder: Path) -> None:
    """Make a rename in it durable; platforms without folder handles (Windows) do not need it."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            _flush(handle)
        finally:
            os.close(handle)


def _flush(handle: int) -> None:
    """Flush a file or folder to the disk, where the disk can."""
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        note("the disk of the results cannot be told to flush: after a power cut, delete them and start again")


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A binary file to write to, which becomes ``path`` when the block ends without an error, see ``atomic_path``."""
    with atomic_path(path) as partial, partial.open("wb") as handle:
        yield handle


def write_bytes(path: Path, *parts: bytes | memoryview) -> Path:
    """Write bytes atomically, one part after the other, and return the path."""
    with atomic_file(path) as handle:
        for part in parts:
            handle.write(part)
    return Path(path)


def keep_as(path: Path, other: Path) -> Path:
    """Let ``other`` name the present content of ``path`` too, and return it; costs no disk where links exist."""
    with atomic_path(other) as partial:
        try:
            os.link(path, partial)
        except OSError:  # a file system without hard links
            shutil.copyfile(path, partial)
    return other


def write_text(path: Path, text: str) -> Path:
    """Write UTF-8 text atomically; lone surrogates (file names that are not UTF-8) are kept readable."""
    return write_bytes(path, text.encode("utf-8", errors="backslashreplace"))


def write_json(path: Path, value: Any) -> Path:
    """Write ``value`` as indented JSON with sorted keys."""
    return write_text(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, default=str) + "\n")


def write_csv(path: Path, frame: Any, *, float_format: str = "%.10g") -> Path:
    """Write a pandas data frame as CSV without its index."""
    options = {"index": False, "float_format": float_format, "lineterminator": "\n"}
    text = frame.to_csv(**options)
    if "\r" in text:  # a carriage return in a file name: readers take it for the end of a row unless it is quoted
        text = frame.to_csv(**options, quoting=csv.QUOTE_NONNUMERIC)
    return write_text(path, text)


def read_csv(path: Path, *, columns: Iterable[str] = (), numbers: Iterable[str] = (), **options: Any) -> Any:
    """Read a table of the study as a pandas data frame.

    Args:
        path: The file.
        columns: What must be there.
        numbers: What must be there and hold a number in every row.
        **options: Of ``pandas.read_csv``. Empty fields stay empty text, and ``NA`` is a name, if they say nothing else.

    Raises:
        StorageError: The file is missing or damaged.
    """
    import pandas as pd

    try:
        frame = pd.read_csv(path, **{"keep_default_na": False} | options)
        numbers = list(numbers)
        for name in (*columns, *numbers):
            if name not in frame:
                raise ValueError(f"it has no column {name}")
            if name in numbers and len(frame) and not (frame[name].dtype.kind in "iuf" and frame[name].notna().all()):
                raise ValueError(f"its column {name} holds something else than numbers")
            if frame[name].dtype.kind not in "iuf" and frame[name].astype(str).str.contains("\0", regex=False).any():
                raise ValueError(f"its column {name} holds NUL characters")
    except (OSError, ValueError) as error:  # pandas' own errors of a file that is no table are ValueErrors
        raise _unreadable(path, error) from error
    return frame


def read_json(path: Path) -> Any:
    """Read a JSON file of the study.

    Raises:
        StorageError: The file is missing or damaged.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> StorageError:
    reason = " ".join(str(error).split())
    return StorageError(f"cannot read the file ({reason})", where=str(path), remedy="delete it and run the chain again")


def digest(value: Any) -> str:
    """SHA-256 of a JSON-able value in canonical form, as hexadecimal text."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, as hexadecimal text."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def move(path: Path, target: Path) -> Path:
    """Rename a finished file within its folder, replacing ``target``, and return ``target``."""
    try:
        _replace(path, target)
        _sync_folder(target.parent)
    except OSError as error:
        raise write_error(target, error) from error
    return target


def _replace(path: Path, target: Path) -> None:
    """Rename; Windows refuses as long as another program, such as a virus scanner, has one of them open."""
    for _ in range(PATIENCE if os.name == "nt" else 0):
        with contextlib.suppress(PermissionError):
            os.replace(path, target)
            return
        time.sleep(0.1)
    os.replace(path, target)


def clean_partials(folder: Path) -> list[Path]:
    """Delete what killed processes left unfinished below ``folder`` (temporary files and folders), return the paths."""
    stale = []
    for path in sorted(Path(folder).rglob(f".*{PARTIAL}*")):
        process = path.name.rpartition(PARTIAL)[2]
        if process.isdigit() and not psutil.pid_exists(int(process)):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
            stale.append(path)
    return stale


def remove_tree(folder: Path) -> None:
    """Delete a folder of generated files, if it exists; it is there whole, or not at all.

    A link to a folder stays, and its folder is emptied.
    """
    folder = Path(folder)
    if folder.is_symlink():
        for path in folder.iterdir() if folder.is_dir() else ():
            remove_tree(path)
        return
    with contextlib.suppress(FileNotFoundError):
        gone = folder.with_name(f".{folder.name}{PARTIAL}{os.getpid()}")
        os.replace(folder, gone)
        if gone.is_dir():
            shutil.rmtree(gone, ignore_errors=True)
        else:
            gone.unlink()
