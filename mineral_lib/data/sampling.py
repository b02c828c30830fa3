"""Orders and batches of a training epoch: every photograph once, or every class equally often.

An order depends on (seed, epoch) and the labels only, so workers, batch size and resumed runs change nothing.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import Sampler

from mineral_lib.runtime import derive_seed

Draw = tuple[int, int]  # (position of the sample, how often it was drawn before in this epoch)


def balanced_order(labels: np.ndarray, *, seed: int, epoch: int) -> list[Draw]:
    """N draws in random order, for labels (N,), in which every class that has samples is drawn equally often.

    Each of the C classes gets floor(N / C) draws, and the N mod C draws that remain go to classes chosen anew in each
    epoch, so that the expectation is N / C for all. Within a class the draws run through random permutations of its
    samples: none is drawn again before all were. A large class is therefore seen in part in one epoch.
    """
    generator = np.random.default_rng(derive_seed("balanced", seed, epoch))
    classes = np.unique(labels)
    share, rest = divmod(len(labels), max(len(classes), 1))
    lucky = set(generator.permutation(classes)[:rest].tolist())
    draws: list[Draw] = []
    for name in classes.tolist():
        members, wanted = np.flatnonzero(labels == name), share + (name in lucky)
        for lap in range(-(-wanted // len(members))):
            chosen = generator.permutation(members)[: wanted - lap * len(members)]
            draws += [(position, lap) for position in chosen.tolist()]
    return [draws[i] for i in generator.permutation(len(draws)).tolist()]


class EpochBatches(Sampler[list[int | Draw]]):
    """Batches of positions, in an order that depends on (seed, epoch) only.

    A last batch of a single image is joined to the batch before it in training, because batch normalisation needs
    two images. Nothing is dropped: every image is seen once an epoch, unless classes are balanced.

    Args:
        count: Number of samples.
        batch_size: Images a batch.
        seed: Seed of the run; None for the fixed order of evaluation.
        labels: Class of each sample, shape (count,), for ``balanced_order``; None to take every sample once.
    """

    def __init__(self, count: int, batch_size: int, seed: int | None, *, labels: np.ndarray | None = None) -> None:
        self.count, self.batch_size, self.seed, self.labels = count, batch_size, seed, labels
        self.epoch, self.start = 0, 0  # of the epoch, its first batches that were done before
        self.rank, self.ranks = 0, 1  # of several processes that share each batch, see ``compute.ranks``

    def __len__(self) -> int:
        full, rest = divmod(self.count, self.batch_size)
        joined = self.seed is not None and 0 < rest < max(2, self.ranks) and full > 0
        return full + (rest > 0) - joined

    def __iter__(self) -> Iterator[list[int | Draw]]:
        order, count = self._order(), len(self)
        for batch in range(self.start, count):
            end = (batch + 1) * self.batch_size if batch < count - 1 else self.count
            yield order[batch * self.batch_size : end][self.rank :: self.ranks]

    def _order(self) -> list[int] | list[Draw]:
        if self.seed is None:
            return list(range(self.count))
        if self.labels is not None:
            return balanced_order(self.labels, seed=self.seed, epoch=self.epoch)
        generator = torch.Generator().manual_seed(derive_seed("order", self.seed, self.epoch))
        return torch.randperm(self.count, generator=generator).tolist()
