"""Mixup and CutMix: right shares, and draws that depend on (seed, epoch, step) only."""

import pytest
import torch

from mineral_lib.parameters import load_profile
from mineral_lib.training.recipe import batch_mixing


def mixing(*, seed: int = 0, **alphas: float):
    """Mixing of three classes with these alphas."""
    train = load_profile("quick", [f"train.{name}_alpha={value}" for name, value in alphas.items()]).train
    return batch_mixing(train, 3, seed=seed)


def batch(count: int = 6):
    """Images whose every pixel is 1 in the channel of their class, and labels."""
    labels = torch.arange(count) % 3
    return torch.nn.functional.one_hot(labels, 3).float()[:, :, None, None].repeat(1, 1, 16, 16), labels


def test_off_by_default():
    assert mixing() is None


@pytest.mark.parametrize("alphas", [{"mixup": 0.4}, {"cutmix": 1.0}, {"mixup": 0.4, "cutmix": 1.0}])
@pytest.mark.parametrize("count", [6, 5])
def test_shares_are_those_of_the_pixels(alphas, count):
    mix, (images, labels) = mixing(**alphas), batch(count)
    for step in range(1, 9):
        mixed, shares = mix(images, labels, 1, step)
        torch.testing.assert_close(mixed.mean((2, 3)), shares, atol=1e-5, rtol=0)
        torch.testing.assert_close(shares.sum(1), torch.ones(count))
    assert torch.equal(images, batch(count)[0]) and labels.ndim == 1  # the batch itself is as it was


def test_both_ways_come_up_if_both_are_on():
    images, labels = batch()
    mix, pasted = mixing(mixup=1.0, cutmix=1.0), []
    for step in range(1, 21):
        mixed, _ = mix(images, labels, 1, step)
        pasted.append(bool(((mixed == 0) | (mixed == 1)).all()))  # CutMix moves pixels, mixup blends them
    assert 4 <= sum(pasted) <= 16


def test_a_draw_depends_on_seed_epoch_and_step_only():
    images, labels = batch()
    first = mixing(mixup=0.4)(images, labels, 2, 5)[1]
    torch.manual_seed(7)
    before = torch.get_rng_state()
    mix = mixing(mixup=0.4)
    mix(images, labels, 1, 1)
    assert torch.equal(mix(images, labels, 2, 5)[1], first)  # whatever was drawn before
    assert torch.equal(torch.get_rng_state(), before)  # drop path does not notice
    for way, place in ((mix, (2, 6)), (mix, (3, 5)), (mixing(mixup=0.4, seed=1), (2, 5))):
        assert not torch.equal(way(images, labels, *place)[1], first)
