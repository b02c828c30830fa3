"""Scanning a photo folder: every file is accounted for, labels are stable, and each mistake gets a clear message."""

import contextlib
import os
import resource
import stat

import pandas as pd
import pytest
from folders import fill_classes, noise, noise_of, put, rules
from PIL import Image

from mineral_lib.data.index import build_index, index_fingerprint, photo_folder, read_index
from mineral_lib.errors import DataError, StorageError
from mineral_lib.parameters import load_profile
from mineral_lib.photos import scan as scan_folder
from mineral_lib.storage import write_csv


def statuses(scan):
    return dict(zip(scan.files["file"], scan.files["status"] + ": " + scan.files["reason"], strict=True))


def error_of(root, **changes):
    with pytest.raises(DataError) as caught:
        scan_folder(root, rules(**changes), jobs=1)
    assert caught.value.exit_code == 3 and caught.value.remedy and caught.value.where
    return str(caught.value)


def test_labels_follow_table_2_then_the_code_points(tmp_path):
    for name in ("zircon", "Quartz", "斑铜矿", "apatite", "cinnabar"):
        fill_classes(tmp_path, 3, name)
    scan = scan_folder(tmp_path, rules())
    assert scan.classes == ["斑铜矿", "cinnabar", "Quartz", "apatite", "zircon"]
    assert scan.index.groupby("class_name")["label"].first().to_dict() == {n: i for i, n in enumerate(scan.classes)}


def test_same_bytes_once_in_a_class_and_never_in_two(tmp_path):
    fill_classes(tmp_path, 4, "aa", "bb")
    put(tmp_path, "aa/photo0 (copy).png", noise_of("aa", 0))
    put(tmp_path, "bb/wrong.png", noise_of("aa", 3))
    found = statuses(scan_folder(tmp_path, rules()))
    assert found["aa/photo0 (copy).png"] == "used: "
    assert found["aa/photo0.png"] == "skipped: same bytes as aa/photo0 (copy).png"
    assert found["aa/photo3.png"].startswith("skipped: label conflict with bb/wrong.png")
    assert found["bb/wrong.png"].startswith("skipped: label conflict with aa/photo3.png")


def test_links_are_followed_once_and_never_in_circles(tmp_path):
    root, store = tmp_path / "photos", tmp_path / "store"
    fill_classes(root, 3, "aa", "bb")
    fill_classes(store, 3, "cc", "specimen")
    put(tmp_path, "outside.png", noise(99))
    (root / "aa/loop").symlink_to(root)
    (root / "aa/out.png").symlink_to(tmp_path / "outside.png")
    (root / "aa/gone.png").symlink_to(root / "nowhere.png")
    (root / "aa/again.png").symlink_to(root / "aa/photo1.png")
    (root / "cc").symlink_to(store / "cc")
    (root / "bb/specimen").symlink_to(store / "specimen")
    (store / "cc/back").symlink_to(store)
    scan = scan_folder(root, rules())
    found = statuses(scan)
    assert found["aa/loop/"] == found["cc/back/"] == "ignored: link to a folder that is here already"
    assert found["aa/out.png"] == "used: " and found["aa/gone.png"].startswith("skipped: link that leads nowhere (/")
    assert found["aa/photo1.png"] == "skipped: same bytes as aa/again.png"
    assert scan.index["class_name"].value_counts().to_dict() == {"bb": 6, "aa": 4, "cc": 3}


def test_a_folder_of_nothing_but_linked_classes_is_a_folder(tmp_path):
    fill_classes(tmp_path / "store", 3, "aa", "bb")
    (tmp_path / "photos").mkdir()
    for name in ("aa", "bb"):
        (tmp_path / "photos" / name).symlink_to(tmp_path / "store" / name)
    assert len(scan_folder(tmp_path / "photos", rules()).index) == 6


