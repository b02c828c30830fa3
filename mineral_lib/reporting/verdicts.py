"""The rules behind the verdicts on the paper's claims: each check returns a verdict and the numbers behind it.

A gain holds (or fails) here only over at least three seeds and after Holm's correction, see ``contrasts``; statements
on fully trained networks are not tested by a profile of few epochs, see ``convergence.too_short``.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from mineral_lib.config import PROPOSED
from mineral_lib.evaluation.statistics import holm
from mineral_lib.reporting.ablation import CORNERS, gains
from mineral_lib.reporting.comparison import leads
from mineral_lib.reporting.contrasts import FAILS, HOLDS, LEVEL, MIN_SEEDS, UNDECIDED, points, seeds_text
from mineral_lib.reporting.convergence import curve_area, epochs_to, too_short
from mineral_lib.reporting.leakage import control_gap, leakage_gap, table_leakage
from mineral_lib.reporting.summary import block_runs, row_name, unseen_text
from mineral_lib.study import Study
from mineral_lib.training.run import Run

NOT_RUN, UNTESTABLE = "not run in this profile", "cannot be tested here"
# The paper's "both together raise it further" is a gain of both over transfer alone.
JUDGED_BY = {"both together": "ECA given transfer"}


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


def _few(runs: list[Run]) -> str:
    """Why the number of seeds decides nothing, as a last sentence; empty with at least three."""
    count = len({run.seed for run in runs})
    return "" if count >= MIN_SEEDS else f" {seeds_text(count).capitalize()}."


def check_best(study: Study, block: str) -> tuple[str, str]:
    """Is the proposed network more accurate than every other of a block?

    Fails if any other network is clearly better; holds only if all differences are clear.
    """
    pairs = {
        model: (row_name(other, model, study), contrast)
        for model, (other, contrast) in leads(study, block).items()
        if contrast
    }
    if not pairs:
        return NOT_RUN, ""
    verdicts = [contrast.verdict for _, contrast in pairs.values()]
    verdict = FAILS if FAILS in verdicts else HOLDS if set(verdicts) == {HOLDS} else UNDECIDED
    name, rival = min(pairs.values(), key=lambda pair: pair[1].estimate.value)
    return verdict, (
        f"Better than {verdicts.count(HOLDS)} of {len(pairs)}, worse than {verdicts.count(FAILS)}, the rest not "
        f"decided; against the strongest, {name}: {rival.text()}."
    )


def _curves(found: list[Run]) -> list[np.ndarray]:
    return [run.history["val_accuracy"].to_numpy() for run in found]


def check_faster(study: Study, block: str) -> tuple[str, str]:
    """Does the proposed network lead in mean validation accuracy and in epochs to the highest shared
    threshold?

    Holds if it leads in both, fails if it leads in neither, both over at least three seeds. All curves are cut to the
    shortest. Not tested with few epochs: the paper's curves have 200.
    """
    found = block_runs(study, block)
    if PROPOSED not in found or len(found) < 2:
        return NOT_RUN, ""
    length = min(len(curve) for records in found.values() for curve in _curves(records))
    area = {m: float(np.mean([curve_area(c[:length]) for c in _curves(r)])) for m, r in found.items()}
    goals = [t / 100 for t in study.settings.comparison.thresholds_percent]
    times = {m: {g: float(np.median([epochs_to(c, g) for c in _curves(r)])) for g in goals} for m, r in found.items()}
    reached = [g for g in goals if sum(np.isfinite(times[m][g]) for m in found) >= 2]
    rival = max((m for m in found if m != PROPOSED), key=area.get)
    ahead = area[PROPOSED] > area[rival]
    words = (
        f"Mean validation accuracy over {length} epochs {100 * area[PROPOSED]:.1f} % against at most "
        f"{100 * area[rival]:.1f} % ({row_name(found[rival], rival, study)})"
    )
    few, short = _few(found[PROPOSED]), too_short(study)
    if not reached:
        verdict = UNTESTABLE if short else FAILS if not ahead and not few else UNDECIDED
        return verdict, _with_epochs(short, f"{words}; no threshold is reached by two networks.{few}")
    goal = max(reached)
    mine, others = times[PROPOSED][goal], [times[m][goal] for m in found if m != PROPOSED]
    first = np.isfinite(mine) and all(not t <= mine for t in others)
    best = np.nanmin(others) if np.isfinite(others).any() else float("nan")
    words += f"; {100 * goal:.0f} % after {_epochs(mine)} epochs, the fastest other after {_epochs(best)}.{few}"
    verdict = UNDECIDED if few or ahead != first else HOLDS if ahead else FAILS
    return UNTESTABLE if short else verdict, _with_epochs(short, words)


def _with_epochs(short: str, words: str) -> str:
    return f"{short[0].upper()}{short[1:]}. {words}" if short else words


def _epochs(value: float) -> str:
    return f"{value:.0f}" if np.isfinite(value) else "more than all"


def check_training(study: Study) -> tuple[str, str]:
    """Do all networks end above 90 % training accuracy? Not tested with few epochs."""
    found = block_runs(study, "as_read")
    if len(found) < len(study.settings.comparison.models):
        return NOT_RUN, ""
    final = {m: float(np.mean([run.history["train_accuracy"].iloc[-1] for run in r])) for m, r in found.items()}
    lowest = min(final, key=final.get)
    above = sum(value > 0.9 for value in final.values())
    short, verdict = too_short(study), HOLDS if above == len(final) else FAILS
    return UNTESTABLE if short else verdict, _with_epochs(
        short,
        f"{above} of {len(final)} after the last epoch; lowest {row_name(found[lowest], lowest, study)} with "
        f"{100 * final[lowest]:.1f} %.",
    )


def check_classes(study: Study) -> tuple[str, str]:
    """Are more than half of the minerals recognised in at least 97 % of their test photographs? Not tested with few
    epochs.
    """
    found = study.select(model=PROPOSED, weights="transfer")
    if not found:
        return NOT_RUN, ""
    recall = pd.concat([r.predictions().assign(correct=r.correct) for r in found]).groupby("label")["correct"].mean()
    good = int((recall >= 0.97).sum())
    short, verdict = too_short(study), HOLDS if good > len(recall) / 2 else FAILS
    return UNTESTABLE if short else verdict, _with_epochs(
        short,
        f"{good} of {len(recall)} minerals reach 97 % of their test photographs; median {100 * recall.median():.0f} %.",
    )


def check_complexity(study: Study) -> tuple[str, str]:
    """Does accuracy grow with the number of parameters (Kendall's rank correlation, exact p below 0.05, three
    seeds)?
    """
    block = "fair_none" if "fair_none" in study.settings.comparison.blocks else study.settings.comparison.blocks[0]
    found = block_runs(study, block)
    if len(found) < 4:
        return NOT_RUN, ""
    sizes = [records[0].manifest["parameters"] for records in found.values()]
    accuracies = [float(np.mean([run.accuracy for run in records])) for records in found.values()]
    tau, p = kendalltau(sizes, accuracies)
    few = _few(min(found.values(), key=len))
    verdict = UNDECIDED if few or not p < LEVEL else HOLDS if tau > 0 else FAILS
    return verdict, (
        f"Rank correlation of accuracy and parameters {tau:+.2f} (Kendall, p = {p:.2f}, {len(found)} networks, block "
        f"{block}).{few} The paper's own Table 4 puts VGG19, the largest network, last."
    ).replace("-", "−")


def check_gain(study: Study, name: str) -> tuple[str, str]:
    """Is a gain of Table 5 (a key of ``ablation.GAINS``) above zero?

    "Both together raise it further" is judged by both against transfer alone.
    """
    found = gains(study)
    judged = found.get(JUDGED_BY.get(name, name))
    if judged is None:
        return NOT_RUN, ""
    words = f"{judged.text()}, p = {judged.p_holm:.3f} after Holm."
    if name in JUDGED_BY:
        words = f"Against transfer alone: {words}"
        others = {"over scratch": name, "interaction": "interaction (both − sum)"}
        more = [f"{title} {found[key].text()}" for title, key in others.items() if key in found]
        words += f" {'; '.join(more).capitalize()}." if more else ""
    return judged.verdict, words


def check_cheap(study: Study) -> tuple[str, str]:
    """Does attention add less than a thousandth of the parameters?"""
    pair = [
        study.select(model=model, weights="scratch") or study.select(model=model, weights="transfer")
        for model in (CORNERS["base"][0], PROPOSED)
    ]
    if not all(pair):
        return NOT_RUN, ""
    base, eca = (int(records[0].manifest["parameters"]) for records in pair)
    return (HOLDS if 0 <= eca - base < 0.001 * base else FAILS), (
        f"{eca - base:,} parameters more than {base:,}; the printed column (0.02 million more) does not "
        "come from attention."
    )


def check_honest_split(study: Study) -> tuple[str, str]:
    """Does the paper's order measure new specimens? Fails if the gap of a network (over at least three seeds), or that
    of the control on labels drawn by lot (which trains nothing), is above 0 after Holm's correction.
    """
    table = table_leakage(study)
    network, control = leakage_gap(table), control_gap(table)
    if network is None and control is None:
        return NOT_RUN, ""
    corrected = holm([np.nan if row is None else row["gap_p"] for row in (network, control)])
    counted = (network is not None and network["seeds"] >= MIN_SEEDS, control is not None)
    apart = any(
        may and p < LEVEL and row["gap"] > 0 for may, p, row in zip(counted, corrected, (network, control), strict=True)
    )
    words = []
    if network is not None:
        words.append(_gap_words(network, network["network"], unseen_text(study)))
    if control is not None:
        words.append(_gap_words(control, "Labels drawn by lot, nearest neighbour", unseen_text(study)))
    return FAILS if apart else UNDECIDED, " ".join(words)


def _gap_words(row: Any, name: str, unseen: str) -> str:
    seeds = "" if row["row"] == "nearest_neighbour" else f", {seeds_text(int(row['seeds']))}"
    return (
        f"{name}: {100 * row['accuracy']:.1f} % in the paper's order, "
        f"{100 * (row['accuracy'] - row['gap']):.1f} % on {unseen} ({points(row['gap'])} points, 95 % interval "
        f"{points(row['gap_low'])} to {points(row['gap_high'])}{seeds})."
    )
