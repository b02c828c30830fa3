"""Training curves: Figure 4, section 4.1, and "converges faster" as numbers, ours and the authors' logged ones."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from mineral_lib.config import NETWORK_NAMES, PAPER_MODELS
from mineral_lib.paper import AUTHORS_RUNS, Paper, printed
from mineral_lib.reporting.artefacts import Made, figure, table
from mineral_lib.reporting.contrasts import NAN
from mineral_lib.reporting.style import PAGE_MM, Drawing, network_style, new_figure, styled
from mineral_lib.reporting.summary import block_runs, extremes, run_row, status_text
from mineral_lib.reporting.words import label, name_of
from mineral_lib.study import Study
from mineral_lib.training.run import Run
from mineral_lib.training.specs import block_weights

_COLUMNS = ["model", "network", "weights", "epoch", "train_accuracy", "val_accuracy"]


def history_frame(runs: list[Run]) -> pd.DataFrame:
    """Histories of runs as one tidy frame, the mean over seeds of each network and starting weights.

    Returns:
        Columns model, network, weights, epoch, train_accuracy, val_accuracy (fractions).

    Raises:
        ValueError: Runs of one network and start differ in more than their seeds; their mean would mean nothing.
    """
    kinds = {replace(run, seed=0) for run in runs}
    if len(kinds) > len({(run.model, run.weights) for run in runs}):
        raise ValueError("runs of one network and start differ in more than their seeds: see Study.select")
    parts = [run.history.assign(model=run.model, network=run.display_name, weights=run.weights) for run in runs]
    if not parts:
        return pd.DataFrame(columns=_COLUMNS)
    return pd.concat(parts)[_COLUMNS].groupby(_COLUMNS[:4], sort=False, as_index=False).mean()


@figure("figure_4_curves")
def draw_figure_4(study: Study) -> tuple[Drawing, dict[str, Any]]:
    """Figure 4 from our runs: the six networks of Table 4 as it reads, grouped protocol."""
    frame = history_frame([run for runs in block_runs(study, "as_read").values() for run in runs])
    drawing = draw_curves(frame, language=study.settings.report.language)
    if frame.empty:
        return drawing, {}
    last = frame.groupby(["network", "weights"], sort=False, as_index=False).last()
    last["gap"] = last["train_accuracy"] - last["val_accuracy"]
    widest, best = extremes(last, "gap")["best"], extremes(frame, "val_accuracy")["best"]
    start = name_of("weights", widest["weights"])
    return drawing, {"best": best, "epochs": frame["epoch"].max(), "widest": widest, "start": start}


@figure("figure_4_authors_curves")
def draw_authors_curves(study: Study) -> tuple[Drawing, dict[str, Any]]:
    """The same figure from the authors' logs: ConvNeXt from scratch, the proposed network from ImageNet weights.

    The log named VGG has 500 epochs; it is cut at the paper's 200.
    """
    logs = []
    for model in PAPER_MODELS:
        weights = block_weights(model, "as_read")
        log = authors_curve(model, weights).assign(model=model, network=NETWORK_NAMES[model], weights=weights)
        logs.append(log[log["epoch"] <= COMPARED_EPOCHS])
    frame = pd.concat(logs, ignore_index=True)[_COLUMNS]
    title = "The authors' logged runs (log of VGG cut at 200 of 500 epochs)"
    drawing = draw_curves(frame, title=title, language=study.settings.report.language)
    best = 100 * frame.groupby("network", sort=False)["val_accuracy"].max()
    return drawing, {"best": best.idxmax(), "high": best.max(), "least": best.idxmin(), "low": best.min()}


@styled
def draw_curves(frame: pd.DataFrame, *, title: str = "", language: str = "en") -> Drawing:
    """Training (a) and validation (b) accuracy of several networks (``history_frame``) over epochs, as in Figure 4."""
    sheet = new_figure(PAGE_MM, 84)
    left, right = sheet.subplots(1, 2, sharey=True)
    for axes, part, letter in zip((left, right), PARTS, "ab", strict=True):
        _panel(axes, frame, f"{part}_accuracy")
        axes.set_title(f"{letter}  {label(part, language)}")
        axes.set_xlabel(label("epoch", language))
    left.set_ylabel(label("accuracy", language))
    handles, names = right.get_legend_handles_labels()
    if handles:
        place = {"loc": "outside lower center", "ncols": 3}
        sheet.legend(handles, names, **place, handlelength=3.0, columnspacing=1.4, fontsize=6.6)
    if title:
        sheet.suptitle(title, x=0.01, ha="left", fontsize=9, fontweight="bold")
    return Drawing(sheet, frame)


def _panel(axes: Axes, frame: pd.DataFrame, column: str) -> None:
    longest, starts = 1, frame.groupby("network")["weights"].nunique()
    for (model, network, weights), curve in frame.groupby(["model", "network", "weights"], sort=False):
        longest = max(longest, int(curve["epoch"].max()))
        marker = {"marker": "o", "markersize": 2.6} if len(curve) <= 30 else {}
        style = network_style(model, weights) | marker
        if weights == "scratch" and starts[network] > 1:  # or one network's two lines could not be told apart
            style |= {"linestyle": ":", "alpha": 0.8}
        axes.plot(curve["epoch"], 100 * curve[column], label=f"{network}, {name_of('weights', weights)}", **style)
    if frame.empty:
        axes.text(0.5, 0.5, "no finished runs", transform=axes.transAxes, ha="center", va="center")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=2))
    axes.set_xlim(*((0.5, longest + 0.5) if longest <= 30 else (0, longest)))
    axes.set_ylim(0, 100)
    axes.set_yticks(np.arange(0, 101, 20))


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


def authors_curve(model: str, weights: str) -> pd.DataFrame:
    """The authors' log of a run: epoch, train_accuracy and val_accuracy (fractions); empty if they published none."""
    log = Paper.published().log(model, weights)
    return pd.DataFrame({"epoch": log["epoch"]} | {f"{p}_accuracy": log[f"{p}_accuracy_percent"] / 100 for p in PARTS})


