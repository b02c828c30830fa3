"""Metrics, intervals and paired tests against hand counts and printed numbers."""

import numpy as np
import pytest

from mineral_lib.evaluation.metrics import METRIC_NAMES, classification_metrics
from mineral_lib.evaluation.per_class import per_class
from mineral_lib.evaluation.statistics import accuracy_interval, cluster_bootstrap, mcnemar, wilson


def test_metrics_agree_with_hand_count():
    labels, predicted = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 0, 0])
    found = classification_metrics(labels, predicted, 4)
    assert tuple(found) == METRIC_NAMES
    assert found["accuracy"] == pytest.approx(0.5)
    assert found["recall_macro"] == pytest.approx((2 / 3 + 1 / 2 + 0 + 0) / 4)
    assert found["precision_macro"] == pytest.approx((2 / 4 + 1 / 2 + 0 + 0) / 4)
    assert found["recall_micro"] == found["recall_weighted"] == found["accuracy"]


def test_per_class_against_a_plain_count():
    rng = np.random.default_rng(0)
    labels, predicted = rng.integers(0, 4, 60), rng.integers(0, 5, 60)
    specimens = np.array([f"s{i // 3}" for i in range(60)])
    found = per_class(labels, predicted, 6, specimens=specimens)
    for label in range(6):
        mine, called = labels == label, predicted == label
        right, row = int((mine & called).sum()), found.loc[label]
        assert (row["support"], row["correct"]) == (mine.sum(), right)
        assert row["specimens"] == len(set(specimens[mine]))
        assert row["precision"] == pytest.approx(right / called.sum() if called.any() else 0)
        if not mine.any():
            assert row[["recall", "recall_low", "recall_high", "f1"]].isna().all()
            continue
        assert row["recall"] == pytest.approx(right / mine.sum())
        n, share, z = mine.sum(), right / mine.sum(), 1.959963984540054
        centre, half = (share + z**2 / (2 * n)) / (1 + z**2 / n), z / (1 + z**2 / n)
        half *= np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
        assert (row["recall_low"], row["recall_high"]) == pytest.approx((centre - half, centre + half))
    assert per_class(labels, predicted, 6)["specimens"].sum() == 60


def test_wilson_gives_the_interval_of_the_printed_accuracy():
    low, high = wilson(round(0.9858 * 6915), 6915)
    assert (round(100 * low, 1), round(100 * high, 1)) == (98.3, 98.8)
    assert np.isnan(wilson(0, 0)).all()


def test_cluster_bootstrap_is_wider_than_independent_photographs_and_repeatable():
    correct = np.repeat([1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0], 10)
    specimens = np.repeat([f"s{i}" for i in range(8)], 10)
    by_specimen = cluster_bootstrap(correct, specimens, resamples=2000, seed=1)
    by_photograph = cluster_bootstrap(correct, np.arange(80), resamples=2000, seed=1)
    assert by_specimen == cluster_bootstrap(correct, specimens, resamples=2000, seed=1)
    assert by_specimen[1] - by_specimen[0] > 2 * (by_photograph[1] - by_photograph[0])
    assert by_specimen[0] < correct.mean() < by_specimen[1]
    assert np.isnan(cluster_bootstrap(correct, np.zeros(80))).all()


def test_perfect_result_still_has_an_interval():
    low, high = accuracy_interval(np.ones(40), np.repeat(np.arange(10), 4))
    assert high == pytest.approx(1) and low == pytest.approx(wilson(10, 10)[0])


def test_mcnemar_is_the_exact_binomial_test():
    a = np.array([1] * 8 + [0] * 1 + [1] * 11)
    b = np.array([0] * 8 + [1] * 1 + [1] * 11)
    found = mcnemar(a, b)
    assert (found["only_a"], found["only_b"]) == (8, 1)
    assert found["p_value"] == pytest.approx(2 * (1 + 9) / 2**9)
