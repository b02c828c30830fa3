"""Figures 1 to 3: block, attention module and whole network, drawn from the description of live modules."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import colormaps

from mineral_lib.measurements.paper_networks import Step, shape_text
from mineral_lib.reporting.shapes import Box, Canvas, cube_width, shade
from mineral_lib.reporting.style import ACCENT, FAINT, MUTED, PAGE_MM, Drawing, styled
from mineral_lib.reporting.words import name_of
from mineral_lib.resources import load_yaml

DRAWN = 9  # channels drawn in Figure 2, whatever the real number


@styled
def draw_block(stage: Step) -> Drawing:
    """Figure 1: one ConvNeXt block, h × w × dim in and out, of a ``stage`` step of ``describe_network``.

    Kernel and widths are read from the stage; layer normalisation, GELU, layer scale and the residual sum are what
    makes a ConvNeXt block (Liu et al. 2022, Figure 4). The paper's figure and text leave out the layer scale.

    Raises:
        ValueError: The step is no ConvNeXt stage.
    """
    if stage.block is None:
        raise ValueError(f"'{stage.name}' ({', '.join(stage.layers)}) is no stage of ConvNeXt blocks")
    kernel, width, hidden = stage.block
    values = {"kernel": kernel, "width": width, "hidden": hidden, "size": "×".join(map(str, stage.out_shape[1:]))}
    values["shape"] = shape_text((width, *stage.out_shape[1:]))
    page, shapes = Canvas(PAGE_MM, 66), load_yaml("diagrams")["block"]
    page.draw(shapes["input"], **values)
    rows = []
    for number, (kind, layer, height, output) in enumerate(shapes["layers"]):
        x, words, out = 43 + 16 * number, layer.format_map(values), output.format_map(values)
        page.box(x, 35, 11, height, kind, words, size=7)
        page.text(x, 32 - height / 2, out, size=6, color=MUTED)
        if number:
            page.arrow((x - 10.2, 35), (x - 5.8, 35))
        rows.append({"kind": kind, "layer": words.replace("\n", ", "), "output": out})
    page.draw(shapes["output"], **values)
    return Drawing(page.figure, pd.DataFrame(rows), name="figure_1_convnext_block")


@styled
def draw_eca(channels: int, kernel_size: int) -> Drawing:
    """Figure 2: pooling, 1-D convolution of odd size k across C channels, sigmoid, scaling (Wang et al. 2020)."""
    page, shapes = Canvas(PAGE_MM, 70), load_yaml("diagrams")["eca"]
    values = {"channels": channels, "kernel": kernel_size}
    hues = [tuple(colormaps["viridis"](value)[:3]) for value in np.linspace(0.05, 0.95, DRAWN)]
    gates = 0.5 + 0.42 * np.sin(np.arange(DRAWN) * 2.1 + 0.6)  # only an illustration of unequal gates
    heights = np.linspace(60, 20, DRAWN)
    page.cube(6, 40, 22, 15, hues)
    page.draw(shapes["input"], **values)
    _links(page, 54, 84, heights, kernel_size)
    page.dots(54, heights, hues)
    page.dots(84, heights, ["norm"] * DRAWN)
    page.dots(108, heights, [shade(ACCENT, 0.9 * (1 - value)) for value in gates])
    for height in heights:
        page.arrow((86.2, height), (105.6, height), color=FAINT, linewidth=0.7)
    page.draw(shapes["output"], **values)
    page.cube(141, 40, 22, 15, [shade(hue, 0.85 * (1 - value)) for hue, value in zip(hues, gates, strict=True)])
    page.draw(shapes["scaled"], **values)
    frame = pd.DataFrame({"channels": [channels], "kernel_size": [kernel_size], "weights": [kernel_size]})
    return Drawing(page.figure, frame, name="figure_2_eca_module")


def _links(page: Canvas, start: float, end: float, heights: np.ndarray, kernel_size: int) -> None:
    """Every output sees k neighbouring channels; the middle one's links are drawn strong."""
    reach, chosen = kernel_size // 2, len(heights) // 2
    strong = {"color": ACCENT, "linewidth": 1.5, "zorder": 3}
    weak = {"color": FAINT, "linewidth": 0.6, "zorder": 1}
    for out, height in enumerate(heights):
        for source in heights[max(0, out - reach) : out + reach + 1]:
            style = strong if out == chosen else weak
            page.axes.plot([start, end], [source, height], solid_capstyle="round", **style)


