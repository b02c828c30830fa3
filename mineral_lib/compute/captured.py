"""Training steps on an NVIDIA GPU, recorded once and replayed.

The launches of the thousand or so kernels of a step cost more time than the kernels themselves at a batch of 32. So
after a few ordinary steps the whole step (forward, loss, backward, optimizer) is recorded as a CUDA graph; later
batches of the same shape are copied into its inputs and the graph is launched as one. Batches of another shape, such
as the last one of an epoch, take the ordinary way. Nothing is computed twice: recording does not execute.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from mineral_lib.training.engine import Loop

# Ordinary steps of a shape before it is recorded: libraries choose their kernels and allocate in them.
WARM_UP_STEPS = 3


@dataclass
class CapturedLoop(Loop):
    """A training loop on one NVIDIA GPU."""

    # The network through torch.compile, for the batches that are recorded; None for kernels as they are. Compiling
    # takes most of a minute a network and pays in long runs only.
    compiled: nn.Module | None = None
    _seen: Counter = field(default_factory=Counter)
    _shape: Any = None
    _graph: torch.cuda.CUDAGraph | None = None
    _inputs: tuple[torch.Tensor, torch.Tensor] | None = None
    _totals: torch.Tensor | None = None

    def __post_init__(self) -> None:
        # One stream for all that is recorded: gradients must not be accumulated on another one.
        self._stream = torch.cuda.Stream(self.device)

    def forward(self, images: torch.Tensor, network: nn.Module | None = None) -> Any:
        """Output for a batch; the compiled network takes the shape that is recorded, and no other."""
        if network is None and self.compiled is not None and images.shape == self._shape[0]:
            network = self.compiled
        return super().forward(images, network)

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """One optimizer step on a batch, see ``Loop.step``."""
        norms = (one for one in self.network.modules() if isinstance(one, nn.modules.batchnorm._BatchNorm))
        frozen = bool(self.freeze_batch_norm_after) and any(not norm.training for norm in norms)
        shape = (images.shape, labels.shape, frozen)
        if self._shape is None or (frozen and not self._shape[2]):  # a frozen norm is another computation
            self._shape, self._graph = shape, None
        here = torch.cuda.current_stream(self.device)
        if shape != self._shape or self._seen[shape] < WARM_UP_STEPS:
            self._seen[shape] += 1
            self._stream.wait_stream(here)
            with torch.cuda.stream(self._stream):
                totals = super().step(images, labels)
            here.wait_stream(self._stream)
            return totals
        if self._graph is None:
            self._record(images, labels)
        for kept, new in zip(self._inputs, (images, labels), strict=True):
            kept.copy_(new, non_blocking=True)
        self._graph.replay()
        return self._totals

    def _record(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        images = images.to(self.device, memory_format=torch.channels_last)
        self._inputs = images.clone(memory_format=torch.channels_last), labels.clone()
        graph = torch.cuda.CUDAGraph()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.cuda.graph(graph, stream=self._stream):
            self._totals = super().step(*self._inputs)
        self._graph = graph
