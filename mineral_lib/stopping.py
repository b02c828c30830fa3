"""Ctrl-C and SIGTERM: the step in progress is finished and saved, then the process leaves with 130 or 143.

A signal only sets a number; the training loop looks at it after each step. A second signal of the same kind leaves at
once. Training processes started side by side share the number with the process that started them, which hears the
signals for all of them.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import wait
from typing import Any

from mineral_lib.errors import StoppedError

NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}
# A training process whose parent died has this long to finish its step and save.
ORPHAN_GRACE_S = 120.0


class _State:
    received = 0  # number of the signal, 0 for none
    shared: Any = None  # the same number, shared with the other processes of a pool
    active = False  # whether the handlers are ours
    interrupted = 0  # number of the signal that left no time


def stop_requested() -> int:
    """Number of the signal that asked this process or its parent to stop, 0 for none."""
    return _State.received or (_State.shared.value if _State.shared is not None else 0)


def request_stop(number: int) -> None:
    """Ask this process, and those that share its number, to stop after the step in progress."""
    _State.received = number
    if _State.shared is not None:
        _State.shared.value = number


def check_stop(what: str, *, where: str = "") -> None:
    """Leave if a stop was asked for.

    Raises:
        StoppedError: It was.
    """
    number = stop_requested()
    if number:
        raise StoppedError(
            f"stopped by {NAMES.get(number, f'signal {number}')}: {what}", signal_number=number, where=where
        )


def interrupt(number: int, _frame: Any) -> None:
    """Signal handler that leaves at once, and remembers why."""
    _State.interrupted = number
    raise KeyboardInterrupt


def leave_signals() -> None:
    """From now on a signal ends this process at once and without a word; it is ending anyway."""
    with contextlib.suppress(ValueError):  # not in the main thread
        for number in NAMES:
            signal.signal(number, signal.SIG_DFL)


def interrupted_by() -> int:
    """Number of the signal that made this process leave at once, 0 for none."""
    return _State.interrupted


@contextlib.contextmanager
def graceful_stop(also: Callable[[int], None] | None = None) -> Iterator[None]:
    """While this block runs, the first signal asks for a stop, and the second of its kind leaves at once.

    With ``also``, which is called with the number of each signal, the second is left to it and the third leaves.

    Does nothing inside another such block, outside of the main thread, or for a signal that is ignored here.
    """
    if _State.active or threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, _frame: Any) -> None:
        if _State.received == number:
            if also is None or _State.interrupted == number:
                interrupt(number, None)
            _State.interrupted = number
        request_stop(number)
        if also is not None:
            also(number)

    previous = {number: signal.getsignal(number) for number in NAMES}
    for number in NAMES:
        if previous[number] is not signal.SIG_IGN:
            signal.signal(number, handle)
    _State.active, _State.received, _State.interrupted = True, 0, 0
    try:
        yield
    finally:
        for number, before in previous.items():
            signal.signal(number, signal.SIG_DFL if before is None else before)
        _State.active, _State.received = False, 0


def share_number(shared: Any) -> None:
    """Share the number of a stop with the processes that are started with it; None: with nobody."""
    _State.shared = shared


def join_parent(shared: Any) -> None:
    """Make this process stop with its parent: when the parent is told to, and when the parent is gone."""
    share_number(shared)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    parent = multiprocessing.parent_process()

    def follow() -> None:
        wait([parent.sentinel])
        request_stop(signal.SIGTERM)
        time.sleep(1)
        deadline = time.monotonic() + ORPHAN_GRACE_S
        while _State.active and time.monotonic() < deadline:  # a run is being saved
            time.sleep(0.1)
        os._exit(143)

    threading.Thread(target=follow, daemon=True).start()


def quiet_worker(_number: int) -> None:
    """For loader processes: ignore Ctrl-C, which the training process handles, and die of SIGTERM as usual."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
