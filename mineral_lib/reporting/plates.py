"""Sheets of photographs: Plate I, sample sheets and the augmentation sheet. Images are arrays, titles are text.

Photographs enter only as arrays the caller hands over; their file names and pixels are not in the CSV beside the
figure.
"""

from collections.abc import Sequence
from string import ascii_lowercase
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mineral_lib.notation import caption, isolated
from mineral_lib.reporting.style import COLUMN_MM, MUTED, PAGE_MM, Drawing, new_figure, styled, write_below

PLATE_1 = ("bornite", "cinnabar", "limonite", "galena", "molybdenite", "bauxite", "malachite", "realgar", "quartz")


class Tile(NamedTuple):
    """A photograph of a sheet: see ``as_picture``; without one the words of ``empty`` stand on grey."""

    image: np.ndarray | None
    title: str = ""
    below: str = ""
    colour: str = MUTED
    empty: str = "no photograph"


class Fonts(NamedTuple):
    """Sizes in points of a sheet, and how far its words keep from the pictures."""

    title: tuple[float, float] = (7.5, 3)
    name: tuple[float, float] = (7, 4)
    below: tuple[float, float] = (5, 1)
    empty: float = 6.5


PLAIN = Fonts()


def as_picture(image: np.ndarray) -> np.ndarray:
    """An image (H, W, 3), (3, H, W) or (H, W) as float RGB in 0 to 1, shape (H, W, 3).

    Integers are 0 to 255, floats 0 to 1 (values outside are clipped). Raises ValueError for another shape.
    """
    image = np.asarray(image)
    picture = image.astype(float) / 255 if np.issubdtype(image.dtype, np.integer) else image.astype(float)
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    if picture.ndim == 3 and picture.shape[0] == 3 and picture.shape[2] != 3:
        picture = picture.transpose(1, 2, 0)
    if picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"an image of shape {image.shape} is neither (H, W, 3), (3, H, W) nor (H, W)")
    return np.clip(picture, 0, 1)


def draw_sheet(
    rows: Sequence[Sequence[Tile]],
    width_mm: float,
    height_mm: float,
    *,
    row_names: Sequence[str] = (),
    pads: tuple[float, float] = (0.01, 0.01),
    fonts: Fonts = PLAIN,
) -> Figure:
    """Tiles in rows (some may be shorter), names at the left of each; small images have crisp pixels.

    ``pads`` is the space beside and above each tile, in inches.
    """
    figure = new_figure(width_mm, height_mm)
    grid = figure.subplots(len(rows), max(map(len, rows), default=1), squeeze=False)
    figure.get_layout_engine().set(w_pad=pads[0], h_pad=pads[1], wspace=0, hspace=0)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.grid(False)
        axes.spines[:].set_visible(False)
    for line, tiles in zip(grid, rows, strict=True):
        for axes, tile in zip(line, tiles, strict=False):
            _draw_tile(axes, tile, fonts)
    for line, name in zip(grid, row_names, strict=False):
        size, pad = fonts.name
        line[0].set_ylabel(_fitting(name), rotation=0, ha="right", va="center", fontsize=size, labelpad=pad)
    return figure


def _draw_tile(axes: Axes, tile: Tile, fonts: Fonts) -> None:
    if tile.image is None:
        style = {"ha": "center", "va": "center", "color": MUTED, "fontsize": fonts.empty}
        axes.text(0.5, 0.5, tile.empty, transform=axes.transAxes, **style)
        axes.set_facecolor("#f1f3f5")
        axes.set_box_aspect(1)
    else:
        picture = as_picture(tile.image)
        axes.imshow(picture, interpolation="nearest" if picture.shape[0] < 48 else "antialiased")
    if tile.title:
        size, pad = fonts.title
        axes.set_title(_fitting(tile.title), loc="center", fontsize=size, fontweight="normal", pad=pad)
    if tile.below:
        axes.set_xlabel(_fitting(tile.below), fontsize=fonts.below[0], color=tile.colour, labelpad=fonts.below[1])


def _fitting(words: str) -> str:
    return "\n".join(caption(part) for part in words.split("\n"))


def in_rows(tiles: Sequence[Tile], columns: int) -> list[Sequence[Tile]]:
    """Tiles row by row; one empty row without any."""
    return [tiles[start : start + columns] for start in range(0, max(len(tiles), 1), columns)]


