"""Figure 6: Grad-CAM maps of every network on the same photographs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from mineral_lib.catalogue import display_name
from mineral_lib.reporting.credits import add_credits
from mineral_lib.reporting.words import label
from mineral_lib.reporting.plates import bare, show
from mineral_lib.reporting.style import BAD, GOOD, MUTED, PAGE_MM, Drawing, new_figure, styled

HEAT_MAP = "turbo"  # colours of the overlays and of the bar; Grad-CAM's usual red = high


@dataclass(frozen=True)
class CamCaption:
    """What a network said about a photograph, written under its map.

    Attributes:
        predicted: Predicted class name.
        probability: Its probability, 0 to 1.
        correct: Whether it is the true class.
    """

    predicted: str
    probability: float
    correct: bool


@styled
def draw_cam_grid(
    originals: Sequence[np.ndarray],
    overlays: Sequence[Sequence[np.ndarray | None]],
    *,
    row_names: Sequence[str],
    column_names: Sequence[str],
    captions: Sequence[Sequence[CamCaption | None]],
    language: str = "en",
    credits: Sequence[str] = (),
) -> Drawing:
    """Figure 6: the photograph and one overlay a network, the prediction under each with a tick or a cross.

    Args:
        originals: One photograph a row.
        overlays: For each row one overlay (photograph with heat map, ``HEAT_MAP`` colours) a network; None
            where the map is zero everywhere, drawn as a blank tile "no evidence".
        row_names: Class name of each row.
        column_names: Names of the networks.
        captions: For each row one caption a network; None where the network was not run.
        language: Language of the labels.
        credits: Whom to name for the photograph of each row, in a line below; empty texts are left out.
    """
    count = len(column_names) + 1
    tile = (PAGE_MM - 18) / count
    figure = new_figure(PAGE_MM, (tile + 3.2) * len(originals) + 16)
    grid = figure.subplots(len(originals), count, squeeze=False)
    figure.get_layout_engine().set(w_pad=0.008, h_pad=0.008, wspace=0, hspace=0)
    for number, line in enumerate(grid):
        show(line[0], originals[number])
        line[0].set_ylabel(
            display_name(row_names[number], language).replace(" ", "\n"),
            rotation=0,
            ha="right",
            va="center",
            fontsize=6.6,
            labelpad=3,
        )
        for axes, overlay, caption in zip(line[1:], overlays[number], captions[number], strict=True):
            _panel(axes, overlay, caption)
    for axes, name in zip(grid[0], [label("original", language), *column_names], strict=True):
        axes.set_title(name.replace(" ", "\n", 1), loc="center", fontsize=6.2, fontweight="normal", pad=3)
    bar = figure.colorbar(
        ScalarMappable(Normalize(0, 1), HEAT_MAP),
        ax=grid,
        orientation="horizontal",
        shrink=0.32,
        aspect=34,
        pad=0.01,
        ticks=[0, 1],
    )
    bar.ax.set_xticklabels([])
    bar.ax.tick_params(length=0)
    bar.ax.text(
        -0.03,
        0.5,
        "evidence for the class: low",
        transform=bar.ax.transAxes,
        ha="right",
        va="center",
        fontsize=6.2,
    )
    bar.ax.text(
        1.03,
        0.5,
        "high (each map on its own scale)",
        transform=bar.ax.transAxes,
        ha="left",
        va="center",
        fontsize=6.2,
    )
    bar.outline.set_visible(False)
    add_credits(figure, [str(row + 1) for row in range(len(credits))], credits, by="row")
    frame = _frame(row_names, column_names, overlays, captions)
    if any(credits):
        frame["credit"] = np.repeat(list(credits), len(column_names))
    return Drawing(figure, frame)


def _panel(axes: Axes, overlay: np.ndarray | None, caption: CamCaption | None) -> None:
    if overlay is None:
        axes.set_facecolor("#f1f3f5")
        axes.text(
            0.5,
            0.5,
            "not run" if caption is None else "no evidence",
            transform=axes.transAxes,
            ha="center",
            va="center",
            fontsize=6,
            color=MUTED,
        )
        bare(axes)
        axes.set_box_aspect(1)
    else:
        show(axes, overlay)
    if caption is not None:
        sign, colour = ("✓", GOOD) if caption.correct else ("✗", BAD)
        words = f"{sign} {_short(display_name(caption.predicted, 'en'))} {100 * caption.probability:.0f} %"
        axes.set_xlabel(words, fontsize=5.2, color=colour, labelpad=1.5)


def _short(name: str) -> str:
    return name if len(name) <= 12 else f"{name[:11]}…"


def _frame(row_names, column_names, overlays, captions) -> pd.DataFrame:
    rows = []
    for row, maps, says in zip(row_names, overlays, captions, strict=True):
        for column, overlay, caption in zip(column_names, maps, says, strict=True):
            known = caption is not None
            rows.append(
                {
                    "mineral": row,
                    "network": column,
                    "predicted": caption.predicted if known else None,
                    "probability": caption.probability if known else np.nan,
                    "correct": caption.correct if known else None,
                    "has_map": overlay is not None,
                }
            )
    return pd.DataFrame(rows)
