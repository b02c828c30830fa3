"""What a trained network says about photographs it has not seen."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from mineral_lib.config import Settings
from mineral_lib.data.dataset import normalise, to_tensor
from mineral_lib.data.index import working_size
from mineral_lib.data.prepare import StudyData
from mineral_lib.evaluation.statistics import wilson
from mineral_lib.photos import read_photo, resize_square
from mineral_lib.training.runs import load_run_network
from mineral_lib.training.specs import RunSpec

TOP = 3


@dataclass(frozen=True)
class Answers:
    """Predictions for some photographs.

    Attributes:
        frame: One row a photograph: path, class_name, answer_k with probability_k for k = 1..3, and attribution and
            licence where the index has them.
        per_class: A row a class: photographs asked about, training photographs, share of right answers (0..1) and its
            95 % Wilson interval as text.
    """

    frame: pd.DataFrame
    per_class: pd.DataFrame

    @property
    def accuracy(self) -> float:
        """Share of photographs whose first answer is right."""
        return float((self.frame["class_name"] == self.frame["answer_1"]).mean())

    @property
    def top3_accuracy(self) -> float:
        """Share of photographs whose class is among the first three answers."""
        answers = self.frame[[f"answer_{k}" for k in range(1, TOP + 1)]]
        return float(answers.eq(self.frame["class_name"], axis=0).any(axis=1).mean())


def working_photographs(folder: Path, paths: list[str], image_size_px: int) -> np.ndarray:
    """Photographs of a folder at working size, (N, W, W, 3) uint8.

    Raises:
        DataError: A photograph cannot be decoded.
    """
    return np.stack([resize_square(read_photo(folder / path).image, working_size(image_size_px)) for path in paths])


@torch.inference_mode()
def predict_photographs(
    settings: Settings, spec: RunSpec, study: StudyData, folder: Path, index: pd.DataFrame
) -> Answers:
    """Classify photographs of a folder with a finished run.

    Args:
        settings: The profile.
        spec: A finished run of it.
        study: Its classes.
        folder: Folder of the photographs.
        index: Rows with path (relative to the folder) and class_name.
    """
    network = load_run_network(settings, spec, len(study.classes))
    probabilities = []
    for start in range(0, len(index), 128):
        photos = working_photographs(
            folder, index["path"].iloc[start : start + 128].tolist(), settings.data.image_size_px
        )
        images = torch.stack([to_tensor(photo, settings.data.image_size_px) for photo in photos])
        images = normalise(images, settings.train.of(spec.model).normalise)
        probabilities.append(network(images).softmax(1))
    values, labels = torch.cat(probabilities).topk(min(TOP, len(study.classes)), dim=1)
    frame = index[["path", "class_name"]].reset_index(drop=True)
    for k in range(values.shape[1]):
        frame[f"answer_{k + 1}"] = [study.classes[label] for label in labels[:, k].tolist()]
        frame[f"probability_{k + 1}"] = values[:, k].numpy().round(4)
    for name in ("attribution", "licence"):
        if name in index:
            frame[name] = index[name].to_numpy()
    right = (frame["class_name"] == frame["answer_1"]).groupby(frame["class_name"], sort=False)
    per_class = right.agg(photographs="size", right="mean").reset_index()
    split = study.samples(spec.protocol, spec.seed)
    trained = split[split["split"] == "train"].groupby("class_name")["image_id"].nunique()
    per_class.insert(2, "training", per_class["class_name"].map(trained).fillna(0).astype(int))
    ends = [wilson(round(n * share), n) for n, share in zip(per_class["photographs"], per_class["right"], strict=True)]
    per_class["95 % interval"] = [f"{low:.0%} to {high:.0%}" for low, high in ends]
    return Answers(frame, per_class)
