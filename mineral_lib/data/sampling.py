"""Orders of a training epoch: every photograph once, or every class equally often.

An order depends on (seed, epoch) and the labels only, so workers, batch size and resumed runs change nothing.
"""

import numpy as np

from mineral_lib.runtime import derive_seed

Draw = tuple[int, int]  # (position of the sample, how often it was drawn before in this epoch)


def balanced_order(labels: np.ndarray, *, seed: int, epoch: int) -> list[Draw]:
    """An epoch in which every class is drawn equally often; the epoch is as long as without balancing.

    Each of the C classes gets floor(N / C) draws, and the N mod C draws that remain go to classes chosen anew in each
    epoch, so that the expectation is N / C for all. Within a class the draws run through random permutations of its
    samples: none is drawn again before all were. A large class is therefore seen in part in one epoch.

    Args:
        labels: Class of each sample, shape (N,); classes without samples take no part.
        seed: Seed of the run.
        epoch: 1, 2, ...

    Returns:
        N draws in random order.
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
