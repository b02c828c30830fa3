"""How time grows with the size of an image, falls with the batch and adds up over images, one line a network."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from mineral_lib.reporting.style import MUTED, PAGE_MM, Drawing, network_style, new_figure, styled

_ROWS = {"train": "training", "infer": "recognition"}
_LABELS = {"image_size_px": "image size, px", "batch_size": "batch size", "images": "images"}
_UNITS = {"image_size_px": "ms", "batch_size": "ms", "images": "s"}


@styled
def draw_scaling(costs: pd.DataFrame) -> Drawing:
    """Time of training (top) and recognition (bottom): of one image against its size and the batch, and of a whole
    epoch, loading included, against the number of images.

    Args:
        costs: ``reporting.cost.read_costs``; networks with scaling measurements are drawn.
    """
    frame = _points(costs)
    figure = new_figure(PAGE_MM, 118)
    panels = figure.subplots(2, 3, sharex="col")
    for axes_row in panels:
        axes_row[1].sharey(axes_row[0])
    for letters, axes_row, (mode, word) in zip(("abc", "def"), panels, _ROWS.items(), strict=True):
        for letter, axes, (against, label) in zip(letters, axes_row, _LABELS.items(), strict=True):
            part = frame[frame["against"] == against]
            _panel(axes, part, f"{mode}_{_UNITS[against]}")
            axes.set_title(f"({letter}) {word}, {_fixed(part, against)}")
            if letters == "def":
                axes.set_xlabel(label)
        axes_row[0].set_ylabel("ms an image")
        axes_row[1].tick_params(labelleft=False)
        axes_row[2].set_ylabel("s an epoch" if mode == "train" else "s for all")
        _pixel_line(axes_row[0], frame[frame["against"] == "image_size_px"], f"{mode}_ms")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside upper left", ncols=4)
    return Drawing(figure, frame)


def _points(costs: pd.DataFrame) -> pd.DataFrame:
    """Rows of the three series; a step at the crossing of the first two belongs to both."""
    drawn = costs[costs["model"].isin(costs.loc[costs["kind"] == "scaling", "model"])]
    drawn = drawn[drawn["family"].isin(costs.loc[costs["kind"] == "scaling", "family"])]
    drawn = drawn.dropna(subset=["train_images_per_s", "infer_images_per_s"])
    px = drawn.loc[drawn["kind"] == "table", "image_size_px"].min()
    steps = drawn[drawn["kind"] != "epoch"]
    series = {
        "image_size_px": steps[steps["batch_size"] == steps["batch_size"].min()],
        "batch_size": steps[steps["image_size_px"] == px],
        "images": drawn[drawn["kind"] == "epoch"],
    }
    frame = pd.concat([part.assign(against=name) for name, part in series.items()], ignore_index=True)
    for mode in _ROWS:
        frame[f"{mode}_ms"] = 1e3 / frame[f"{mode}_images_per_s"]
        frame[f"{mode}_s"] = frame["images"] / frame[f"{mode}_images_per_s"]
    return frame[["against", "model", "network", *_LABELS, "train_ms", "infer_ms", "train_s", "infer_s"]]


def _panel(axes: Axes, part: pd.DataFrame, quantity: str) -> None:
    against = part["against"].iloc[0] if len(part) else "batch_size"
    axes.set_xscale("log")
    axes.set_yscale("log")
    for model, rows in part.groupby("model", sort=False):
        rows = rows.sort_values(against)
        axes.plot(
            rows[against],
            rows[quantity],
            marker="o",
            markersize=3,
            label=rows["network"].iloc[0],
            **network_style(model),
        )
    if part.empty:
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", color=MUTED)
    axes.set_xticks(sorted(part[against].unique()))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _pixel_line(axes: Axes, part: pd.DataFrame, quantity: str) -> None:
    """A faint line of slope 2 below the curves: time in proportion to the number of pixels."""
    if part["image_size_px"].nunique() < 2:
        return
    sizes = np.array([part["image_size_px"].min(), part["image_size_px"].max()], dtype=float)
    # Below every curve: the lowest measurement, moved down along the slope.
    start = (part[quantity] / (part["image_size_px"] / sizes[0]) ** 2).min() * 0.7
    axes.plot(
        sizes,
        start * (sizes / sizes[0]) ** 2,
        color=MUTED,
        linewidth=0.8,
        linestyle=(0, (1, 2)),
        label="as the number of pixels",
    )


def _fixed(part: pd.DataFrame, against: str) -> str:
    if part.empty:
        return "not measured"
    first = part.iloc[0]
    return f"batch {first['batch_size']:g}" if against != "batch_size" else f"{first['image_size_px']:g} px"
