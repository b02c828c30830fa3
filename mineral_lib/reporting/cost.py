"""What each network costs: table and figure from the record of `measurements.cost`; and what each finished run did."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from mineral_lib.measurements.cost import COLUMNS
from mineral_lib.paper import printed
from mineral_lib.reporting.artefacts import Made, figure, table
from mineral_lib.reporting.style import MUTED, PAGE_MM, Drawing, network_style, new_figure
from mineral_lib.reporting.words import entry
from mineral_lib.study import Study

MODES = {"train": "training", "infer": "recognition"}
AGAINST = {  # column of the record, its label, and the unit of the time drawn against it
    "image_size_px": ("image size, px", "ms"),
    "batch_size": ("batch size", "ms"),
    "images": ("images", "s"),
}


def read_costs(study: Study) -> pd.DataFrame | None:
    """The record ``costs.csv``, a row a measurement (see ``measurements.cost.COLUMNS``), or None before it was made."""
    texts = dict.fromkeys(("note", "device", "machine", "precision"), str)
    if not study.paths.costs.is_file():
        return None
    return study.read(study.paths.costs, columns=COLUMNS, dtype=texts, keep_default_na=True)


@table("costs")
def table_costs(study: Study) -> Made | None:
    """Parameters, multiply-adds, file size, speed and memory, with two columns of the paper's Table 5."""
    record = read_costs(study)
    if record is None:
        return None
    frame = record[record["kind"] == "table"].reset_index(drop=True)
    for quantity in ("parameters_million", "size_mib"):
        frame[f"paper_{quantity}"] = [
            printed("table_5", f"{row.model}-scratch", quantity) if row.family == "paper" else None
            for row in frame.itertuples()
        ]
    speeds = pd.DataFrame(
        [(run.model, run.config.get("family"), run.manifest.get("images_per_second")) for run in study.runs],
        columns=["model", "family", "run_images_per_s"],
    )
    speeds = speeds.groupby(["model", "family"], as_index=False)["run_images_per_s"].median()
    frame = frame.merge(speeds, how="left", on=["model", "family"])
    return frame[list(entry("costs")["columns"])], {"conditions": _conditions(frame)}


def _conditions(frame: pd.DataFrame) -> list[str]:
    """Where and how the timed rows were measured, as sentences."""
    timed = frame.dropna(subset=["device"])
    found = []
    for row in timed[["device", "machine", "precision", "threads"]].drop_duplicates().itertuples():
        threads = f" with {int(row.threads)} thread{'s' if row.threads > 1 else ''}" if row.device == "cpu" else ""
        found.append(f"Measured on {row.device} ({row.machine}) in {row.precision}{threads}.")
    memory = entry("costs")["memory"]
    found += [memory[device] for device in timed["device"].unique() if device in memory]
    return found if len(timed) == len(frame) else [*found, "Rows without speeds were counted, not timed."]


@figure("cost_scaling")
def draw_scaling(study: Study) -> Drawing | None:
    """Time of training (top) and recognition (bottom) against image size, batch and number of images.

    The first two are times of one image in memory, the last of a whole epoch, loading included. Networks with scaling
    measurements are drawn; none without ``report.cost_sizes_px``.
    """
    record = read_costs(study)
    if record is None or not study.settings.report.cost_sizes_px:
        return None
    frame, page = _points(record), new_figure(PAGE_MM, 118)
    panels = page.subplots(2, 3, sharex="col")
    letters = iter("abcdef")
    for axes_row, (mode, word) in zip(panels, MODES.items(), strict=True):
        axes_row[1].sharey(axes_row[0])
        for axes, (against, (label, unit)) in zip(axes_row, AGAINST.items(), strict=True):
            part = frame[frame["against"] == against]
            _panel(axes, part, f"{mode}_{unit}")
            axes.set_title(f"({next(letters)}) {word}, {_fixed(part, against)}")
            if mode == "infer":
                axes.set_xlabel(label)
        axes_row[0].set_ylabel("ms an image")
        axes_row[1].tick_params(labelleft=False)
        axes_row[2].set_ylabel("s an epoch" if mode == "train" else "s for all")
        _pixel_line(axes_row[0], frame[frame["against"] == "image_size_px"], f"{mode}_ms")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    if handles:
        page.legend(handles, labels, loc="outside upper left", ncols=4)
    return Drawing(page, frame)


def _points(costs: pd.DataFrame) -> pd.DataFrame:
    """Rows of the three series; a step at the crossing of the first two belongs to both."""
    scaling = costs[costs["kind"] == "scaling"]
    drawn = costs[costs["model"].isin(scaling["model"]) & costs["family"].isin(scaling["family"])]
    drawn = drawn.dropna(subset=[f"{mode}_images_per_s" for mode in MODES])
    px, steps = drawn.loc[drawn["kind"] == "table", "image_size_px"].min(), drawn[drawn["kind"] != "epoch"]
    series = {
        "image_size_px": steps[steps["batch_size"] == steps["batch_size"].min()],
        "batch_size": steps[steps["image_size_px"] == px],
        "images": drawn[drawn["kind"] == "epoch"],
    }
    frame = pd.concat([part.assign(against=name) for name, part in series.items()], ignore_index=True)
    for mode in MODES:
        frame[f"{mode}_ms"] = 1e3 / frame[f"{mode}_images_per_s"]
        frame[f"{mode}_s"] = frame["images"] / frame[f"{mode}_images_per_s"]
    return frame[["against", "model", "network", *AGAINST, "train_ms", "infer_ms", "train_s", "infer_s"]]


def _panel(axes: Axes, part: pd.DataFrame, quantity: str) -> None:
    against = part["against"].iloc[0] if len(part) else "batch_size"
    axes.set_xscale("log")
    axes.set_yscale("log")
    for model, rows in part.groupby("model", sort=False):
        rows = rows.sort_values(against)
        style = {"marker": "o", "markersize": 3, "label": rows["network"].iloc[0], **network_style(model)}
        axes.plot(rows[against], rows[quantity], **style)
    if part.empty:
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", color=MUTED)
    axes.set_xticks(sorted(part[against].unique()))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _pixel_line(axes: Axes, part: pd.DataFrame, quantity: str) -> None:
    """A faint line of slope 2 below the curves: time in proportion to the number of pixels."""
    if part["image_size_px"].nunique() < 2:
        return
    sizes = np.array([part["image_size_px"].min(), part["image_size_px"].max()], dtype=float)
    # Below every curve: the lowest measurement, moved down along the slope.
    start = (part[quantity] / (part["image_size_px"] / sizes[0]) ** 2).min() * 0.7
    style = {"color": MUTED, "linewidth": 0.8, "linestyle": (0, (1, 2)), "label": "as the number of pixels"}
    axes.plot(sizes, start * (sizes / sizes[0]) ** 2, **style)


def _fixed(part: pd.DataFrame, against: str) -> str:
    """What does not vary in a panel."""
    if part.empty:
        return "not measured"
    first = part.iloc[0]
    return f"{first['image_size_px']:g} px" if against == "batch_size" else f"batch {first['batch_size']:g}"


@table("runs")
def table_runs(study: Study) -> pd.DataFrame:
    """Every finished run with its cost."""
    recorded = ("parameters", "gmacs", "seconds", "images_per_second", "device", "weights_note")
    tested = ("best_epoch", "num_test")
    rows = [
        [run.name, len(run.history), *map(run.metrics.get, tested), run.accuracy, *map(run.manifest.get, recorded)]
        for run in study.runs
    ]
    return pd.DataFrame(rows, columns=["run", "epochs", *tested, "accuracy", *recorded])