@table("table_6_convergence")
def table_6(study: Study) -> Made:
    """Epochs to each threshold of validation accuracy and area under the curve, ours and the authors' logs."""
    given, rows = study.settings.comparison, []
    wanted = [(model, block_weights(model, block)) for block in given.blocks for model in given.models]
    wanted += [tuple(row.rsplit("-", 1)) for row in study.settings.ablation.rows]
    for model, weights in dict.fromkeys(wanted):
        runs, start = run_row(study, model, weights)
        curves = [run.history["val_accuracy"].to_numpy() for run in runs]
        rows.append({"source": OURS, **start, "weights": weights, **convergence(curves, study)})
    for model, weights in AUTHORS_RUNS:
        curve = authors_curve(model, weights)["val_accuracy"].to_numpy()[:COMPARED_EPOCHS]
        start = {"source": AUTHORS, "model": model, "network": NETWORK_NAMES[model], "weights": weights}
        rows.append(start | convergence([curve] if len(curve) else [], study))
    frame = pd.DataFrame(rows)
    return frame, _first_to_arrive(frame, study)


def threshold(percent: float) -> str:
    """Column of the epochs to so much validation accuracy."""
    return f"epochs_to_{percent:g}_percent"


def convergence(curves: list[np.ndarray], study: Study) -> dict[str, Any]:
    """Median epochs to each threshold, mean area and best accuracy of one network's curves, one a seed."""
    goals = study.settings.comparison.thresholds_percent
    if not curves:
        names = ["epochs", *map(threshold, goals), "area", "best"]
        return dict.fromkeys(names, NAN) | {"status": status_text(0)}
    times = {threshold(goal): float(np.median([epochs_to(curve, goal / 100) for curve in curves])) for goal in goals}
    area, best = (float(np.mean([number(curve) for curve in curves])) for number in (np.mean, np.max))
    return {"epochs": len(curves[0]), **times, "area": area, "best": best, "status": status_text(len(curves))}


def _first_to_arrive(frame: pd.DataFrame, study: Study) -> dict[str, Any]:
    """Who is first at the highest threshold that two of our networks reach?"""
    ours = frame[frame["source"] == OURS]
    reached = [t for t in study.settings.comparison.thresholds_percent if ours[threshold(t)].notna().sum() >= 2]
    if not reached:
        return {}
    times = ours[threshold(max(reached))]
    first = [f"{row.network} ({name_of('weights', row.weights)})" for row in ours[times == times.min()].itertuples()]
    epochs = f"{times.min():.0f} epoch{'s' if times.min() > 1 else ''}"
    return {"goal": max(reached), "first": " and ".join(first), "epochs": epochs, "short": too_short(study) or None}


@table("section_4_1_accuracy")
def section_4_1(study: Study) -> Made:
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
    run = frame.dropna(subset=["gap"])
    if run.empty:
        return frame, {}
    values = {"widest": extremes(run, "gap")["best"], "above": (run["final_train"] > 0.9).sum(), "networks": len(run)}
    return frame, values | {"short": too_short(study) or None, "best_val": run["best_val"].max()}


def _ends(histories: list[pd.DataFrame]) -> dict[str, float]:
    """Best and last validation and last training accuracy, means over histories; NaN without any."""
    ends = [(h["val_accuracy"].max(), h["val_accuracy"].iloc[-1], h["train_accuracy"].iloc[-1]) for h in histories]
    means = np.mean(ends, axis=0) if ends else (NAN, NAN, NAN)
    return dict(zip(("best_val", "final_val", "final_train"), means, strict=True))
