"""Where networks look: Figure 6, the same of mistakes, and ``mineral identify --maps``; photographs at any size."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from mineral_lib.catalogue import display_name
from mineral_lib.config import Data
from mineral_lib.data.index import photo_folder, specimen_keys, working_size
from mineral_lib.evaluation.grad_cam import HeatMap, heat_maps, laid_over, overlay
from mineral_lib.notation import caption
from mineral_lib.photos import credits, read_photo
from mineral_lib.recognition.evidence_map import evidence_map
from mineral_lib.recognition.identify import Identified, likeliest
from mineral_lib.recognition.names import both_names
from mineral_lib.recognition.predict import square_photographs
from mineral_lib.recognition.recogniser import Recogniser
from mineral_lib.reporting.plates import Fonts, Tile, add_credits, as_picture, draw_sheet
from mineral_lib.reporting.style import BAD, GOOD, PAGE_MM, Drawing, styled
from mineral_lib.reporting.words import label
from mineral_lib.storage import write_bytes
from mineral_lib.study import Study
from mineral_lib.training.run import Run

CLOSE_UP_PX = 256
HEAT_MAP = "turbo"  # colours of the overlays and of the bar; Grad-CAM's usual red = high
WEIGHT = 0.5  # of the heat map over somebody's own photograph
NAME_LENGTH = 60  # letters of the photograph's own name in that of its map
FONTS = Fonts(title=(6.2, 3), name=(6.6, 3), below=(5.2, 1.5), empty=6)


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


def cam_panels(study: Study, runs: Sequence[Run], chosen: pd.DataFrame, *, target: str | None = None) -> pd.DataFrame:
    """Heat maps of some photographs (rows of the index) by several finished runs (paper Figure 6).

    Mapped is the evidence for the ``target``, ``true_class`` or ``predicted_class``; ``grad_cam.target`` if None.

    Returns:
        A row a photograph and run: ``place`` (number of the photograph), ``photo`` (px, px, 3) uint8, ``mineral``,
        ``credit``, ``network``, and what the run saw and said: ``overlay`` (the photograph under the heat map; None
        where that is zero everywhere), ``predicted`` (a class), ``probability`` (0 to 1), ``correct``.
    """
    rows = np.flatnonzero(study.index["image_id"].isin(chosen["image_id"]))
    chosen = study.index.iloc[rows]
    photos, labels = study.pixels()[rows], chosen["label"].tolist()
    maps = [heat_maps(run, photos, labels, target=target) for run in runs]
    return _panels(study, runs, chosen, close_ups(chosen, study.settings.data, size_px=CLOSE_UP_PX), maps)


def mistake_panels(run: Run, folder: Path, answers: pd.DataFrame, limit: int = 5) -> pd.DataFrame:
    """The wrong answers given with the greatest confidence, with the evidence for the wrong class, as ``cam_panels``.

    ``answers`` are those of ``recognition.predict`` for photographs of the folder. Empty without a mistake.
    """
    wrong = answers[answers["class_name"] != answers["answer_1"]]
    wrong = wrong.sort_values("probability_1", ascending=False).head(limit)
    if wrong.empty:
        return pd.DataFrame()
    photos = square_photographs(folder, wrong["path"], working_size(run.settings.data.image_size_px))
    maps = heat_maps(run, photos, [0] * len(photos), target="predicted_class")
    return _panels(run.study, [run], wrong, square_photographs(folder, wrong["path"], CLOSE_UP_PX), [maps])


def _panels(
    study: Study, runs: Sequence[Run], chosen: pd.DataFrame, photos: np.ndarray, maps: list[list[HeatMap]]
) -> pd.DataFrame:
    margin, how = CLOSE_UP_PX // 16, study.settings.grad_cam.overlay
    shown, rows = zip(photos, chosen["class_name"], credits(chosen), *maps, strict=True), []
    for place, (photo, true, credit, *own) in enumerate(shown):
        known = {"place": place, "photo": photo[margin:-margin, margin:-margin], "credit": credit}
        known["mineral"] = display_name(true, study.settings.report.language)
        for run, one in zip(runs, own, strict=True):
            seen, said = None if one.empty else overlay(photo, one.heat, weight=how), study.classes[one.predicted]
            answer = {"predicted": said, "probability": one.probability, "correct": said == true}
            rows.append({**known, "network": run.display_name, "overlay": seen, **answer})
    return pd.DataFrame(rows)


@styled
def draw_cam_grid(panels: pd.DataFrame, *, language: str = "en") -> Drawing:
    """Figure 6, of ``cam_panels``: the photograph and one overlay a network, the prediction under each, right or wrong.

    A blank tile says "no evidence" where a map is zero everywhere.
    """
    parts = [part for _, part in panels.groupby("place", sort=False)]
    titles = [name.replace(" ", "\n", 1) for name in (label("original", language), *parts[0]["network"])]
    rows = [[Tile(part["photo"].iloc[0]), *map(_tile, part.itertuples())] for part in parts]
    rows[0] = [tile._replace(title=title) for tile, title in zip(rows[0], titles, strict=True)]
    names = [part["mineral"].iloc[0].replace(" ", "\n", 2) for part in parts]
    height = ((PAGE_MM - 18) / len(titles) + 3.2) * len(rows) + 16
    figure = draw_sheet(rows, PAGE_MM, height, row_names=names, pads=(0.008, 0.008), fonts=FONTS)
    add_heat_bar(figure)
    credits = [part["credit"].iloc[0] for part in parts]
    add_credits(figure, [str(row + 1) for row in range(len(credits))], credits, by="row")
    frame = panels[["mineral", "network", "predicted", "probability", "correct"]]
    frame = frame.assign(has_map=panels["overlay"].notna(), **({"credit": panels["credit"]} if any(credits) else {}))
    return Drawing(figure, frame, "figure_6_grad_cam")


def _tile(panel: Any) -> Tile:
    sign, colour = ("✓", GOOD) if panel.correct else ("✗", BAD)
    name = caption(display_name(panel.predicted, "en"), 12)
    return Tile(panel.overlay, "", f"{sign} {name} {100 * panel.probability:.0f} %", colour, "no evidence")


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


def write_evidence_maps(recogniser: Recogniser, found: Identified, folder: Path) -> list[Path]:
    """Write one PNG a photograph that was answered into a folder, numbered in the order of the recogniser's answers.

    Raises:
        DataError: A photograph can no longer be read.
        StorageError: The folder cannot be written to.
    """
    paths: list[Path] = []
    for answer in found.answers:
        label = likeliest(answer)[0]
        said = f"{both_names(recogniser.classes[label])} {100 * answer.probability[label]:.0f} %"
        said = f"not one of these, else\n{said}" if answer.strange else said
        for name in answer.names:
            picture, heat = evidence_map(recogniser, read_photo(Path(name)).image, label)
            drawing = draw_evidence(picture, heat, Path(name).name, said)
            stem = re.sub(r"[^\w.-]+", "_", Path(name).stem)[:NAME_LENGTH]
            paths.append(write_bytes(folder / f"{len(paths) + 1:03d}_{stem}.png", drawing.png()))
    return paths


@styled
def draw_evidence(picture: np.ndarray, heat: np.ndarray, name: str, said: str) -> Drawing:
    """A photograph (H, W, 3) uint8, its name, and the evidence (H, W) for what was said; none against it is shown."""
    shown = np.clip(heat, 0, None)
    seen = laid_over(as_picture(picture), shown / shown.max(), weight=WEIGHT) if shown.max() > 0 else None
    height = PAGE_MM / 2 * picture.shape[0] / picture.shape[1] + 16
    figure = draw_sheet([[Tile(picture, name), Tile(seen, said, empty="no evidence")]], PAGE_MM, height)
    add_heat_bar(figure)
    return Drawing(figure, pd.DataFrame({"photograph": [name], "answer": [said]}))
