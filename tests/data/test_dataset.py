"""Cached pixels and batches: right images in the right places, whatever the workers and the order."""

import pickle
import shutil
from itertools import chain
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from folders import folder_profile, picture, put
from PIL import Image

from mineral_lib.data import pixels as pixels_module
from mineral_lib.data.dataset import MineralDataset, grey_pictures, make_loader, normalise, set_epoch, to_tensor
from mineral_lib.data.index import build_index, specimen_keys, working_size
from mineral_lib.data.pixels import load_masks, load_pixels
from mineral_lib.data.sampling import EpochBatches
from mineral_lib.data.split import make_split
from mineral_lib.errors import DataError, StorageError
from mineral_lib.parameters import load_profile
from mineral_lib.photos import read_photo, resize_square


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A folder of 2 x 12 photographs, its index and both splits."""
    root = tmp_path_factory.mktemp("photos")
    for name in ("aa", "bb"):
        for number in range(12):
            put(root, f"{name}/s{number // 2}_{number}.png", picture(ord(name[0]) * 100 + number, (64, 48)))
    pattern = r"data.specimen_pattern=^(?P<specimen>s\d+)_"
    changes = ["data.image_size_px=32", "data.specimen_from=pattern", pattern, "train.batch_size=5"]
    profile = folder_profile(root, *changes)
    index, cache = build_index(profile.data).index, tmp_path_factory.mktemp("cache")

    def load(samples, profile=profile, cache_dir=cache):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pixels_module, "_cache_dir", lambda: cache_dir)
            return load_pixels(samples, index, profile.data, profile.augment)

    splits = {name: make_split(index, name, profile.split, profile.augment) for name in ("grouped", "paper")}
    return SimpleNamespace(root=root, settings=profile, index=index, load=load, **splits)


def loader_of(study, *, workers=0, batch=5, seed=0, augment_now=True, split="train", train=True):
    section = study.settings.train.model_copy(update={"num_workers": workers, "batch_size": batch})
    profile = study.settings.model_copy(update={"train": section})
    pixels = study.load(study.grouped)
    return loader_over(study.grouped, pixels, profile, split=split, augment_now=augment_now, train=train, seed=seed)


def loader_over(samples, pixels, profile, *, split="train", augment_now=True, train=True, seed=0):
    augment = profile.augment if augment_now else None
    dataset = MineralDataset(samples, pixels, split=split, image_size_px=32, augment=augment, seed=seed)
    return make_loader(dataset, profile.train, draw=train, seed=seed)


def epoch_of(loader, epoch):
    """{position: (bytes of the image, label)} and the order of an epoch."""
    set_epoch(loader, epoch)
    images, labels, positions = (torch.cat(part) for part in zip(*loader, strict=True))
    rows = zip(images, labels.tolist(), positions.tolist(), strict=True)
    return {i: (image.numpy().tobytes(), label) for image, label, i in rows}, positions.tolist()


def test_folder_pixels_are_the_photographs_in_index_order(study):
    pixels = study.load(study.index)
    assert pixels.shape == (24, 37, 37, 3) and working_size(32) == 37 and working_size(224) == 256
    for row, path in enumerate(study.index["path"]):
        assert np.array_equal(pixels[row], resize_square(read_photo(study.root / path).image, 37))
    assert isinstance(pixels, np.memmap) and not pixels.flags.writeable


def test_pixels_are_decoded_once_and_a_damaged_cache_is_made_again(study, tmp_path, monkeypatch):
    first = np.array(study.load(study.index, cache_dir=tmp_path))
    (path,) = tmp_path.glob("*.npy")
    np.save(tmp_path / "other.npy", np.zeros((2, 2), np.uint8))
    whole = path.read_bytes()
    flipped = whole[:-1000] + bytes([whole[-1000] ^ 1]) + whole[-999:]
    for spoilt in (whole[:-100], (tmp_path / "other.npy").read_bytes(), b"", flipped):
        path.write_bytes(spoilt)
        assert np.array_equal(study.load(study.index, cache_dir=tmp_path), first)
    monkeypatch.setattr(pixels_module, "read_photo", lambda path: pytest.fail("decoded again"))
    assert np.array_equal(study.load(study.index, cache_dir=tmp_path), first)


def test_chunks_do_not_change_the_pixels(study, tmp_path, monkeypatch):
    whole = study.load(study.paper)
    monkeypatch.setattr(pixels_module, "CHUNK_BYTES", 7 * 3 * 37 * 37)
    assert np.array_equal(study.load(study.paper, cache_dir=tmp_path), whole)


def test_a_photograph_that_changed_or_vanished_since_the_scan_is_an_error(study, tmp_path):
    root = tmp_path / "photos"
    shutil.copytree(study.root, root)
    data = study.settings.data.model_copy(update={"folder": str(root)})
    moved = study.settings.model_copy(update={"data": data})
    Image.new("RGB", (40, 40)).save(root / "bb/s0_0.png")
    with pytest.raises(DataError, match="content changed since the scan"):
        study.load(study.index, moved, tmp_path / "cache")
    (root / "bb/s0_0.png").unlink()
    with pytest.raises(DataError, match="no such file"):
        study.load(study.index, moved, tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())  # nothing half-written stays


def test_full_disk_is_an_error_before_any_work(study, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(StorageError, match="MB are free"):
        study.load(study.index, cache_dir=tmp_path)


def test_split_of_other_photographs_is_refused(study):
    foreign = study.grouped.assign(image_id="other/" + study.grouped["image_id"])
    with pytest.raises(DataError, match="not in the index"):
        study.load(foreign)


def test_copies_of_the_paper_protocol(study, tmp_path):
    plain = study.load(study.grouped)
    pixels = study.load(study.paper)
    assert len(pixels) == 96
    rows = {image_id: row for row, image_id in enumerate(study.index["image_id"])}
    for i, (image_id, copy) in enumerate(zip(study.paper["image_id"], study.paper["copy"], strict=True)):
        same = np.array_equal(pixels[i], plain[rows[image_id]])
        assert same == (copy == 0)
    stronger = study.settings.augment.model_copy(update={"noise_sigma": 0.2})
    other = study.settings.model_copy(update={"augment": stronger})
    assert not np.array_equal(study.load(study.paper, other), pixels)


def test_images_do_not_depend_on_workers_batch_size_or_earlier_epochs(study):
    alone = loader_of(study)
    first = epoch_of(alone, 1)
    second = epoch_of(alone, 2)
    assert epoch_of(alone, 1) == first
    assert epoch_of(loader_of(study, workers=1), 2) == second
    assert epoch_of(loader_of(study, batch=3), 2)[0] == second[0]
    assert first[0] != second[0] and first[1] != second[1] and sorted(first[1]) == sorted(second[1])
    assert epoch_of(loader_of(study, seed=1), 1)[0] != first[0]


def test_pixels_that_stay_on_the_device_give_the_same_batches(study):
    for augment_now in (True, False):
        resident = loader_of(study, augment_now=augment_now)
        resident.dataset.pixels = torch.from_numpy(resident.dataset.pixels[resident.dataset.rows])
        assert epoch_of(resident, 1) == epoch_of(loader_of(study, augment_now=augment_now), 1)


def test_loader_leaves_the_global_generator_alone(study):
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    epoch_of(loader_of(study), 1)
    assert torch.equal(torch.rand(3), expected)


def test_evaluation_shows_the_centre_in_fixed_order(study):
    loader = loader_of(study, split="test", train=False, augment_now=False)
    seen, order = epoch_of(loader, 1)
    assert order == list(range(len(order))) and epoch_of(loader, 2)[0] == seen
    tested = study.grouped[study.grouped["split"] == "test"]
    assert [label for _, label in seen.values()] == tested["label"].tolist()
    photo = resize_square(read_photo(study.root / tested["image_id"].iloc[0]).image, 37)
    centre = torch.from_numpy(photo[2:34, 2:34].copy()).permute(2, 0, 1) / 255
    assert torch.equal(to_tensor(photo, 32), centre)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    expected = (centre - mean.view(3, 1, 1)) / deviation.view(3, 1, 1)
    assert torch.allclose(normalise(centre), expected)
    assert torch.allclose(normalise(centre, "half"), 2 * centre - 1, atol=1e-6)
    assert seen[0][0] == expected.numpy().tobytes()


@pytest.mark.parametrize(("count", "size"), [(11, 5), (10, 5), (1, 5), (6, 5), (5, 5), (3, 2), (64, 32), (65, 32)])
def test_every_image_once_an_epoch_and_no_training_batch_of_one(count, size):
    for seed in (0, None):
        batches = EpochBatches(count, size, seed)
        made = list(batches)
        assert len(made) == len(batches) and sorted(list(chain.from_iterable(made))) == list(range(count))
        assert max(map(len, made)) <= size + 1
        if seed is not None and count > 1:
            assert min(map(len, made)) > 1
        if seed is None:
            assert list(chain.from_iterable(made)) == list(range(count)) and max(map(len, made)) <= size


def test_data_set_travels_to_workers_without_its_pixels(study):
    dataset = loader_of(study).dataset
    packed = pickle.dumps(dataset)
    assert len(packed) < 20_000 < study.index.shape[0] * 37 * 37 * 3
    again = pickle.loads(packed)
    assert torch.equal(again[3][0], dataset[3][0])


def test_grey_pictures_have_luminance_in_every_channel():
    photos = torch.tensor([[[[255, 0]], [[0, 0]], [[0, 255]]]], dtype=torch.uint8)  # red, blue
    assert grey_pictures(photos).tolist() == [[[[76, 29]]] * 3]


def test_wrong_lengths_and_empty_splits_are_refused(study):
    pixels = study.load(study.grouped)
    with pytest.raises(ValueError, match="samples but"):
        MineralDataset(study.grouped, pixels[:-1], split="train", image_size_px=32)
    only = study.grouped.assign(split="train")
    with pytest.raises(DataError, match="no samples in 'val'"):
        loader_over(only, pixels, study.settings, split="val", train=False)


def test_generated_photographs_and_their_silhouettes(tmp_path, monkeypatch):
    monkeypatch.setattr(pixels_module, "_cache_dir", lambda: tmp_path)
    profile = load_profile("quick", ["data.image_size_px=32", "data.views=4", "train.jobs=1"])
    index = build_index(profile.data).index.groupby("label").head(5).query("label in (12, 22)").reset_index(drop=True)
    assert specimen_keys(index)[:5] == [(13, 1, 1), (13, 1, 2), (13, 1, 3), (13, 1, 4), (13, 2, 1)]
    pixels = load_pixels(index, index, profile.data, profile.augment)
    masks = load_masks(index, profile.data)
    assert pixels.shape == (10, 37, 37, 3) and masks.shape == (10, 37, 37) and masks.dtype == bool
    assert len({image.tobytes() for image in pixels}) == 10
    assert ((masks.mean((1, 2)) > 0.05) & (masks.mean((1, 2)) < 0.98)).all()
    from mineral_lib.specimens import photographs

    image, mask = photographs([(23, 1, 3)], image_size=37, seed=0)
    row = index.index[index["image_id"] == "quartz-s001-v3"][0]
    assert np.array_equal(pixels[row], image[0]) and np.array_equal(masks[row], mask[0])


def test_photographs_of_a_folder_have_no_silhouettes(study):
    with pytest.raises(DataError, match="no silhouettes"):
        load_masks(study.index, study.settings.data)
