"""Disks that fail: a tmpfs that only this process sees, to be filled or made read-only. Linux, with the right to mount.

``chmod`` would prove nothing here: tests often run as root, whom it does not stop.
"""

import ctypes
import os
import subprocess
from pathlib import Path

PAD = "pad.bin"
_CLONE_NEWNS, _MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 0x20000, 1, 32, 4096, 16384, 1 << 18
_MNT_DETACH = 2


def mounts_allowed() -> bool:
    """Whether this user may mount in a namespace of its own."""
    try:
        return subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0 and os.geteuid() == 0
    except OSError:
        return False


def _call(name: str, *arguments: object) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def private_disk(folder: Path, *, megabytes: int) -> None:
    """Mount an empty disk at ``folder``; it is gone with this process."""
    folder.mkdir(parents=True, exist_ok=True)
    _call("unshare", _CLONE_NEWNS)
    _call("mount", b"none", b"/", None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None)
    _call("mount", b"tmpfs", os.fsencode(folder), b"tmpfs", ctypes.c_ulong(0), f"size={megabytes}m".encode())


def make_read_only(folder: Path) -> None:
    """Put a read-only view of the folder over itself."""
    path = os.fsencode(folder)
    _call("mount", path, path, None, ctypes.c_ulong(_MS_BIND), None)
    _call("mount", b"none", path, None, ctypes.c_ulong(_MS_REMOUNT | _MS_BIND | _MS_RDONLY), None)


def make_writable(folder: Path) -> None:
    """Take that view away again."""
    _call("umount2", os.fsencode(folder), _MNT_DETACH)


def fill(folder: Path, *, leave: int) -> None:
    """Fill the disk up to ``leave`` free bytes."""
    state = os.statvfs(folder)
    with (folder / PAD).open("wb") as handle:
        os.posix_fallocate(handle.fileno(), 0, state.f_bavail * state.f_frsize - leave)
