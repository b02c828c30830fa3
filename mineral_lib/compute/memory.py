"""Running out of memory: said in words, with what to change. Nothing is shrunk silently, for it changes results."""

import contextlib
import re
from collections.abc import Iterator

import torch

from mineral_lib.config import Settings
from mineral_lib.errors import MemoryShortageError

# How torch and oneDNN say it on a CPU, and how a loader process that the system killed is reported.
_CPU_SHORTAGE = re.compile(
    r"DefaultCPUAllocator|can't allocate memory|Cannot allocate memory|unable to mmap|bad_alloc|"
    r"could not create a (memory|primitive)"
)
_LOADER_DIED = re.compile(r"DataLoader worker .*(killed|exited unexpectedly)", re.S)


@contextlib.contextmanager
def explained_shortage(settings: Settings, what: str) -> Iterator[None]:
    """Turn an out-of-memory error of this block into a message that says what to change.

    Raises:
        MemoryShortageError: Memory of the machine or of the accelerator was short, or a loader process died.
    """
    train, px = settings.train, settings.data.image_size_px
    smaller = (
        f"set train.accumulation_steps to {2 * train.accumulation_steps} (the same effective batch in smaller "
        "parts), or lower train.batch_size or data.image_size_px"
    )
    size = f"batches of {train.batch_size} in {train.accumulation_steps} parts, {px} px"
    try:
        yield
    except (MemoryError, RuntimeError, EOFError, ConnectionError) as error:
        # A batch that a loader process was sending when it died ends as a broken pipe.
        broken = bool(train.num_workers) and isinstance(error, EOFError | ConnectionError)
        if isinstance(error, torch.OutOfMemoryError):
            words, remedy = f"the accelerator ran out of memory ({size})", smaller
        elif broken or _LOADER_DIED.search(str(error)):
            words = f"a loader process died, often because memory was short ({size}, {train.num_workers} loaders)"
            remedy = "set train.num_workers to 0"
        elif isinstance(error, MemoryError) or _CPU_SHORTAGE.search(str(error)):
            words, remedy = (
                f"the machine ran out of memory ({size}, {train.jobs} jobs)",
                f"set train.jobs to 1; {smaller}",
            )
        else:
            raise
        raise MemoryShortageError(words, where=what, remedy=remedy) from error