@pytest.mark.parametrize("bad", ["System Volume Information", "lost+found", "aa/Q7", "cc"])
def test_a_folder_that_cannot_be_listed_is_a_row(tmp_path, monkeypatch, bad):
    fill_classes(tmp_path, 3, "aa", "bb")
    (tmp_path / bad).mkdir()
    real = os.scandir

    def scandir(place):
        if str(place).endswith(bad):
            raise PermissionError(13, "Permission denied")
        return real(place)

    monkeypatch.setattr(os, "scandir", scandir)
    scan = scan_folder(tmp_path, rules())
    status = "skipped" if bad in ("aa/Q7", "cc") else "ignored"
    assert statuses(scan)[f"{bad}/"] == f"{status}: cannot be listed (Permission denied)"
    assert scan.classes == ["aa", "bb"] and len(scan.index) == 6


def test_a_pipe_and_a_name_that_is_no_text_are_skipped(tmp_path):
    fill_classes(tmp_path, 3, "aa", "bb")
    os.mkfifo(tmp_path / "aa/pipe.jpg")
    os.mknod(tmp_path / "aa/socket.jpg", stat.S_IFSOCK | 0o600)
    (tmp_path / "aa/folder.jpg").mkdir()
    with open(os.path.join(os.fsencode(tmp_path), b"aa", b"\xc0\xd0.png"), "wb") as handle:
        handle.write(noise_of(5))
    found = statuses(scan_folder(tmp_path, rules()))
    assert found["aa/pipe.jpg"] == "skipped: not a regular file"
    assert found["aa/socket.jpg"] == "skipped: not a regular file"
    assert found["aa/folder.jpg/"] == "ignored: empty folder"
    assert found["aa/\\udcc0\\udcd0.png"] == "skipped: the name is not valid UTF-8; rename it"


NAMES = ["石英 一.png", "😀.png", "שלום.png", "a b{c}'d\".png", "line\nfeed.png", "tab\there.png", "ret\rurn.png"]
NAMES += ["-rf.png", "=1+1.png", "@sum.png", "+1.png", "a,b;c.png", "NA.png", "nan", "1e5", "x" * 251 + ".png"]
NAMES += ["PHOTO.JPG", "no extension", "wrong.txt.tiff", "100%.png", "a\\b.png", "\u202eevil.png", "\u00e9.png"]
NAMES += ["e\u0301.png", " .png", "...png", 'quo"te, comma.png', "a#b.png", "007.png"]


def test_every_name_is_used_and_survives_all_tables(tmp_path):
    root = tmp_path / "photos"
    places = [f"{class_name}/{name}" for class_name in ("aa", "石 英", "NA", "007") for name in NAMES]
    for number, place in enumerate(places):
        put(root, place, noise(number))
    scan = scan_folder(root, rules(min_photos=1), cache_dir=tmp_path / "cache")
    ignored = {place for place in places if "/." in place}
    assert set(scan.index["image_id"]) == set(places) - ignored
    assert scan.files["status"].eq("ignored").sum() == len(ignored) == 4
    again = read_index(write_csv(tmp_path / "index.csv", scan.index))
    assert again.to_dict("list") == scan.index.to_dict("list")
    with pytest.raises(StorageError, match="is missing"):
        read_index(tmp_path / "none.csv")
    files = pd.read_csv(write_csv(tmp_path / "scan.csv", scan.files), keep_default_na=False)
    assert files["file"].tolist() == scan.files["file"].tolist()
    second = scan_folder(root, rules(min_photos=1), cache_dir=tmp_path / "cache")
    assert second.read == 0 and second.index.equals(scan.index)


def test_deep_folders_and_long_paths(tmp_path):
    deep = "/".join(["d" * 200] * 12)  # 2,400 characters below the class folder
    put(tmp_path, f"aa/{deep}/photo.png", noise(1))
    fill_classes(tmp_path, 3, "bb")
    assert f"aa/{deep}/photo.png" in set(scan_folder(tmp_path, rules(min_photos=1)).index["image_id"])


def test_a_link_to_itself_and_links_in_circles_end(tmp_path):
    fill_classes(tmp_path, 3, "aa", "bb")
    (tmp_path / "aa/self").symlink_to(tmp_path / "aa/self")
    (tmp_path / "aa/one.png").symlink_to(tmp_path / "aa/two.png")
    (tmp_path / "aa/two.png").symlink_to(tmp_path / "aa/one.png")
    (tmp_path / "bb/up").symlink_to("..")
    found = statuses(scan_folder(tmp_path, rules()))
    assert sum(text.startswith("used") for text in found.values()) == 6 and len(found) == 10
    assert found["bb/up/"] == "ignored: link to a folder that is here already"
    assert all("leads nowhere" in found[f"aa/{name}"] for name in ("self", "one.png", "two.png"))


