"""Figure 1: the ConvNeXt block, drawn from the description of the live module."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from mineral_lib.reporting.description import Step, as_steps, shape_text
from mineral_lib.reporting.labels import label
from mineral_lib.reporting.shapes import (
    COLOURS,
    arrow,
    box,
    canvas,
    cube,
    detour,
    legend,
    ring,
    text,
)
from mineral_lib.reporting.style import MUTED, PAGE_MM, Drawing, styled


@styled
def draw_block(stage: Step | Mapping[str, Any], *, language: str = "en") -> Drawing:
    """Figure 1: one ConvNeXt block, h × w × dim in and out.

    Kernel and widths are read from the stage; layer normalisation, GELU, layer scale and the residual sum
    are what makes a ConvNeXt block (Liu et al. 2022, Figure 4). The paper's figure and text leave out the
    layer scale.

    Args:
        stage: A ``stage`` step of ``describe_network``.
        language: Language of the labels.
    """
    stage = as_steps([stage])[0]
    kernel, width, hidden = stage.block_widths
    size = f"{stage.out_shape[1]}×{stage.out_shape[2]}"
    layers = [
        ("depthwise", f"d{kernel}×{kernel}\n{width}", 17, f"{size}×{width}"),
        ("norm", "LN", 17, ""),
        ("pointwise", f"1×1\n{hidden}", 34, f"{size}×{hidden}"),
        ("activation", "GELU", 34, ""),
        ("pointwise", f"1×1\n{width}", 17, f"{size}×{width}"),
        ("scale", "γ", 17, ""),
    ]
    figure, axes = canvas(PAGE_MM, 66)
    middle, left, right = 35.0, 30.0, 132.0
    places = np.linspace(left + 13, right - 9, len(layers))
    _end_map(axes, 8, middle, label("input", language), shape_text((width, *stage.out_shape[1:])))
    arrow(axes, (21.5, middle), (places[0] - 6, middle))
    for place, (kind, words, height, below) in zip(places, layers, strict=True):
        box(axes, place, middle, 11, height, colour=COLOURS[kind], words=words, size=7)
        text(axes, place, middle - height / 2 - 3, below, size=6, color=MUTED)
    for a, b in zip(places, places[1:], strict=False):
        arrow(axes, (a + 5.8, middle), (b - 5.8, middle))
    plus = right + 4
    arrow(axes, (places[-1] + 5.8, middle), (plus - 2.6, middle))
    ring(axes, plus, middle, "+")
    detour(axes, [(left, middle), (left, 60), (plus, 60), (plus, middle + 2.6)])
    text(axes, (left + plus) / 2, 62.3, "identity: the input is added to the result", size=6.4, color=MUTED)
    arrow(axes, (plus + 2.6, middle), (148, middle))
    _end_map(axes, 150, middle, label("output", language), shape_text((width, *stage.out_shape[1:])))
    legend(
        axes,
        24,
        5,
        [
            (COLOURS["depthwise"], "depthwise convolution"),
            (COLOURS["pointwise"], "1×1 convolution"),
            (COLOURS["norm"], "layer normalisation"),
            (COLOURS["activation"], "activation"),
            (COLOURS["scale"], "layer scale (not in the paper)"),
        ],
        gap=3,
    )
    return Drawing(
        figure,
        pd.DataFrame([{"kind": k, "layer": w.replace("\n", ", "), "output": b} for k, w, _, b in layers]),
    )


def _end_map(axes: Axes, x: float, y: float, title: str, shape: str) -> None:
    cube(axes, x, y, side=13, depth=9, colours=[COLOURS["map"]] * 6)
    text(axes, x + 6.5, y + 17, title.replace("feature map ", "feature map\n"), size=6.4)
    text(axes, x + 6, y - 11.5, shape, size=6, color=MUTED)
    text(axes, x + 6, y - 15, "h × w × dim", size=6, color=MUTED, style="italic")
