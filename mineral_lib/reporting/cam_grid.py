"""Figure 6: Grad-CAM maps of every network on the same photographs, and of mistakes; photographs at any size."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from mineral_lib.catalogue import display_name
from mineral_lib.config import Data
from mineral_lib.data.index import photo_folder, specimen_keys, working_size
from mineral_lib.evaluation.grad_cam import HeatMap, heat_maps, overlay
from mineral_lib.notation import caption
from mineral_lib.photos import credits
from mineral_lib.recognition.predict import square_photographs
from mineral_lib.reporting.plates import Fonts, Tile, add_credits, draw_sheet
from mineral_lib.reporting.style import BAD, GOOD, PAGE_MM, Drawing, styled
from mineral_lib.reporting.words import label
from mineral_lib.study import Study
from mineral_lib.training.run import Run

CLOSE_UP_PX = 256
HEAT_MAP = "turbo"  # colours of the overlays and of the bar; Grad-CAM's usual red = high
FONTS = Fonts(title=(6.2, 3), name=(6.6, 3), below=(5.2, 1.5), empty=6)


@dataclass(frozen=True)
class CamPanel:
    """What a network saw in a photograph, and what it said."""

    overlay: np.ndarray | None  # photograph with heat map, (px, px, 3) uint8; None where the map is zero everywhere
    predicted: str  # class name
    probability: float  # 0 to 1
    correct: bool


@dataclass(frozen=True)
class CamRow:
    """A photograph (px, px, 3) uint8, its mineral, whom to name for it, and a panel a network (None: not run)."""

    photo: np.ndarray
    name: str
    credit: str
    panels: list[CamPanel | None]


@dataclass(frozen=True)
class CamGrid:
    """What ``draw_cam_grid`` shows: names of networks, and a row a photograph."""

    networks: list[str]
    rows: list[CamRow]


def close_ups(index: pd.DataFrame, data: Data, *, size_px: int) -> np.ndarray:
    """Photographs of some rows of the index, square, in the framing of the working images, with more pixels for people.

    Returns:
        (number of rows, size_px, size_px, 3) uint8.

    Raises:
        DataError: A photograph vanished or cannot be decoded.
    """
    if data.source == "synthetic":
        from mineral_lib.specimens import photographs

        return photographs(specimen_keys(index), image_size=size_px, seed=data.seed, jobs=1)[0]
    return square_photographs(photo_folder(data), index["path"], size_px)


def one_of_each(index: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """The first row of each named class, in the order of ``names``; classes without photographs are left out."""
    first = index.drop_duplicates("class_name").set_index("class_name", drop=False)
    return first.loc[[name for name in names if name in first.index]].reset_index(drop=True)


def figure_photographs(study: Study) -> pd.DataFrame:
    """One test photograph of each mineral of Figure 6 (rows of the index); other classes where these are missing."""
    split = study.samples("grouped")
    test = study.index[study.index["image_id"].isin(split.loc[split["split"] == "test", "image_id"])]
    chosen = one_of_each(test, study.settings.grad_cam.minerals)
    return chosen if len(chosen) else one_of_each(test, study.classes[:5])


def cam_panels(study: Study, runs: Sequence[Run], chosen: pd.DataFrame, *, target: str | None = None) -> CamGrid:
    """Heat maps of some photographs by several finished runs (paper Figure 6).

    Args:
        study: The study.
        runs: Finished runs, one a column.
        chosen: Rows of the index.
        target: ``true_class`` or ``predicted_class``: whose evidence is mapped; ``grad_cam.target`` if None.
    """
    rows = np.flatnonzero(study.index["image_id"].isin(chosen["image_id"]))
    chosen = study.index.iloc[rows]
    photos, labels = study.pixels()[rows], chosen["label"].tolist()
    maps = [heat_maps(run, photos, labels, target=target) for run in runs]
    large = close_ups(chosen, study.settings.data, size_px=CLOSE_UP_PX)
    return _grid(study, runs, chosen, large, maps)


def mistake_panels(run: Run, folder: Path, answers: pd.DataFrame, limit: int = 5) -> CamGrid:
    """Wrong answers given with the greatest confidence, with the evidence for the wrong class.

    Args:
        run: The finished run that answered.
        folder: Folder of the photographs.
        answers: ``Answers.frame`` of ``recognition.predict``.
        limit: Most photographs shown.
    """
    wrong = answers[answers["class_name"] != answers["answer_1"]]
    wrong = wrong.sort_values("probability_1", ascending=False).head(limit)
    if wrong.empty:
        return CamGrid([run.display_name], [])
    photos = square_photographs(folder, wrong["path"], working_size(run.settings.data.image_size_px))
    maps = heat_maps(run, photos, [0] * len(photos), target="predicted_class")
    return _grid(run.study, [run], wrong, square_photographs(folder, wrong["path"], CLOSE_UP_PX), [maps])


def _grid(
    study: Study, runs: Sequence[Run], rows: pd.DataFrame, photos: np.ndarray, maps: list[list[HeatMap]]
) -> CamGrid:
    """One row a photograph, with the map of each run."""
    margin, language = CLOSE_UP_PX // 16, study.settings.report.language
    found = []
    for photo, true, credit, *own in zip(photos, rows["class_name"], credits(rows), *maps, strict=True):
        panels = [_panel(study, photo, true, one) for one in own]
        found.append(CamRow(photo[margin:-margin, margin:-margin], display_name(true, language), credit, panels))
    return CamGrid([run.display_name for run in runs], found)


def _panel(study: Study, photo: np.ndarray, true: str, found: HeatMap) -> CamPanel:
    picture = None if found.empty else overlay(photo, found.heat, weight=study.settings.grad_cam.overlay)
    predicted = study.classes[found.predicted]
    return CamPanel(picture, predicted, found.probability, predicted == true)


@styled
def draw_cam_grid(grid: CamGrid, *, language: str = "en") -> Drawing:
    """Figure 6: the photograph and one overlay a network, the prediction under each with a tick or a cross.

    A blank tile says "no evidence" where a map is zero everywhere and "not run" where there is no map.
    """
    titles = [name.replace(" ", "\n", 1) for name in (label("original", language), *grid.networks)]
    rows = [[Tile(row.photo), *map(_tile, row.panels)] for row in grid.rows]
    rows[0] = [tile._replace(title=title) for tile, title in zip(rows[0], titles, strict=True)]
    names = [row.name.replace(" ", "\n", 2) for row in grid.rows]
    height = ((PAGE_MM - 18) / len(titles) + 3.2) * len(rows) + 16
    figure = draw_sheet(rows, PAGE_MM, height, row_names=names, pads=(0.008, 0.008), fonts=FONTS)
    add_heat_bar(figure)
    credits = [row.credit for row in grid.rows]
    add_credits(figure, [str(row + 1) for row in range(len(credits))], credits, by="row")
    panels = [(row.name, *one) for row in grid.rows for one in zip(grid.networks, row.panels, strict=True)]
    frame = pd.DataFrame([_numbers(*panel) for panel in panels])
    if any(credits):
        frame["credit"] = np.repeat(credits, len(grid.networks))
    return Drawing(figure, frame, "figure_6_grad_cam")


def _tile(panel: CamPanel | None) -> Tile:
    if panel is None:
        return Tile(None, empty="not run")
    sign, colour = ("✓", GOOD) if panel.correct else ("✗", BAD)
    name = caption(display_name(panel.predicted, "en"), 12)
    return Tile(panel.overlay, "", f"{sign} {name} {100 * panel.probability:.0f} %", colour, "no evidence")


def _numbers(name: str, network: str, panel: CamPanel | None) -> dict[str, object]:
    said = panel or CamPanel(None, None, np.nan, None)
    answer = {"predicted": said.predicted, "probability": said.probability, "correct": said.correct}
    return {"mineral": name, "network": network, **answer, "has_map": said.overlay is not None}


def add_heat_bar(figure: Figure) -> None:
    """The colours of the maps, with words at both ends."""
    place = {"orientation": "horizontal", "shrink": 0.32, "aspect": 34, "pad": 0.01, "ticks": [0, 1]}
    bar = figure.colorbar(ScalarMappable(Normalize(0, 1), HEAT_MAP), ax=figure.axes, **place)
    bar.ax.set_xticklabels([])
    bar.ax.tick_params(length=0)
    style = {"transform": bar.ax.transAxes, "va": "center", "fontsize": 6.2}
    bar.ax.text(-0.03, 0.5, "evidence for the class: low", ha="right", **style)
    bar.ax.text(1.03, 0.5, "high (each map on its own scale)", ha="left", **style)
    bar.outline.set_visible(False)
