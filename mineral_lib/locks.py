"""One process a folder: a lock that a killed process cannot leave behind.

The system releases it when its process ends, however it ends. The lock file also says who holds it, so that the second
process can be told.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from mineral_lib.errors import BusyError
from mineral_lib.storage import write_error

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
    lock = FileLock(path, timeout=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        path.write_text(f"process {os.getpid()}, since {time.strftime('%Y-%m-%d %H:%M:%S')}\n", encoding="ascii")
    except Timeout:
        holder = path.read_text(encoding="ascii", errors="replace").strip() if path.exists() else ""
        remedy = "wait until it has finished, or stop it first"
        raise BusyError(f"{what} is active, {holder or 'unknown'}", where=str(path.parent), remedy=remedy) from None
    except OSError as error:
        lock.release()
        raise write_error(path, error) from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()  # while still held: who has opened it finds that it is gone, and opens another one
        lock.release()
