"""The four operations: each does what its name says, and a draw depends on its seed only."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mineral_lib.data.augment import (
    NEUTRAL,
    OPERATIONS,
    augment_batch,
    augment_offline,
    augment_photo,
    draw_params,
    only,
    rotate_and_crop,
)
from mineral_lib.parameters import load_profile

AUGMENT, CPU = load_profile("quick").augment, torch.device("cpu")


def picture(px=73):
    generator = torch.Generator().manual_seed(1)
    rough = torch.rand(1, 3, 9, 9, generator=generator)
    return F.interpolate(rough, size=(px, px), mode="bilinear").mul(255).to(torch.uint8)[0]


def strengths(**changes):
    return AUGMENT.model_copy(update=NEUTRAL | changes)


def augmented(image, seed, augment=AUGMENT):
    return augment_photo(image, augment=augment, image_size_px=64, seed=seed)


def test_result_has_the_promised_form():
    image = augmented(picture(), 3)
    assert image.shape == (3, 64, 64) and image.dtype == torch.float32
    assert image.min() >= 0 and image.max() <= 1


def test_no_strength_means_no_change():
    same = augmented(picture(64), 0, strengths())
    assert torch.allclose(same, picture(64) / 255, atol=1e-5)


def test_rotation_by_a_right_angle_equals_rot90():
    params = {"cos": 0.0, "sin": 1.0, "half_width": 1.0, "half_height": 1.0, "x": 0.0, "y": 0.0}
    turned = rotate_and_crop(picture(64)[None], {name: torch.tensor(value) for name, value in params.items()}, 64)[0]
    assert torch.allclose(turned, torch.rot90(picture(64), 1, (1, 2)) / 255, atol=1e-4)


def test_rotation_stays_in_its_range_and_uses_it():
    drawn = [draw_params(strengths(rotation_deg=30), 16, CPU) for _ in range(500)]
    angles = [np.degrees(np.arctan2(params["sin"], params["cos"])) for params in drawn]
    assert -30 <= min(angles) < -25 and 25 < max(angles) <= 30


def test_crop_keeps_the_promised_share_inside_the_picture():
    areas = []
    for _ in range(500):
        params = draw_params(strengths(crop_scale=(0.5, 0.9)), 16, CPU)
        wide, high, x, y = (params[name] for name in ("half_width", "half_height", "x", "y"))
        assert abs(x) + wide <= 1 + 1e-6 and abs(y) + high <= 1 + 1e-6
        assert 3 / 4 - 1e-6 <= wide / high <= 4 / 3 + 1e-6
        areas.append(wide * high)
    assert 0.5 - 1e-6 <= min(areas) < 0.55 and 0.85 < max(areas) <= 0.9 + 1e-6


def test_flip_happens_in_about_half_of_the_draws_and_mirrors():
    plain = picture(64) / 255
    results = [augmented(picture(64), seed, strengths(horizontal_flip=True)) for seed in range(200)]
    mirrored = sum(torch.allclose(image, plain.flip(2), atol=1e-5) for image in results)
    assert mirrored + sum(torch.allclose(image, plain, atol=1e-5) for image in results) == 200
    assert 70 < mirrored < 130


def test_no_black_corners():
    flat = torch.full((3, 73, 73), 200, dtype=torch.uint8)
    augment = strengths(rotation_deg=180.0, crop_scale=(0.7, 1.0))
    for seed in range(20):
        image = augmented(flat, seed, augment)
        assert torch.allclose(image, torch.tensor(200 / 255), atol=1e-4)


def test_brightness_multiplies_within_its_range():
    dark, augment = picture(64) // 2, strengths(brightness=(0.5, 1.5))
    ratios = [(augmented(dark, seed, augment).mean() / (dark / 255).mean()).item() for seed in range(100)]
    assert 0.5 - 1e-3 <= min(ratios) < 0.6 and 1.4 < max(ratios) <= 1.5 + 1e-3


def test_noise_has_the_promised_deviation():
    grey = torch.full((3, 64, 64), 128, dtype=torch.uint8)
    image = augmented(grey, 1, strengths(noise_sigma=0.05))
    assert abs(image.std().item() - 0.05) < 0.002 and abs(image.mean().item() - 128 / 255) < 0.002


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_alone_changes_the_picture(name):
    image = augmented(picture(64), 5, only(name, AUGMENT))
    assert image.shape == (3, 64, 64)
    assert (image - picture(64) / 255).abs().mean() > 0.005


def test_a_draw_depends_on_its_seed_only_and_leaves_the_global_generator_alone():
    torch.manual_seed(7)
    expected = torch.rand(4)
    torch.manual_seed(7)
    first = augmented(picture(), 11)
    assert torch.equal(torch.rand(4), expected)
    torch.rand(100)
    assert torch.equal(augmented(picture(), 11), first)
    assert not torch.equal(augmented(picture(), 12), first)


@pytest.mark.parametrize("changes", [{}, {"noise_sigma": 0.0}, {"brightness": (1.0, 1.0), "horizontal_flip": True}])
def test_a_batch_is_its_photographs_one_by_one(changes):
    augment = AUGMENT.model_copy(update=changes)
    images = torch.stack([picture().roll(shift, 1) for shift in range(5)])
    torch.manual_seed(7)
    expected = torch.rand(4)
    torch.manual_seed(7)
    batch = augment_batch(images, augment=augment, image_size_px=64, seeds=[3, 1, 4, 1, 5])
    assert torch.equal(torch.rand(4), expected)
    for image, seed, made in zip(images, [3, 1, 4, 1, 5], batch, strict=True):
        assert torch.equal(augmented(image, seed, augment), made)


def test_offline_copies_differ_from_each_other_and_copy_0_is_the_photograph():
    photo = picture().permute(1, 2, 0).numpy()
    made = [augment_offline(photo, copy, "quartz/a.jpg", augment=AUGMENT, seed=0) for copy in range(4)]
    assert np.array_equal(made[0], photo)
    assert all(image.shape == photo.shape and image.dtype == np.uint8 for image in made)
    assert len({image.tobytes() for image in made}) == 4
    assert np.array_equal(augment_offline(photo, 2, "quartz/a.jpg", augment=AUGMENT, seed=0), made[2])
    assert not np.array_equal(augment_offline(photo, 2, "quartz/b.jpg", augment=AUGMENT, seed=0), made[2])
