"""One process a folder: a lock that a killed process cannot leave behind.

The system releases it when its process ends, however it ends. The lock file also says who holds it, so that the second
process can be told. A disk that knows no locks (some network disks) is worked on without one, and the user is told.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from mineral_lib.errors import BusyError, note
from mineral_lib.storage import UNSUPPORTED, write_error

LOCK_FILE = ".lock"


@contextlib.contextmanager
def folder_lock(folder: Path, what: str) -> Iterator[None]:
    """Hold a folder for this process, made if missing; the lock file is gone afterwards.

    ``what`` runs there, for the message of the second process: ``run <name>``.

    Raises:
        BusyError: Another process holds it.
        StorageError: The folder cannot be written.
    """
    path = Path(folder) / LOCK_FILE
    # A marker file instead of a lock would outlive a killed process.
    lock = FileLock(path, timeout=0, fallback_to_soft=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        _sign(path)
    except Timeout:
        remedy = "wait until it has finished, or stop it first"
        raise BusyError(f"{what} is active, {_holder(path)}", where=str(path.parent), remedy=remedy) from None
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            lock.release()
            raise write_error(path, error) from error
        note("the disk of the results knows no locks: do not start the same study twice at a time")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()  # while still held: who has opened it finds that it is gone, and opens another one
        lock.release()
        if os.name == "nt":  # where an open file cannot be deleted
            with contextlib.suppress(OSError):
                path.unlink()


def _sign(path: Path) -> None:
    with contextlib.suppress(PermissionError):  # Windows locks the very bytes
        path.write_text(f"process {os.getpid()}, since {time.strftime('%Y-%m-%d %H:%M:%S')}\n", encoding="ascii")


def _holder(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text(encoding="ascii", errors="replace").strip() or "unknown"
    return "unknown"
