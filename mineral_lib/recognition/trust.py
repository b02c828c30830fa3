"""What a recogniser's statements are worth, measured: its probabilities, its sets, and what it refuses.

All of it is on photographs whose specimens the classifier has not seen: out-of-fold ones of training and validation,
and the test photographs.
"""

from typing import Any

import numpy as np

from mineral_lib.evaluation.statistics import accuracy_interval
from mineral_lib.recognition.calibration import Calibration, measure_calibration, probabilities
from mineral_lib.recognition.conformal import RESPLITS, check_coverage, specimen_log_probabilities
from mineral_lib.recognition.hand_tests import simulate
from mineral_lib.recognition.names import groups_of, slugs_of
from mineral_lib.recognition.recogniser import Answer, Recogniser

LEVEL_WORDS = {
    "one": "one mineral",
    "few": "two or three minerals",
    "group": "a mineral group",
    "unsure": "not decided",
    "none": "not one of these",
}


def measure_trust(
    made: Recogniser,
    logits: np.ndarray,
    known: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    parts: list[np.ndarray],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Calibration, coverage over re-splits, what hand tests would add, and the answers for test specimens.

    Args:
        made: The recogniser.
        logits: Out-of-fold logits (N, C) of the photographs it was fitted on; NaN where there is none.
        known: Labels and specimens (N,) of those photographs.
        test: Labels and specimens (T,) of the test photographs.
        parts: Features of the test photographs, one array (T, D) a kind.
        resamples: Of the intervals.
        seed: Of resamples and re-splits.

    Returns:
        Plain numbers, fractions; None where there is nothing to measure.
    """
    labels, groups = test
    held = np.isfinite(logits).any(1)
    tested = made.probabilities(parts) if len(labels) else np.zeros((0, len(made.classes)))
    everything = np.concatenate([probabilities(logits[held], made.temperature), tested])
    all_labels = np.concatenate([known[0][held], labels])
    all_groups = np.concatenate([known[1][held], groups])
    found: dict[str, Any] = {
        "temperature": made.temperature,
        "calibration": None,
        "coverage": None,
        "hand_tests": None,
        "test": None,
    }
    if len(all_labels):
        joint, first = specimen_log_probabilities(everything, all_groups)
        after = simulate(joint, all_labels[first], slugs_of(made.classes), seed=seed)
        found["hand_tests"] = {"specimens": len(joint), "accuracy": after.tolist()}
    if len(np.unique(all_groups)) >= 4:
        cover = check_coverage(everything, all_labels, all_groups, made.coverage, seed=seed)
        found["coverage"] = {
            name: float(getattr(cover, name)) for name in ("promised", "coverage", "low", "high", "size")
        }
        found["coverage"] |= {"specimens": len(np.unique(all_groups)), "resplits": RESPLITS}
    if len(labels):
        before = made.linear.logits(np.hstack(parts))
        found["calibration"] = {
            name: _calibration(measure_calibration(one, labels, groups, seed=seed))
            for name, one in (("before", probabilities(before, 1.0)), ("after", tested))
        }
        # Rows stand for names, so that an answer can be asked which photographs it is about.
        rows = [str(row) for row in range(len(labels))]
        answers = made.answer(parts, rows, groups)
        true = np.array([labels[int(answer.names[0])] for answer in answers])
        found["test"] = judge_answers(answers, true, made.classes, resamples=resamples, seed=seed)
    return found


def judge_answers(
    answers: list[Answer], true: np.ndarray, classes: list[str], *, resamples: int = 1000, seed: int = 0
) -> dict[str, Any]:
    """What answers are worth: how often the set holds the truth, the levels, and accuracy where one name is given.

    Args:
        answers: One a specimen (S).
        true: Label of each (S,).
        classes: Class names.
        resamples: Of the interval.
        seed: Of the interval.
    """
    levels = np.array([answer.level for answer in answers])
    inside = np.array([label in answer.inside for answer, label in zip(answers, true, strict=True)], float)
    first = np.array([answer.probability.argmax() for answer in answers]) == true
    found: dict[str, Any] = {
        "specimens": len(answers),
        "coverage": float(inside.mean()),
        "set_size": float(np.mean([len(answer.inside) for answer in answers])),
        "levels": {name: int((levels == name).sum()) for name in LEVEL_WORDS},
        "one": None,
        "group": None,
    }
    members, grouped = groups_of(classes), levels == "group"
    of_group = [answers[place].group == members[true[place]] for place in np.flatnonzero(grouped)]
    if of_group:
        found["group"] = {"specimens": len(of_group), "right": sum(of_group)}
    right = first[levels == "one"].astype(float)
    if len(right):
        low, high = accuracy_interval(right, np.arange(len(right)), resamples=resamples, seed=seed)
        found["one"] = {"specimens": len(right), "accuracy": float(right.mean()), "low": low, "high": high}
    return found


def _calibration(found: Calibration) -> dict[str, Any]:
    bins = [{name: float(value) for name, value in row.items()} for row in found.bins.to_dict("records")]
    return {"error": found.error, "low": found.low, "high": found.high, "bins": bins}
