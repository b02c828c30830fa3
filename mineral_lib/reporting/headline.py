"""The report's first box: what was run, on what, and the few numbers that matter."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mineral_lib.config import PROPOSED, Settings
from mineral_lib.data.split import read_split
from mineral_lib.evaluation.metrics import commonest_label
from mineral_lib.reporting.ablation import gains
from mineral_lib.reporting.baselines import best_baseline, lead, read_baselines
from mineral_lib.reporting.contrasts import (
    FAILS,
    HOLDS,
    MIN_SEEDS,
    UNDECIDED,
    estimate_text,
    percent,
    points,
    seeds_text,
)
from mineral_lib.reporting.leakage import control_gap, leakage_gap, table_leakage
from mineral_lib.reporting.records import RunRecord, row_name
from mineral_lib.reporting.summary import main_runs, summarise, unseen_text
from mineral_lib.storage import ResultPaths

ABSENT = "not run"


@dataclass(frozen=True)
class Fact:
    """One number of the headline box.

    Attributes:
        name: What it is.
        value: The number as text.
        detail: How sure it is, or what to compare it with.
    """

    name: str
    value: str
    detail: str


QUESTIONS = {
    "Does channel attention help from scratch?": "ECA alone",
    "Does it help given transfer?": "ECA given transfer",
    "Does transfer help?": "transfer alone",
}
ANSWERS = {HOLDS: "yes", FAILS: "no, it harms", UNDECIDED: UNDECIDED}


def chance_level(paths: ResultPaths) -> float | None:
    """Chance: accuracy of always naming the commonest training class on the grouped test set, mean over splits; None
    without a split.
    """
    found = []
    for path in sorted(paths.splits_dir.glob("grouped*.csv")):
        split = read_split(path)
        train, test = (split.loc[split["split"] == part, "label"] for part in ("train", "test"))
        if len(train) and len(test):
            found.append(float((test == commonest_label(train)).mean()))
    return float(np.mean(found)) if found else None


def describe_data(paths: ResultPaths, settings: Settings) -> str:
    """One sentence on the photographs, counted from the index; a second one where the seeds decide nothing."""
    if not paths.index.is_file():
        return "No index of photographs was found."
    index = pd.read_csv(paths.index, dtype=str, keep_default_na=False)
    kind = "generated images" if settings.data.source == "synthetic" else "photographs of the given folder"
    specimens = index.loc[index["specimen"] != "", "specimen"].nunique()
    of = f" of {specimens:,} specimens" if specimens else ""
    minerals = index["class_name"].nunique()
    words = f"{len(index):,} {kind}{of}, {minerals} minerals, {settings.data.image_size_px} px."
    seeds = len(settings.train.seeds)
    if seeds >= MIN_SEEDS:
        return words
    return f"{words} {seeds_text(seeds).capitalize()}, {settings.train.epochs} epochs: a demonstration."


def facts(runs: list[RunRecord], settings: Settings, paths: ResultPaths) -> list[Fact]:
    """The numbers of the headline box, in reading order."""
    proposed = main_runs(runs, settings, model=PROPOSED, weights="transfer")
    numbers = summarise(proposed, settings)
    name = f"{row_name(proposed, PROPOSED, settings)}: accuracy on {unseen_text(settings)}"
    found = [_accuracy(name, **numbers) if proposed else Fact(name, ABSENT, "")]
    rival = best_baseline(read_baselines(paths, settings))
    if rival:
        ends = _interval(rival.low, rival.high)
        ahead = lead(proposed, rival, settings)
        more = f"; network minus baseline {estimate_text(ahead)}" if ahead else ""
        found.append(Fact("Best simple baseline", percent(rival.accuracy.value), f"{rival.title}; {ends}{more}"))
    if (chance := chance_level(paths)) is not None:
        found.append(Fact("Chance", percent(chance), "always naming the commonest mineral"))
    known = gains(runs, settings)
    for title, key in QUESTIONS.items():
        gain = known.get(key)
        found.append(Fact(title, ANSWERS[gain.verdict], gain.text()) if gain else Fact(title, ABSENT, ""))
    return found + _leak(runs, settings, paths)


def first_screen(found: list[Fact]) -> str:
    """The facts as a Markdown list, for the README; made of the same numbers as the report."""
    lines = [f"* {fact.name}: **{fact.value}**" + (f" ({fact.detail})" if fact.detail else "") for fact in found]
    return "\n".join(lines) + "\n"


def _accuracy(name: str, *, accuracy: float, low: float, high: float, seeds: int, **_: object) -> Fact:
    return Fact(name, percent(accuracy), f"{_interval(low, high)}, {seeds_text(seeds)}")


def _interval(low: float, high: float) -> str:
    return f"95 % interval {100 * low:.1f} to {100 * high:.1f} %"


def _leak(runs: list[RunRecord], settings: Settings, paths: ResultPaths) -> list[Fact]:
    table = table_leakage(runs, settings, paths)
    row, control = leakage_gap(table), control_gap(table)
    gap = Fact("Leakage gap", ABSENT, "the same network under the paper's order")
    if row is not None:
        ends = f"{points(row['gap_low'])} to {points(row['gap_high'])}, {seeds_text(int(row['seeds']))}"
        words = f"{ends}; {row['network']}: {percent(row['accuracy'])} in the paper's order (augment, then split)"
        gap = Fact("Leakage gap", f"{points(row['gap'])} points", words)
    if control is None:
        return [gap]
    unseen = f"{percent(control['accuracy'] - control['gap'])} on {unseen_text(settings)}"
    words = f"named right in the paper's order by a nearest neighbour; {unseen}"
    return [gap, Fact("Labels drawn by lot", percent(control["accuracy"]), words)]
