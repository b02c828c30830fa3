"""Figure 6: Grad-CAM maps of every network on the same photographs."""

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from mineral_lib.catalogue import display_name
from mineral_lib.notation import caption
from mineral_lib.reporting.cam_study import CamGrid, CamPanel
from mineral_lib.reporting.plates import Fonts, Tile, add_credits, draw_sheet
from mineral_lib.reporting.style import BAD, GOOD, PAGE_MM, Drawing, styled
from mineral_lib.reporting.words import label

HEAT_MAP = "turbo"  # colours of the overlays and of the bar; Grad-CAM's usual red = high
FONTS = Fonts(title=(6.2, 3), name=(6.6, 3), below=(5.2, 1.5), empty=6)


@styled
def draw_cam_grid(grid: CamGrid, *, language: str = "en") -> Drawing:
    """Figure 6: the photograph and one overlay a network, the prediction under each with a tick or a cross.

    A blank tile says "no evidence" where a map is zero everywhere and "not run" where there is no map.

    Args:
        grid: Photographs, overlays and answers, see ``reporting.cam_study.cam_panels``.
        language: Language of the labels.
    """
    titles = [name.replace(" ", "\n", 1) for name in (label("original", language), *grid.networks)]
    rows = [[Tile(row.photo), *map(_tile, row.panels)] for row in grid.rows]
    rows[0] = [tile._replace(title=title) for tile, title in zip(rows[0], titles, strict=True)]
    names = [row.name.replace(" ", "\n", 2) for row in grid.rows]
    height = ((PAGE_MM - 18) / len(titles) + 3.2) * len(rows) + 16
    figure = draw_sheet(rows, PAGE_MM, height, row_names=names, pads=(0.008, 0.008), fonts=FONTS)
    _add_bar(figure)
    credits = [row.credit for row in grid.rows]
    add_credits(figure, [str(row + 1) for row in range(len(credits))], credits, by="row")
    panels = [(row.name, *one) for row in grid.rows for one in zip(grid.networks, row.panels, strict=True)]
    frame = pd.DataFrame([_numbers(*panel) for panel in panels])
    if any(credits):
        frame["credit"] = np.repeat(credits, len(grid.networks))
    return Drawing(figure, frame, "figure_6_grad_cam")


def _tile(panel: CamPanel | None) -> Tile:
    if panel is None:
        return Tile(None, empty="not run")
    sign, colour = ("✓", GOOD) if panel.correct else ("✗", BAD)
    name = caption(display_name(panel.predicted, "en"), 12)
    return Tile(panel.overlay, "", f"{sign} {name} {100 * panel.probability:.0f} %", colour, "no evidence")


def _numbers(name: str, network: str, panel: CamPanel | None) -> dict[str, object]:
    said = panel or CamPanel(None, None, np.nan, None)
    answer = {"predicted": said.predicted, "probability": said.probability, "correct": said.correct}
    return {"mineral": name, "network": network, **answer, "has_map": said.overlay is not None}


def _add_bar(figure: Figure) -> None:
    """The colours of the maps, with words at both ends."""
    place = {"orientation": "horizontal", "shrink": 0.32, "aspect": 34, "pad": 0.01, "ticks": [0, 1]}
    bar = figure.colorbar(ScalarMappable(Normalize(0, 1), HEAT_MAP), ax=figure.axes, **place)
    bar.ax.set_xticklabels([])
    bar.ax.tick_params(length=0)
    style = {"transform": bar.ax.transAxes, "va": "center", "fontsize": 6.2}
    bar.ax.text(-0.03, 0.5, "evidence for the class: low", ha="right", **style)
    bar.ax.text(1.03, 0.5, "high (each map on its own scale)", ha="left", **style)
    bar.outline.set_visible(False)
