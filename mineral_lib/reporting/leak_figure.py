"""The leakage gap as a picture: one classifier under every protocol, on true labels and on labels drawn by lot."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from mineral_lib.reporting.artefacts import figure
from mineral_lib.reporting.headline import chance_level
from mineral_lib.reporting.leakage import NEIGHBOUR, PROTOCOL_WORDS, table_leakage
from mineral_lib.reporting.style import INK, MUTED, PAGE_MM, Drawing, new_figure
from mineral_lib.study import Study

_COLOURS = ("#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#5b5b5b", "#8c6d31", "#3f6c7a")
_PANELS = {"true": "(a) true labels", "shuffled": "(b) labels drawn by lot"}
_NOTE = {"textcoords": "offset points", "fontsize": 6, "color": MUTED}


@figure("leakage_gap")
def draw_leakage(study: Study) -> Drawing | None:
    """Accuracy and 95 % interval under every protocol; the distance to the first row is what a split adds."""
    if not study.settings.leakage.runs:
        return None
    table, chance = table_leakage(study), chance_level(study)
    frame = table.frame.dropna(subset=["accuracy"])
    protocols = [name for name in PROTOCOL_WORDS if name in set(frame["protocol"])]
    networks = list(dict.fromkeys(frame["network"]))
    colours = dict(zip([name for name in networks if name != NEIGHBOUR], _COLOURS, strict=False))
    colours[NEIGHBOUR] = "#0072b2"
    sheet = new_figure(PAGE_MM, 26 + 15 * max(len(protocols), 1))
    panels = sheet.subplots(1, 2, sharex=True, sharey=True)
    for axes, (labels, title) in zip(panels, _PANELS.items(), strict=True):
        part = frame[frame["labels"] == labels]
        _panel(axes, part, protocols, networks, colours)
        axes.set_title(title)
        axes.set_xlabel("test accuracy, %")
        if part.empty:
            axes.text(0.5, 0.5, "not run", transform=axes.transAxes, ha="center", color=MUTED)
        if chance is not None:
            axes.axvline(100 * chance, color=INK, linewidth=0.8, linestyle=(0, (3, 2)))
            axes.annotate("chance", (100 * chance, 1), (3, -8), xycoords=("data", "axes fraction"), **_NOTE)
    panels[0].set_yticks(range(len(protocols)), [PROTOCOL_WORDS[name].replace(" (", "\n(") for name in protocols])
    panels[0].set_ylim(len(protocols) - 0.45, -0.65)
    panels[0].set_xlim(0, 120)
    panels[0].set_xticks(range(0, 101, 20))
    handles = [Line2D([], [], color=colours[name], marker=_marker(name), linestyle="", label=name) for name in networks]
    if handles:
        sheet.legend(handles=handles, loc="outside upper left", ncols=2)
    return Drawing(sheet, frame, finding=table.finding)


def _marker(network: str) -> str:
    return "D" if network == NEIGHBOUR else "o"


def _panel(axes: Axes, frame: pd.DataFrame, protocols: list[str], networks: list[str], colours: dict[str, str]) -> None:
    shifts = np.linspace(-0.16, 0.16, len(networks)) if len(networks) > 1 else np.zeros(len(networks))
    offsets = dict(zip(networks, shifts, strict=True))
    for row in frame.itertuples():
        y, x, colour = protocols.index(row.protocol) + offsets[row.network], 100 * row.accuracy, colours[row.network]
        axes.plot([100 * row.low, 100 * row.high], [y, y], color=colour, linewidth=1.4)
        axes.plot(x, y, _marker(row.network), color=colour, markersize=4.5)
        gap = "" if np.isnan(row.gap) else f"  ({round(100 * row.gap, 1) + 0.0:+.1f})".replace("-", "−")
        axes.annotate(f"{x:.1f}{gap}", (100 * row.high, y), (4, 0), va="center", **_NOTE)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
