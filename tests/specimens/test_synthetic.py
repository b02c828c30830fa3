"""Generated photographs: repeatable, the same at any size, one object per specimen, neither trivial nor hopeless."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier

from mineral_lib.specimens import Photograph, photograph, photographs

CLASSES = range(1, 27)


def _histogram(images: np.ndarray, masks: np.ndarray | None = None) -> np.ndarray:
    """Share of pixels in 8 x 8 x 8 RGB bins, (n, 512); only where the masks are True if given."""
    bins = (images.astype(int) >> 5) @ np.array([64, 8, 1])
    rows = []
    for number, picture in enumerate(bins):
        chosen = picture.ravel() if masks is None else picture[masks[number]]
        rows.append(np.bincount(chosen, minlength=512) / chosen.size)
    return np.stack(rows)


@pytest.fixture(scope="module")
def collection() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keys, images and masks of 26 classes x 6 specimens x 2 views at 32 pixels."""
    keys = [(c, s, v) for c in CLASSES for s in range(6) for v in range(2)]
    images, masks = photographs(keys, image_size=32, seed=5)
    return np.array(keys), images, masks


def test_same_key_gives_the_same_bytes_and_other_keys_do_not():
    first = photograph(13, 4, 2, image_size=48, seed=9)
    photograph(8, 0, 0, image_size=48, seed=9)
    again = photograph(13, 4, 2, image_size=48, seed=9)
    assert isinstance(first, Photograph)
    assert first.image.dtype == np.uint8 and first.image.shape == (48, 48, 3)
    assert first.mask.dtype == bool and first.mask.shape == (48, 48)
    assert np.array_equal(first.image, again.image) and np.array_equal(first.mask, again.mask)
    for other in ((13, 4, 3, 9), (13, 5, 2, 9), (14, 4, 2, 9), (13, 4, 2, 10)):
        shot = photograph(*other[:3], image_size=48, seed=other[3])
        assert not np.array_equal(first.mask, shot.mask)


def test_number_of_processes_does_not_matter():
    keys = [(c, s, v) for c in (1, 16, 23) for s in range(2) for v in range(2)]
    alone = photographs(keys, image_size=24, seed=3, jobs=1)
    together = photographs(keys, image_size=24, seed=3, jobs=2)
    assert np.array_equal(alone[0], together[0]) and np.array_equal(alone[1], together[1])
    single = photograph(*keys[5], image_size=24, seed=3)
    assert np.array_equal(single.image, alone[0][5]) and np.array_equal(single.mask, alone[1][5])


def test_no_keys_give_empty_arrays():
    images, masks = photographs([], image_size=24, seed=0)
    assert images.shape == (0, 24, 24, 3) and masks.shape == (0, 24, 24)


def test_views_differ_but_show_one_object(collection):
    keys, images, masks = collection
    assert all((masks[k] ^ masks[k + 1]).mean() > 0.02 for k in range(0, len(keys), 2))
    colours = np.sqrt(_histogram(images, masks)).reshape(len(CLASSES), 6, 2, 512)
    same = np.linalg.norm(colours[:, :, 0] - colours[:, :, 1], axis=-1)
    other = np.linalg.norm(colours[:, :, 0] - np.roll(colours[:, :, 1], 1, axis=1), axis=-1)
    assert same.mean() < 0.95 * other.mean()


def test_masks_are_plausible(collection):
    _, _, masks = collection
    share = masks.mean(axis=(1, 2))
    assert share.min() > 0.12 and share.max() < 0.75
    assert 0.25 < np.median(share) < 0.5
    assert np.mean(share < 0.20) < 0.02
    borders = np.stack([masks[:, 0].any(1), masks[:, -1].any(1), masks[:, :, 0].any(1), masks[:, :, -1].any(1)])
    assert borders.sum(axis=0).max() <= 2
    assert borders.any(axis=0).mean() < 0.05