def test_a_scan_needs_few_file_descriptors(tmp_path):
    for name in ("aa", "bb"):
        for number in range(250):
            put(tmp_path, f"{name}/{number % 20}/{number}.png", noise_of(name, number))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"), contextlib.ExitStack() as stack:
            for _ in range(64):
                stack.enter_context(open(os.devnull, "rb"))  # the limit is in force
        assert len(scan_folder(tmp_path, rules(), jobs=8).index) == 500
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_too_many_unreadable_photographs_stop_the_scan(tmp_path):
    fill_classes(tmp_path, 3, "aa", "bb")
    for number in range(6):
        put(tmp_path, f"bb/bad{number}.jpg", b"<html>")
    assert len(scan_folder(tmp_path, rules()).index) == 6  # exactly half
    put(tmp_path, "bb/one more.jpg", b"")
    message = error_of(tmp_path)
    assert "7 of 13 photographs cannot be read; the first: bb/bad0.jpg: no photograph" in message
    assert "data.max_bad_share" in message
    assert len(scan_folder(tmp_path, rules(max_bad_share=1.0)).index) == 6


def test_a_blank_photograph_is_used_and_named(tmp_path):
    fill_classes(tmp_path, 3, "aa", "bb")
    put(tmp_path, "aa/blank.png", Image.new("RGB", (100, 100), (90, 90, 90)))
    files = scan_folder(tmp_path, rules()).files.set_index("file")
    assert files.loc["aa/blank.png", ["status", "warnings"]].tolist() == ["used", "blank or low information"]
    assert files.loc["aa/photo0.png", "warnings"] == "very small (24 x 20 pixels)"


def test_specimens_come_from_the_file_name_or_are_the_photograph(tmp_path):
    for name in ("aa", "bb"):
        for number in range(3):
            put(tmp_path, f"{name}/s{number % 2}_{number}.png", noise_of(name, number))
        put(tmp_path, f"{name}/other.png", noise_of(name, 9))
    index = scan_folder(tmp_path, rules(specimen_from="pattern", specimen_pattern=r"^(?P<specimen>s\d+)_")).index
    assert index.set_index("image_id")["specimen"].to_dict() == {
        f"{name}/{file}": f"{name}/{key}"
        for name in ("aa", "bb")
        for file, key in (("s0_0.png", "s0"), ("s0_2.png", "s0"), ("s1_1.png", "s1"), ("other.png", "other.png"))
    }
    assert index.set_index("image_id").loc["aa/s0_2.png", "view"] == 2


def test_small_classes_follow_the_rule(tmp_path):
    fill_classes(tmp_path, 5, "aa", "bb")
    fill_classes(tmp_path, 1, "lonely")
    put(tmp_path, "spoilt/a.jpg", b"words")
    (tmp_path / "empty").mkdir()
    dropped = scan_folder(tmp_path, rules())
    assert dropped.classes == ["aa", "bb"] and set(dropped.index["role"]) == {"full"}
    assert "data.min_photos is 3)" in statuses(dropped)["lonely/photo0.png"]
    assert statuses(dropped)["empty/"] == "ignored: empty folder"
    kept = scan_folder(tmp_path, rules(small_classes="train_only"))
    assert kept.classes == ["aa", "bb", "lonely"]
    assert kept.index.groupby("class_name")["role"].first().to_dict() == {
        "aa": "full",
        "bb": "full",
        "lonely": "train_only",
    }
    message = error_of(tmp_path, small_classes="error")
    assert "empty (0), lonely (1), spoilt (0)" in message and "fewer than 3" in message


def test_bad_photographs_can_stop_the_scan_and_control_codes_do_not_reach_the_terminal(tmp_path):
    fill_classes(tmp_path, 3, "aa", "bb")
    put(tmp_path, "aa/later.jpg", b"")
    put(tmp_path, "aa/\x1b[2Jline\nfeed.jpg", b"<html>")
    message = error_of(tmp_path, bad_photos="error")
    assert "aa/\\x1b[2Jline\\nfeed.jpg: no photograph" in message and "\x1b" not in message
    assert "HTML" in message and "2 bad photographs" in message


