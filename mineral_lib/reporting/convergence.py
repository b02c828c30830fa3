"""Section 4.1 and "converges faster" as numbers: epochs to a threshold, area under the curve, train and validation."""

import numpy as np
import pandas as pd

from mineral_lib.config import NETWORK_NAMES
from mineral_lib.paper import AUTHORS_RUNS, authors_history, printed
from mineral_lib.reporting import notes
from mineral_lib.reporting.contrasts import percent, points
from mineral_lib.reporting.summary import (
    NAN,
    WEIGHTS_WORDS,
    plain_name,
    row_name,
    runs_text,
    weights_in_block,
)
from mineral_lib.reporting.tables import MISSING, Column, Table
from mineral_lib.study import Study
from mineral_lib.training.run import Run

COMPARED_EPOCHS = 200  # the paper's number; the authors' log of VGG goes on to 500
TESTABLE_EPOCHS = 60  # fewer say nothing about networks that were trained for 200
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


def table_6(study: Study) -> Table:
    """Epochs to each threshold of validation accuracy and area under the curve, ours and the authors'
    logs.
    """
    wanted = {
        (model, weights_in_block(model, block)): None
        for block in study.settings.comparison.blocks
        for model in study.settings.comparison.models
    }
    wanted |= {tuple(row.rsplit("-", 1)): None for row in study.settings.ablation.rows}
    rows = []
    for model, weights in wanted:
        found = study.select(model=model, weights=weights)
        start = {
            "source": OURS,
            "model": model,
            "network": row_name(found, model, study),
            "weights": weights,
        }
        rows.append(start | _convergence([run.history["val_accuracy"].to_numpy() for run in found], study))
    for model, weights in AUTHORS_RUNS:
        curve = authors_history(model, weights)["val_accuracy_percent"].to_numpy()[:COMPARED_EPOCHS] / 100
        start = {"source": AUTHORS, "model": model, "network": NETWORK_NAMES[model], "weights": weights}
        rows.append(start | _convergence([curve] if len(curve) else [], study))
    columns = {
        "source": Column("source"),
        "network": Column("network"),
        "weights": Column("weights"),
        "epochs": Column("epochs", "integer"),
        **{
            _threshold(t): Column(f"to {t:g} %", "number", 0, "not reached")
            for t in study.settings.comparison.thresholds_percent
        },
        "area": Column("mean val. acc. over epochs %", "percent", 1),
        "best": Column("best val. acc. %", "percent", 1),
        "status": Column("runs"),
    }
    sentences = [
        notes.CONVERGENCE,
        notes.MIXED_WEIGHTS,
        notes.AUTHORS_RATE,
        notes.VGG_LOG,
        notes.ECA_LOG,
        "Epochs are counted from 1; with several seeds the median is shown and 'not reached' if any seed fails.",
        *notes.context_notes(study.settings),
    ]
    frame = pd.DataFrame(rows)
    return Table(
        "table_6_convergence",
        "Epochs until validation accuracy reaches a threshold",
        frame,
        columns,
        sentences,
        finding=_read_convergence(frame, study),
    )


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


def _threshold(percent: float) -> str:
    return f"epochs_to_{percent:g}_percent"


def _convergence(curves: list[np.ndarray], study: Study) -> dict[str, object]:
    thresholds = study.settings.comparison.thresholds_percent
    if not curves:
        names = ["epochs", *(_threshold(t) for t in thresholds), "area", "best"]
        return dict.fromkeys(names, NAN) | {"status": MISSING}
    times = {_threshold(t): float(np.median([epochs_to(curve, t / 100) for curve in curves])) for t in thresholds}
    return {
        "epochs": len(curves[0]),
        **times,
        "area": float(np.mean([curve_area(curve) for curve in curves])),
        "best": float(np.mean([curve.max() for curve in curves])),
        "status": runs_text(len(curves)),
    }


_COLUMNS_41 = {
    "network": Column("network"),
    "weights": Column("weights"),
    "paper_val": Column("paper, 'validation' %", "percent"),
    "authors_best_val": Column("authors' log, best val. %", "percent"),
    "authors_final_val": Column("log, final val. %", "percent"),
    "authors_final_train": Column("log, final train %", "percent"),
    "best_val": Column("ours, best val. %", "percent", 1),
    "final_val": Column("ours, final val. %", "percent", 1),
    "final_train": Column("ours, final train %", "percent", 1),
    "gap": Column("ours, train − val.", "points", 1),
    "status": Column("runs"),
}


def section_4_1(study: Study) -> Table:
    """Training and validation accuracy of the six networks (section 4.1): printed, in the authors' logs,
    and ours.
    """
    rows = []
    for model in study.settings.comparison.models:
        weights = weights_in_block(model, "as_read")
        found = study.select(model=model, weights=weights)
        value = printed("section_4.1", model, "val_accuracy_percent")
        rows.append(
            {
                "model": model,
                "network": row_name(found, model, study),
                "weights": WEIGHTS_WORDS[weights],
                "paper_val": NAN if value is None else value / 100,
                **_authors(model, weights),
                **_ours(found),
            }
        )
    sentences = [
        notes.SECTION_41,
        notes.VGG_LOG,
        notes.MIXED_WEIGHTS,
        "A large difference of training and validation accuracy means over-fitting.",
        *notes.context_notes(study.settings),
    ]
    title, frame = "Section 4.1. Training and validation accuracy", pd.DataFrame(rows)
    return Table("section_4_1_accuracy", title, frame, _COLUMNS_41, sentences, finding=_read_gap(frame, study))


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


def _authors(model: str, weights: str) -> dict[str, float]:
    log = authors_history(model, weights)
    if log.empty:
        return dict.fromkeys(("authors_best_val", "authors_final_val", "authors_final_train"), NAN)
    val, train = log["val_accuracy_percent"] / 100, log["train_accuracy_percent"] / 100
    return {
        "authors_best_val": val.max(),
        "authors_final_val": val.iloc[-1],
        "authors_final_train": train.iloc[-1],
    }


def _ours(runs: list[Run]) -> dict[str, object]:
    if not runs:
        return dict.fromkeys(("best_val", "final_val", "final_train", "gap"), NAN) | {"status": MISSING}
    final_val = float(np.mean([run.history["val_accuracy"].iloc[-1] for run in runs]))
    final_train = float(np.mean([run.history["train_accuracy"].iloc[-1] for run in runs]))
    best = float(np.mean([run.history["val_accuracy"].max() for run in runs]))
    return {
        "best_val": best,
        "final_val": final_val,
        "final_train": final_train,
        "gap": final_train - final_val,
        "status": runs_text(len(runs)),
    }


def run_label(runs: list[Run], model: str, weights: str, study: Study) -> str:
    """Legend text: network and starting weights."""
    name = row_name(runs, model, study) if runs else plain_name(model, study.settings.model.family)
    return f"{name}, {WEIGHTS_WORDS[weights]}"
