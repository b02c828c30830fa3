"""Section 4.1 and "converges faster" as numbers: epochs to a threshold, area under the curve, train and validation."""

from typing import Any

import numpy as np
import pandas as pd

from mineral_lib.config import NETWORK_NAMES
from mineral_lib.paper import AUTHORS_RUNS, authors_history, printed
from mineral_lib.reporting.artefacts import table
from mineral_lib.reporting.contrasts import NAN, percent, points
from mineral_lib.reporting.summary import WEIGHTS_WORDS, run_row, status_text
from mineral_lib.study import Study
from mineral_lib.training.specs import block_weights

COMPARED_EPOCHS = 200  # the paper's number; the authors' log of VGG goes on to 500
TESTABLE_EPOCHS = 60  # fewer say nothing about networks that were trained for 200
PARTS = ("train", "val")
OURS, AUTHORS = "ours", "authors' log"


def too_short(study: Study) -> str:
    """Why statements on the paper's fully trained networks cannot be tested in a profile; empty if they can."""
    epochs = study.settings.train.epochs
    return f"{epochs} of the paper's {COMPARED_EPOCHS} epochs" if epochs < TESTABLE_EPOCHS else ""


def epochs_to(accuracy: np.ndarray, threshold: float) -> float:
    """First epoch (counted from 1) whose accuracy reaches the threshold, NaN if none does."""
    reached = np.flatnonzero(np.asarray(accuracy) >= threshold)
    return float(reached[0] + 1) if len(reached) else NAN


def curve_area(accuracy: np.ndarray) -> float:
    """Area under the curve divided by its length: the mean accuracy over the epochs, 0 to 1."""
    return float(np.mean(accuracy)) if len(accuracy) else NAN


def authors_curve(model: str, weights: str) -> pd.DataFrame:
    """The authors' log of a run: epoch, train_accuracy and val_accuracy (fractions); empty if they published none."""
    log = authors_history(model, weights)
    return pd.DataFrame({"epoch": log["epoch"]} | {f"{p}_accuracy": log[f"{p}_accuracy_percent"] / 100 for p in PARTS})


@table("table_6_convergence")
def table_6(study: Study) -> tuple[pd.DataFrame, str]:
    """Epochs to each threshold of validation accuracy and area under the curve, ours and the authors' logs."""
    given, rows = study.settings.comparison, []
    wanted = [(model, block_weights(model, block)) for block in given.blocks for model in given.models]
    wanted += [tuple(row.rsplit("-", 1)) for row in study.settings.ablation.rows]
    for model, weights in dict.fromkeys(wanted):
        runs, start = run_row(study, model, weights)
        curves = [run.history["val_accuracy"].to_numpy() for run in runs]
        rows.append({"source": OURS, **start, "weights": weights, **_convergence(curves, study)})
    for model, weights in AUTHORS_RUNS:
        curve = authors_curve(model, weights)["val_accuracy"].to_numpy()[:COMPARED_EPOCHS]
        start = {"source": AUTHORS, "model": model, "network": NETWORK_NAMES[model], "weights": weights}
        rows.append(start | _convergence([curve] if len(curve) else [], study))
    frame = pd.DataFrame(rows)
    return frame, _read_convergence(frame, study)


def _threshold(percent: float) -> str:
    return f"epochs_to_{percent:g}_percent"


def _convergence(curves: list[np.ndarray], study: Study) -> dict[str, Any]:
    goals = study.settings.comparison.thresholds_percent
    if not curves:
        names = ["epochs", *map(_threshold, goals), "area", "best"]
        return dict.fromkeys(names, NAN) | {"status": status_text(0)}
    times = {_threshold(goal): float(np.median([epochs_to(curve, goal / 100) for curve in curves])) for goal in goals}
    area, best = (float(np.mean([number(curve) for curve in curves])) for number in (curve_area, np.max))
    return {"epochs": len(curves[0]), **times, "area": area, "best": best, "status": status_text(len(curves))}


def _read_convergence(frame: pd.DataFrame, study: Study) -> str:
    """Sentence: who is first at the highest threshold that two of our networks reach."""
    ours = frame[frame["source"] == OURS]
    reached = [t for t in study.settings.comparison.thresholds_percent if ours[_threshold(t)].notna().sum() >= 2]
    if not reached:
        return ""
    times = ours[_threshold(max(reached))]
    first = ours[times == times.min()]
    names = " and ".join(f"{row.network} ({WEIGHTS_WORDS.get(row.weights, row.weights)})" for row in first.itertuples())
    short = f"; this is {words}, no statement about the paper's curves" if (words := too_short(study)) else ""
    return (
        f"{max(reached):g} % validation accuracy, the highest threshold that two networks reach, comes first in "
        f"{names}, after {times.min():.0f} epoch{'s' if times.min() > 1 else ''}{short}."
    )


@table("section_4_1_accuracy")
def section_4_1(study: Study) -> tuple[pd.DataFrame, str]:
    """Training and validation accuracy of the six networks (section 4.1): printed, in the authors' logs, and ours."""
    rows = []
    for model in study.settings.comparison.models:
        weights = block_weights(model, "as_read")
        (runs, row), value = run_row(study, model, weights), printed("section_4.1", model, "val_accuracy_percent")
        log, ours = authors_curve(model, weights), _ends([run.history for run in runs])
        authors = _ends([] if log.empty else [log])
        row |= {"paper_val": NAN if value is None else value / 100}
        row |= {f"authors_{name}": end for name, end in authors.items()} | ours
        rows.append(row | {"gap": ours["final_train"] - ours["final_val"], "status": status_text(len(runs))})
    frame = pd.DataFrame(rows)
    return frame, _read_gap(frame, study)


def _ends(histories: list[pd.DataFrame]) -> dict[str, float]:
    """Best and last validation and last training accuracy, means over histories; NaN without any."""
    ends = [(h["val_accuracy"].max(), h["val_accuracy"].iloc[-1], h["train_accuracy"].iloc[-1]) for h in histories]
    means = np.mean(ends, axis=0) if ends else (NAN, NAN, NAN)
    return dict(zip(("best_val", "final_val", "final_train"), means, strict=True))


def _read_gap(frame: pd.DataFrame, study: Study) -> str:
    """Sentence: the largest distance between training and validation, and how many pass 90 % in training."""
    run = frame.dropna(subset=["gap"])
    if run.empty:
        return ""
    widest = run.loc[run["gap"].idxmax()]
    above = int((run["final_train"] > 0.9).sum())
    short = f" ({words})" if (words := too_short(study)) else ""
    return (
        f"Training minus validation accuracy after the last epoch is largest in {widest['network']}, "
        f"{points(widest['gap'])} points; {above} of {len(run)} networks end above 90 % training accuracy{short}, "
        f"the highest validation accuracy is {percent(run['best_val'].max())}."
    )
