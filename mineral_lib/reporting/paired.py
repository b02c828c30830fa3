"""Differences on the same photographs, over one or several seeds: their interval by specimen and how clear they are."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mineral_lib.config import Settings
from mineral_lib.evaluation.statistics import cluster_bootstrap
from mineral_lib.reporting.verdicts import FAILS, HOLDS, UNDECIDED, judge, points

MIN_SEEDS = 3  # with fewer runs of a network nothing is said about the network itself
FEW_SEEDS = "With fewer than three seeds this is about these runs and decides nothing about the networks."


@dataclass(frozen=True)
class Paired:
    """A mean difference over photographs.

    Attributes:
        value: The mean over seeds and photographs.
        low: Lower end of its interval by specimen.
        high: Upper end.
        by_seed: The mean of each seed.
    """

    value: float
    low: float
    high: float
    by_seed: tuple[float, ...]

    @property
    def direction(self) -> str:
        """``holds here`` if it is clearly above zero, ``does not hold here`` if below, else ``not decided here``.

        Clear means that the interval excludes zero and that every seed has the same sign.
        """
        verdict = judge(self.low, self.high)
        signs = {np.sign(value) for value in self.by_seed}
        return verdict if signs == {{HOLDS: 1, FAILS: -1}.get(verdict, 0)} else UNDECIDED

    @property
    def words(self) -> str:
        """Value and interval in percentage points."""
        return f"{points(self.value)} points, {points(self.low)} to {points(self.high)}"


def paired(differences: pd.DataFrame, settings: Settings, *, level: float = 0.95) -> Paired:
    """Mean of differences with its interval.

    Args:
        differences: A row a seed and photograph, columns value, specimen and seed.
        settings: The profile; uses report.bootstrap and report.seed.
        level: Coverage of the interval.
    """
    low, high = cluster_bootstrap(
        differences["value"].to_numpy(dtype=float),
        differences["specimen"].to_numpy(dtype=str),
        resamples=settings.report.bootstrap,
        seed=settings.report.seed,
        level=level,
    )
    by_seed = differences.groupby("seed")["value"].mean()
    return Paired(float(differences["value"].mean()), low, high, tuple(by_seed.astype(float)))


def seed_words(count: int) -> str:
    """``1 seed``, ``3 seeds``."""
    return f"{count} seed" + ("s" if count > 1 else "")
