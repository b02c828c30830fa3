"""Figure 6: heat maps of chosen photographs, and of mistakes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mineral_lib.catalogue import display_name
from mineral_lib.evaluation.grad_cam import HeatMap, heat_maps, overlay
from mineral_lib.photos import credits, read_photo, resize_square
from mineral_lib.recognition.predict import working_photographs
from mineral_lib.reporting.closeups import close_ups, one_of_each
from mineral_lib.study import Study
from mineral_lib.training.run import Run

CLOSE_UP_PX = 256


@dataclass(frozen=True)
class CamPanel:
    """What a network saw in a photograph, and what it said.

    Attributes:
        overlay: Photograph with heat map, (px, px, 3) uint8; None where the map is zero everywhere.
        predicted: Predicted class name.
        probability: Its probability, 0 to 1.
        correct: Whether it is the true class.
    """

    overlay: np.ndarray | None
    predicted: str
    probability: float
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
    photos = working_photographs(folder, wrong["path"].tolist(), run.settings.data.image_size_px)
    maps = heat_maps(run, photos, [0] * len(photos), target="predicted_class")
    large = [resize_square(read_photo(folder / path).image, CLOSE_UP_PX) for path in wrong["path"]]
    return _grid(run.study, [run], wrong, large, [maps])


def _grid(
    study: Study,
    runs: Sequence[Run],
    rows: pd.DataFrame,
    photos: Sequence[np.ndarray],
    maps: Sequence[Sequence[HeatMap]],
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
