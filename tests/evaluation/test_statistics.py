"""Metrics, intervals and paired tests against hand counts and printed numbers."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from mineral_lib.evaluation.metrics import METRIC_NAMES, classification_metrics, commonest_label, per_class
from mineral_lib.evaluation.statistics import (
    accuracy_interval,
    accuracy_over_seeds,
    estimate,
    estimate_gap,
    holm,
    mcnemar,
    wilson,
)


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
    by_specimen = accuracy_interval(correct, specimens, resamples=2000, seed=1)
    by_photograph = accuracy_interval(correct, np.arange(80), resamples=2000, seed=1)
    assert by_specimen == accuracy_interval(correct, specimens, resamples=2000, seed=1)
    assert by_specimen[1] - by_specimen[0] > 2 * (by_photograph[1] - by_photograph[0])
    assert by_specimen[0] < correct.mean() < by_specimen[1]
    assert np.isnan(accuracy_interval(correct, np.zeros(80))).all()


def test_perfect_result_still_has_an_interval():
    low, high = accuracy_interval(np.ones(40), np.repeat(np.arange(10), 4))
    assert high == pytest.approx(1) and low == pytest.approx(wilson(10, 10)[0])


def test_mcnemar_is_the_exact_binomial_test():
    a = np.array([1] * 8 + [0] * 1 + [1] * 11)
    b = np.array([0] * 8 + [1] * 1 + [1] * 11)
    found = mcnemar(a, b)
    assert (found["only_a"], found["only_b"]) == (8, 1)
    assert found["p_value"] == pytest.approx(2 * (1 + 9) / 2**9)


def simulated_seeds(rng, *, seeds, specimens, seed_sd, specimen_sd, own_split):
    """Differences of two networks with mean 0: each seed has a shift of its own, each specimen one for all seeds."""
    parts, shift = [], rng.normal(0, seed_sd, seeds)
    names = [np.arange(specimens) + (specimens * k if own_split else 0) for k in range(seeds)]
    likes = rng.normal(0, specimen_sd, specimens * seeds)
    for k, name in enumerate(names):
        chance = 0.5 + np.repeat(shift[k] + likes[name], 2) / 2  # two photographs a specimen
        better = rng.random(2 * specimens) < chance.clip(0, 1)
        parts.append((np.where(better, 1.0, -1.0) * (rng.random(2 * specimens) < 0.3) / 0.3, np.repeat(name, 2)))
    return parts


@pytest.mark.parametrize("own_split", [False, True])
@pytest.mark.parametrize(("seed_sd", "specimen_sd"), [(0.0, 0.4), (0.15, 0.4), (0.3, 0.2)])
def test_intervals_over_seeds_and_specimens_cover_what_they_promise(own_split, seed_sd, specimen_sd):
    rng, hits, narrow, trials = np.random.default_rng(7), 0, 0, 400
    for _ in range(trials):
        parts = simulated_seeds(
            rng, seeds=3, specimens=90, seed_sd=seed_sd, specimen_sd=specimen_sd, own_split=own_split
        )
        found = estimate(parts, resamples=200)
        low, high = found.interval()
        hits += low <= 0 <= high
        narrow += abs(found.value) <= 1.96 * found.specimen_se
    assert 0.9 <= hits / trials <= 0.99
    if seed_sd == 0.3:
        assert narrow / trials < 0.75  # specimens alone promise too much


def test_seeds_widen_an_interval_and_agreeing_seeds_do_not_narrow_it():
    rng = np.random.default_rng(0)
    specimens = np.repeat(np.arange(60), 2)
    values = rng.choice([-1.0, 0.0, 1.0], 120)
    one, equal = estimate([(values, specimens)]), estimate([(values, specimens)] * 3)
    assert np.isnan(one.seed_sd) and equal.seed_sd == 0 and equal.seeds == 3
    assert equal.interval() == pytest.approx(one.interval())
    apart = estimate([(values + shift, specimens) for shift in (-0.2, 0, 0.2)])
    assert apart.seed_sd == pytest.approx(0.2) and apart.value == pytest.approx(one.value)
    half = np.hypot(4.302653 * 0.2 / np.sqrt(3), 1.959964 * one.specimen_se)
    assert apart.half_width() == pytest.approx(half, rel=1e-4)
    assert np.isnan(estimate([(values, np.zeros(120))]).interval()).all()


def test_p_is_the_level_at_which_the_interval_reaches_zero():
    rng = np.random.default_rng(1)
    specimens = np.repeat(np.arange(80), 2)
    for count in (1, 3):
        parts = [(rng.normal(0.12 + 0.02 * k, 0.5, 160), specimens) for k in range(count)]
        found = estimate(parts)
        assert 0 < found.p_value < 0.5
        assert found.interval(1 - found.p_value)[0] == pytest.approx(0, abs=1e-6)
    nothing = estimate([(np.zeros(160), specimens)] * 3)
    assert nothing.p_value == 1 and nothing.interval() == (0, 0)


@pytest.mark.parametrize("count", [1, 2, 7, 40])
def test_holm_is_that_of_statsmodels_to_the_last_bit(count):
    given = np.random.default_rng(count).random(count) ** 3
    assert holm(given).tolist() == multipletests(given, method="holm")[1].tolist()


def test_holm_multiplies_the_smallest_p_and_leaves_gaps():
    assert holm([0.01, np.nan, 0.04, 0.03]) == pytest.approx([0.03, np.nan, 0.06, 0.06], nan_ok=True)
    assert np.isnan(holm([np.nan])).all()


def test_gap_of_two_test_sets_has_the_variance_of_both():
    rng = np.random.default_rng(2)
    a, b = (((rng.random(400) < share).astype(float), np.arange(400)) for share in (0.8, 0.6))
    found = estimate_gap([a], [b])
    assert found.value == pytest.approx(a[0].mean() - b[0].mean())
    apart = np.hypot(estimate([a]).specimen_se, estimate([b]).specimen_se)
    assert found.specimen_se == pytest.approx(apart, rel=0.1)


def test_accuracy_over_seeds_stays_a_share():
    specimens = np.repeat(np.arange(10), 4)
    found, (low, high) = accuracy_over_seeds([(np.ones(40), specimens)] * 3)
    assert found.value == 1 and high == 1 and low == pytest.approx(wilson(10, 10)[0])
    rng = np.random.default_rng(3)
    parts = [((rng.random(40) < share).astype(float), specimens) for share in (0.99, 0.9, 0.6)]
    _, (low, high) = accuracy_over_seeds(parts)
    assert high == 1 and low < accuracy_interval(*(np.concatenate(c) for c in zip(*parts, strict=True)))[0]


def test_chance_names_the_commonest_class():
    assert commonest_label(np.array([2, 1, 2, 1, 0])) == 1  # the lowest of equals
    assert commonest_label(np.array([0, 2, 2])) == 2
