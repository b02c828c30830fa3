"""Where the class folders lie: the usual layouts are recognised, and a given split is kept and counted."""

import numpy as np
import pandas as pd
import pytest
from folders import fill_classes, folder_profile, noise_of, put, rules

from mineral_lib.data.index import read_index
from mineral_lib.data.split import make_split
from mineral_lib.errors import DataError
from mineral_lib.photos import scan as scan_folder
from mineral_lib.photos.layout import part_of
from mineral_lib.storage import write_csv


def grouped(index, **changes):
    settings = folder_profile()
    split = settings.split.model_copy(update=changes)
    return make_split(index, "grouped", split, settings.augment).set_index("image_id")["split"]


@pytest.mark.parametrize("above", ["minerals/minerals", "photos", "a/b/c"])
def test_folders_around_the_class_folders(tmp_path, above):
    for name in ("aa", "bb"):
        fill_classes(tmp_path / above, 3, f"{name}/Q1", f"{name}/Q2")
    put(tmp_path, "README.txt", b"words")
    put(tmp_path, "__MACOSX/x.png", noise_of("system"))
    scan = scan_folder(tmp_path, rules(specimen_from="folder"))
    assert scan.classes == ["aa", "bb"] and len(scan.index) == 12
    assert set(scan.index["specimen"]) == {"aa/Q1", "aa/Q2", "bb/Q1", "bb/Q2"}
    assert scan.notes[0] == f"The class folders lie in '{above}'."


def test_a_single_mineral_is_a_class_and_no_folder_around_classes(tmp_path):
    fill_classes(tmp_path, 3, "quartz/Q1", "quartz/Q2")
    with pytest.raises(DataError, match="1 of 1 classes"):
        scan_folder(tmp_path, rules())


WORDS = {"train": "train", "Training": "train", "seg_train": "train", "train_set": "train", "trainset": "train"}
WORDS |= {"val": "val", "valid": "val", "Validation Data": "val", "dev": "val", "test": "test", "minerals-test": "test"}
WORDS |= {"testing": "test", "训练集": "train", "测试": "test"}
WORDS |= dict.fromkeys(("testament", "quartz", "train_test", "1"), "")


@pytest.mark.parametrize(("name", "part"), WORDS.items())
def test_words_for_parts(name, part):
    assert part_of(name) == part


@pytest.mark.parametrize(
    "names",
    [
        ("train", "val", "test"),
        ("Training", "valid", "testing"),
        ("seg_train/seg_train", "seg_dev/seg_dev", "seg_test/seg_test"),
        ("data/train", "data/validation", "data/test"),
    ],
)
def test_a_given_split_is_kept(tmp_path, names):
    for name, count in zip(names, (5, 2, 3), strict=True):
        for mineral in ("aa", "bb"):
            for number in range(count):  # the same names in all parts, other photographs
                put(tmp_path, f"{name}/{mineral}/{number}.png", noise_of(name, mineral, number))
    place = "data/pred" if "/" in names[0] and names[0].startswith("data") else "pred"
    put(tmp_path, f"{place}/1.png", noise_of("pred"))
    scan = scan_folder(tmp_path, rules())
    assert scan.classes == ["aa", "bb"] and len(scan.index) == 20
    assert scan.index["part"].value_counts().to_dict() == {"train": 10, "test": 6, "val": 4}
    split = grouped(scan.index)
    assert all(split[name] == part for name, part in zip(scan.index["image_id"], scan.index["part"], strict=True))
    assert scan.files.set_index("file").loc[f"{place}/1.png", "reason"] == "lies beside the class folders"
    assert scan.notes[0] == ("The folder is split already (train 10, val 4, test 6 photographs); this split is kept.")
    assert scan.notes[1].startswith("0 of 6 test photographs have a copy in train")
    again = read_index(write_csv(tmp_path / "index.csv", scan.index))
    assert again.to_dict("list") == scan.index.to_dict("list")


