"""The few shapes the diagrams are drawn with; all sizes and places in millimetres."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path as Outline

from mineral_lib.reporting.style import INK, MM, MUTED, PAPER, new_figure

COLOURS = {  # one meaning a colour in Figures 1 to 3
    "map": "#9fb6cd",  # feature maps
    "depthwise": "#4a7fb5",
    "pointwise": "#2f5d8a",
    "norm": "#b9c2cc",
    "activation": "#e3b23c",
    "scale": "#d9d0c3",
    "downsample": "#7d6a8f",
    "attention": "#d55e00",
    "linear": "#3b7a57",
}


def canvas(width_mm: float, height_mm: float) -> tuple[Figure, Axes]:
    """A figure with one empty axes over all of it; 1 unit = 1 mm, origin at the lower left."""
    figure = new_figure(width_mm, height_mm)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width_mm), ylim=(0, height_mm), aspect="equal")
    axes.axis("off")
    return figure, axes


def shade(colour: str, amount: float) -> tuple[float, float, float]:
    """Mix a colour with white (``amount`` > 0) or black (< 0)."""
    target = np.ones(3) if amount > 0 else np.zeros(3)
    return tuple(np.asarray(to_rgb(colour)) * (1 - abs(amount)) + target * abs(amount))


def text(axes: Axes, x: float, y: float, words: str, *, size: float = 7, **keywords: object) -> None:
    """Centred text."""
    axes.text(
        x,
        y,
        words,
        **({"ha": "center", "va": "center", "fontsize": size, "color": INK, "linespacing": 1.25} | keywords),
    )


def box(
    axes: Axes, x: float, y: float, width: float, height: float, *, colour: str, words: str = "", **keywords
) -> None:
    """A rounded box with its centre at (x, y) and white or dark words, whichever is readable."""
    axes.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - height / 2),
            width,
            height,
            linewidth=0,
            facecolor=colour,
            boxstyle="round,pad=0,rounding_size=1.0",
            zorder=3,
        )
    )
    if words:
        dark = np.dot(to_rgb(colour), (0.299, 0.587, 0.114)) < 0.58
        text(axes, x, y, words, **({"color": PAPER if dark else INK, "zorder": 4, "size": 6.6} | keywords))


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], **keywords: object) -> None:
    """A straight arrow."""
    axes.add_patch(
        FancyArrowPatch(
            start,
            end,
            **(
                {
                    "arrowstyle": "-|>,head_length=2.6,head_width=1.3",
                    "shrinkA": 0,
                    "shrinkB": 0,
                    "linewidth": 0.9,
                    "color": MUTED,
                    "zorder": 2,
                }
                | keywords
            ),
        )
    )


def detour(axes: Axes, points: list[tuple[float, float]], *, radius: float = 2.0, colour: str = MUTED) -> None:
    """A line with rounded corners through the points, ending in an arrow head."""
    vertices, codes = [points[0]], [Outline.MOVETO]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        for end in (before, after):
            way = np.subtract(end, corner)
            vertices.append(tuple(np.asarray(corner) + way / np.linalg.norm(way) * radius))
        vertices.insert(-1, corner)
        codes += [Outline.LINETO, Outline.CURVE3, Outline.CURVE3]
    axes.add_patch(
        PathPatch(
            Outline([*vertices, points[-1]], [*codes, Outline.LINETO]),
            facecolor="none",
            edgecolor=colour,
            linewidth=0.9,
            zorder=2,
        )
    )
    way = np.subtract(points[-1], points[-2])
    tail = tuple(np.asarray(points[-1]) - way / np.linalg.norm(way) * 1.5)
    arrow(axes, tail, points[-1], color=colour)


def cube(axes: Axes, x: float, y: float, *, side: float, depth: float, colours: list) -> None:
    """A feature map: a square of ``side`` seen from the left front, channels as slices going to the right.

    Args:
        axes: Where to draw.
        x: Left edge.
        y: Middle of the front.
        side: Edge of the square (resolution).
        depth: Length over all channels.
        colours: One colour a slice, first channel at the left.
    """
    skew = 0.32 * side
    edge = {"edgecolor": PAPER, "linewidth": 0.35, "joinstyle": "round"}
    low, high = y - side / 2 - skew / 4, y + side / 2 - skew / 4
    step = depth / len(colours)
    for number, colour in enumerate(colours):
        left, right = x + number * step, x + (number + 1) * step
        axes.add_patch(
            Polygon([(left, low), (right, low), (right, high), (left, high)], facecolor=colour, zorder=3, **edge)
        )
        axes.add_patch(
            Polygon(
                [
                    (left, high),
                    (right, high),
                    (right + skew * 0.7, high + skew),
                    (left + skew * 0.7, high + skew),
                ],
                facecolor=shade_any(colour, 0.28),
                zorder=3,
                **edge,
            )
        )
    right = x + depth
    axes.add_patch(
        Polygon(
            [
                (right, low),
                (right + skew * 0.7, low + skew),
                (right + skew * 0.7, high + skew),
                (right, high),
            ],
            facecolor=shade_any(colours[-1], -0.16),
            zorder=3,
            **edge,
        )
    )


def shade_any(colour, amount: float) -> tuple[float, float, float]:
    """``shade`` for any colour matplotlib knows."""
    return shade(to_rgb(colour), amount)


def cube_width(side: float, depth: float) -> float:
    """Width a cube covers on the page."""
    return depth + 0.32 * side * 0.7


def ring(axes: Axes, x: float, y: float, sign: str, *, radius: float = 2.4) -> None:
    """A circle with an operation sign in it, for example + or ×."""
    axes.add_patch(Circle((x, y), radius, facecolor=PAPER, edgecolor=INK, linewidth=0.9, zorder=4))
    text(axes, x, y, sign, size=10, zorder=5, va="center")


def legend(axes: Axes, x: float, y: float, entries: list[tuple[str, str]], *, gap: float = 4.0) -> None:
    """A row of coloured squares with words, starting at (x, y); widths follow the text."""
    for colour, words in entries:
        box(axes, x + 1.3, y, 2.6, 2.6, colour=colour)
        text(axes, x + 3.6, y, words, size=6.2, ha="left", va="center_baseline", color=MUTED)
        x += 3.6 + text_width(axes, words, 6.2) + gap


def text_width(axes: Axes, words: str, size: float) -> float:
    """Width of a text in millimetres."""
    renderer = axes.figure.canvas.get_renderer()
    drawn = axes.text(0, 0, words, fontsize=size)
    pixels = drawn.get_window_extent(renderer).width
    drawn.remove()
    return pixels / axes.figure.dpi / MM
