"""Sheets of photographs: Plate I, sample sheets and the augmentation sheet. Images are arrays, titles are
text.

Photographs enter only as arrays the caller hands over; their file names and pixels are not in the CSV
beside the figure.
"""

from collections.abc import Sequence
from string import ascii_lowercase

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from mineral_lib.catalogue import find_mineral
from mineral_lib.reporting.credits import add_credits
from mineral_lib.reporting.style import COLUMN_MM, MUTED, PAGE_MM, Drawing, new_figure, styled

PLATE_1 = (
    "bornite",
    "cinnabar",
    "limonite",
    "galena",
    "molybdenite",
    "bauxite",
    "malachite",
    "realgar",
    "quartz",
)


def two_line_name(name: str, language: str = "both") -> str:
    """A class name for a narrow caption: English above Chinese, or one of them."""
    mineral = find_mineral(name)
    if mineral is None:
        return name
    return {"en": mineral.english, "zh": mineral.chinese}.get(language, f"{mineral.english}\n{mineral.chinese}")


def as_picture(image: np.ndarray) -> np.ndarray:
    """An image of any usual form as float RGB in 0 to 1, shape (H, W, 3).

    Args:
        image: (H, W, 3) or (3, H, W) or (H, W); integers 0 to 255 or floats 0 to 1 (values outside are
            clipped).

    Raises:
        ValueError: Another shape.
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


def show(axes: Axes, image: np.ndarray) -> None:
    """An image without axes; small ones keep crisp pixels."""
    picture = as_picture(image)
    axes.imshow(picture, interpolation="nearest" if picture.shape[0] < 48 else "antialiased")
    bare(axes)


def bare(axes: Axes) -> None:
    """Take ticks, grid and frame away."""
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)


@styled
def draw_plate(
    images: Sequence[np.ndarray], titles: Sequence[str], *, columns: int = 3, credits: Sequence[str] = ()
) -> Drawing:
    """Plate I: a contact sheet with letters a, b, c, ... and names.

    Args:
        images: Photographs, see ``as_picture``; None draws an empty tile for a mineral without photographs.
        titles: One name an image, for example ``display_name(slug)``.
        columns: Tiles a row.
        credits: Whom to name for each photograph, in a line below; empty texts are left out.
    """
    rows = -(-len(images) // columns)
    figure = new_figure(min(PAGE_MM, 42 * columns), min(PAGE_MM, 42 * columns) / columns * rows * 1.12)
    grid = figure.subplots(rows, columns, squeeze=False)
    figure.get_layout_engine().set(w_pad=0.015, h_pad=0.02, wspace=0, hspace=0)
    for axes in grid.flat:
        bare(axes)
    for axes, image, title, letter in zip(grid.flat, images, titles, _letters(len(images)), strict=False):
        _tile(axes, image)
        axes.set_title(f"{letter}  {title}", loc="center", fontsize=7.5, fontweight="normal", pad=3)
    add_credits(figure, _letters(len(images)), credits)
    frame = pd.DataFrame({"letter": _letters(len(images)), "title": list(titles)})
    return Drawing(figure, frame.assign(credit=list(credits)) if any(credits) else frame)


def _letters(count: int) -> list[str]:
    return [ascii_lowercase[i] if i < 26 else str(i + 1) for i in range(count)]


def _tile(axes: Axes, image: np.ndarray | None) -> None:
    if image is None:
        axes.text(
            0.5,
            0.5,
            "no photograph",
            transform=axes.transAxes,
            ha="center",
            va="center",
            color=MUTED,
            fontsize=6.5,
        )
        axes.set_facecolor("#f1f3f5")
        axes.set_box_aspect(1)
    else:
        show(axes, image)


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
    figure = new_figure(width, (width - 22) / columns * len(rows) + (7 if title else 2))
    grid = figure.subplots(len(rows), columns, squeeze=False)
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
    for axes in grid.flat:
        bare(axes)
    for line, images, name in zip(grid, rows, row_names, strict=True):
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=7, labelpad=4)
        for axes, image in zip(line, images, strict=False):
            _tile(axes, image)
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
    """Augmentation sheet: the photograph at the left, each operation beside it.

    Args:
        rows: For each photograph its images, the original first.
        column_names: Names of the columns, for example original, crop, rotation, brightness, noise, all four.
        row_names: Optional class names at the left.
        credits: Whom to name for the photograph of each row, in a line below; empty texts are left out.
    """
    names = list(row_names) or [""] * len(rows)
    width = PAGE_MM if len(column_names) > 4 else COLUMN_MM * 1.5
    left = 26 if any(names) else 4
    figure = new_figure(width, (width - left) / len(column_names) * len(rows) + 8)
    grid = figure.subplots(len(rows), len(column_names), squeeze=False)
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
    for line, images, name in zip(grid, rows, names, strict=True):
        for axes, image in zip(line, images, strict=True):
            show(axes, image)
        if name:
            line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=7, labelpad=4)
    for axes, name in zip(grid[0], column_names, strict=True):
        axes.set_title(name, loc="center", fontsize=7.5, fontweight="normal", pad=3)
    add_credits(figure, [str(row + 1) for row in range(len(credits))], credits, by="row")
    frame = pd.DataFrame([{"row": name, "column": column} for name in names for column in column_names])
    if any(credits):
        frame["credit"] = np.repeat(list(credits), len(column_names))
    return Drawing(figure, frame)
