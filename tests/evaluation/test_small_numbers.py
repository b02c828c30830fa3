"""Two classes, few photographs, few specimens: whoever folds or takes the first three asks how many there are."""

import numpy as np
import pandas as pd
import pytest

from mineral_lib.data.folds import MOST, grouped_folds
from mineral_lib.evaluation.controls import linear_probe
from mineral_lib.recognition.ladder import scores
from mineral_lib.recognition.linear import Choice, out_of_fold
from mineral_lib.recognition.predict import Answers


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_the_first_three_of_fewer_classes(classes):
    names = list("abcde")[:classes]
    columns = {f"answer_{k}": np.roll(names, 1 - k) for k in range(1, min(3, classes) + 1)}
    frame = pd.DataFrame({"class_name": np.roll(names, 1), "probability_1": 0.5, **columns})
    answers = Answers(frame, frame)
    assert answers.accuracy == 0 and answers.top3_accuracy == (1 if classes < 4 else 0)
    top3 = scores(np.eye(classes), np.arange(classes))["top3"]
    assert top3 == 1 if classes > 3 else np.isnan(top3)


SIZES = [(1, 1), (2, 1), (2, 2), (3, 3), (4, 4), (4, 2), (1, 30), (40, 40)]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("specimens", ["each", "pairs", "two"])
def test_folds_of_any_size(sizes, specimens):
    labels = np.repeat([0, 1], sizes)
    place = np.arange(len(labels))
    groups = {"each": place, "pairs": place // 2, "two": labels}[specimens]
    folds = grouped_folds(labels, groups)
    assert len(folds) <= MOST
    for rest, held in folds:
        assert len(held) and len(set(labels[rest])) == 2 and not set(groups[rest]) & set(groups[held])
    features = labels[:, None] * 4.0 + np.random.default_rng(0).normal(size=(len(labels), 3))
    probed = linear_probe(features, labels, groups)
    assert 0 <= probed <= 1 if folds else np.isnan(probed)
    logits = out_of_fold(features, labels, groups, 2, [Choice(1.0, None)])[0]
    held = np.unique(np.concatenate([held for _, held in folds])) if folds else []
    assert np.flatnonzero(np.isfinite(logits).any(1)).tolist() == list(held)
    if min(sizes) >= 40 and specimens != "two":
        assert len(folds) == MOST and len(held) == len(labels)