def test_specimen_stands_out_from_the_dark_bench(collection):
    _, images, masks = collection
    ground = np.array([image[~mask].mean() for image, mask in zip(images, masks, strict=True)])
    assert ground.max() < 110 and 15 < np.median(ground) < 60


@pytest.mark.parametrize("class_number", [3, 8, 13, 16, 18, 26])
def test_number_of_pixels_does_not_change_the_scene(class_number):
    small = photograph(class_number, 1, 0, image_size=64, seed=2)
    large = photograph(class_number, 1, 0, image_size=128, seed=2)
    scaled = large.image.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    assert np.abs(scaled - small.image).mean() < 7
    half = large.mask.reshape(64, 2, 64, 2).mean(axis=(1, 3)) >= 0.5
    assert (half ^ small.mask).mean() < 0.02


def _score(features: np.ndarray, keys: np.ndarray) -> float:
    """Accuracy of a linear classifier on the last two specimens of each class, learned on the others."""
    train = keys[:, 1] < 4
    model = RidgeClassifier(alpha=0.3).fit(features[train], keys[train, 0])
    return model.score(features[~train], keys[~train, 0])


def test_colour_is_a_weak_cue_and_the_bench_none(collection):
    keys, images, masks = collection
    assert 0.08 < _score(np.sqrt(_histogram(images)), keys) < 0.4
    bench = np.array([image[~mask].mean(axis=0) for image, mask in zip(images, masks, strict=True)])
    assert _score(bench / 255, keys) < 0.15


def test_look_alikes_are_equally_bright(collection):
    _, images, masks = collection
    bright = np.array([image[mask].mean() for image, mask in zip(images, masks, strict=True)]).reshape(len(CLASSES), -1)
    assert bright.mean(axis=1).std() < bright.std(axis=1).mean()


@pytest.mark.parametrize("ground", ["grey", "swapped"])
def test_another_ground_changes_the_bench_only(ground):
    for key in [(8, 1, 0), (16, 2, 1), (23, 3, 0)]:
        own = photograph(*key, image_size=48, seed=4)
        other = photograph(*key, image_size=48, seed=4, ground=ground)
        assert np.array_equal(own.mask, other.mask)
        change = np.abs(own.image.astype(int) - other.image).max(axis=2)
        inside = own.mask.copy()
        for axis in (0, 1):  # pixels whose neighbours are all specimen: no bench is mixed into them
            inside &= np.roll(own.mask, 1, axis) & np.roll(own.mask, -1, axis)
        assert np.mean(change[inside] > 3) < 0.03  # the rest are slits between crystals
        assert np.mean(change[~own.mask] > 3) > 0.5


def test_grey_ground_is_the_same_in_all_photographs_and_keeps_the_shadow():
    shots = [photograph(c, 1, 0, image_size=48, seed=4, ground="grey") for c in (3, 8, 16, 23)]
    grounds = [shot.image[~shot.mask].astype(float) for shot in shots]
    brightest = [np.percentile(ground, 90, axis=0) for ground in grounds]
    assert np.ptp(brightest, axis=0).max() < 12
    assert all(ground.min() < 0.7 * np.percentile(ground, 90) for ground in grounds)
    with pytest.raises(ValueError, match="ground"):
        photograph(3, 1, 0, image_size=48, seed=4, ground="white")


def test_ground_of_many_photographs_is_that_of_one():
    images, masks = photographs([(3, 1, 0), (8, 2, 1)], image_size=24, seed=1, ground="swapped")
    single = photograph(8, 2, 1, image_size=24, seed=1, ground="swapped")
    assert np.array_equal(images[1], single.image) and np.array_equal(masks[1], single.mask)


@pytest.mark.parametrize("key", [(0, 0, 0), (27, 0, 0), (1, -1, 0), (1, 0, -1)])
def test_keys_out_of_range_are_refused(key):
    with pytest.raises(ValueError):
        photograph(*key, image_size=32, seed=0)


def test_tiny_pictures_are_refused():
    with pytest.raises(ValueError, match="image_size"):
        photograph(1, 0, 0, image_size=4, seed=0)
