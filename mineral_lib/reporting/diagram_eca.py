"""Figure 2: efficient channel attention, one number a channel from its k nearest channels (Wang et al.
2020).
"""

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.patches import Circle

from mineral_lib.reporting.labels import label
from mineral_lib.reporting.shapes import COLOURS, arrow, canvas, cube, cube_width, detour, ring, shade, text
from mineral_lib.reporting.style import ACCENT, FAINT, INK, MUTED, PAGE_MM, Drawing, styled

DRAWN = 9  # channels drawn, whatever the real number


@styled
def draw_eca(channels: int, kernel_size: int, *, language: str = "en") -> Drawing:
    """Figure 2: pooling, 1-D convolution of size k across channels, sigmoid, scaling of the channels.

    Args:
        channels: Real number of channels C (nine are drawn).
        kernel_size: Kernel size k, odd.
        language: Language of the labels.
    """
    figure, axes = canvas(PAGE_MM, 70)
    hues = [tuple(colormaps["viridis"](value)[:3]) for value in np.linspace(0.05, 0.95, DRAWN)]
    gates = 0.5 + 0.42 * np.sin(np.arange(DRAWN) * 2.1 + 0.6)  # only an illustration of unequal gates
    middle = 40.0
    side, depth = 22.0, 15.0
    cube(axes, 6, middle, side=side, depth=depth, colours=hues)
    right = 6 + cube_width(side, depth)
    text(axes, 16, middle + 21.5, label("input", language).replace("feature map ", "feature map\n"), size=7)
    text(axes, 14, middle - 18.5, f"C × H × W,  C = {channels}", size=6.2, color=MUTED)
    columns = {"pooled": 54.0, "mixed": 84.0, "gate": 108.0}
    heights = middle + np.linspace(20, -20, DRAWN)
    arrow(axes, (right + 1.5, middle), (columns["pooled"] - 4, middle))
    text(axes, (right + columns["pooled"]) / 2 - 1, middle + 3.4, "GAP", size=7, weight="bold")
    text(
        axes,
        (right + columns["pooled"]) / 2 - 1,
        middle - 3.6,
        "mean of each\nchannel",
        size=5.8,
        color=MUTED,
        va="top",
    )
    _links(axes, columns["pooled"], columns["mixed"], heights, kernel_size)
    _dots(axes, columns["pooled"], heights, hues)
    _dots(axes, columns["mixed"], heights, [COLOURS["norm"]] * DRAWN)
    for height in heights:
        arrow(
            axes,
            (columns["mixed"] + 2.2, height),
            (columns["gate"] - 2.4, height),
            color=FAINT,
            linewidth=0.7,
        )
    _dots(axes, columns["gate"], heights, [shade(ACCENT, 0.9 * (1 - gate)) for gate in gates])
    text(
        axes,
        96,
        middle + 4.6,
        "σ",
        size=11,
        weight="bold",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )
    for place, words in (
        (columns["pooled"], "1 × 1 × C"),
        (columns["mixed"], "1 × 1 × C"),
        (columns["gate"], "gates, 0 to 1"),
    ):
        text(axes, place, middle - 25, words, size=6, color=MUTED)
    text(axes, 69, middle + 26.5, f"1-D convolution, k = {kernel_size}", size=7, weight="bold")
    _scaled(axes, middle, hues, gates, side, depth, columns["gate"], language)
    detour(axes, [(14, 17.5), (14, 6.5), (126, 6.5), (126, middle - 2.6)])
    text(axes, 70, 8.6, "the feature map itself", size=6.2, color=MUTED)
    frame = pd.DataFrame({"channels": [channels], "kernel_size": [kernel_size], "weights": [kernel_size]})
    return Drawing(figure, frame)


def _dots(axes: Axes, x: float, heights: np.ndarray, colours: list) -> None:
    for height, colour in zip(heights, colours, strict=True):
        axes.add_patch(Circle((x, height), 1.9, facecolor=colour, edgecolor=INK, linewidth=0.4, zorder=4))


def _links(axes: Axes, start: float, end: float, heights: np.ndarray, kernel_size: int) -> None:
    """Every output sees k neighbouring channels; the middle one's links are drawn strong."""
    reach, chosen = kernel_size // 2, len(heights) // 2
    for out, height in enumerate(heights):
        for source in range(max(0, out - reach), min(len(heights), out + reach + 1)):
            strong = out == chosen
            axes.plot(
                [start, end],
                [heights[source], height],
                color=ACCENT if strong else FAINT,
                linewidth=1.5 if strong else 0.6,
                zorder=3 if strong else 1,
                solid_capstyle="round",
            )


def _scaled(axes: Axes, middle, hues, gates, side, depth, gate_x: float, language: str) -> None:
    x = 126.0
    arrow(axes, (gate_x + 3, middle), (x - 2.6, middle))
    ring(axes, x, middle, "×")
    arrow(axes, (x + 2.6, middle), (139, middle))
    faded = [shade(hue, 0.85 * (1 - gate)) for hue, gate in zip(hues, gates, strict=True)]
    cube(axes, 141, middle, side=side, depth=depth, colours=faded)
    text(axes, 151, middle + 21.5, label("output", language).replace("feature map ", "feature map\n"), size=7)
    text(axes, 150, middle - 18.5, "C × H × W, each channel\ntimes its gate", size=6.2, color=MUTED, va="top")
