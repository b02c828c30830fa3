"""Class folders a level too high: noticed by the minerals below them, told by check, refused by learn."""

import pytest
from folders import fill_classes, put

from mineral_lib.cli import main
from mineral_lib.photos import list_files, wrong_level


@pytest.mark.parametrize(
    ("folders", "below"),
    [
        (["Sulfide/pyrite", "Oxide/quartz", "Carbonate/calcite"], 3),
        (["2019/quartz", "2020/quartz"], 2),
        (["2019/石英", "2020/Pyrite", "2020/unknown"], 2),
        (["mine/Sulfide/pyrite", "mine/Oxide/quartz", "theirs/Oxide/quartz"], 3),  # two levels too high
        (["train/2019/quartz", "train/2020/pyrite", "test/2019/quartz", "test/2020/pyrite"], 2),
        (["a/quartz", "b/pyrite", "c", "galena"], 2),  # one of four is known
    ],
)
def test_minerals_below_the_classes_are_noticed(tmp_path, folders, below):
    fill_classes(tmp_path, 1, *folders)
    error = wrong_level(tmp_path, list_files(tmp_path))
    assert f"but {below} folders below them look like minerals" in error.what


@pytest.mark.parametrize(
    "folders",
    [
        ["quartz", "pyrite"],
        ["quartz/QU-001", "pyrite/PY-001"],
        ["cuarzo", "pirita/PY-001", "ma collection"],  # any names and languages
        ["cuarzo/quartz", "pirita/PY-001"],  # one folder may be anything
        ["a/quartz", "b/pyrite", "galena"],  # a third is known
        ["quartz/pyrite", "pyrite/quartz"],
        ["minerals/minerals/quartz", "minerals/minerals/pyrite"],
    ],
)
def test_other_folders_are_left_alone(tmp_path, folders):
    fill_classes(tmp_path, 1, *folders)
    put(tmp_path, ".cache/2019/quartz/a.png", b"")
    assert wrong_level(tmp_path, list_files(tmp_path)) is None


def test_many_names_are_shortened_and_odd_ones_printable(tmp_path):
    fill_classes(tmp_path, 1, *(f"20{year}\x1b/quartz" for year in range(10, 20)))
    text = str(wrong_level(tmp_path, list_files(tmp_path)))
    assert "0 of the 10 folders" in text and "'2015\\x1b' and 4 more" in text and "\x1b" not in text


def test_check_tells_it_first_and_goes_on_and_learn_refuses(study_root, capsys):
    museum = study_root / "museum"
    fill_classes(museum, 10, "Sulfide/pyrite", "Oxide/quartz", "Carbonate/calcite")
    said = "0 of the 3 folders taken for classes are known minerals ('Carbonate', 'Oxide', 'Sulfide'), but 3 folders"
    assert main(["check", str(museum), "--set", "data.near_duplicate_radius=null"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(
        f"* look: {museum}: {said} below them look like minerals ('Carbonate/calcite', 'Oxide/quartz'"
    )
    assert "`mineral check sorted`" in out and "30 files found" in out
    assert "look like views" not in out  # folders of minerals are no specimens
    assert main(["learn", str(museum)]) == 3
    out, err = capsys.readouterr()
    assert out == "" and f"{museum}: {said}" in err and "What to do: make a folder with one sub-folder a mineral" in err


def test_it_is_told_where_the_scan_fails_because_of_it(study_root, capsys):
    fill_classes(study_root / "years", 3, "2019/quartz", "2020/pyrite")
    assert main(["check", str(study_root / "years")]) == 3
    out, err = capsys.readouterr()
    assert "* look:" in out and "of 2 classes can be used" in err
