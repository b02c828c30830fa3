"""Figure 4: training and validation accuracy over the epochs, ours and the authors' logged ones."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from mineral_lib.config import NETWORK_NAMES, PAPER_MODELS
from mineral_lib.paper import authors_history
from mineral_lib.reporting.convergence import COMPARED_EPOCHS
from mineral_lib.reporting.labels import label
from mineral_lib.reporting.style import PAGE_MM, Drawing, network_style, new_figure, styled
from mineral_lib.reporting.summary import WEIGHTS_WORDS, weights_in_block
from mineral_lib.study import Study
from mineral_lib.training.run import Run

_COLUMNS = ["model", "network", "weights", "epoch", "train_accuracy", "val_accuracy"]


def history_frame(runs: list[Run]) -> pd.DataFrame:
    """Histories of runs as one tidy frame, the mean over seeds of each network and starting weights.

    Returns:
        Columns model, network, weights, epoch, train_accuracy, val_accuracy (fractions).
    """
    parts = [
        run.history[["epoch", "train_accuracy", "val_accuracy"]].assign(
            model=run.model, network=run.display_name, weights=run.weights
        )
        for run in runs
    ]
    if not parts:
        return pd.DataFrame(columns=_COLUMNS)
    keys = ["model", "network", "weights", "epoch"]
    return pd.concat(parts).groupby(keys, sort=False, as_index=False).mean()[_COLUMNS]


def runs_of_block(study: Study, block: str = "as_read") -> list[Run]:
    """The runs of one block of Table 4 under the grouped protocol, in the profile's order of networks."""
    return [
        run
        for model in study.settings.comparison.models
        for run in study.select(model=model, weights=weights_in_block(model, block))
    ]


@styled
def draw_curves(frame: pd.DataFrame, *, title: str = "", language: str = "en") -> Drawing:
    """Figure 4: a training and b validation accuracy of several networks over the epochs.

    Args:
        frame: As ``history_frame`` returns it.
        title: Optional heading above both panels.
        language: Language of the axis labels.
    """
    figure = new_figure(PAGE_MM, 84)
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, column, letter in ((left, "train_accuracy", "a"), (right, "val_accuracy", "b")):
        _panel(axes, frame, column)
        name = label(column.removesuffix("_accuracy"), language)
        axes.set_title(f"{letter}  {name}")
        axes.set_xlabel(label("epoch", language))
    left.set_ylabel(label("accuracy", language))
    handles, names = right.get_legend_handles_labels()
    if handles:
        figure.legend(
            handles,
            names,
            loc="outside lower center",
            ncols=3,
            handlelength=3.0,
            columnspacing=1.4,
            fontsize=6.6,
        )
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=9, fontweight="bold")
    return Drawing(figure, frame)


def _panel(axes: Axes, frame: pd.DataFrame, column: str) -> None:
    longest, starts = 1, frame.groupby("network")["weights"].nunique()
    for (model, network, weights), curve in frame.groupby(["model", "network", "weights"], sort=False):
        longest = max(longest, int(curve["epoch"].max()))
        marker = {"marker": "o", "markersize": 2.6} if len(curve) <= 30 else {}
        style = network_style(model, weights) | marker
        if weights == "scratch" and starts[network] > 1:  # or one network's two lines could not be told apart
            style |= {"linestyle": ":", "alpha": 0.8}
        axes.plot(
            curve["epoch"],
            100 * curve[column],
            label=f"{network}, {WEIGHTS_WORDS[weights]}",
            **style,
        )
    if frame.empty:
        axes.text(0.5, 0.5, "no finished runs", transform=axes.transAxes, ha="center", va="center")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=2))
    axes.set_xlim(*((0.5, longest + 0.5) if longest <= 30 else (0, longest)))
    axes.set_ylim(0, 100)
    axes.set_yticks(np.arange(0, 101, 20))


def draw_figure_4(study: Study, block: str = "as_read") -> Drawing:
    """Figure 4 from our runs: the six networks of a block of Table 4, grouped protocol."""
    return draw_curves(history_frame(runs_of_block(study, block)), language=_axis_language(study))


def draw_authors_curves(study: Study) -> Drawing:
    """The same figure from the authors' logs: ConvNeXt from scratch, the proposed network from ImageNet
    weights.

    The log named VGG has 500 epochs; it is cut at the paper's 200.
    """
    parts = []
    for model in PAPER_MODELS:
        weights = weights_in_block(model, "as_read")
        log = authors_history(model, weights)
        log = log[log["epoch"] <= COMPARED_EPOCHS]
        parts.append(
            pd.DataFrame(
                {
                    "model": model,
                    "network": NETWORK_NAMES[model],
                    "weights": weights,
                    "epoch": log["epoch"],
                    "train_accuracy": log["train_accuracy_percent"] / 100,
                    "val_accuracy": log["val_accuracy_percent"] / 100,
                }
            )
        )
    title = "The authors' logged runs (log of VGG cut at 200 of 500 epochs)"
    return draw_curves(pd.concat(parts, ignore_index=True), title=title, language=_axis_language(study))


def _axis_language(study: Study) -> str:
    return study.settings.report.language
