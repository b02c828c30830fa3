"""The end of a notebook that papermill runs: Ctrl-C and SIGTERM are handed on to its kernel, which closes quietly.

The kernel lives in a session of its own, so the terminal's Ctrl-C does not reach it, and papermill alone would leave
it to be killed. Told of the signal, a training cell saves its runs and ends, and so does the chain; told twice, it
ends at once.
"""

import atexit
import contextlib
import logging
import os
import signal
from collections.abc import Iterator
from typing import Any

from mineral_lib.stopping import check_stop, graceful_stop

# A kernel that is to end has half as long to tidy up, before it is ended.
PATIENCE_S = 30.0
WHAT = "finished notebooks and saved runs are kept"


def close_quietly() -> None:
    """Have the kernel that calls this say nothing of its sockets once it closes them.

    Its last message may find its socket just closed: before ipykernel 7.3 (ipython/ipykernel#1518) a good run then
    ended, seldom, with a traceback on the terminal. ipykernel closes at exit, after what is registered later.
    """
    for name in ("tornado", "asyncio"):
        atexit.register(logging.getLogger(name).setLevel, logging.CRITICAL + 1)


@contextlib.contextmanager
def stoppable_kernel(where: str) -> Iterator[dict[str, Any]]:
    """The options papermill needs so that this process hands its stop signals on to the kernel of notebook ``where``.

    Raises:
        StoppedError: A signal came while the block ran.
    """
    from jupyter_client import win_interrupt
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    started: list[AsyncKernelManager] = []

    class Kernel(AsyncKernelManager):
        """A kernel of this interpreter, whatever kernels the user has installed, and whose process we know."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            # Without folders to look in, the native kernel is left.
            options |= {"kernel_spec_manager": KernelSpecManager(kernel_dirs=[]), "shutdown_wait_time": PATIENCE_S}
            super().__init__(*arguments, **options)
            started.append(self)

        async def _async_interrupt_kernel(self) -> None:
            # The end of every notebook interrupts its kernel, also an idle one, which then writes an error into a
            # good run. We have told it of a stop before.
            if not self.shutting_down:
                await super()._async_interrupt_kernel()

    def hand_on(_number: int) -> None:
        kernel = started[-1].provisioner if started else None
        if getattr(kernel, "pid", None) is None:
            raise KeyboardInterrupt  # no kernel yet: nothing to save
        if os.name == "nt":  # where os.kill would end it
            win_interrupt.send_interrupt(kernel.process.win32_interrupt_event)
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(kernel.pid, signal.SIGINT)

    with graceful_stop(hand_on):
        try:
            yield {
                "kernel_manager_class": Kernel,
                # A signal between two cells would be lost: the kernel ignores it there.
                "on_cell_start": lambda **_: check_stop(WHAT, where=where),
            }
        except KeyboardInterrupt:  # the third: what asyncio has to say of tasks left behind helps nobody
            logging.getLogger("asyncio").disabled = True
            raise
        finally:
            # After a stop, whatever error the kernel ended with is only its consequence.
            check_stop(WHAT, where=where)
