"""The leak detective: copies, crops, turns and mirror images between folders, counted in pictures, never overstated."""

import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw

from mineral_lib.cli import main
from mineral_lib.errors import DataError
from mineral_lib.parameters import load_profile
from mineral_lib.photos import NEAR, SAME_BYTES, SAME_PIXELS, SAME_SCENE
from mineral_lib.recognition.audit import COLUMNS, audit
from mineral_lib.recognition.copies import local_features, verify
from mineral_lib.reporting.health import check_photos
from mineral_lib.study import Study


def stone(number):
    """A picture with corners and colours of its own."""
    rng = np.random.default_rng(number)
    picture = Image.new("RGB", (260, 220), tuple(rng.integers(40, 200, 3).tolist()))
    draw = ImageDraw.Draw(picture)
    for _ in range(70):
        x, y, size = rng.uniform(-10, 250), rng.uniform(-10, 210), rng.uniform(8, 45)
        turns = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 7)))
        points = [(x + size * np.cos(turn), y + size * np.sin(turn)) for turn in turns]
        draw.polygon(points, fill=tuple(rng.integers(0, 256, 3).tolist()))
    return picture


def save(picture, path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, **options)


@pytest.fixture
def folders(tmp_path):
    """Ten pictures in train; five of them again in test, each in another way, beside three strangers."""
    train, test = tmp_path / "train", tmp_path / "test"
    for number in range(10):
        save(stone(number), train / ("quartz" if number % 2 else "pyrite") / f"a{number}.png")
    test.mkdir()
    shutil.copy(train / "pyrite" / "a0.png", test / "loose.png")
    save(stone(1), test / "石英" / "again.bmp")
    save(stone(2).crop((25, 20, 235, 200)), test / "pyrite" / "crop.jpg", quality=90)
    save(stone(3).rotate(15, Image.Resampling.BICUBIC), test / "pyrite" / "turned.png")
    save(stone(5).transpose(Image.Transpose.FLIP_LEFT_RIGHT), test / "quartz" / "mirrored.jpg", quality=90)
    for number in (101, 102, 103):
        save(stone(number), test / "quartz" / f"b{number}.png")
    (test / "notes.txt").write_text("not a picture")
    (test / "quartz" / "broken.jpg").write_bytes(b"nothing")
    return train, test


def test_every_kind_is_found_and_no_stranger(folders, tmp_path):
    train, test = folders
    found = audit(train, test, out=tmp_path / "pairs.csv", kind="colour")
    pairs = found.pairs.set_index("test")
    assert tuple(found.pairs.columns) == COLUMNS
    assert pairs["kind"].to_dict() == {
        "loose.png": SAME_BYTES,
        "石英/again.bmp": SAME_PIXELS,
        "pyrite/crop.jpg": SAME_SCENE,
        "pyrite/turned.png": SAME_SCENE,
        "quartz/mirrored.jpg": SAME_SCENE,
    }
    assert pairs.loc["pyrite/crop.jpg", "scale"] == pytest.approx(1, abs=0.03)
    assert pairs.loc["pyrite/turned.png", "turn_deg"] == pytest.approx(-15, abs=1)
    assert pairs["mirrored"].eq("yes").to_dict()["quartz/mirrored.jpg"]
    assert found.counts() == {SAME_BYTES: 1, SAME_PIXELS: 1, SAME_SCENE: 3, NEAR: 0}
    assert (found.train, found.test) == (10, 8)
    assert list(found.skipped) == [str(test / "quartz" / "broken.jpg")]
    written = pd.read_csv(tmp_path / "pairs.csv")
    assert written["test"].tolist() == found.pairs["test"].tolist()


def test_only_equal_bytes_or_pixels_make_a_label_wrong(folders):
    text = audit(*folders, kind="colour").to_text()
    assert "5 of 8 pictures of TEST show what one of the 10 pictures of TRAIN shows" in text
    assert "a label is wrong" not in text  # quartz and 石英 are one class; the loose picture has none
    assert "Pairs in different class folders: 1 (look" in text  # the turned one
    shutil.copy(folders[0] / "pyrite" / "a0.png", folders[1] / "quartz" / "stray.png")
    assert "Pairs in different class folders: 1 (equal bytes or" in audit(*folders, kind="colour").to_text()


def test_without_weights_it_says_so_and_finds_copies(folders, monkeypatch, capsys, study_root):
    monkeypatch.setattr("mineral_lib.recognition.copies.installed_kinds", lambda: ["colour"])
    train, test = folders
    save(stone(4).resize((180, 152)), test / "pyrite" / "small.jpg", quality=80)
    assert main(["audit", str(train), str(test), "--out", str(study_root / "pairs.csv")]) == 0
    text = capsys.readouterr().out
    assert "weights are not installed" in text and "perceptual hash alone" in text
    pairs = pd.read_csv(study_root / "pairs.csv").set_index("test")
    assert pairs.loc["loose.png", "kind"] == SAME_BYTES and pairs.loc["pyrite/small.jpg", "kind"] == SAME_SCENE
    assert pairs.loc["pyrite/small.jpg", "scale"] == pytest.approx(180 / 260, abs=0.02)


def test_one_folder_and_one_inside_the_other(folders, tmp_path):
    train, _ = folders
    save(stone(7).crop((20, 20, 240, 200)), train / "quartz" / "crop.png")
    alone = audit(train, kind="colour")
    assert alone.alone and alone.pairs[["train", "test"]].values.tolist() == [["quartz/a7.png", "quartz/crop.png"]]
    assert alone.counts()[SAME_SCENE] == 2 and "2 of 11 pictures show what another" in alone.to_text()
    assert audit(train, train, kind="colour").alone
    inner = audit(train, train / "pyrite", kind="colour")
    assert (inner.train, inner.test) == (6, 5) and inner.pairs.empty


