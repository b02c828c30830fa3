"""Differences on the same photographs over seeds and specimens, and the words that may be used for them.

A contrast is a signed sum of rows (``{"eca": 1, "base": -1}``), taken photograph by photograph within a seed. A gain is
called one only if at least three seeds stand behind it and its interval, corrected for the number of contrasts (Holm),
leaves zero out.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mineral_lib.evaluation.statistics import Estimate, Part, estimate, holm
from mineral_lib.reporting.tables import MISSING
from mineral_lib.reporting.words import points, seeds_text
from mineral_lib.study import Study
from mineral_lib.training.run import Run

NAN = float("nan")
HOLDS, UNDECIDED, FAILS = "holds here", "not decided here", "does not hold here"
MIN_SEEDS = 3
LEVEL = 0.05
_ROW = ["accuracy", "low", "high", "seed_sd", "seeds", "precision", "recall", "p_value", "p_holm", "status"]


def estimate_text(found: Estimate) -> str:
    """A difference in points with interval and seeds: ``+7.6 points (+2.0 to +13.1, one seed)``."""
    value, low, high = map(points, (found.value, *found.interval()))
    return f"{value} points ({low} to {high}, {seeds_text(found.seeds)})"


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


def judge(found: Estimate, p_holm: float) -> str:
    """Verdict on "greater than zero"; undecided with fewer than three seeds, whatever the interval says."""
    if found.seeds < MIN_SEEDS or not p_holm < LEVEL:
        return UNDECIDED
    return HOLDS if found.value > 0 else FAILS


def status(found: Estimate, p_holm: float) -> str:
    """The same for the last column of a table."""
    verdict = judge(found, p_holm)
    if verdict == UNDECIDED:
        return f"not decided ({seeds_text(found.seeds) if found.seeds < MIN_SEEDS else 'within noise'})"
    return "above zero" if verdict == HOLDS else "below zero"


def overall(verdicts: Collection[str]) -> str:
    """Whether one thing is above all others: fails with one failure, holds only if all verdicts hold."""
    return FAILS if FAILS in verdicts else HOLDS if set(verdicts) == {HOLDS} else UNDECIDED


def contrast_rows(found: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """The rows of a table of contrasts (see ``contrasts``); NaN where a run is missing."""
    return found.reindex(list(names))[_ROW].fillna({"status": MISSING})


def paired_sets(rows: Sequence[Sequence[Run]]) -> list[list[Run]]:
    """One list a seed that all rows have: a run of each row, all tested on the same photographs."""
    by_seed = [{run.seed: run for run in runs} for runs in rows]
    sets = [[runs[seed] for runs in by_seed] for seed in sorted(set.intersection(*map(set, by_seed)))]
    return [s for s in sets if all(s[0].predictions()["sample_id"].equals(r.predictions()["sample_id"]) for r in s)]


def contrasts(rows: Mapping[Any, Sequence[Run]], family: Mapping[Any, Mapping[Any, int]], study: Study) -> pd.DataFrame:
    """A family of contrasts, judged together; those of which a run is missing are left out.

    ``rows`` are the runs of each row, one a seed; ``family`` has for each contrast the factor of each row it takes,
    adding up to 0.

    Returns:
        A row a contrast: ``accuracy`` (the difference), ``low`` and ``high`` (ends of its interval), ``seed_sd``,
        ``seeds``, differences of macro ``precision`` and ``recall`` (fractions, means over seeds), ``p_value``,
        ``p_holm`` (corrected for the number of contrasts), ``status`` in words, ``verdict`` on "greater than zero",
        and the ``estimate`` of the difference of accuracies.
    """
    sets = {name: paired_sets([rows[row] for row in signs]) for name, signs in family.items()}
    names = [name for name, some in sets.items() if some]
    lines = [_difference(sets[name], list(family[name].values()), study) for name in names]
    frame = pd.DataFrame(lines, pd.Index(names, tupleize_cols=False), [*_ROW, "verdict", "estimate"])
    frame["p_holm"] = holm(frame["p_value"])
    for column, of in (("status", status), ("verdict", judge)):
        judged = [of(*one) for one in zip(frame["estimate"], frame["p_holm"], strict=True)]
        frame[column] = np.array(judged, dtype=object)  # text, also without rows
    return frame


def _difference(sets: list[list[Run]], factors: list[int], study: Study) -> dict[str, Any]:
    """Signed sums over the runs of every seed: of correctness, macro precision and macro recall."""

    def signed(value: Callable[[Run], Any]) -> list[Any]:
        return [sum(factor * value(run) for factor, run in zip(factors, runs, strict=True)) for runs in sets]

    parts = [(values, part_of(runs[0])[1]) for values, runs in zip(signed(lambda run: run.correct), sets, strict=True)]
    found = estimate(parts, **resampling(study))
    low, high = found.interval()
    row = {"estimate": found, "accuracy": found.value, "low": low, "high": high, "p_value": found.p_value}
    for name in ("precision", "recall"):
        row[name] = float(np.mean(signed(lambda run, name=name: run.metrics["selected"]["test"][f"{name}_macro"])))
    return row | {"seed_sd": found.seed_sd, "seeds": found.seeds}
