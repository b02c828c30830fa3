"""Figure 6: heat maps of chosen photographs, and of mistakes."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from mineral_lib.catalogue import display_name
from mineral_lib.config import Settings
from mineral_lib.data.closeups import close_ups, one_of_each
from mineral_lib.data.pixels import load_pixels
from mineral_lib.data.prepare import StudyData
from mineral_lib.evaluation.evidence_study import trained_network
from mineral_lib.evaluation.grad_cam import HeatMap, heat_maps, overlay
from mineral_lib.evaluation.predict import working_photographs
from mineral_lib.models import zoo
from mineral_lib.photos import credits, read_photo, resize_square
from mineral_lib.reporting.cam_grid import CamCaption
from mineral_lib.training.specs import RunSpec

CLOSE_UP_PX = 256


@dataclass
class Panels:
    """What ``draw_cam_grid`` needs: photographs, overlays, captions, names and credits, a row a photograph."""

    originals: list[np.ndarray] = field(default_factory=list)
    overlays: list[list[np.ndarray | None]] = field(default_factory=list)
    captions: list[list[CamCaption | None]] = field(default_factory=list)
    row_names: list[str] = field(default_factory=list)
    column_names: list[str] = field(default_factory=list)
    credits: list[str] = field(default_factory=list)


def figure_photographs(study: StudyData, settings: Settings) -> pd.DataFrame:
    """One test photograph of each mineral of Figure 6 (rows of the index); other classes where these are missing."""
    split = study.splits["grouped"]
    test = study.index[study.index["image_id"].isin(split.loc[split["split"] == "test", "image_id"])]
    chosen = one_of_each(test, settings.grad_cam.minerals)
    return chosen if len(chosen) else one_of_each(test, study.classes[:5])


def cam_panels(study: StudyData, settings: Settings, specs: list[RunSpec], chosen: pd.DataFrame) -> Panels:
    """Heat maps of some photographs by several finished runs (paper Figure 6)."""
    rows = study.index.index[study.index["image_id"].isin(chosen["image_id"])]
    chosen = study.index.loc[rows]
    photos = load_pixels(study.index, study.index, settings.data, settings.augment)[rows.to_numpy()]
    large = close_ups(chosen, settings.data, size_px=CLOSE_UP_PX)
    names = [zoo.display_name(spec.model, settings.model.family) for spec in specs]
    panels = Panels(column_names=names, credits=credits(chosen))
    maps = [_maps(spec, settings, study, photos, chosen["label"].tolist()) for spec in specs]
    for row, (name, photo) in enumerate(zip(chosen["class_name"], large, strict=True)):
        _add_row(panels, photo, name, [found[row] for found in maps], study, settings)
    return panels


def _maps(spec: RunSpec, settings: Settings, study: StudyData, photos: np.ndarray, labels: list[int]) -> list[HeatMap]:
    network = trained_network(settings, spec, study)
    return heat_maps(
        spec.model,
        network,
        photos,
        labels,
        image_size_px=settings.data.image_size_px,
        target=settings.grad_cam.target,
        by=settings.train.of(spec.model).normalise,
    )


def _add_row(
    panels: Panels, photo: np.ndarray, name: str, maps: list[HeatMap], study: StudyData, settings: Settings
) -> None:
    margin = photo.shape[0] // 16
    panels.originals.append(photo[margin:-margin, margin:-margin])
    panels.row_names.append(display_name(name, settings.report.language))
    panels.overlays.append(
        [None if found.empty else overlay(photo, found.heat, weight=settings.grad_cam.overlay) for found in maps]
    )
    panels.captions.append(
        [CamCaption(study.classes[f.predicted], f.probability, study.classes[f.predicted] == name) for f in maps]
    )


def mistake_panels(
    settings: Settings, spec: RunSpec, study: StudyData, folder: Path, answers: pd.DataFrame, limit: int = 5
) -> Panels:
    """Wrong answers given with the greatest confidence, with the evidence for the wrong class."""
    wrong = (
        answers[answers["class_name"] != answers["answer_1"]].sort_values("probability_1", ascending=False).head(limit)
    )
    panels = Panels(column_names=[zoo.display_name(spec.model, settings.model.family)], credits=credits(wrong))
    if wrong.empty:
        return panels
    photos = working_photographs(folder, wrong["path"].tolist(), settings.data.image_size_px)
    predicted = settings.model_copy(
        update={"grad_cam": settings.grad_cam.model_copy(update={"target": "predicted_class"})}
    )
    maps = _maps(spec, predicted, study, photos, [0] * len(photos))
    for path, name, one in zip(wrong["path"], wrong["class_name"], maps, strict=True):
        _add_row(panels, resize_square(read_photo(folder / path).image, CLOSE_UP_PX), name, [one], study, settings)
    return panels
