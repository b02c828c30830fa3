"""The health report: its counts add up, and what deserves a look is shown."""

import numpy as np
import pandas as pd
import pytest
from folders import png_header
from PIL import Image

from mineral_lib.cli import main
from mineral_lib.errors import DataError
from mineral_lib.photos import read_photo
from mineral_lib.reporting.health import class_rows, draw_suspects, health_rows, suspicious

NOTHING = pd.DataFrame(columns=["file_a", "class_a", "file_b", "class_b", "kind", "distance", "conflict"])


@pytest.fixture
def folder(tmp_path):
    rng, root = np.random.default_rng(0), tmp_path / "photos"
    for name in ("quartz", "黄铁矿"):
        (root / name).mkdir(parents=True)
        for number in range(12):
            coarse = rng.integers(40, 216, (8, 8, 3), np.uint8)
            image = Image.fromarray(coarse).resize((96, 96), Image.Resampling.NEAREST)
            image.save(root / name / f"p{number}.png")
    Image.new("RGB", (96, 96)).save(root / "quartz" / "black.png")
    (root / "quartz" / "text.jpg").write_text("no photograph")
    Image.open(root / "quartz" / "p3.png").save(root / "黄铁矿" / "stolen.jpg", quality=85)
    return root


def test_check_says_what_is_there_and_changes_nothing(folder, study_root, capsys):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert main(["check", str(folder), "--set", "data.min_photos=5"]) == 0
    text = capsys.readouterr().out
    said = ("27 files found = 26 used + 1 skipped + 0 ignored", "no photograph, looks like a text file")
    for words in (*said, "in different classes", "pyrite 黄铁矿", "blank or low information"):
        assert words in text, words
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_tables_and_the_plate_are_written_where_wanted(folder, study_root, capsys):
    out = study_root / "health"
    assert main(["check", str(folder), "--out", str(out)]) == 0
    names = {path.name for path in out.iterdir()}
    assert {"health.md", "files.csv", "duplicates.csv", "folder_classes.csv", "suspicious_photographs.png"} <= names
    shown = pd.read_csv(out / "suspicious_photographs.csv")["file"].tolist()
    assert {"quartz/black.png", "quartz/p3.png", "黄铁矿/stolen.jpg"} == set(shown)


def test_a_folder_that_cannot_be_used_ends_with_one_message(tmp_path, study_root, capsys):
    assert main(["check", str(tmp_path / "nowhere")]) == 3
    assert "no such folder" in capsys.readouterr().err


def test_kinds_count_together_and_take_turns():
    files = pd.DataFrame(
        {
            "file": [f"a/{i}" for i in range(6)],
            "status": ["used"] * 4 + ["skipped"] * 2,
            "reason": ["", "", "", "", "same bytes as a/1", "same bytes as a/2"],
            "warnings": ["too dark", "too dark", "too dark; blurred", "very small (20 x 20 pixels)", "", ""],
        }
    )
    rows = health_rows(files, NOTHING).set_index(["status", "what"])["files"]
    assert rows[("look", "too dark")] == 3 and rows[("look", "blurred")] == 1 and rows[("look", "very small")] == 1
    assert rows[("skipped", "same bytes")] == 2 and rows[("used", "all files")] == 4
    assert suspicious(files, NOTHING, limit=2)["file"].tolist() == ["a/0", "a/3"]
    plate = draw_suspects(suspicious(files, NOTHING), lambda name: np.zeros((8, 8, 3), np.uint8))
    assert len(plate.data) == 4


def test_reasons_keep_their_words_without_the_numbers(tmp_path):
    reasons = {}
    for name, size in {"icon": (9, 9), "stripe": (900, 20), "huge": (10_000, 9_000)}.items():
        (tmp_path / name).write_bytes(png_header(*size))
    (tmp_path / "page").write_text("<html>")
    for name in ("icon", "stripe", "huge", "page"):
        with pytest.raises(DataError) as caught:
            read_photo(tmp_path / name)
        reasons[name] = caught.value.what
    files = pd.DataFrame({"file": reasons.keys(), "status": "skipped", "reason": reasons.values(), "warnings": ""})
    kinds = health_rows(files, NOTHING)["what"].tolist()
    assert sorted(kinds[1:]) == ["no photograph, looks like an HTML page", "too many pixels", "too narrow", "too small"]


def test_classes_with_few_or_no_test_photographs_are_named():
    index = pd.DataFrame(
        {"class_name": ["a"] * 4 + ["b"], "specimen": list("vwxyz"), "group": list("vwxyz"), "label": [0] * 4 + [1]}
    )
    samples = index.assign(split=["train", "train", "val", "test", "train"])
    remarks = class_rows(index, samples)["remark"].tolist()
    assert remarks == ["few test photographs", "trained on, never tested"]
