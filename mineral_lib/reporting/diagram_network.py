"""Figure 3: the whole network, drawn from the description of the live module."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from mineral_lib.reporting.description import Step, as_steps, shape_text
from mineral_lib.reporting.labels import label
from mineral_lib.reporting.shapes import COLOURS, arrow, box, canvas, cube, cube_width, legend, text
from mineral_lib.reporting.style import MUTED, PAGE_MM, Drawing, styled

PLACEMENT_WORDS = {
    "post_stage": "ECA after each stage",
    "post_block": "ECA after every block",
    "in_branch": "ECA in the branch of every block",
}


def steps_frame(steps: Iterable[Step]) -> pd.DataFrame:
    """The description behind a diagram as plain rows."""
    return pd.DataFrame(
        [
            {
                "name": s.name,
                "kind": s.kind,
                "input": shape_text(s.in_shape),
                "output": shape_text(s.out_shape),
                "detail": s.detail,
                "repeat": s.repeat,
                "kernel": s.eca_kernel,
                "parameters": s.parameters,
            }
            for s in steps
        ]
    )


@styled
def draw_network(
    steps: Iterable[Step | Mapping[str, Any]],
    placement: str | None = "post_stage",
    *,
    num_classes: int = 26,
    language: str = "en",
) -> Drawing:
    """Figure 3: the way of a photograph through the network; cubes suggest resolution (height) and channels
    (length).

    Args:
        steps: ``describe_network(model, image_size_px)``.
        placement: Placement of the ECA modules, None for a network without.
        num_classes: Number of outputs.
        language: Language of the labels.
    """
    steps = as_steps(steps)
    maps = [step for step in steps if step.kind in ("stem", "stage")]
    figure, axes = canvas(PAGE_MM, 70)
    middle = 41.0
    sides, depths = _cube_sizes(maps)
    x = _draw_photograph(
        axes,
        max(3.0, (PAGE_MM - _total_width(maps, sides, depths, steps, placement)) / 2),
        middle,
        maps[0].in_shape,
        language,
    )
    for number, (step, side, depth) in enumerate(zip(maps, sides, depths, strict=True)):
        attention = _attention_of(step, steps)
        x = _draw_stage(
            axes,
            x,
            middle,
            step=step,
            size=(side, depth),
            kernel=attention,
            placement=placement,
            first=not number,
        )
    _draw_head(axes, x, middle, steps[-1], num_classes, language)
    entries = [
        (COLOURS["map"], "feature map"),
        (COLOURS["depthwise"], "stem or ConvNeXt blocks"),
        (COLOURS["downsample"], label("downsample", "en").lower()),
        (COLOURS["norm"], "pooling and normalisation"),
        (COLOURS["linear"], "classifier"),
    ]
    if any(step.eca_kernel for step in steps):
        entries.insert(3, (COLOURS["attention"], PLACEMENT_WORDS.get(placement or "", "ECA")))
    legend(axes, 4, 4.5, entries, gap=3)
    return Drawing(figure, steps_frame(steps))


def _cube_sizes(maps: list[Step]) -> tuple[np.ndarray, np.ndarray]:
    """Cube edges in mm: height with the logarithm of the resolution, length with that of the channels."""
    heights = np.log2([step.out_shape[1] + 1 for step in maps])
    widths = np.log2([step.out_shape[0] for step in maps])
    return 6 + 14 * (heights / heights.max()) ** 2.2, 3.0 + 1.6 * (widths - widths.min())


def _total_width(
    maps: list[Step], sides: np.ndarray, depths: np.ndarray, steps: list[Step], placement: str | None
) -> float:
    """Width of the whole chain in mm, to centre it: photograph, stages with their arrows, head, words."""
    width = 21.3 + 16.6 + 16
    for number, (step, side, depth) in enumerate(zip(maps, sides, depths, strict=True)):
        after = number and _attention_of(step, steps) and placement == "post_stage"
        width += cube_width(side, depth) + 9.4 + (3.4 if "Downsample" in step.layers else 0) + (3.6 if after else 0)
    return width


def _attention_of(step: Step, steps: list[Step]) -> int | None:
    if step.eca_kernel:
        return step.eca_kernel
    after = steps[steps.index(step) + 1 :][:1]
    return after[0].eca_kernel if after and after[0].kind == "eca" else None


def _draw_photograph(axes: Axes, x: float, y: float, shape: tuple[int, ...], language: str) -> float:
    # An abstract specimen: no photograph may be shown.
    side = 17.0
    box(axes, x + side / 2, y, side, side, colour="#e9e4da")
    facets = np.array([(3, 4), (7, 12.5), (11, 14), (14.5, 9), (12.5, 4), (8.5, 7.5)])
    for first, second, colour in (
        (0, 1, "#8a6f9e"),
        (1, 2, "#b59cc4"),
        (2, 3, "#6f567f"),
        (3, 4, "#9a80ac"),
        (4, 0, "#58436a"),
    ):
        axes.fill(
            *np.array([facets[first], facets[second], facets[5]]).T + np.array([[x], [y - side / 2]]),
            color=colour,
            zorder=4,
            linewidth=0,
        )
    text(axes, x + side / 2, y + side / 2 + 4, label("photograph", language).replace(" ", "\n"), size=6.6)
    text(axes, x + side / 2, y - side / 2 - 3, shape_text(shape), size=5.8, color=MUTED)
    arrow(axes, (x + side + 0.8, y), (x + side + 3.8, y))
    return x + side + 4.3


def _draw_stage(
    axes,
    x,
    y,
    *,
    step: Step,
    size: tuple[float, float],
    kernel: int | None,
    placement: str | None,
    first: bool,
) -> float:
    side, depth = size
    start = x
    if "Downsample" in step.layers:
        box(axes, x + 1.3, y, 2.6, 15, colour=COLOURS["downsample"])
        x += 3.4
    inside = kernel and placement != "post_stage"
    words = "\n".join(layer for layer in (step.layers if first else _block_layers(step))).replace("x", "×")
    box(
        axes,
        x + 2.6,
        y,
        5.2,
        22,
        colour=COLOURS["depthwise"],
        words="stem" if first else f"{step.repeat} blocks",
        rotation=90,
    )
    if inside:
        box(axes, x + 2.6, y + 13.2, 5.2, 3.2, colour=COLOURS["attention"], words=f"k={kernel}", size=5)
    x += 5.8
    if kernel and not inside:
        box(
            axes,
            x + 1.5,
            y,
            3.0,
            15,
            colour=COLOURS["attention"],
            words=f"ECA k={kernel}",
            rotation=90,
            size=5.4,
        )
        x += 3.6
    cube(axes, x, y, side=side, depth=depth, colours=[COLOURS["map"]] * max(2, round(depth / 1.5)))
    end = x + cube_width(side, depth)
    centre = (start + end) / 2
    text(axes, centre, y + 20.5, step.name, size=7, weight="bold")
    text(axes, centre, y - 15.5, shape_text(step.out_shape), size=5.8, color=MUTED)
    text(axes, centre, y - 19, words, size=5.2, color=MUTED, va="top")
    arrow(axes, (end + 0.5, y), (end + 3.2, y))
    return end + 3.6


def _block_layers(step: Step) -> list[str]:
    return [layer for layer in step.layers if layer != "Downsample" and not layer.startswith("ECA")]


def _draw_head(axes: Axes, x: float, y: float, head: Step, num_classes: int, language: str) -> None:
    for words, colour in (("average pooling", "norm"), ("layer norm", "norm"), ("linear", "linear")):
        box(axes, x + 1.9, y, 3.8, 22, colour=COLOURS[colour], words=words, rotation=90, size=6)
        x += 4.6
    text(axes, x - 7, y + 20.5, "head", size=7, weight="bold")
    text(axes, x - 7, y - 15.5, f"{head.in_shape[0]} → {head.out_shape[-1]}", size=5.8, color=MUTED)
    arrow(axes, (x + 0.2, y), (x + 3, y))
    text(
        axes,
        x + 3.8,
        y,
        f"{num_classes}\nminerals" if language != "zh" else f"{num_classes}\n{label('classes', 'zh')}",
        size=7.4,
        weight="bold",
        ha="left",
    )
