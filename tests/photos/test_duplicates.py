"""Near duplicates: the eight turns follow from one hash, and the pairs found are exactly those of brute force."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from folders import picture
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageEnhance

from mineral_lib.errors import DataError
from mineral_lib.photos import duplicates
from mineral_lib.photos.duplicates import MAX_RADIUS, groups, near_pairs, perceptual_hash, turned


def pixels(seed, size=(210, 150)):
    return np.asarray(picture(seed, size))


def bits_apart(first, second):
    return bin(int(first) ^ int(second)).count("1")


def brute_force(hashes, radius):
    rows = []
    for i in range(len(hashes)):
        for j in range(i + 1, len(hashes)):
            distance = min(bits_apart(hashes[i, 0], turn) for turn in hashes[j])
            if distance <= radius:
                rows.append((i, j, distance))
    return rows


def related_hashes(seed, count, flips):
    """Hashes of which some are turned copies of others with a few bits changed."""
    rng = np.random.default_rng(seed)
    upright = rng.integers(0, 2**63, count, dtype=np.uint64) & ~np.uint64(1)
    for i in range(1, count, 2):
        upright[i] = turned(upright[rng.integers(i)])[rng.integers(8)]
        for bit in rng.integers(1, 64, rng.integers(0, flips + 1)):
            upright[i] ^= np.uint64(1) << np.uint64(bit)
    return turned(upright)


def test_the_eight_hashes_are_those_of_the_flipped_and_turned_picture():
    image = pixels(1)
    eight = [image, image[:, ::-1], image[::-1], image[::-1, ::-1]]
    eight += [one.transpose(1, 0, 2) for one in eight]
    hashes = perceptual_hash(image)
    assert hashes.shape == (8,) and hashes.dtype == np.uint64 and len(set(hashes.tolist())) == 8
    assert [int(perceptual_hash(np.ascontiguousarray(one))[0]) for one in eight] == hashes.tolist()
    assert np.array_equal(turned(hashes[0]), hashes) and np.array_equal(turned(hashes[:3])[:, 0], hashes[:3])


def test_edits_stay_near_and_strangers_far():
    image = picture(2, (210, 150))
    edits = [image.resize((105, 75)), ImageEnhance.Brightness(image).enhance(0.8), image.rotate(90, expand=True)]
    hashes = np.stack([perceptual_hash(np.asarray(one)) for one in [image, *edits]])
    found = near_pairs(hashes, 6)
    assert set(found.loc[found["first"] == 0, "second"]) == {1, 2, 3}
    strangers = np.stack([perceptual_hash(pixels(seed)) for seed in range(100, 130)])
    assert near_pairs(strangers, 6).empty
    assert near_pairs(strangers, MAX_RADIUS)["distance"].between(7, MAX_RADIUS).all()


def test_flat_and_large_photographs():
    for value in (0, 128, 255):
        assert perceptual_hash(np.full((40, 60, 3), value, np.uint8))[0] == 0
    large = pixels(3, (2100, 1500))
    assert bits_apart(perceptual_hash(large)[0], perceptual_hash(pixels(3))[0]) <= 4


@settings(max_examples=40, derandomize=True, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(0, 40), radius=st.integers(0, MAX_RADIUS))
def test_pairs_are_those_of_brute_force(seed, count, radius):
    hashes = related_hashes(seed, count, flips=12)
    found = near_pairs(hashes, radius)
    assert list(found.itertuples(index=False, name=None)) == brute_force(hashes, radius)
    assert list(found.columns) == ["first", "second", "distance"] and (found.dtypes == np.int64).all()


def test_pairs_do_not_depend_on_the_piece_size(monkeypatch):
    hashes = related_hashes(5, 1000, flips=9)
    found = near_pairs(hashes, 9)
    assert len(found) > 100
    monkeypatch.setattr(duplicates, "_CHUNK", 5001)
    assert near_pairs(hashes, 9).equals(found)


def test_memory_does_not_grow_with_the_number_of_pairs_compared():
    hashes = related_hashes(6, 12000, flips=3)
    tracemalloc.start()
    near_pairs(hashes, 5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 120e6  # a table of all 144 million pairs would need more


def test_too_many_pairs_and_a_wrong_radius_are_refused(monkeypatch):
    monkeypatch.setattr(duplicates, "MAX_PAIRS", 100)
    with pytest.raises(DataError, match="more than 100 pairs") as caught:
        near_pairs(np.zeros((20, 8), np.uint64), 0)
    assert "near_duplicate_radius" in str(caught.value)
    for radius in (-1, MAX_RADIUS + 1):
        with pytest.raises(ValueError):
            near_pairs(np.zeros((2, 8), np.uint64), radius)


def test_groups_are_chains_of_pairs_numbered_by_their_first_member():
    pairs = pd.DataFrame({"first": [1, 4, 2], "second": [4, 5, 3]})
    assert groups(7, pairs).tolist() == [0, 1, 2, 2, 1, 1, 3]
    assert groups(3, pairs.iloc[:0]).tolist() == [0, 1, 2] and groups(0, pairs.iloc[:0]).tolist() == []