@styled
def draw_plate(
    images: Sequence[np.ndarray | None], titles: Sequence[str], *, columns: int = 3, credits: Sequence[str] = ()
) -> Drawing:
    """Plate I: a contact sheet with letters a, b, c, ... and a title an image, ``columns`` tiles a row.

    An image is what ``as_picture`` takes, or None for an empty tile. ``credits`` says whom to name for each, in a line
    below; empty texts are left out.
    """
    letters = [ascii_lowercase[i] if i < 26 else str(i + 1) for i in range(len(images))]
    named = zip(images, letters, titles, strict=True)
    rows = in_rows([Tile(image, f"{letter}  {title}") for image, letter, title in named], columns)
    width = min(PAGE_MM, 42 * columns)
    figure = draw_sheet(rows, width, width / columns * len(rows) * 1.12, pads=(0.015, 0.02))
    add_credits(figure, letters, credits)
    frame = pd.DataFrame({"letter": letters, "title": list(titles)})
    return Drawing(figure, frame.assign(credit=list(credits)) if any(credits) else frame, "plate_1_minerals")


@styled
def draw_samples(
    rows: Sequence[Sequence[np.ndarray]],
    row_names: Sequence[str],
    *,
    title: str = "",
    credits: Sequence[Sequence[str]] = (),
) -> Drawing:
    """A sample sheet: one row a class or specimen with several photographs, the name at the left.

    ``credits`` says whom to name for each photograph of each row, in a line below; empty texts are left out.
    """
    columns = max((len(row) for row in rows), default=1)
    width = min(PAGE_MM, 22 + 17 * columns)
    height = (width - 22) / columns * len(rows) + (7 if title else 2)
    figure = draw_sheet([[Tile(image) for image in row] for row in rows], width, height, row_names=row_names)
    if title:
        figure.suptitle(title, fontsize=8.5, fontweight="bold")
    places = [f"{row + 1}.{column + 1}" for row, line in enumerate(credits) for column in range(len(line))]
    add_credits(figure, places, [credit for line in credits for credit in line], by="row.column")
    frame = pd.DataFrame({"row": list(row_names), "photographs": [len(row) for row in rows]})
    if any(any(line) for line in credits):
        frame["credits"] = ["; ".join(dict.fromkeys(filter(None, line))) for line in credits]
    return Drawing(figure, frame)


@styled
def draw_augmentations(
    rows: Sequence[Sequence[np.ndarray]],
    column_names: Sequence[str],
    *,
    row_names: Sequence[str] = (),
    credits: Sequence[str] = (),
) -> Drawing:
    """Augmentation sheet: the photograph at the left, each operation beside it, a row a photograph.

    ``row_names`` are class names at the left; ``credits`` says whom to name for each row, in a line below.
    """
    names = list(row_names) or [""] * len(rows)
    width = PAGE_MM if len(column_names) > 4 else COLUMN_MM * 1.5
    height = (width - (26 if any(names) else 4)) / len(column_names) * len(rows) + 8
    tiles = [[Tile(image) for image in images] for images in rows]
    tiles[0] = [Tile(image, name) for image, name in zip(rows[0], column_names, strict=True)]
    figure = draw_sheet(tiles, width, height, row_names=names)
    add_credits(figure, [str(row + 1) for row in range(len(credits))], credits, by="row")
    frame = pd.DataFrame([{"row": name, "column": column} for name in names for column in column_names])
    if any(credits):
        frame["credit"] = np.repeat(list(credits), len(column_names))
    return Drawing(figure, frame, "augmentation")


def credit_line(labels: Sequence[str], credits: Sequence[str]) -> str:
    """Credits with the labels of their pictures, each credit once: ``a, c J. Doe (CC BY 4.0); b M. Roe``.

    Empty credits are left out; no labels are needed where one credit holds for all pictures.
    """
    pictures: dict[str, list[str]] = {}
    for label, credit in zip(labels, credits, strict=True):
        if credit:
            pictures.setdefault(credit, []).append(label)
    if len(pictures) == 1 and all(credits):
        return next(iter(pictures))
    return "; ".join(f"{', '.join(of)} {isolated(credit)}" for credit, of in pictures.items())


def add_credits(figure: Figure, labels: Sequence[str], credits: Sequence[str], *, by: str = "") -> None:
    """Write the ``credit_line``, if any, below a figure, which grows by it; ``by`` says what the labels are."""
    if credits and (line := credit_line(labels, credits)):
        write_below(figure, (f"Photographs by {by}: " if by and line not in credits else "Photographs: ") + line)
