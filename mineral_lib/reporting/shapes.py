"""The few shapes that Figures 1 to 3 are drawn with; all sizes and places in millimetres."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path as Outline

from mineral_lib.reporting.style import INK, MM, MUTED, PAPER, new_figure
from mineral_lib.resources import load_yaml

Point = tuple[float, float]

SKEW = 0.32  # how far the top of a cube lies back, as a share of its side


class Box(NamedTuple):
    """A box with upright words in a row of boxes."""

    width: float
    height: float
    colour: str
    words: str = ""
    size: float = 6.6
    gap: float = 0.6


def colour_of(name: Any) -> Any:
    """A colour by its meaning; any other colour as it is."""
    return ({"muted": MUTED} | load_yaml("diagrams")["colours"]).get(name, name) if isinstance(name, str) else name


def shade(colour: Any, amount: float) -> tuple[float, float, float]:
    """Mix a colour with white (``amount`` > 0) or black (< 0)."""
    target = np.ones(3) if amount > 0 else np.zeros(3)
    return tuple(np.asarray(to_rgb(colour)) * (1 - abs(amount)) + target * abs(amount))


def cube_width(side: float, depth: float) -> float:
    """Width a cube covers on the page."""
    return depth + SKEW * side * 0.7


class Canvas:
    """A figure with one empty axes over all of it; 1 unit = 1 mm, origin at the lower left."""

    def __init__(self, width_mm: float, height_mm: float) -> None:
        self.figure = new_figure(width_mm, height_mm)
        self.figure.set_layout_engine("none")
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, width_mm), ylim=(0, height_mm), aspect="equal")
        self.axes.axis("off")

    def draw(self, shapes: Iterable[Sequence], **values: Any) -> None:
        """Shapes described as data: the name of a method, its arguments, and perhaps a dictionary of style.

        For example ``["text", 16, 61.5, "{input}", {"size": 7}]``; ``values`` fill placeholders of the words.
        """
        for kind, *place in shapes:
            style = place.pop() if kind != "legend" and isinstance(place[-1], dict) else {}
            filled = [part.format_map(values) if isinstance(part, str) else part for part in place]
            getattr(self, kind)(*filled, **style)

    def text(self, x: float, y: float, words: str, size: float = 7, color: str = INK, **style: Any) -> None:
        """Centred text."""
        plain = {"ha": "center", "va": "center", "fontsize": size, "color": colour_of(color), "linespacing": 1.25}
        self.axes.text(x, y, words, **(plain | style))

    def box(self, x: float, y: float, width: float, height: float, colour: str, words: str = "", **style: Any) -> None:
        """A rounded box with its centre at (x, y) and white or dark words, whichever is readable."""
        corner, shape, colour = (x - width / 2, y - height / 2), "round,pad=0,rounding_size=1.0", colour_of(colour)
        self.axes.add_patch(
            FancyBboxPatch(corner, width, height, linewidth=0, facecolor=colour, boxstyle=shape, zorder=3)
        )
        if words:
            dark = np.dot(to_rgb(colour), (0.299, 0.587, 0.114)) < 0.58
            self.text(x, y, words, **({"color": PAPER if dark else INK, "zorder": 4, "size": 6.6} | style))

    def row(self, x: float, y: float, boxes: Iterable[Box]) -> float:
        """Boxes side by side from the left edge ``x``; returns where the next shape may begin."""
        for one in boxes:
            self.box(x + one.width / 2, y, one.width, one.height, one.colour, one.words, rotation=90, size=one.size)
            x += one.width + one.gap
        return x

    def arrow(self, start: Point, end: Point, **style: Any) -> None:
        """A straight arrow."""
        head = {"arrowstyle": "-|>,head_length=2.6,head_width=1.3", "shrinkA": 0, "shrinkB": 0}
        plain = {"linewidth": 0.9, "color": MUTED, "zorder": 2}
        self.axes.add_patch(FancyArrowPatch(start, end, **(head | plain | style)))

    def detour(self, points: Sequence[Point], radius: float = 2.0) -> None:
        """A line with rounded corners through the points, ending in an arrow head."""
        vertices, codes = [points[0]], [Outline.MOVETO]
        for before, corner, after in zip(points, points[1:], points[2:], strict=False):
            vertices += [_towards(corner, before, radius), corner, _towards(corner, after, radius)]
            codes += [Outline.LINETO, Outline.CURVE3, Outline.CURVE3]
        path = Outline([*vertices, points[-1]], [*codes, Outline.LINETO])
        self.axes.add_patch(PathPatch(path, facecolor="none", edgecolor=MUTED, linewidth=0.9, zorder=2))
        self.arrow(_towards(points[-1], points[-2], 1.5), points[-1])

    def cube(self, x: float, y: float, side: float, depth: float, colours: Sequence) -> float:
        """A feature map from the left edge x around the height y; returns its right edge.

        A square of ``side`` (resolution) seen from the left front, ``depth`` over all channels, one slice a colour.
        """
        up = SKEW * side
        aside, low, high = up * 0.7, y - side / 2 - up / 4, y + side / 2 - up / 4
        step, right = depth / len(colours), x + depth
        colours = [colour_of(colour) for colour in colours]
        for number, colour in enumerate(colours):
            a, b = x + number * step, x + (number + 1) * step
            self._face([(a, low), (b, low), (b, high), (a, high)], colour)
            self._face([(a, high), (b, high), (b + aside, high + up), (a + aside, high + up)], shade(colour, 0.28))
        side_face = [(right, low), (right + aside, low + up), (right + aside, high + up), (right, high)]
        self._face(side_face, shade(colours[-1], -0.16))
        return x + cube_width(side, depth)

    def _face(self, corners: Sequence[Point], colour: Any) -> None:
        style = {"edgecolor": PAPER, "linewidth": 0.35, "joinstyle": "round", "zorder": 3}
        self.axes.add_patch(Polygon(corners, facecolor=colour, **style))

    def dots(self, x: float, heights: Iterable[float], colours: Iterable) -> None:
        """A column of discs."""
        for height, colour in zip(heights, colours, strict=True):
            self.axes.add_patch(
                Circle((x, height), 1.9, facecolor=colour_of(colour), edgecolor=INK, linewidth=0.4, zorder=4)
            )

    def ring(self, x: float, y: float, sign: str) -> None:
        """A circle with an operation sign in it, for example + or ×."""
        self.axes.add_patch(Circle((x, y), 2.4, facecolor=PAPER, edgecolor=INK, linewidth=0.9, zorder=4))
        self.text(x, y, sign, size=10, zorder=5)

    def legend(self, x: float, y: float, meanings: Mapping[str, str]) -> None:
        """A row of coloured squares with words, starting at (x, y); widths follow the text."""
        for colour, words in meanings.items():
            self.box(x + 1.3, y, 2.6, 2.6, colour)
            self.text(x + 3.6, y, words, size=6.2, ha="left", va="center_baseline", color=MUTED)
            x += 3.6 + self._text_width(words, 6.2) + 3

    def _text_width(self, words: str, size: float) -> float:
        drawn = self.axes.text(0, 0, words, fontsize=size)
        pixels = drawn.get_window_extent(self.figure.canvas.get_renderer()).width
        drawn.remove()
        return pixels / self.figure.dpi / MM


def _towards(start: Point, end: Point, length: float) -> Point:
    """The point ``length`` away from ``start`` on the way to ``end``."""
    way = np.subtract(end, start)
    return tuple(np.asarray(start) + way / np.linalg.norm(way) * length)
