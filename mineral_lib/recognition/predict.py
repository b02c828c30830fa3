"""What a trained network says about photographs it has not seen."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from mineral_lib.data.dataset import normalise, to_tensor
from mineral_lib.data.index import working_size
from mineral_lib.evaluation.statistics import wilson
from mineral_lib.photos import read_photo, resize_square
from mineral_lib.training.run import Run

TOP = 3


@dataclass(frozen=True)
class Answers:
    """Predictions for some photographs."""

    # One row a photograph: path, class_name, answer_k with probability_k for k = 1..3 (fewer if there are fewer
    # classes), and attribution and licence where the index has them.
    frame: pd.DataFrame
    # A row a class: photographs asked about, training photographs, share of right answers (0..1) and its 95 % Wilson
    # interval as text.
    per_class: pd.DataFrame

    @property
    def accuracy(self) -> float:
        """Share of photographs whose first answer is right."""
        return float((self.frame["class_name"] == self.frame["answer_1"]).mean())

    @property
    def top3_accuracy(self) -> float:
        """Share of photographs whose class is among the first three answers."""
        answers = self.frame.filter(regex="^answer_")  # fewer than three if there are fewer classes
        return float(answers.eq(self.frame["class_name"], axis=0).any(axis=1).mean())


def square_photographs(folder: Path, paths: Iterable[str], size_px: int) -> np.ndarray:
    """Photographs of a folder, (N, size_px, size_px, 3) uint8, in the framing of the working images.

    Raises:
        DataError: A photograph cannot be decoded.
    """
    return np.stack([resize_square(read_photo(folder / path).image, size_px) for path in paths])


@torch.inference_mode()
def predict_photographs(run: Run, folder: Path, index: pd.DataFrame) -> Answers:
    """Classify photographs of a folder with a finished run; ``index`` has their class_name and path in the folder."""
    network, classes, px = run.network(), run.study.classes, run.settings.data.image_size_px
    probabilities = []
    for start in range(0, len(index), 128):
        photos = square_photographs(folder, index["path"].iloc[start : start + 128], working_size(px))
        images = normalise(to_tensor(photos, px), run.settings.train.normalise)
        probabilities.append(network(images).softmax(1))
    values, labels = torch.cat(probabilities).topk(min(TOP, len(classes)), dim=1)
    frame = index[["path", "class_name"]].reset_index(drop=True)
    for k in range(values.shape[1]):
        frame[f"answer_{k + 1}"] = [classes[label] for label in labels[:, k].tolist()]
        frame[f"probability_{k + 1}"] = values[:, k].numpy().round(4)
    for name in ("attribution", "licence"):
        if name in index:
            frame[name] = index[name].to_numpy()
    return Answers(frame, _per_class(run, frame))


def _per_class(run: Run, frame: pd.DataFrame) -> pd.DataFrame:
    right = (frame["class_name"] == frame["answer_1"]).groupby(frame["class_name"], sort=False)
    table = right.agg(photographs="size", right="mean").reset_index()
    split = run.study.samples(run.protocol, run.seed)
    trained = split[split["split"] == "train"].groupby("class_name")["image_id"].nunique()
    table.insert(2, "training", table["class_name"].map(trained).fillna(0).astype(int))
    ends = zip(*wilson(right.sum(), right.size()), strict=True)
    return table.assign(**{"95 % interval": [f"{low:.0%} to {high:.0%}" for low, high in ends]})
