"""``mineral identify --maps``: each photograph, and beside it where the evidence for its first name lies."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from mineral_lib.evaluation.grad_cam import laid_over
from mineral_lib.photos import read_photo
from mineral_lib.recognition.evidence_map import evidence_map
from mineral_lib.recognition.identify import Identified, likeliest
from mineral_lib.recognition.names import both_names
from mineral_lib.recognition.recogniser import Recogniser
from mineral_lib.reporting.cam_grid import add_heat_bar
from mineral_lib.reporting.plates import Tile, as_picture, draw_sheet
from mineral_lib.reporting.style import PAGE_MM, Drawing, styled
from mineral_lib.storage import write_bytes

WEIGHT = 0.5  # of the heat map over the photograph
NAME_LENGTH = 60  # letters of the photograph's own name in that of its map


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
