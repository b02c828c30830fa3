"""Figure 4: training and validation accuracy over the epochs, ours and the authors' logged ones."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from mineral_lib.config import NETWORK_NAMES, PAPER_MODELS
from mineral_lib.reporting.artefacts import figure
from mineral_lib.reporting.contrasts import percent
from mineral_lib.reporting.convergence import COMPARED_EPOCHS, PARTS, authors_curve
from mineral_lib.reporting.style import PAGE_MM, Drawing, network_style, new_figure, styled
from mineral_lib.reporting.summary import WEIGHTS_WORDS, block_runs
from mineral_lib.reporting.words import label
from mineral_lib.study import Study
from mineral_lib.training.run import Run
from mineral_lib.training.specs import block_weights

_COLUMNS = ["model", "network", "weights", "epoch", "train_accuracy", "val_accuracy"]


def history_frame(runs: list[Run]) -> pd.DataFrame:
    """Histories of runs as one tidy frame, the mean over seeds of each network and starting weights.

    Returns:
        Columns model, network, weights, epoch, train_accuracy, val_accuracy (fractions).
    """
    names = [{"model": run.model, "network": run.display_name, "weights": run.weights} for run in runs]
    parts = [run.history.assign(**name) for run, name in zip(runs, names, strict=True)]
    if not parts:
        return pd.DataFrame(columns=_COLUMNS)
    return pd.concat(parts)[_COLUMNS].groupby(_COLUMNS[:4], sort=False, as_index=False).mean()


@figure("figure_4_curves")
def draw_figure_4(study: Study, block: str = "as_read") -> Drawing:
    """Figure 4 from our runs: the six networks of a block of Table 4, grouped protocol."""
    frame = history_frame([run for runs in block_runs(study, block).values() for run in runs])
    return draw_curves(frame, language=study.settings.report.language, finding=_read_curves(frame))


def _read_curves(frame: pd.DataFrame) -> str:
    """Sentence: the highest validation accuracy and when, and the widest distance to training."""
    if frame.empty:
        return ""
    best = frame.loc[frame["val_accuracy"].idxmax()]
    last = frame.groupby(["network", "weights"], sort=False).last()
    gap = last["train_accuracy"] - last["val_accuracy"]
    network, weights = gap.idxmax()
    return (
        f"Highest validation accuracy: {best['network']}, {percent(best['val_accuracy'])} in epoch "
        f"{best['epoch']:.0f} of {frame['epoch'].max():.0f}; after the last epoch training is above validation by "
        f"{100 * gap.max():.1f} points at most ({network}, {WEIGHTS_WORDS[weights]})."
    )


@figure("figure_4_authors_curves")
def draw_authors_curves(study: Study) -> Drawing:
    """The same figure from the authors' logs: ConvNeXt from scratch, the proposed network from ImageNet weights.

    The log named VGG has 500 epochs; it is cut at the paper's 200.
    """
    logs = []
    for model in PAPER_MODELS:
        weights = block_weights(model, "as_read")
        log = authors_curve(model, weights).assign(model=model, network=NETWORK_NAMES[model], weights=weights)
        logs.append(log[log["epoch"] <= COMPARED_EPOCHS])
    frame = pd.concat(logs, ignore_index=True)[_COLUMNS]
    best = 100 * frame.groupby("network", sort=False)["val_accuracy"].max()
    return draw_curves(
        frame,
        title="The authors' logged runs (log of VGG cut at 200 of 500 epochs)",
        language=study.settings.report.language,
        finding=f"Best validation accuracy in the logs: {best.idxmax()} {best.max():.2f} %, lowest {best.idxmin()} "
        f"{best.min():.2f} %.",
    )


@styled
def draw_curves(frame: pd.DataFrame, *, title: str = "", language: str = "en", finding: str = "") -> Drawing:
    """Training (a) and validation (b) accuracy of several networks over the epochs, as in Figure 4.

    Args:
        frame: As ``history_frame`` returns it.
        title: Optional heading above both panels.
        language: Language of the axis labels.
        finding: What came out, one sentence.
    """
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
    return Drawing(sheet, frame, finding=finding)


def _panel(axes: Axes, frame: pd.DataFrame, column: str) -> None:
    longest, starts = 1, frame.groupby("network")["weights"].nunique()
    for (model, network, weights), curve in frame.groupby(["model", "network", "weights"], sort=False):
        longest = max(longest, int(curve["epoch"].max()))
        marker = {"marker": "o", "markersize": 2.6} if len(curve) <= 30 else {}
        style = network_style(model, weights) | marker
        if weights == "scratch" and starts[network] > 1:  # or one network's two lines could not be told apart
            style |= {"linestyle": ":", "alpha": 0.8}
        axes.plot(curve["epoch"], 100 * curve[column], label=f"{network}, {WEIGHTS_WORDS[weights]}", **style)
    if frame.empty:
        axes.text(0.5, 0.5, "no finished runs", transform=axes.transAxes, ha="center", va="center")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=2))
    axes.set_xlim(*((0.5, longest + 0.5) if longest <= 30 else (0, longest)))
    axes.set_ylim(0, 100)
    axes.set_yticks(np.arange(0, 101, 20))
