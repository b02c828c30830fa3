"""The owner's report: how far the recogniser of a collection can be trusted, where it errs, what to photograph next.

Everything is told of photographs whose specimens the classifier had not seen: cross-validated ones and test photographs
together for the single minerals (there are more of them), test photographs alone for the one accuracy. It is a local
page: it shows the owner's photographs.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mineral_lib.evaluation.metrics import confusion
from mineral_lib.evaluation.statistics import estimate, wilson
from mineral_lib.recognition import hand_tests
from mineral_lib.recognition.calibration import specimen_log_probabilities
from mineral_lib.recognition.features import COLOUR
from mineral_lib.recognition.ladder import Rung
from mineral_lib.recognition.names import both_names, slugs_of
from mineral_lib.recognition.page import thumbnail, write_page
from mineral_lib.recognition.recogniser import Photographs, Recogniser
from mineral_lib.recognition.trust import LEVEL_WORDS, unseen_answers

REPORT_FILE = "report.html"
BELIEVE, DOUBT = 0.8, 0.5  # the interval of a mineral's precision lies above, or below
PAIRS, PICTURES, NEXT = 10, 48, 5  # shown at most


def mineral_rows(counts: np.ndarray, classes: list[str]) -> pd.DataFrame:
    """What each mineral's name is worth, from the confusion matrix (C, C) of specimens, true classes in rows.

    Returns:
        One row a class: ``specimens``, ``recall`` with ``recall_low`` and ``recall_high`` (share of its specimens that
        were named so), ``named``, ``precision`` with ``precision_low`` and ``precision_high`` (share of the answers
        with its name that were right), Wilson's 95 % intervals, and ``advice``: ``believe``, ``check`` or ``doubt``.
    """
    right, own, named = counts.diagonal(), counts.sum(1), counts.sum(0)
    rows = pd.DataFrame({"class_name": classes, "specimens": own, "named": named})
    for what, count in (("recall", own), ("precision", named)):
        rows[what] = right / np.where(count, count, np.nan)
        rows[f"{what}_low"], rows[f"{what}_high"] = wilson(right, count)
    advice = [rows["precision_low"] >= BELIEVE, rows["precision_high"] < DOUBT]
    return rows.assign(advice=np.select(advice, ["believe", "doubt"], "check"))


def confused_pairs(counts: np.ndarray, classes: list[str]) -> list[dict[str, Any]]:
    """The commonest confusions, both directions together, each with the hand test that tells the two apart best."""
    both = np.triu(counts + counts.T, 1)
    order = np.argsort(-both, axis=None, kind="stable")[:PAIRS]
    slugs, found = slugs_of(classes), []
    for first, second in zip(*np.unravel_index(order, both.shape), strict=True):
        if both[first, second]:
            even = np.zeros(len(classes))
            even[[first, second]] = 0.5
            test = hand_tests.best_test(even, slugs)
            pair = {"first": classes[first], "second": classes[second], "specimens": int(both[first, second])}
            found.append(pair | {"test": test[0] if test else "", "bits": test[1] if test else 0.0})
    return found


def photograph_next(rows: pd.DataFrame) -> list[str]:
    """Minerals that more specimens would help most: found in less than half of cases, those with fewest first."""
    weak = rows[rows["recall"] < DOUBT].sort_values(["specimens", "recall"], kind="stable")
    return [both_names(name) for name in weak["class_name"].head(NEXT)]


def against(best: Rung, other: Rung, tested: Photographs, **options: int) -> dict[str, float]:
    """Test accuracy of one rung minus that of another on the same photographs, with its 95 % interval."""
    right = [rung.test.argmax(1) == tested.labels for rung in (best, other)]
    gap = estimate([(right[0].astype(float) - right[1], tested.groups)], **options)
    low, high = gap.interval()
    return {"gap": gap.value, "low": low, "high": high}


def mistakes(probability: np.ndarray, tested: Photographs, classes: list[str]) -> list[dict[str, Any]]:
    """Test photographs that were named wrongly by probabilities (T, C), the surest mistakes first."""
    labels, named, sure = tested.labels, probability.argmax(1), probability.max(1)
    wrong = np.flatnonzero(named != labels)
    return [
        {
            "path": tested.path(row),
            "file": tested.path(row).name,
            "true": both_names(classes[labels[row]]),
            "named": both_names(classes[named[row]]),
            "probability": sure[row],
        }
        for row in wrong[np.argsort(-sure[wrong], kind="stable")]
    ]


def write_owner_report(
    path: Path,
    made: Recogniser,
    learned: Photographs,
    tested: Photographs,
    rungs: list[Rung],
    ladder: pd.DataFrame,
    **options: int,
) -> Path:
    """Write the page.

    Args:
        path: Where to.
        made: The recogniser.
        learned: Training and validation photographs, in the order of the rungs' logits.
        tested: Test photographs.
        rungs: The ladder.
        ladder: Its table; ``chosen`` marks the recogniser's rung.
        **options: ``resamples`` and ``seed`` of the intervals.
    """
    best, count = rungs[int(ladder["chosen"].to_numpy().argmax())], len(tested.index)
    labels, groups, answers = unseen_answers(made, learned, best.known, tested)
    joint, first = specimen_log_probabilities(answers, groups)
    counts = confusion(labels[first], joint.argmax(1), len(made.classes))
    minerals = mineral_rows(counts, made.classes)
    others = [rung for rung in rungs if rung is not best and (rung.kinds == (COLOUR,) or not rung.kinds)]
    gaps = {rung.name: against(best, rung, tested, **options) for rung in others if count}
    wrong = mistakes(answers[len(labels) - count :], tested, made.classes)
    return write_page(
        path,
        "owner_report.html",
        about=made.about,
        trust=made.about["trust"],
        rung=best.name,
        minerals=minerals.to_dict("records"),
        specimens=len(first),
        pairs=confused_pairs(counts, made.classes),
        weak=photograph_next(minerals),
        gaps=gaps,
        ladder=ladder.to_dict("records"),
        tuned=bool(ladder["cv_accuracy"].isna().any()),
        mistakes=[one | {"picture": thumbnail(one["path"])} for one in wrong[:PICTURES]],
        wrong=len(wrong),
        levels=LEVEL_WORDS,
        names=both_names,
        pictures=PICTURES,
        shares={"believe": BELIEVE, "doubt": DOUBT},
    )