def test_mistakes_with_the_folder_get_clear_messages(tmp_path):
    assert "no such folder" in error_of(tmp_path / "nowhere")
    put(tmp_path, "file.png", noise(1))
    assert "this is a file" in error_of(tmp_path / "file.png")
    message = error_of(tmp_path)
    assert "1 files lie in the folder itself" in message and "photos/quartz/" in message
    (tmp_path / "blank").mkdir()
    assert "the folder is empty" in error_of(tmp_path / "blank")
    fill_classes(tmp_path / "one", 5, "aa")
    assert "1 of 1 classes" in error_of(tmp_path / "one")
    put(tmp_path, "bad/aa/x.jpg", b"words")
    assert "no usable photograph (1 skipped; the first: aa/x.jpg" in error_of(tmp_path / "bad")
    (tmp_path / "links").mkdir()
    (tmp_path / "links/quartz").symlink_to(tmp_path)
    assert "1 links lead to this folder itself" in error_of(tmp_path / "links")


@pytest.mark.parametrize("name", ["=1+1", "+x", "-x", "@sum"])
def test_class_names_that_a_spreadsheet_would_compute_lose_their_sign_and_that_is_said(tmp_path, name):
    fill_classes(tmp_path, 5, name)
    fill_classes(tmp_path, 5, "aa")
    found = scan_folder(tmp_path, rules(), jobs=1)
    assert sorted(found.classes) == sorted([name[1:], "aa"])
    assert any(f"The folder '{name}' is the class '{name[1:]}'" in note for note in found.notes)
    fill_classes(tmp_path, 3, "--")
    assert "'--' for a formula" in error_of(tmp_path)


TWINS = [("Pyrite", "pyrite"), ("quartz", "石英"), ("café", "cafe\u0301"), ("agate", "agate "), ("ЯШМА", "яшма")]
TWINS += [("blue agate", "blue_agate"), ("straße", "STRASSE"), ("ｊａｄｅ", "jade"), ("opal", "opal\u200e")]


@pytest.mark.parametrize("twins", TWINS)
def test_two_folders_of_one_name_are_one_class_and_that_is_said(tmp_path, twins):
    for name in (*twins, "other", "10", "1O"):
        fill_classes(tmp_path, 3, name)
    found = scan_folder(tmp_path, rules())
    assert found.index["class_name"].value_counts().to_dict() == {sorted(twins)[0]: 6, "other": 3, "10": 3, "1O": 3}
    assert [note for note in found.notes if "one class" in note and "'and" not in note]


def test_generated_index_follows_table_2_and_the_seed():
    profile = load_profile("quick", ["data.fraction=0.25", "data.views=5"])
    index = build_index(profile.data).index
    assert index.drop_duplicates("label")["class_name"].tolist()[:3] == ["bornite", "cinnabar", "hematite"]
    counts = index["class_name"].value_counts()
    assert counts["galena"] == 129 and counts["fe_mo_ore"] == 30 and len(counts) == 26
    assert index["image_id"].is_unique and index.loc[0, "image_id"] == "bornite-s001-v1"
    assert index.groupby("specimen").size().max() == 5
    few = build_index(load_profile("quick", ["data.fraction=0.001", "data.views=4"]).data).index
    assert (few.groupby("class_name")["specimen"].nunique() == 3).all()
    other = build_index(load_profile("quick", ["data.fraction=0.25", "data.views=5", "data.seed=1"]).data).index
    assert index_fingerprint(other) != index_fingerprint(index)


def test_a_relative_folder_counts_from_the_project(tmp_path, monkeypatch):
    profile = load_profile("quick", ["data.source=folder", "data.folder=my photos", "data.min_photos=3"])
    for name in ("aa", "bb"):
        fill_classes(tmp_path / "my photos", 3, name)
    monkeypatch.setenv("MINERAL_STUDY_ROOT", str(tmp_path))
    assert photo_folder(profile.data) == tmp_path / "my photos"
    assert len(build_index(profile.data).index) == 6
