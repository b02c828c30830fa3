"""The rules for classes of one to four photographs are what the README says."""

import re

import pytest
from checkout import ROOT
from folders import fill_classes, folder_profile

from mineral_lib.data.index import build_index
from mineral_lib.data.split import SPLITS, make_split
from mineral_lib.errors import DataError

ROWS = re.findall(
    r"^\| (\d+) \| (\d+) \| (\d+) \| (\d+) \|", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.M
)
RULES = {int(count): tuple(map(int, parts)) for count, *parts in ROWS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("photos")
    for count in RULES:
        fill_classes(root, count, f"class {count}")
    return root


def settings_of(folder, rule):
    return folder_profile(folder, f"data.small_classes={rule}")


def test_split_of_small_classes_is_the_written_one(folder):
    assert set(RULES) == {1, 2, 3, 4, 20}
    settings = settings_of(folder, "train_only")
    split = make_split(build_index(settings.data).index, "grouped", settings.split, settings.augment)
    for count, wanted in RULES.items():
        own = split.loc[split["class_name"] == f"class {count}", "split"]
        assert tuple((own == part).sum() for part in SPLITS) == wanted, count


def test_small_classes_are_dropped_or_refused(folder):
    assert build_index(settings_of(folder, "drop").data).classes == ["class 20", "class 3", "class 4"]
    with pytest.raises(DataError, match=r"class 1 .*class 2 "):
        build_index(settings_of(folder, "error").data)


def test_three_photographs_of_one_specimen_are_in_training_only(folder):
    settings = settings_of(folder, "train_only")
    index = build_index(settings.data).index
    index.loc[index["class_name"] == "class 3", ["specimen", "group"]] = "class 3/one"
    split = make_split(index, "grouped", settings.split, settings.augment)
    assert set(split.loc[split["class_name"] == "class 3", "split"]) == {"train"}
