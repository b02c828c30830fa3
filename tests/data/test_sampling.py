"""Balanced epochs: every class equally often, nothing else changed."""

from collections import Counter
from itertools import chain

import numpy as np
import pytest
import torch
from test_dataset import loader_over, study  # noqa: F401 (a fixture)

from mineral_lib.data.dataset import set_epoch
from mineral_lib.data.sampling import EpochBatches, balanced_order
from mineral_lib.errors import ParameterError
from mineral_lib.parameters import load_profile

LONG_TAIL = np.repeat([0, 1, 2, 4], [60, 11, 3, 1])  # 75 samples, class 3 has none


def classes_drawn(order):
    return Counter(LONG_TAIL[position] for position, _ in order)


@pytest.mark.parametrize("epoch", [1, 2, 7])
def test_every_class_as_often_as_any_other_and_the_epoch_as_long(epoch):
    order = balanced_order(LONG_TAIL, seed=0, epoch=epoch)
    drawn = classes_drawn(order)
    assert len(order) == len(LONG_TAIL) and set(drawn) == {0, 1, 2, 4} and set(drawn.values()) == {18, 19}
    # Within a class no sample is drawn again before all were, and the laps are counted.
    times = Counter(position for position, _ in order)
    for name in drawn:
        counts = [times[position] for position in np.flatnonzero(name == LONG_TAIL)]
        assert max(counts) - min(counts) <= 1
    for position, count in times.items():
        assert sorted(lap for where, lap in order if where == position) == list(range(count))


def test_expectation_is_that_of_weighted_sampling():
    # Reference: independent draws with probability 1 / (C * n_class), as in torch's WeightedRandomSampler.
    weights = 1 / (4 * np.bincount(LONG_TAIL)[LONG_TAIL])
    epochs = 1200
    seen = np.zeros(len(LONG_TAIL))
    for epoch in range(epochs):
        for position, _ in balanced_order(LONG_TAIL, seed=3, epoch=epoch):
            seen[position] += 1
    assert np.allclose(seen / epochs, 75 * weights, rtol=0.15)
    by_class = np.bincount(LONG_TAIL, weights=seen)[[0, 1, 2, 4]] / epochs
    assert np.allclose(by_class, 75 / 4, atol=0.06)  # four standard errors of the drawn remainder


def test_order_depends_on_seed_and_epoch_only():
    first = balanced_order(LONG_TAIL, seed=0, epoch=1)
    assert balanced_order(LONG_TAIL, seed=0, epoch=1) == first
    others = [balanced_order(LONG_TAIL, seed=0, epoch=2), balanced_order(LONG_TAIL, seed=1, epoch=1)]
    assert first not in others and others[0] != others[1]


def test_batches_are_the_order_cut_up():
    batches = EpochBatches(len(LONG_TAIL), 37, 5, labels=LONG_TAIL)
    batches.epoch = 3
    made = list(batches)
    assert [len(batch) for batch in made] == [37, 38] and len(batches) == 2  # no batch of one image
    assert list(chain.from_iterable(made)) == balanced_order(LONG_TAIL, seed=5, epoch=3)


def balanced_loader(study, workers=0):  # noqa: F811
    samples = study.grouped[(study.grouped["class_name"] == "aa") | (study.grouped["specimen"] < "bb/s2")]
    section = study.settings.train.model_copy(update={"sampler": "balanced", "batch_size": 5, "num_workers": workers})
    profile = study.settings.model_copy(update={"train": section})
    samples = samples.assign(split="train").reset_index(drop=True)
    pixels = study.load(samples)
    return loader_over(samples, pixels, profile)


def test_a_photograph_drawn_again_is_augmented_differently_whatever_the_workers(study):  # noqa: F811
    def images(loader, epoch):
        set_epoch(loader, epoch)
        parts = [torch.cat(part) for part in zip(*loader, strict=True)]
        return [(image.numpy().tobytes(), int(label), int(i)) for image, label, i in zip(*parts, strict=True)]

    alone = balanced_loader(study)
    first = images(alone, 1)
    assert Counter(label for _, label, _ in first) == {0: 8, 1: 8}  # 12 of aa, 4 of bb
    rare = [(image, i) for image, label, i in first if label == 1]
    assert len({i for _, i in rare}) == 4 and len({image for image, _ in rare}) == 8
    assert images(balanced_loader(study, workers=2), 1) == first and images(alone, 2) != first


def test_two_cures_at_once_are_refused():
    with pytest.raises(ParameterError, match="use one of them"):
        load_profile("quick", ["train.sampler=balanced", "train.logit_adjustment=1.0"])
    for name in ("quick", "standard", "paper", "authors", "own_photos", "test", "recommended"):
        train = load_profile(name, ["data.folder=photos"]).train
        assert train.sampler == "shuffle" and train.logit_adjustment == 0
