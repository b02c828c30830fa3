"""What a recogniser's statements are worth, measured: its probabilities, its sets, and what it refuses.

All of it is on photographs whose specimens the classifier has not seen: out-of-fold ones of training and validation,
and the test photographs.
"""

from typing import Any

import numpy as np

from mineral_lib.evaluation.statistics import accuracy_interval
from mineral_lib.recognition.calibration import (
    check_coverage,
    measure_calibration,
    probabilities,
    specimen_log_probabilities,
)
from mineral_lib.recognition.hand_tests import simulate
from mineral_lib.recognition.names import groups_of, slugs_of
from mineral_lib.recognition.recogniser import Answer, Photographs, Recogniser

LEVEL_WORDS = {
    "one": "one mineral",
    "few": "two or three minerals",
    "group": "a mineral group",
    "unsure": "not decided",
    "none": "not one of these",
}


def unseen_answers(
    made: Recogniser, learned: Photographs, logits: np.ndarray, tested: Photographs
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the recogniser says of photographs whose specimens its classifier had not seen.

    From those it was fitted on (R), with their out-of-fold logits (R, C), NaN where there is none, and T test
    photographs.

    Returns:
        Labels (N,), specimens (N,) and probabilities (N, C): cross-validated photographs, then the T of the test.
    """
    known = np.isfinite(logits).any(1)
    answers = [probabilities(logits[known], made.temperature)]
    if len(tested.index):
        answers.append(made.probabilities(tested.features(made.kinds)))
    labels = np.concatenate([learned.labels[known], tested.labels])
    return labels, np.concatenate([learned.groups[known], tested.groups]), np.concatenate(answers)


def measure_trust(
    made: Recogniser, learned: Photographs, logits: np.ndarray, tested: Photographs, *, seed: int, **options: int
) -> dict[str, Any]:
    """Calibration, coverage over re-splits, what hand tests would add, and the answers for test specimens.

    Plain numbers, fractions; None where there is nothing to measure. Photographs as in ``unseen_answers``, options as
    in ``judge_answers``.
    """
    labels, groups, answers = unseen_answers(made, learned, logits, tested)
    found: dict[str, Any] = {"temperature": made.temperature}
    found |= dict.fromkeys(("calibration", "coverage", "hand_tests", "test"))
    if len(labels):
        joint, first = specimen_log_probabilities(answers, groups)
        after = simulate(joint, labels[first], slugs_of(made.classes), seed=seed)
        found["hand_tests"] = {"specimens": len(joint), "accuracy": after.tolist()}
    if len(np.unique(groups)) >= 4:
        found["coverage"] = check_coverage(answers, labels, groups, made.coverage, seed=seed)
    if len(tested.index):
        before = made.linear.probabilities(np.hstack(tested.features(made.kinds)))
        found["calibration"] = {
            name: measure_calibration(one, tested.labels, tested.groups, seed=seed)
            for name, one in (("before", before), ("after", answers[-len(before) :]))
        }
        found["test"] = judge_photographs(made, tested, seed=seed, **options)
    return found


def judge_photographs(made: Recogniser, asked: Photographs, **options: int) -> dict[str, Any]:
    """Let photographs be answered by specimen and judge the answers, with the options of ``judge_answers``."""
    # Rows stand for names, so that an answer can be asked which photographs it is about.
    answers = made.answer(asked.features(made.kinds), [str(row) for row in range(len(asked.index))], asked.groups)
    true = asked.labels[[int(answer.names[0]) for answer in answers]]
    return judge_answers(answers, true, made.classes, **options)


def judge_answers(
    answers: list[Answer], true: np.ndarray, classes: list[str], *, resamples: int = 1000, seed: int = 0
) -> dict[str, Any]:
    """What answers are worth: how often the set holds the truth, the levels, and accuracy where one name is given.

    From one answer a specimen and the true labels (S,); with the 95 % interval of that accuracy.
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
