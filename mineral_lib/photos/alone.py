"""Decoding a costly photograph in a process of its own, which is ended and replaced if it exceeds its budget.

The process is started by the first such photograph and waits for the next. Seconds are those of its processor, so that
a busy machine refuses no more than an idle one; where they or the memory cannot be limited (Windows), a clock ends it.
It also takes the blow if a damaged file brings a decoder down.
"""

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

MOST_S = 20
MOST_MB = 768
PATIENCE = 4  # times MOST_S, by the clock
REMEDY = "save it smaller, or remove it from the folder"
_BESIDE = {"start_new_session": True} if os.name == "posix" else {"creationflags": 0x00000200}  # Ctrl-C is not for it


class _Worker:
    """The process; one question at a time."""

    def __init__(self) -> None:
        self._lock, self._process = threading.Lock(), None

    def measure(self, path: Path) -> dict[str, Any]:
        with self._lock:
            try:
                process = self._process = self._process or _start()
            except OSError as error:
                return _not_now(f"cannot be decoded now ({error.strerror})")
            clock = threading.Timer(PATIENCE * MOST_S, process.kill)
            clock.start()
            try:
                with contextlib.suppress(OSError):  # it is gone: the answer is empty
                    process.stdin.write(os.fsencode(path.absolute()).hex() + "\n")
                    process.stdin.flush()
                answer = process.stdout.readline()
            finally:
                clock.cancel()
            if answer:
                return json.loads(answer) or _too_costly()
            wanted, status = self._process is None, _close(process)
            self._process = None
            return _not_now("not measured") if wanted else _ended(status)

    def close(self) -> None:
        """End the process, also while it works; a later photograph starts another."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            with self._lock:
                _close(process)


def _start() -> subprocess.Popen:
    places = os.pathsep.join(place for place in sys.path if place)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return subprocess.Popen(
        [sys.executable, "-m", __name__, str(MOST_S), str(MOST_MB)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | threads | {"PYTHONPATH": places},
        **_BESIDE,
    )


def _close(process: subprocess.Popen) -> int:
    with contextlib.suppress(OSError), process:  # its pipes are closed
        process.kill()
    return process.wait()


def _not_now(reason: str, remedy: str = "start again") -> dict[str, Any]:
    return {"refused": reason, "remedy": remedy, "passing": True}


def _too_costly() -> dict[str, Any]:
    return {"refused": f"too costly (decoding takes more than {MOST_S} s or {MOST_MB} MB)", "remedy": REMEDY}


def _ended(status: int) -> dict[str, Any]:
    """What it means that the process ended: its own clock, ours, or a decoder that broke down."""
    if os.name != "posix" or status in (-signal.SIGKILL, -signal.SIGXCPU):
        return _too_costly()
    return _not_now(f"damaged file (its decoder broke down, status {status})", REMEDY)


_worker = _Worker()
measure_alone, close = _worker.measure, _worker.close
atexit.register(close)


def _serve(seconds: int, megabytes: int) -> None:
    """Answer one path a line with what ``measure.measure_file`` finds, or with nothing where memory is short."""
    from mineral_lib.photos.images import NO_MEMORY
    from mineral_lib.photos.measure import measure_file

    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer
    _limit_memory(megabytes)
    for line in sys.stdin:
        _limit_seconds(seconds)
        try:
            result = measure_file(Path(os.fsdecode(bytes.fromhex(line))), costly=True)
        except MemoryError:
            result = {"refused": NO_MEMORY}
        print(json.dumps(None if result.get("refused") == NO_MEMORY else result), file=answers, flush=True)


def _limit_memory(megabytes: int) -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        status = Path("/proc/self/status").read_text()
        held = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmData:"))) << 10
        resource.setrlimit(resource.RLIMIT_DATA, (held + (megabytes << 20),) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_seconds(seconds: int) -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        resource.setrlimit(resource.RLIMIT_CPU, (int(used) + 1 + seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))


if __name__ == "__main__":
    _serve(*map(int, sys.argv[1:]))
