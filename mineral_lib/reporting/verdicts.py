"""The rules behind the verdicts on the paper's claims: each check returns a verdict and the numbers behind
it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from mineral_lib.config import PROPOSED, Settings
from mineral_lib.reporting.ablation import CORNERS, GAINS, contrast
from mineral_lib.reporting.convergence import curve_area, epochs_to
from mineral_lib.reporting.leakage import control_gap, leakage_gap, table_leakage
from mineral_lib.reporting.records import RunRecord, row_name
from mineral_lib.reporting.summary import compare, main_runs, weights_in_block
from mineral_lib.storage import ResultPaths

HOLDS, UNDECIDED, FAILS = "holds here", "not decided here", "does not hold here"
NOT_RUN, UNTESTABLE = "not run in this profile", "cannot be checked"


@dataclass(frozen=True)
class Claim:
    """One claim of the paper with its verdict.

    Attributes:
        claim: The claim in one sentence.
        source: Where the paper makes it.
        verdict: One of the five words of this module.
        evidence: The numbers behind the verdict.
    """

    claim: str
    source: str
    verdict: str
    evidence: str


def judge(low: float, high: float) -> str:
    """Verdict on "greater than zero" from a 95 % interval."""
    return HOLDS if low > 0 else FAILS if high < 0 else UNDECIDED


def points(value: float) -> str:
    """A fraction as signed percentage points."""
    return f"{100 * value:+.1f}".replace("-", "−")


def _block(runs: list[RunRecord], settings: Settings, block: str) -> dict[str, list[RunRecord]]:
    found = {
        model: main_runs(runs, settings, model=model, weights=weights_in_block(model, block))
        for model in settings.comparison.models
    }
    return {model: record for model, record in found.items() if record}


def check_best(runs: list[RunRecord], settings: Settings, block: str) -> tuple[str, str]:
    """Is the proposed network more accurate than every other of a block, beyond noise?

    Fails if any other network is clearly better; holds only if all differences are clear.
    """
    found = _block(runs, settings, block)
    proposed = found.pop(PROPOSED, [])
    pairs = {model: d for model, other in found.items() if (d := compare(proposed, other, settings))}
    if not pairs:
        return NOT_RUN, ""
    verdicts = [judge(d.low, d.high) for d in pairs.values()]
    verdict = FAILS if FAILS in verdicts else HOLDS if set(verdicts) == {HOLDS} else UNDECIDED
    rival = min(pairs, key=lambda model: pairs[model].value)
    d = pairs[rival]
    clear = sum(v == HOLDS for v in verdicts)
    return verdict, (
        f"Clearly better than {clear} of {len(pairs)}; against the strongest, "
        f"{row_name(found[rival], rival, settings)}: {points(d.value)} points ({points(d.low)} to "
        f"{points(d.high)})."
    )


def _curves(found: list[RunRecord]) -> list[np.ndarray]:
    return [run.history["val_accuracy"].to_numpy() for run in found]


def check_faster(runs: list[RunRecord], settings: Settings, block: str) -> tuple[str, str]:
    """Does the proposed network lead in mean validation accuracy and in epochs to the highest shared
    threshold?

    Holds if it leads in both, fails if it leads in neither. All curves are cut to the shortest.
    """
    found = _block(runs, settings, block)
    if PROPOSED not in found or len(found) < 2:
        return NOT_RUN, ""
    length = min(len(curve) for records in found.values() for curve in _curves(records))
    area = {m: float(np.mean([curve_area(c[:length]) for c in _curves(r)])) for m, r in found.items()}
    goals = [t / 100 for t in settings.comparison.thresholds_percent]
    times = {
        m: {g: float(np.median([epochs_to(c, g) for c in _curves(r)])) for g in goals}
        for m, r in found.items()
    }
    reached = [g for g in goals if sum(np.isfinite(times[m][g]) for m in found) >= 2]
    rival = max((m for m in found if m != PROPOSED), key=area.get)
    ahead = area[PROPOSED] > area[rival]
    words = (
        f"Mean validation accuracy over {length} epochs {100 * area[PROPOSED]:.1f} % against at most "
        f"{100 * area[rival]:.1f} % ({row_name(found[rival], rival, settings)})"
    )
    if not reached:
        return (UNDECIDED if ahead else FAILS), f"{words}; no threshold is reached by two networks."
    goal = max(reached)
    mine, others = times[PROPOSED][goal], [times[m][goal] for m in found if m != PROPOSED]
    first = np.isfinite(mine) and all(not t <= mine for t in others)
    best = np.nanmin(others) if np.isfinite(others).any() else float("nan")
    words += f"; {100 * goal:.0f} % after {_epochs(mine)} epochs, the fastest other after {_epochs(best)}."
    return HOLDS if ahead and first else FAILS if not ahead and not first else UNDECIDED, words


def _epochs(value: float) -> str:
    return f"{value:.0f}" if np.isfinite(value) else "more than all"


def check_training(runs: list[RunRecord], settings: Settings) -> tuple[str, str]:
    """Do all networks end above 90 % training accuracy?"""
    found = _block(runs, settings, "as_read")
    if len(found) < len(settings.comparison.models):
        return NOT_RUN, ""
    final = {
        m: float(np.mean([run.history["train_accuracy"].iloc[-1] for run in r])) for m, r in found.items()
    }
    lowest = min(final, key=final.get)
    above = sum(value > 0.9 for value in final.values())
    return (HOLDS if above == len(final) else FAILS), (
        f"{above} of {len(final)} after the last epoch; lowest "
        f"{row_name(found[lowest], lowest, settings)} with "
        f"{100 * final[lowest]:.1f} %."
    )


def check_classes(runs: list[RunRecord], settings: Settings) -> tuple[str, str]:
    """Are more than half of the minerals recognised in at least 97 % of their test photographs?"""
    found = main_runs(runs, settings, model=PROPOSED, weights="transfer")
    if not found:
        return NOT_RUN, ""
    recall = (
        pd.concat([r.predictions.assign(correct=r.correct) for r in found]).groupby("label")["correct"].mean()
    )
    good = int((recall >= 0.97).sum())
    return (HOLDS if good > len(recall) / 2 else FAILS), (
        f"{good} of {len(recall)} minerals reach 97 % of their test photographs; median "
        f"{100 * recall.median():.0f} %."
    )


def check_complexity(runs: list[RunRecord], settings: Settings) -> tuple[str, str]:
    """Does accuracy grow with the number of parameters (Kendall's rank correlation, exact p below 0.05)?"""
    block = "fair_none" if "fair_none" in settings.comparison.blocks else settings.comparison.blocks[0]
    found = _block(runs, settings, block)
    if len(found) < 4:
        return NOT_RUN, ""
    sizes = [records[0].manifest["parameters"] for records in found.values()]
    accuracies = [float(np.mean([run.accuracy for run in records])) for records in found.values()]
    tau, p = kendalltau(sizes, accuracies)
    verdict = HOLDS if tau > 0 and p < 0.05 else FAILS if tau <= 0 else UNDECIDED
    return verdict, (
        f"Rank correlation of accuracy and parameters {tau:+.2f} (Kendall, p = {p:.2f}, {len(found)} "
        "networks, "
        f"block {block}). The paper's own Table 4 puts VGG19, the largest network, last."
    ).replace("-", "−")


def check_gain(runs: list[RunRecord], settings: Settings, name: str) -> tuple[str, str]:
    """Is a gain of Table 5 (a key of ``GAINS``) clearly above zero?"""
    corners = {corner: main_runs(runs, settings, model=m, weights=w) for corner, (m, w) in CORNERS.items()}
    found = contrast(corners, GAINS[name], settings)
    if np.isnan(found["accuracy"]):
        return NOT_RUN, ""
    words = (
        f"{points(found['accuracy'])} points of accuracy ({points(found['low'])} to {points(found['high'])})"
    )
    if name == "both together":
        extra = contrast(corners, GAINS["interaction (both − sum)"], settings)
        if not np.isnan(extra["accuracy"]):
            ends = f"{points(extra['low'])} to {points(extra['high'])}"
            words += f"; interaction {points(extra['accuracy'])} ({ends})"
    return judge(found["low"], found["high"]), words + "."


def check_cheap(runs: list[RunRecord], settings: Settings) -> tuple[str, str]:
    """Does attention add less than a thousandth of the parameters?"""
    pair = [
        main_runs(runs, settings, model=model, weights="scratch")
        or main_runs(runs, settings, model=model, weights="transfer")
        for model in (CORNERS["base"][0], PROPOSED)
    ]
    if not all(pair):
        return NOT_RUN, ""
    base, eca = (int(records[0].manifest["parameters"]) for records in pair)
    return (HOLDS if 0 <= eca - base < 0.001 * base else FAILS), (
        f"{eca - base:,} parameters more than {base:,}; the printed column (0.02 million more) does not "
        "come from attention."
    )


def check_honest_split(runs: list[RunRecord], settings: Settings, paths: ResultPaths) -> tuple[str, str]:
    """Does the paper's order measure new specimens? Fails if the gap of a network, or of the control on labels drawn
    by lot, is clearly above 0."""
    table = table_leakage(runs, settings, paths)
    network, control = leakage_gap(table), control_gap(table)
    if network is None and control is None:
        return NOT_RUN, ""
    apart = any(row is not None and row["gap_low"] > 0 for row in (network, control))
    words = []
    if network is not None:
        words.append(_gap_words(network, network["network"]))
    if control is not None:
        words.append(_gap_words(control, "Labels drawn by lot, nearest neighbour"))
    return FAILS if apart else UNDECIDED, " ".join(words)


def _gap_words(row: Any, name: str) -> str:
    return (
        f"{name}: {100 * row['accuracy']:.1f} % in the paper's order, "
        f"{100 * (row['accuracy'] - row['gap']):.1f} % on unseen specimens ({points(row['gap'])} points, 95 % interval "
        f"{points(row['gap_low'])} to {points(row['gap_high'])})."
    )
