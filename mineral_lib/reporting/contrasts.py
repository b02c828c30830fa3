"""Differences on the same photographs over seeds and specimens, and the words that may be used for them.

A contrast is a signed sum of rows (``{"eca": 1, "base": -1}``), taken photograph by photograph within a seed. A gain is
called one only if at least three seeds stand behind it and its interval, corrected for the number of contrasts (Holm),
leaves zero out.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mineral_lib.evaluation.statistics import Estimate, Part, estimate, holm
from mineral_lib.reporting.tables import MISSING
from mineral_lib.reporting.words import ends_text, points, seeds_text
from mineral_lib.study import Study
from mineral_lib.training.run import Run

NAN = float("nan")
HOLDS, UNDECIDED, FAILS = "holds here", "not decided here", "does not hold here"
MIN_SEEDS = 3
LEVEL = 0.05
_ROW = ("accuracy", "low", "high", "seed_sd", "seeds", "precision", "recall", "p_value", "p_holm")


def estimate_text(found: Estimate) -> str:
    """A difference in points with interval and seeds: ``+7.6 points (+2.0 to +13.1, one seed)``."""
    return f"{points(found.value)} points ({ends_text(*found.interval(), found.seeds)})"


FEW_SEEDS = f"With fewer than {seeds_text(MIN_SEEDS)} this is about these runs and decides nothing about the networks."


def resampling(study: Study) -> dict[str, int]:
    """The profile's bootstrap, as keywords of ``evaluation.statistics``."""
    return {"resamples": study.settings.report.bootstrap, "seed": study.settings.report.seed}


def part_of(run: Run) -> Part:
    """Whether each test photograph of a run is right (0 or 1), and its specimen; both of shape (n,)."""
    return run.correct, run.predictions()["specimen"].to_numpy(dtype=str)


def frame_part(frame: pd.DataFrame, column: str = "correct") -> Part:
    """The same of a frame, a row a photograph: the numbers of a column, and the specimens."""
    return frame[column].to_numpy(dtype=float), frame["specimen"].to_numpy(dtype=str)


@dataclass(frozen=True)
class Contrast:
    """A difference between rows of a table: of accuracies, and of macro precision and recall (fractions, means).

    ``p_holm`` is the estimate's p, corrected for the number of contrasts judged together.
    """

    estimate: Estimate
    precision: float
    recall: float
    p_holm: float

    @property
    def verdict(self) -> str:
        """Whether "greater than zero" holds."""
        return judge(self.estimate, self.p_holm)

    @property
    def status(self) -> str:
        """The same for the last column of a table."""
        if self.verdict == UNDECIDED:
            few = self.estimate.seeds < MIN_SEEDS
            return f"not decided ({seeds_text(self.estimate.seeds) if few else 'within noise'})"
        return "above zero" if self.verdict == HOLDS else "below zero"

    def text(self) -> str:
        """Points with interval and seeds, see ``estimate_text``."""
        return estimate_text(self.estimate)


def judge(found: Estimate, p_holm: float) -> str:
    """Verdict on "greater than zero"; undecided with fewer than three seeds, whatever the interval says."""
    if found.seeds < MIN_SEEDS or not p_holm < LEVEL:
        return UNDECIDED
    return HOLDS if found.value > 0 else FAILS


def overall(verdicts: Collection[str]) -> str:
    """Whether one thing is above all others: fails with one failure, holds only if all verdicts hold."""
    return FAILS if FAILS in verdicts else HOLDS if set(verdicts) == {HOLDS} else UNDECIDED


def contrast_row(contrast: Contrast | None) -> dict[str, Any]:
    """The numbers of a table row; NaN where a run is missing."""
    if contrast is None:
        return dict.fromkeys(_ROW, NAN) | {"status": MISSING}
    found = contrast.estimate
    numbers = (found.value, *found.interval(), found.seed_sd, found.seeds, contrast.precision, contrast.recall)
    return dict(zip(_ROW, (*numbers, found.p_value, contrast.p_holm), strict=True)) | {"status": contrast.status}


def gain_columns(gain: Contrast | None) -> dict[str, float]:
    """Columns of a gain beside a row's own numbers: the difference and the ends of its interval."""
    ends = (gain.estimate.value, *gain.estimate.interval()) if gain else (NAN, NAN, NAN)
    return dict(zip(("gain", "gain_low", "gain_high"), ends, strict=True))


def paired_sets(rows: Sequence[Sequence[Run]]) -> list[list[Run]]:
    """One list a seed that all rows have: a run of each row, all tested on the same photographs."""
    by_seed = [{run.seed: run for run in runs} for runs in rows]
    sets = [[runs[seed] for runs in by_seed] for seed in sorted(set.intersection(*map(set, by_seed)))]
    return [s for s in sets if all(s[0].predictions()["sample_id"].equals(r.predictions()["sample_id"]) for r in s)]


def contrasts(
    rows: Mapping[Any, Sequence[Run]], family: Mapping[Any, Mapping[Any, int]], study: Study
) -> dict[Any, Contrast]:
    """A family of contrasts, judged together; those of which a run is missing are left out.

    ``rows`` are the runs of each row, one a seed; ``family`` has for each contrast the factor of each row it takes,
    adding up to 0.
    """
    found = {}
    for name, signs in family.items():
        if sets := paired_sets([rows[row] for row in signs]):
            found[name] = _differences(sets, list(signs.values()), study)
    corrected = holm([one[0].p_value for one in found.values()])
    return {name: Contrast(*one, p_holm=float(p)) for (name, one), p in zip(found.items(), corrected, strict=True)}


def _differences(sets: list[list[Run]], factors: list[int], study: Study) -> tuple[Estimate, float, float]:
    """Signed sums over the runs of every seed: of correctness, macro precision and macro recall."""

    def signed(value: Callable[[Run], Any]) -> list[Any]:
        return [sum(factor * value(run) for factor, run in zip(factors, runs, strict=True)) for runs in sets]

    parts = [(values, part_of(runs[0])[1]) for values, runs in zip(signed(lambda run: run.correct), sets, strict=True)]
    precision = signed(lambda run: run.metrics["selected"]["test"]["precision_macro"])
    recall = signed(lambda run: run.metrics["selected"]["test"]["recall_macro"])
    return estimate(parts, **resampling(study)), float(np.mean(precision)), float(np.mean(recall))


def compare(a: Sequence[Run], b: Sequence[Run], study: Study) -> Contrast | None:
    """One row minus another; None if they share no seed with the same test photographs."""
    return contrasts({"a": a, "b": b}, {"a - b": {"a": 1, "b": -1}}, study).get("a - b")
