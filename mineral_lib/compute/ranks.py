"""One run shared by the processes of ``torchrun``: each takes its part of every batch, the first one writes.

The batches are those of a run in one process, and gradients are averaged over the images of the whole batch, however
unequal the shares are. Weights, optimizer, totals and random state are the same in all processes after each step, so
a checkpoint knows nothing of their number.
"""

import contextlib
import datetime
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from mineral_lib.errors import ParameterError
from mineral_lib.locks import folder_lock
from mineral_lib.runtime import derive_seed, select_device
from mineral_lib.stopping import graceful_stop, request_stop
from mineral_lib.training.engine import Loop

# The first process may pre-train while the others wait.
PATIENCE = datetime.timedelta(days=1)
_signals: list[int] = []


def process_count() -> int:
    """How many processes work on one run."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def is_leader() -> bool:
    """Whether this process writes the files."""
    return process_count() == 1 or dist.get_rank() == 0


def leader_first(action: Callable[[], Any]) -> Any:
    """Do something in the first process, then in the others."""
    if not is_leader():
        _sum(torch.zeros(1))
    result = action()
    if process_count() > 1 and is_leader():
        _sum(torch.zeros(1))
    return result


def run_lock(folder: Path, what: str) -> contextlib.AbstractContextManager[None]:
    """Hold a run's folder, see ``folder_lock``; the first process holds it for all that share the run."""
    return folder_lock(folder, what) if is_leader() else contextlib.nullcontext()


@contextlib.contextmanager
def process_group(device: str) -> Iterator[None]:
    """Join the processes ``torchrun`` started, on ``train.device``; without it, do nothing.

    Ctrl-C and SIGTERM are only noted here, and acted on by all processes after the same step.
    """
    if not dist.is_available() or not {"WORLD_SIZE", "RANK"} <= os.environ.keys():
        yield
        return
    on_gpu = select_device(device).type == "cuda"
    if on_gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo", timeout=PATIENCE)
    try:
        with graceful_stop():
            _signals.clear()
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda number, _: _signals.append(number))
            yield
    finally:
        dist.destroy_process_group()


@dataclass
class SharedLoop(Loop):
    """A training loop whose batches are shared; evaluation is done by each process alone, on the same weights."""

    parallel: nn.Module | None = None  # the network, averaging gradients over the processes

    def forward(self, images: torch.Tensor, network: nn.Module | None = None) -> Any:
        """Network output of this process's share; its gradient counts by its part of the whole batch."""
        if network is not None or not self.network.training:
            return super().forward(images, network)
        count, stop = _sum(torch.tensor([len(images), bool(_signals)], dtype=torch.float64)).tolist()
        if stop:
            request_stop(_signals[0] if _signals else signal.SIGTERM)
        # One number from the generator that is the same everywhere; from it, own ones for dropout and drop path.
        seed = derive_seed(int(torch.randint(2**62, ())), dist.get_rank())
        with torch.random.fork_rng([torch.cuda.current_device()] if self.device.type == "cuda" else []):
            torch.manual_seed(seed)
            output = super().forward(images, self.parallel)
        weight = len(images) * process_count() / count
        for logits in [output] if isinstance(output, torch.Tensor) else output:
            if logits is not None:
                logits.register_hook(lambda gradient: gradient * weight)
        return output

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """One optimizer step on this process's share; totals of the whole batch."""
        return _sum(super().step(images, labels))


def share(loop: Loop, loader: DataLoader) -> Loop:
    """Let the processes share the batches of a training loader; in a single process, nothing changes.

    Batch normalisation sees the whole batch on GPUs (SyncBatchNorm) and this process's share on CPUs, where torch has
    no such layer.

    Raises:
        ParameterError: There are more processes than images in a batch, or the batch is mixed or accumulated.
    """
    processes, batches = process_count(), loader.batch_sampler
    if processes == 1:
        return loop
    if processes > min(batches.batch_size, batches.count):
        what = f"a batch of {batches.batch_size} cannot be shared by {processes} processes"
        raise ParameterError(what, where="train.batch_size", remedy="start fewer processes, or raise it")
    if loop.accumulate > 1:
        what, where = "has no effect here: the processes already share the batch", "train.accumulation_steps"
        raise ParameterError(what, where=where, remedy="set it to 1 and start more processes")
    if loop.mix is not None:
        what = "pictures are mixed within a whole batch, which no process has here"
        raise ParameterError(what, where="train.mixup_alpha, train.cutmix_alpha", remedy="set both to 0")
    batches.rank, batches.ranks = dist.get_rank(), processes
    if loop.device.type == "cuda":
        loop.network = nn.SyncBatchNorm.convert_sync_batchnorm(loop.network)
    known = {one.name: getattr(loop, one.name) for one in fields(Loop)}
    return SharedLoop(**known, parallel=DistributedDataParallel(loop.network, gradient_as_bucket_view=True))


def _sum(values: torch.Tensor) -> torch.Tensor:
    dist.all_reduce(values)
    return values
