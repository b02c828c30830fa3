"""The classifier on frozen features: what cross-validation sees, and what it chooses."""

import numpy as np
import pytest

from mineral_lib.recognition import ladder, linear
from mineral_lib.recognition.linear import CHOICES, Choice, choose, out_of_fold, score


def photographs(specimens=30, views=3, classes=3, signal=3.0, seed=0):
    """Features of several views a specimen: each specimen has a mark of its own, far stronger than its class."""
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(specimens) % classes, views)
    groups = np.repeat(np.arange(specimens), views).astype(str)
    marks = np.repeat(generator.normal(0, 5, (specimens, 60)), views, axis=0)
    kind = np.zeros((len(labels), classes))
    kind[np.arange(len(labels)), labels] = signal
    return np.hstack([kind + generator.normal(0, 1, kind.shape), marks]), labels, groups


def test_a_specimen_is_never_asked_of_a_classifier_that_has_seen_it(monkeypatch):
    features, labels, groups = photographs()
    seen = []
    fit = linear.fit_each

    def spy(part, *others):
        seen.append({groups[np.flatnonzero((features == row).all(1))[0]] for row in part})
        return fit(part, *others)

    monkeypatch.setattr(linear, "fit_each", spy)
    out_of_fold(features, labels, groups, 3, [Choice(10, None)])
    assert len(seen) == 5
    held = [set(groups) - rest for rest in seen]
    assert sorted(one for part in held for one in part) == sorted(set(groups))  # each once


def test_chance_stays_chance_although_views_repeat():
    features, labels, groups = photographs(signal=0.0)
    choice, logits = choose(features, labels, groups, 3)
    assert choice in CHOICES
    assert score(logits, labels) < 0.55  # with views of one specimen on both sides it is 1
    apart = np.arange(len(groups)).astype(str)
    assert score(choose(features, labels, apart, 3)[1], labels) > 0.85


def test_the_choice_is_the_best_of_all():
    features, labels, groups = photographs()
    choice, logits = choose(features, labels, groups, 3)
    each = [out_of_fold(features, labels, groups, 3, [one])[0] for one in CHOICES]
    scores = [score(one, labels) for one in each]
    assert choice == CHOICES[int(np.argmax(scores))]
    assert np.array_equal(logits, each[int(np.argmax(scores))])


@pytest.mark.parametrize("specimens", [1, 2])
def test_few_specimens_have_no_held_out_answer_and_still_a_choice(specimens):
    features, labels, groups = photographs(specimens=specimens, classes=2)
    choice, logits = choose(features, labels, groups, 2)
    assert np.isnan(logits).all()
    assert score(logits, labels) == 0
    assert choice in CHOICES


def test_always_the_commonest_name_ranks_the_others_by_how_common_they_are():
    labels = np.array([2, 2, 2, 2, 0, 0, 0, 3, 3, 1])
    rung = ladder._majority(labels, 4, 5)
    found = ladder.scores(rung.test, np.array([2, 0, 3, 1]))
    assert (found["accuracy"], found["top3"]) == (0.25, 0.75)
    assert (rung.known.argmax(1) == 2).all() and np.isfinite(rung.known).all()
