"""One house style for every figure: sizes of a two-column page, one colour and line a network, fonts, saving.

Figures are built with ``matplotlib.figure.Figure`` and never with pyplot: no global state, nothing to
close, the same result in a notebook, a script and a test.
"""

import dataclasses
import functools
import io
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import font_manager, style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mineral_lib.config import PROPOSED
from mineral_lib.notation import markdown
from mineral_lib.reporting.glyphs import make_drawable, spelled
from mineral_lib.runtime import derive_seed
from mineral_lib.storage import write_bytes, write_csv

MM = 1 / 25.4  # inches in a millimetre
COLUMN_MM, PAGE_MM = 84.0, 174.0  # one column and the full width of a two-column page
CJK_FAMILY = "Mineral Study CJK"
FONT_FILE = "mineral-study-cjk.ttf"
BELOW_PT, BELOW_LINE_MM, BELOW_LETTER_PT = 5.4, 2.6, 3.3

INK, MUTED, FAINT, PAPER = "#1f2933", "#66727f", "#d9dee3", "#ffffff"
GOOD, BAD, ACCENT = "#00724d", "#b3361b", "#d55e00"

# Okabe and Ito's colour-blind-safe palette; dashes keep the curves apart in black and white.
NETWORK_STYLES = {
    "vgg19": ("#a2618a", (0, (1, 1.4))),
    "googlenet": ("#d69a00", (0, (5, 1.6))),
    "resnet50": ("#56b4e9", (0, (3, 1.2, 1, 1.2))),
    "resnext50": ("#0072b2", (0, (6, 1.2, 1, 1.2, 1, 1.2))),
    "convnext_tiny": ("#009e73", (0, (2.4, 1.2))),
    "eca_convnext_tiny": ("#d55e00", "solid"),
}
_SPARE_COLOURS = ("#5b5b5b", "#8c6d31", "#3f6c7a", "#7a3f5f", "#4b7a3f")


@functools.cache
def register_fonts() -> str:
    """Make the bundled Chinese font known to matplotlib and return its family name."""
    with as_file(files("mineral_lib.resources") / "fonts" / FONT_FILE) as path:
        font_manager.fontManager.addfont(str(path))
    # The subset has one weight; bold titles use it too, without a warning for every title.
    regular = next(entry for entry in font_manager.fontManager.ttflist if entry.name == CJK_FAMILY)
    font_manager.fontManager.ttflist.append(dataclasses.replace(regular, weight=700))
    return CJK_FAMILY


@contextmanager
def apply_style() -> Iterator[None]:
    """Draw in the house style within a ``with`` block: ``resources/house.mplstyle`` over matplotlib's own defaults.

    What the reader's ``matplotlibrc`` says does not count.
    """
    register_fonts()
    with as_file(files("mineral_lib.resources") / "house.mplstyle") as path, style.context(path, after_reset=True):
        yield


styled = apply_style()  # decorator: run a drawing function inside the house style


@dataclass(frozen=True)
class Drawing:
    """A finished figure with the numbers it shows; a notebook displays it by naming it."""

    figure: Figure  # the matplotlib figure
    data: pd.DataFrame  # the plotted numbers
    name: str = ""  # file name without suffix, for example ``figure_4_curves``
    finding: str = ""  # what came out, one sentence made from the numbers; empty where there are none

    def save(self, path_stem: Path, *, dpi: int = 150) -> list[Path]:
        """Write PNG, SVG and the numbers as CSV, byte-identical between runs, and return the three paths.

        ``path_stem`` is a path without suffix, ``dpi`` the resolution of the PNG in pixels an inch.
        """
        png, svg, csv = (Path(f"{path_stem}.{suffix}") for suffix in ("png", "svg", "csv"))
        return [
            write_bytes(png, self.png(dpi=dpi)),
            write_bytes(svg, self._render("svg", dpi)),
            write_csv(csv, self.data, float_format="%.6g"),
        ]

    def png(self, *, dpi: int = 150) -> bytes:
        """The picture alone."""
        return self._render("png", dpi)

    @styled
    def _render(self, kind: str, dpi: int) -> bytes:
        # Dates and version strings would make two equal figures differ.
        metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
        if said := make_drawable(self.figure):
            write_below(self.figure, said)
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format=kind, dpi=dpi, metadata=metadata)
        return buffer.getvalue()

    def _ipython_display_(self) -> None:
        """In a notebook: the picture, and below it what came out."""
        from IPython.display import Image, Markdown, display

        display(Image(self.png(dpi=110)))
        if self.finding:
            display(Markdown(markdown(self.finding)))


def new_figure(width_mm: float = PAGE_MM, height_mm: float = 80.0) -> Figure:
    """An empty figure of the given size with automatic, non-overlapping layout."""
    figure = Figure(figsize=(width_mm * MM, height_mm * MM), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def write_below(figure: Figure, words: str) -> None:
    """Add a small line, or several, below everything; the figure grows by them."""
    width, height = figure.get_size_inches()
    lines = textwrap.wrap(spelled(words), max(20, int(width * 72 / BELOW_LETTER_PT)))
    figure.set_size_inches(width, height + len(lines) * BELOW_LINE_MM * MM)
    words = "\n".join(filter(None, [figure.get_supxlabel(), *lines]))
    figure.supxlabel(words, x=0.01, ha="left", fontsize=BELOW_PT, color=MUTED)


def network_style(model: str, weights: str = "") -> dict[str, Any]:
    """Line keywords of a network, the same in every figure (a spare colour for others); ``transfer`` is stronger."""
    spare = _SPARE_COLOURS[derive_seed("colour", model) % len(_SPARE_COLOURS)]
    colour, dashes = NETWORK_STYLES.get(model, (spare, (0, (4, 2))))
    strong = model == PROPOSED or weights == "transfer"
    return {"color": colour, "linestyle": dashes, "linewidth": 1.7 if strong else 1.2}
