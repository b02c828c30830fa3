"""Differences on the same photographs, over one or several seeds: their interval and how clear they are."""

from dataclasses import dataclass

import pandas as pd

from mineral_lib.evaluation.statistics import estimate
from mineral_lib.reporting.contrasts import FAILS, HOLDS, MIN_SEEDS, UNDECIDED, points, seeds_text
from mineral_lib.study import Study

FEW_SEEDS = f"With fewer than {seeds_text(MIN_SEEDS)} this is about these runs and decides nothing about the networks."


@dataclass(frozen=True)
class Paired:
    """A mean difference over seeds and photographs.

    Attributes:
        value: The mean.
        low: Lower end of its interval over seeds and specimens.
        high: Upper end.
        seeds: Number of seeds.
    """

    value: float
    low: float
    high: float
    seeds: int

    @property
    def direction(self) -> str:
        """``holds here`` if the interval lies above zero, ``does not hold here`` below, else ``not decided here``."""
        return HOLDS if self.low > 0 else FAILS if self.high < 0 else UNDECIDED

    @property
    def words(self) -> str:
        """Value and interval in percentage points."""
        return f"{points(self.value)} points, {points(self.low)} to {points(self.high)}"


def paired(differences: pd.DataFrame, study: Study, *, level: float = 0.95) -> Paired:
    """Mean of differences with its interval.

    Args:
        differences: A row a seed and photograph, columns value, specimen and seed.
        study: The study.
        level: Coverage of the interval.
    """
    parts = [(rows["value"].to_numpy(float), rows["specimen"].to_numpy(str)) for _, rows in differences.groupby("seed")]
    found = estimate(parts, resamples=study.settings.report.bootstrap, seed=study.settings.report.seed)
    return Paired(found.value, *found.interval(level), found.seeds)
