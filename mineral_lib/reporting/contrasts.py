"""Gains between runs: paired contrasts over seeds and specimens, and the words that may be used for them.

A contrast is a signed sum of rows (``{"eca": 1, "base": -1}``), taken photograph by photograph within a seed. A gain is
called one only if at least three seeds stand behind it and its interval, corrected for the number of contrasts (Holm),
leaves zero out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mineral_lib.evaluation.statistics import Estimate, estimate, holm
from mineral_lib.study import Study
from mineral_lib.training.run import Run

HOLDS, UNDECIDED, FAILS = "holds here", "not decided here", "does not hold here"
MIN_SEEDS = 3
LEVEL = 0.05
_NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}

INTERVAL_NOTE = (
    "95 % intervals are over seeds and specimens: a t interval of the seeds' means, and a bootstrap of whole specimens "
    "(photographs of one are not independent) for what all seeds share. With one seed they are over specimens only and "
    "say nothing about another seed."
)
VERDICT_NOTE = (
    f"A difference counts as one only with at least {_NUMBERS[MIN_SEEDS]} seeds and a Holm-corrected p below {LEVEL:g} "
    "(the corrected interval leaves zero out); p is one minus the level of the interval that just reaches zero."
)


def points(value: float) -> str:
    """A fraction as signed percentage points."""
    return f"{100 * value:+.1f}".replace("-", "−")


def percent(value: float) -> str:
    """A fraction in percent, one decimal."""
    return f"{100 * value:.1f} %"


def seeds_text(count: int) -> str:
    """A number of seeds in words: ``one seed``, ``three seeds``."""
    return f"{_NUMBERS.get(count, count)} seed{'s' if count != 1 else ''}"


def estimate_text(found: Estimate) -> str:
    """A difference in points with interval and seeds: ``+7.6 points (+2.0 to +13.1, one seed)``."""
    low, high = found.interval()
    return f"{points(found.value)} points ({points(low)} to {points(high)}, {seeds_text(found.seeds)})"


@dataclass(frozen=True)
class Contrast:
    """A difference between rows of a table.

    Attributes:
        estimate: Difference of accuracies, fraction.
        precision: Difference of macro precision, mean over seeds.
        recall: Difference of macro recall, mean over seeds.
        p_holm: The estimate's p, corrected for the number of contrasts judged together.
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
        found = self.verdict
        if found == UNDECIDED:
            few = self.estimate.seeds < MIN_SEEDS
            return f"not decided ({seeds_text(self.estimate.seeds) if few else 'within noise'})"
        return "above zero" if found == HOLDS else "below zero"

    def text(self) -> str:
        """Points with interval and seeds, see ``estimate_text``."""
        return estimate_text(self.estimate)

    def row(self) -> dict[str, float | int | str]:
        """The numbers of a table row."""
        low, high = self.estimate.interval()
        return {
            "accuracy": self.estimate.value,
            "low": low,
            "high": high,
            "seed_sd": self.estimate.seed_sd,
            "seeds": self.estimate.seeds,
            "precision": self.precision,
            "recall": self.recall,
            "p_value": self.estimate.p_value,
            "p_holm": self.p_holm,
            "status": self.status,
        }


def judge(found: Estimate, p_holm: float) -> str:
    """Verdict on "greater than zero"; undecided with fewer than three seeds, whatever the interval says."""
    if found.seeds < MIN_SEEDS or not p_holm < LEVEL:
        return UNDECIDED
    return HOLDS if found.value > 0 else FAILS


def paired_sets(rows: Sequence[Sequence[Run]]) -> list[list[Run]]:
    """One list a seed that all rows have: a run of each row, all tested on the same photographs."""
    by_seed = [{run.seed: run for run in runs} for runs in rows]
    sets = [[runs[seed] for runs in by_seed] for seed in sorted(set.intersection(*map(set, by_seed)))]
    return [s for s in sets if all(s[0].predictions()["sample_id"].equals(r.predictions()["sample_id"]) for r in s)]


def contrasts(
    rows: Mapping[str, Sequence[Run]], family: Mapping[str, Mapping[str, int]], study: Study
) -> dict[str, Contrast]:
    """A family of contrasts, judged together; those of which a run is missing are left out.

    Args:
        rows: Runs of each row, one a seed.
        family: For each contrast the factor of each row it takes, adding up to 0.
        study: The study.
    """
    found = {name: one for name, signs in family.items() if (one := _contrast(rows, signs, study))}
    corrected = holm([one[0].p_value for one in found.values()])
    return {name: Contrast(*one, p_holm=float(p)) for (name, one), p in zip(found.items(), corrected, strict=True)}


def _contrast(
    rows: Mapping[str, Sequence[Run]], signs: Mapping[str, int], study: Study
) -> tuple[Estimate, float, float] | None:
    """Estimate, difference of precision and of recall; None without a seed that all rows have."""
    sets, factors = paired_sets([rows[name] for name in signs]), list(signs.values())
    if not sets:
        return None
    parts = [(sum(f * run.correct for f, run in zip(factors, s, strict=True)), specimens_of(s[0])) for s in sets]
    macro = [
        float(
            np.mean(
                [
                    sum(f * run.metrics["selected"]["test"][name] for f, run in zip(factors, s, strict=True))
                    for s in sets
                ]
            )
        )
        for name in ("precision_macro", "recall_macro")
    ]
    found = estimate(parts, resamples=study.settings.report.bootstrap, seed=study.settings.report.seed)
    return found, macro[0], macro[1]


def specimens_of(run: Run) -> np.ndarray:
    """Specimen of each test photograph, shape (n,), text."""
    return run.predictions()["specimen"].to_numpy(dtype=str)


def compare(a: Sequence[Run], b: Sequence[Run], study: Study) -> Contrast | None:
    """One row minus another; None if they share no seed with the same test photographs."""
    return contrasts({"a": a, "b": b}, {"a - b": {"a": 1, "b": -1}}, study).get("a - b")