def test_flat_pictures_are_near_but_not_verified(tmp_path):
    ramp = np.tile(np.linspace(30, 220, 200)[None, :, None], (160, 1, 3))
    for name, lift in (("train", 0), ("test", 6)):
        save(Image.fromarray((ramp + lift).astype(np.uint8)), tmp_path / name / "quartz" / "a.png")
    found = audit(tmp_path / "train", tmp_path / "test", kind="colour")
    assert found.pairs["kind"].tolist() == [NEAR] and "not verified" in found.to_text()


def test_folders_are_only_read_and_empty_ones_named(folders, tmp_path):
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    audit(*folders, kind="colour", cache_dir=None)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no readable picture"):
        audit(folders[0], tmp_path / "empty")
    with pytest.raises(DataError, match="no such folder"):
        audit(folders[0], tmp_path / "nowhere")


def test_verified_copies_stay_on_one_side_of_the_split(tmp_path, study_root, monkeypatch):
    monkeypatch.setattr("mineral_lib.recognition.copies.nearest_kind", lambda: "colour")
    folder, out = tmp_path / "photos", tmp_path / "out"
    for number in range(12):
        save(stone(number), folder / ("quartz" if number % 2 else "pyrite") / f"{'abcdefghijkl'[number]}.png")
    save(stone(2).crop((40, 30, 240, 200)), folder / "pyrite" / "crop.png")
    save(stone(3).rotate(15, Image.Resampling.BICUBIC), folder / "pyrite" / "turned.png")
    given = ["data.min_photos=3", f"data.folder='{folder}'"]
    quick = check_photos(load_profile("own_photos", given))
    assert "same scene" not in quick and not out.exists()
    text = check_photos(load_profile("own_photos", given), out=out)
    assert "4 photographs show the same scene as another one: those stay on one side of the grouped split" in text
    assert "pairs: same scene, in different classes (look whether they show the same)" in text
    pairs = pd.read_csv(out / "duplicates.csv").set_index("file_a")
    assert pairs["kind"].unique().tolist() == [SAME_SCENE]
    assert sorted(pairs["conflict"]) == ["no", "yes"]
    study = Study(load_profile("own_photos", given))
    index = study.index.set_index("path")
    assert index.loc["pyrite/c.png", "group"] == index.loc["pyrite/crop.png", "group"]
    assert index.loc["pyrite/turned.png", "group"] == index.loc["quartz/d.png", "group"]
    assert index["group"].nunique() == 12 and index["specimen"].nunique() == 14
    sides = study.samples("grouped").groupby("group")["split"].nunique()
    assert sides.max() == 1
    assert sorted(study.data.duplicates["kind"]) == [SAME_SCENE] * 2
    apart = Study(load_profile("own_photos", [*given, "data.same_scenes=false"]))
    assert apart.index["group"].nunique() == 14
    monkeypatch.setattr("mineral_lib.photos.scanning.MOST_COMPARED", 5)
    text = check_photos(load_profile("own_photos", given), out=out)
    assert "same scene" not in text and "crops and turns are found by `mineral audit` only" in text


def test_a_given_split_is_kept_and_its_crops_are_counted(tmp_path, study_root, monkeypatch):
    monkeypatch.setattr("mineral_lib.recognition.copies.nearest_kind", lambda: "colour")
    folder = tmp_path / "photos"
    for number in range(12):
        part = "train" if number < 8 else "test"
        save(stone(number), folder / part / ("quartz" if number % 2 else "pyrite") / f"{'abcdefghijkl'[number]}.png")
    save(stone(2).crop((40, 30, 240, 200)), folder / "test" / "pyrite" / "crop.png")
    study = Study(load_profile("own_photos", ["data.min_photos=3", f"data.folder='{folder}'"]))
    notes = " ".join(study.data.notes)
    assert "1 of 5 test photographs have a copy in train (1 of the same scene)" in notes
    assert "stay on one side" not in notes
    assert study.samples("grouped").set_index("image_id")["split"]["test/pyrite/crop.png"] == "test"


def test_a_watermark_is_no_scene(monkeypatch):
    first, second = Image.new("RGB", (260, 220), (90, 90, 90)), Image.new("RGB", (260, 220), (100, 95, 90))
    for picture in (first, second):
        ImageDraw.Draw(picture).text((15, 200), "Sammlung M. Beispiel, Freiberg 2019")
    first, second = local_features(first), local_features(second)
    assert verify(first, second) is None
    monkeypatch.setattr("mineral_lib.recognition.copies.LEAST_AREA", 0.0)
    assert verify(first, second) is not None


def test_the_mirror_image_of_local_features_is_that_of_the_picture():
    crop = stone(5).transpose(Image.Transpose.FLIP_LEFT_RIGHT).crop((30, 20, 240, 200))
    upright, other = local_features(stone(5)), local_features(crop)
    assert verify(upright, other) is None
    agreeing, scale, turn = verify(upright.mirrored, other)
    assert agreeing > 50 and scale == pytest.approx(1, abs=0.4) and turn == pytest.approx(0, abs=0.5)
    again = upright.mirrored.mirrored
    assert np.array_equal(again.descriptors, upright.descriptors) and np.allclose(again.points, upright.points)
