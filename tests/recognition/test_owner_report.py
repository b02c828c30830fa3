"""The owner's report: which names can be believed, what is confused, what is shown."""

import numpy as np
import pandas as pd
import pytest

from mineral_lib.evaluation.metrics import confusion
from mineral_lib.recognition.calibration import specimen_log_probabilities
from mineral_lib.recognition.owner_report import REPORT_FILE, confused_pairs, mineral_rows, photograph_next
from mineral_lib.recognition.recogniser import Answer
from mineral_lib.recognition.trust import judge_answers

CLASSES = ["pyrite", "calcite", "quartz", "gold"]


def specimens(pairs):
    """The confusion matrix of (true, named, how often)."""
    true, named, counts = zip(*pairs, strict=True)
    return confusion(np.repeat(true, counts), np.repeat(named, counts), 4)


def test_rows_by_hand():
    rows = mineral_rows(specimens([(0, 0, 30), (1, 2, 12), (1, 1, 8), (2, 2, 3)]), CLASSES).set_index("class_name")
    assert rows.loc["pyrite", ["specimens", "recall", "precision"]].tolist() == [30, 1.0, 1.0]
    assert rows.loc["calcite", ["specimens", "named", "recall", "precision"]].tolist() == [20, 8, 0.4, 1.0]
    assert rows.loc["quartz", "precision"] == pytest.approx(0.2)
    # Eight of eight may be luck (Wilson: 68 to 100 %); thirty of thirty is not (89 to 100 %).
    assert rows["advice"].to_dict() == {"pyrite": "believe", "calcite": "check", "quartz": "doubt", "gold": "check"}
    assert np.isnan(rows.loc["gold", "recall"])
    assert photograph_next(rows.reset_index()) == ["calcite 方解石"]


def test_photographs_of_one_specimen_count_once():
    probability = np.array([[0.6, 0.4, 0, 0], [0.1, 0.9, 0, 0], [0, 0, 1.0, 0]]).clip(1e-9)
    joint, first = specimen_log_probabilities(probability, np.array(["a", "a", "b"]))
    assert joint.argmax(1).tolist() == [1, 2] and first.tolist() == [0, 2]


def test_confusions_count_both_ways_and_name_the_test():
    pairs = confused_pairs(specimens([(1, 2, 3), (2, 1, 2), (0, 3, 1), (0, 0, 9)]), CLASSES)
    assert [(pair["first"], pair["second"], pair["specimens"]) for pair in pairs] == [
        ("calcite", "quartz", 5),
        ("pyrite", "gold", 1),
    ]
    assert pairs[0]["test"] in ("acid", "hardness")
    assert pairs[1]["test"] == ""  # gold is not in the table of hand tests


def test_a_group_is_judged_by_the_group():
    answers = [Answer(["a"], np.array([0.3, 0.3, 0.2, 0.2]), np.arange(4), group, False) for group in ("sulphide", "")]
    found = judge_answers([answers[0]] * 3 + [answers[1]], np.array([0, 0, 1, 0]), CLASSES)
    assert (found["levels"]["group"], found["levels"]["unsure"]) == (3, 1)
    assert found["group"] == {"specimens": 3, "right": 2}


def test_the_page_says_what_the_files_say(made):
    page = (made.home / REPORT_FILE).read_text(encoding="utf-8")
    ladder = pd.read_csv(made.home / "ladder.csv")
    chosen = ladder[ladder["chosen"]].iloc[0]
    assert f"<b>{100 * chosen['accuracy']:.0f} %</b>" in page
    files = pd.read_csv(made.home / "predictions" / "colour_histogram_test.csv")
    wrong = (files["label"] != files["predicted"]).sum()
    assert page.count("<img") == wrong
    # Nobody said which photographs show the same specimen, and so nothing is claimed about new ones.
    assert "was not said" in page and "was not said" in (made.home / "model_card.md").read_text(encoding="utf-8")
    assert "://" not in page
