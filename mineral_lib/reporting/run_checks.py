"""Rules about the runs of this profile: does what the paper claims hold here?

A rule takes the study and returns a verdict and the numbers for its sentence of evidence, or ``NOTHING`` where runs
are missing; ``resources/claims.yaml`` says which claim a rule judges. A gain holds (or fails) only over at least three
seeds and after Holm's correction, see ``contrasts``.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from mineral_lib.config import PROPOSED
from mineral_lib.evaluation.statistics import holm
from mineral_lib.reporting.ablation import BASE, gains
from mineral_lib.reporting.comparison import leads
from mineral_lib.reporting.contrasts import FAILS, HOLDS, LEVEL, MIN_SEEDS, UNDECIDED, estimate_text, overall
from mineral_lib.reporting.curves import convergence, epochs_to, threshold
from mineral_lib.reporting.leakage import gap_row, table_leakage
from mineral_lib.reporting.summary import block_runs, row_name, summarise, unseen_text
from mineral_lib.reporting.words import percent, points, seeds_text
from mineral_lib.study import Study
from mineral_lib.training.run import Run

Verdict = tuple[str, dict[str, Any]]

NOT_RUN, UNTESTABLE = "not run in this profile", "cannot be tested here"
NOTHING: Verdict = (NOT_RUN, {})
METRICS = ("accuracy", "precision_macro", "recall_macro")
# Two runs of the same code on a shared machine took 0.95 to 1.17 of each other's time: less is noise of the machine.
SPEED_NOISE = 0.2
OVERFIT = 0.05  # distance of training to validation accuracy that is called over-fitting


def _few(runs: list[Run]) -> str | None:
    """Why the number of seeds decides nothing; None with at least three."""
    count = len({run.seed for run in runs})
    return None if count >= MIN_SEEDS else seeds_text(count).capitalize()


def _decided(verdict: str, runs: list[Run]) -> str:
    return UNDECIDED if _few(runs) else verdict


def _last(runs: list[Run], quantity: str) -> float:
    """Mean over seeds after the last epoch, in percent."""
    return 100 * float(np.mean([run.history[quantity].iloc[-1] for run in runs]))


def _pairs(first: list[Run], second: list[Run]) -> list[tuple[Run, Run]]:
    return [(a, b) for a in first for b in second if a.seed == b.seed]


def best(study: Study, block: str) -> Verdict:
    """Is the proposed network more accurate than every other of a block?

    Fails if any other network is clearly better; holds only if all differences are clear.
    """
    runs, found = leads(study, block)
    if found.empty:
        return NOTHING
    verdicts, rival = found["verdict"].tolist(), found["accuracy"].idxmin()
    numbers = {"better": verdicts.count(HOLDS), "worse": verdicts.count(FAILS), "others": len(verdicts)}
    numbers |= {"rival": row_name(runs[rival], rival, study), "difference": estimate_text(found["estimate"][rival])}
    return overall(verdicts), numbers


def all_metrics(study: Study) -> Verdict:
    """Is the proposed network first in accuracy, precision and recall?

    Holds if it is and its accuracy is clearly ahead (``best``), fails if it is first in none.
    """
    found = block_runs(study, "as_read")
    if PROPOSED not in found or len(found) < 2:
        return NOTHING
    table = pd.DataFrame({model: summarise(runs, study) for model, runs in found.items()}).T[list(METRICS)]
    leaders = table.astype(float).idxmax()
    first, clear = int((leaders == PROPOSED).sum()), best(study, "as_read")[0] == HOLDS
    verdict = HOLDS if first == len(METRICS) and clear else FAILS if not first else UNDECIDED
    names = {metric: row_name(found[model], model, study) for metric, model in leaders.items()}
    return _decided(verdict, found[PROPOSED]), names


def faster(study: Study, block: str) -> Verdict:
    """Does the proposed network lead in mean validation accuracy and in epochs to the highest shared threshold?

    Holds if it leads in both, fails if it leads in neither, both over at least three seeds. All curves are cut to the
    shortest.
    """
    found = block_runs(study, block)
    if PROPOSED not in found or len(found) < 2:
        return NOTHING
    curves = {model: [run.history["val_accuracy"].to_numpy() for run in runs] for model, runs in found.items()}
    length = min(len(curve) for some in curves.values() for curve in some)
    # A row a network; epochs to a threshold are NaN where a seed does not reach it.
    cut = {model: convergence([curve[:length] for curve in some], study) for model, some in curves.items()}
    table = pd.DataFrame(cut).T
    area, goals = table["area"].astype(float), study.settings.comparison.thresholds_percent
    reached = [goal for goal in goals if table[threshold(goal)].notna().sum() >= 2]
    rival, few = area.drop(PROPOSED).idxmax(), _few(found[PROPOSED])
    ahead = bool(area[PROPOSED] > area[rival])
    numbers = {"epochs": length, "mine": 100 * area[PROPOSED], "best": 100 * area[rival], "few": few}
    numbers["rival"] = row_name(found[rival], rival, study)
    if not reached:
        verdict = FAILS if not ahead and not few else UNDECIDED
        return verdict, numbers | {"unreached": "no threshold is reached by two networks"}
    goal = max(reached)
    times = table[threshold(goal)]
    mine, others = times[PROPOSED], times.drop(PROPOSED)
    first = bool(np.isfinite(mine) and not (others <= mine).any())
    verdict = UNDECIDED if few or ahead != first else HOLDS if ahead else FAILS
    return verdict, numbers | {"goal": goal, "time": _epochs(mine), "fastest": _epochs(others.min())}


def _epochs(value: float) -> str:
    return f"{value:.0f}" if np.isfinite(value) else "more than all"


def training(study: Study) -> Verdict:
    """Do all networks end above 90 % training accuracy?"""
    found = block_runs(study, "as_read")
    if len(found) < len(study.settings.comparison.models):
        return NOTHING
    final = pd.Series({model: _last(runs, "train_accuracy") for model, runs in found.items()})
    above, lowest = int((final > 90).sum()), final.idxmin()
    numbers = {"above": above, "networks": len(final), "lowest": final.min()}
    return HOLDS if above == len(final) else FAILS, numbers | {"name": row_name(found[lowest], lowest, study)}


def own_overfitting(study: Study) -> Verdict:
    """Does the proposed network end with training and validation accuracy close together, specimens kept apart?"""
    found = study.select(model=PROPOSED, weights="transfer")
    if not found:
        return NOTHING
    train, val = _last(found, "train_accuracy"), _last(found, "val_accuracy")
    numbers = {"epochs": study.settings.train.epochs, "train": train, "val": val, "gap": train - val}
    return _decided(HOLDS if train - val < 100 * OVERFIT else FAILS, found), numbers


def training_speed(study: Study) -> Verdict:
    """Are more images a second trained with attention than without, in every pair of runs of one start and seed?"""
    ratios = [
        eca.manifest["images_per_second"] / base.manifest["images_per_second"] - 1
        for weights in ("scratch", "transfer")
        for base, eca in _pairs(*(study.select(model=model, weights=weights) for model in (BASE, PROPOSED)))
    ]
    if not ratios:
        return NOTHING
    low, high = min(ratios), max(ratios)
    verdict = HOLDS if low > SPEED_NOISE else FAILS if high < -SPEED_NOISE else UNDECIDED
    return verdict, {"low": 100 * low, "high": 100 * high, "pairs": len(ratios)}


def transfer_speed(study: Study) -> Verdict:
    """Does a ConvNeXt with transfer reach the best validation accuracy of one from scratch in fewer epochs?"""
    scratch, transfer = (study.select(model=BASE, weights=weights) for weights in ("scratch", "transfer"))
    pairs = [tuple(run.history["val_accuracy"].to_numpy() for run in pair) for pair in _pairs(scratch, transfer)]
    if not pairs:
        return NOTHING
    without = float(np.median([a.argmax() + 1 for a, _ in pairs]))
    needed = float(np.median(np.nan_to_num([epochs_to(b, a.max()) for a, b in pairs], nan=np.inf)))
    verdict = HOLDS if needed < without else FAILS if needed > without else UNDECIDED
    reached = f"after {needed:g} epochs" if np.isfinite(needed) else "never"
    uncounted = "pre-training" if study.settings.weights.source == "formula" else None
    return _decided(verdict, transfer), {"without": without, "reached": reached, "uncounted": uncounted}


def classes(study: Study) -> Verdict:
    """Are more than half of the minerals recognised in at least 97 % of their test photographs?"""
    found = study.select(model=PROPOSED, weights="transfer")
    if not found:
        return NOTHING
    recall = pd.concat([r.predictions().assign(correct=r.correct) for r in found]).groupby("label")["correct"].mean()
    good = int((recall >= 0.97).sum())
    numbers = {"good": good, "classes": len(recall), "median": 100 * recall.median()}
    return HOLDS if good > len(recall) / 2 else FAILS, numbers


def complexity(study: Study) -> Verdict:
    """Does accuracy grow with the number of parameters (Kendall, exact p below 0.05, three seeds)?"""
    blocks = study.settings.comparison.blocks
    block = "fair_none" if "fair_none" in blocks else blocks[0]
    found = block_runs(study, block)
    if len(found) < 4:
        return NOTHING
    sizes = [runs[0].manifest["parameters"] for runs in found.values()]
    tau, p = kendalltau(sizes, [np.mean([run.accuracy for run in runs]) for runs in found.values()])
    few = _few(min(found.values(), key=len))
    verdict = UNDECIDED if few or not p < LEVEL else HOLDS if tau > 0 else FAILS
    return verdict, {"tau": tau, "p": p, "rows": len(found), "block": block, "few": few}


def gain(study: Study, name: str, more: Mapping[str, str] | None = None) -> Verdict:
    """Is a gain of Table 5 (``name`` in ``ablation.GAINS``) above zero? ``more``: words and names of others."""
    found = gains(study)
    if name not in found.index:
        return NOTHING
    text = found["estimate"].map(estimate_text)
    others = [f"{words} {text[key]}" for words, key in (more or {}).items() if key in text]
    numbers = {"gain": text[name], "p": found["p_holm"][name], "more": "; ".join(others).capitalize() or None}
    return found["verdict"][name], numbers


def cheap(study: Study) -> Verdict:
    """Does attention add less than a thousandth of the parameters?"""
    runs = [
        study.select(model=model, weights="scratch") or study.select(model=model, weights="transfer")
        for model in (BASE, PROPOSED)
    ]
    if not all(runs):
        return NOTHING
    base, eca = (int(found[0].manifest["parameters"]) for found in runs)
    return HOLDS if 0 <= eca - base < 0.001 * base else FAILS, {"more": eca - base, "base": base}


def honest_split(study: Study) -> Verdict:
    """Does the paper's order measure new specimens?

    Fails if the gap of a network (over at least three seeds), or that of the control on labels drawn by lot (which
    trains nothing), is above 0 after Holm's correction.
    """
    table = table_leakage(study)
    rows = {"network": gap_row(table.frame, "true"), "control": gap_row(table.frame, "shuffled")}
    rows = {kind: row for kind, row in rows.items() if row is not None}
    if not rows:
        return NOTHING
    corrected = holm([row["gap_p"] for row in rows.values()])
    words, apart = [], False
    for (kind, row), p in zip(rows.items(), corrected, strict=True):
        may = kind == "control" or row["seeds"] >= MIN_SEEDS
        apart = apart or (may and p < LEVEL and row["gap"] > 0)
        name = "Labels drawn by lot, nearest neighbour" if kind == "control" else row["network"]
        seeds = "" if kind == "control" else f", {seeds_text(int(row['seeds']))}"
        words.append(
            f"{name}: {percent(row['accuracy'])} in the paper's order, {percent(row['unseen'])} on "
            f"{unseen_text(study)} ({points(row['gap'])} points, 95 % interval {points(row['gap_low'])} to "
            f"{points(row['gap_high'])}{seeds})."
        )
    return FAILS if apart else UNDECIDED, {"words": " ".join(words)}