@pytest.mark.parametrize("assignment", ["balanced", "hash"])
@pytest.mark.parametrize("other", ["test", "val"])
def test_a_validation_part_that_is_missing_is_drawn_by_group_from_train(tmp_path, other, assignment):
    for mineral in ("aa", "bb"):
        for number in range(24):
            put(tmp_path, f"train/{mineral}/Q{number // 2}/{number}.png", noise_of(mineral, number))
    fill_classes(tmp_path / other, 3, "aa", "bb")
    index = scan_folder(tmp_path, rules(specimen_from="folder")).index
    split, group = grouped(index, assignment=assignment), index.set_index("image_id")["group"]
    assert split.value_counts()["test"] == 6 and split[split == "test"].index.str.startswith(other).all()
    assert 4 <= (split == "val").sum() <= 20
    assert not set(group[split[split == "val"].index]) & set(group[split[split == "train"].index])


def test_copies_between_the_parts_stay_and_are_counted(tmp_path):
    for part in ("train", "test"):
        fill_classes(tmp_path / part, 1, "aa", "bb")  # the same bytes in both parts
    for number in range(4):
        put(tmp_path, f"train/aa/more{number}.png", noise_of("more", number))
        put(tmp_path, f"test/bb/more{number}.png", noise_of("other", number))
    put(tmp_path, "train/aa/again.png", noise_of("more", 0))
    put(tmp_path, "train/bb/x.png", noise_of("x"))
    put(tmp_path, "test/zz/only here.png", noise_of("zz"))
    scan = scan_folder(tmp_path, rules(min_photos=1))
    assert scan.notes[1] == ("2 of 6 test photographs have a copy in train (2 of the same bytes or pixels).")
    reasons = scan.files.set_index("file")["reason"]
    assert reasons["train/aa/more0.png"] == "same bytes as train/aa/again.png"
    assert reasons["test/zz/only here.png"] == "its class has no photograph in train"
    assert scan.duplicates["kind"].tolist().count("same bytes") == 3 and len(scan.duplicates) == 3


def test_one_class_has_one_name_in_all_parts(tmp_path):
    fill_classes(tmp_path / "train", 4, "Quartz", "pyrite")
    fill_classes(tmp_path / "test", 4, "石英", "pyrite")
    scan = scan_folder(tmp_path, rules())
    assert len(scan.classes) == 2 and scan.index["part"].nunique() == 2


def test_unlabelled_photographs_beside_train_are_no_part(tmp_path):
    fill_classes(tmp_path / "train", 4, "aa", "bb")
    for name in ("test", "pred"):
        put(tmp_path, f"{name}/1.png", noise_of(name))
    scan = scan_folder(tmp_path, rules())
    assert "part" not in scan.index and scan.classes == ["aa", "bb"]
    assert scan.notes == ["The class folders lie in 'train'."]


@pytest.mark.parametrize("tree", [("train/1.png", "test/2.png"), ("train/aa/1.png", "test/bb/2.png", "pred/3.png")])
def test_parts_without_common_classes_get_a_remedy(tmp_path, tree):
    for name in tree:
        put(tmp_path, name, noise_of(name))
    with pytest.raises(DataError, match=r"hold no common class folders.*\n.*the same class folders"):
        scan_folder(tmp_path, rules())


def test_a_mineral_may_be_called_like_a_part(tmp_path):
    fill_classes(tmp_path, 3, "test", "quartz/Q1", "quartz/Q2")
    assert scan_folder(tmp_path, rules()).classes == ["quartz", "test"]


def test_train_needs_two_classes(tmp_path):
    fill_classes(tmp_path, 3, "aa", "bb")
    index = scan_folder(tmp_path, rules()).index
    index["part"] = np.where(index["class_name"] == "aa", "train", "test")
    index.loc[0, "part"] = "val"
    with pytest.raises(DataError, match="one class only"):
        grouped(pd.DataFrame(index))
