"""One process a folder: a lock that a killed process cannot leave behind.

The lock is ``flock`` on a small file; the system releases it when its process ends, however it ends. The file also
says who holds it, so that the second process can be told.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from mineral_lib.errors import BusyError
from mineral_lib.storage import write_error

try:
    import fcntl
except ImportError:  # Windows: no lock, two processes in one folder are up to the user
    fcntl = None  # type: ignore[assignment]

LOCK_FILE = ".lock"


@contextlib.contextmanager
def folder_lock(folder: Path, what: str) -> Iterator[None]:
    """Hold a folder for this process; the lock file is gone afterwards.

    Args:
        folder: The folder, made if missing.
        what: What runs there, for the message of the second process: ``run <name>``.

    Raises:
        BusyError: Another process holds it.
        StorageError: The folder cannot be written.
    """
    path = Path(folder) / LOCK_FILE
    handle = None if fcntl is None else _acquire(path, what)
    try:
        yield
    finally:
        if handle is not None:
            with contextlib.suppress(OSError):
                path.unlink()  # while still held: who opened it before finds in _acquire that it is gone
            os.close(handle)


def _acquire(path: Path, what: str) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(handle, 100, 0).decode("ascii", "replace").strip() or "unknown"
                os.close(handle)
                raise BusyError(
                    f"{what} is active, {holder}",
                    where=str(path.parent),
                    remedy="wait until it has finished, or stop it first",
                ) from None
            if path.exists() and os.path.samestat(os.fstat(handle), path.stat()):
                break
            os.close(handle)  # the holder before us removed the file between our opening and our locking
        os.truncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()}, since {time.strftime('%Y-%m-%d %H:%M:%S')}\n".encode(), 0)
    except OSError as error:
        raise write_error(path, error) from error
    return handle
