"""Stopping a notebook that papermill runs: Ctrl-C and SIGTERM are handed on to its kernel.

The kernel lives in a session of its own, so the terminal's Ctrl-C does not reach it, and papermill alone would leave
it to be killed. Told of the signal, a training cell saves its runs and ends, and so does the chain.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Any

from mineral_lib.stopping import check_stop, graceful_stop

WHAT = "finished notebooks and saved runs are kept"


@contextlib.contextmanager
def stoppable_kernel(where: str) -> Iterator[dict[str, Any]]:
    """Yield the options papermill needs so that this process hands its stop signals on to the notebook's kernel.

    Args:
        where: The notebook, for the message.

    Raises:
        StoppedError: A signal came while the block ran.
    """
    from jupyter_client.manager import AsyncKernelManager

    started: list[AsyncKernelManager] = []

    class Kernel(AsyncKernelManager):
        """A kernel whose process we know."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)

    def hand_on(_number: int) -> None:
        process = getattr(started[-1].provisioner, "pid", None) if started else None
        if process is None:
            raise KeyboardInterrupt  # no kernel yet: nothing to save
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGINT)

    with graceful_stop(hand_on):
        try:
            yield {
                "kernel_manager_class": Kernel,
                # A signal between two cells would be lost: the kernel ignores it there.
                "on_cell_start": lambda **_: check_stop(WHAT, where=where),
            }
        finally:
            # After a stop, whatever error the kernel ended with is only its consequence.
            check_stop(WHAT, where=where)