@styled
def draw_network(steps: Sequence[Step], placement: str | None) -> Drawing:
    """Figure 3: the way of a photograph through the network; height is resolution, length is channels.

    ``steps`` are those of ``describe_network``, ``placement`` is that of the ECA modules, None without any.
    """
    page, middle = Canvas(PAGE_MM, 70), 41.0
    maps = [step for step in steps if step.kind in ("stem", "stage")]
    sizes, rows = _cube_sizes(maps), [_stage_boxes(step, steps) for step in maps]
    width = sum(cube_width(*size) + 3.6 for size in sizes) + sum(box.width + box.gap for row in rows for box in row)
    x = max(3.0, (PAGE_MM - (21.3 + width + 32.6)) / 2)
    x = _draw_photograph(page, x, middle, maps[0].in_shape)
    for step, size, row in zip(maps, sizes, rows, strict=True):
        x = _draw_stage(page, x, middle, step, size, row)
    _draw_head(page, x, middle, steps[-1])
    page.text(x + 17.6, middle, f"{steps[-1].out_shape[-1]}\nminerals", size=7.4, weight="bold", ha="left")
    words = dict(load_yaml("diagrams")["network"])
    if any(step.eca_kernel for step in steps):
        words["attention"] = name_of("placement", placement, "ECA")
    else:
        del words["attention"]
    page.legend(4, 4.5, words)
    return Drawing(page.figure, _steps_frame(steps), "figure_3_network")


def _steps_frame(steps: Sequence[Step]) -> pd.DataFrame:
    """The description behind the figure as plain rows."""
    frame = pd.DataFrame([vars(step) for step in steps]).rename(columns={"eca_kernel": "kernel"})
    texts = {"input": frame["in_shape"].map(shape_text), "output": frame["out_shape"].map(shape_text)}
    frame = frame.assign(**texts, detail=frame["layers"].map(" | ".join))
    return frame[["name", "kind", "input", "output", "detail", "repeat", "kernel", "parameters"]]


def _cube_sizes(maps: Sequence[Step]) -> list[tuple[float, float]]:
    """Cube edges in mm: height with the logarithm of the resolution, length with that of the channels."""
    heights = np.log2([step.out_shape[1] + 1 for step in maps])
    widths = np.log2([step.out_shape[0] for step in maps])
    return list(zip(6 + 14 * (heights / heights.max()) ** 2.2, 3.0 + 1.6 * (widths - widths.min()), strict=True))


def _stage_boxes(step: Step, steps: Sequence[Step]) -> list[Box]:
    """The boxes in front of a feature map; attention inside the blocks is drawn with them, see ``_draw_stage``."""
    boxes = [Box(2.6, 15, "downsample", gap=0.8)] if step.downsampled else []
    boxes.append(Box(5.2, 22, "depthwise", "stem" if step.kind == "stem" else f"{step.repeat} blocks"))
    behind = steps[steps.index(step) + 1]
    if behind.kind == "eca":
        boxes.append(Box(3.0, 15, "attention", f"ECA k={behind.eca_kernel}", 5.4))
    return boxes


def _draw_photograph(page: Canvas, x: float, y: float, shape: tuple[int, ...]) -> float:
    # An abstract specimen: no photograph may be shown.
    side, tip = 17.0, (8.5, 7.5)
    page.box(x + side / 2, y, side, side, "paper")
    facets = [(3, 4), (7, 12.5), (11, 14), (14.5, 9), (12.5, 4), (3, 4)]
    colours = ["#8a6f9e", "#b59cc4", "#6f567f", "#9a80ac", "#58436a"]
    for first, second, colour in zip(facets, facets[1:], colours, strict=False):
        corners = np.array([first, second, tip]).T + np.array([[x], [y - side / 2]])
        page.axes.fill(*corners, color=colour, zorder=4, linewidth=0)
    page.text(x + side / 2, y + side / 2 + 4, "Photograph", size=6.6)
    page.text(x + side / 2, y - side / 2 - 3, shape_text(shape), size=5.8, color=MUTED)
    page.arrow((x + side + 0.8, y), (x + side + 3.8, y))
    return x + side + 4.3


def _draw_stage(page: Canvas, x: float, y: float, step: Step, size: tuple[float, float], boxes: Sequence[Box]) -> float:
    start, x = x, page.row(x, y, boxes)
    if step.eca_kernel:
        page.box(x - 3.2, y + 13.2, 5.2, 3.2, "attention", f"k={step.eca_kernel}", size=5)
    end = page.cube(x, y, *size, ["map"] * max(2, round(size[1] / 1.5)))
    centre = (start + end) / 2
    layers = [layer for layer in step.layers if layer != "Downsample" and not layer.startswith("ECA")]
    page.text(centre, y + 20.5, step.name, weight="bold")
    page.text(centre, y - 15.5, shape_text(step.out_shape), size=5.8, color=MUTED)
    page.text(centre, y - 19, "\n".join(layers).replace("x", "×"), size=5.2, color=MUTED, va="top")
    page.arrow((end + 0.5, y), (end + 3.2, y))
    return end + 3.6


def _draw_head(page: Canvas, x: float, y: float, head: Step) -> None:
    words = {"average pooling": "norm", "layer norm": "norm", "linear": "linear"}
    x = page.row(x, y, [Box(3.8, 22, colour, text, 6, gap=0.8) for text, colour in words.items()])
    page.text(x - 7, y + 20.5, "head", weight="bold")
    page.text(x - 7, y - 15.5, f"{head.in_shape[0]} → {head.out_shape[-1]}", size=5.8, color=MUTED)
    page.arrow((x + 0.2, y), (x + 3, y))
