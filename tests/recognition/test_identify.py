"""``mineral identify``: what it reads, what it says, and in which form."""

import csv
import io
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from mineral_lib.recognition import identify
from mineral_lib.recognition.identify import list_photographs, read_features
from mineral_lib.recognition.model_file import load_recogniser


@pytest.fixture
def asked(made, tmp_path):
    """A folder with two photographs of one specimen, one of another, and files that are none."""
    for name, source in (("a/1.png", "malachite"), ("a/2.png", "malachite"), ("b/x.png", "石英")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(made.folder / source / f"0_{len(name) % 3}.png", tmp_path / name)
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff no photograph")
    (tmp_path / "notes.txt").write_text("none")
    return tmp_path


def test_json_has_a_record_a_file(mineral, made, asked):
    status, out, err = mineral("identify", asked, "--json")
    records = json.loads(out)
    assert (status, len(records)) == (0, 4)
    assert "results/own_photos/recogniser/recogniser.safetensors (the newest" in err
    assert [record["level"] for record in records].count("skipped") == 1
    assert records[-1]["photographs"] == [str(asked / "broken.jpg")]
    assert "truncated" in records[-1]["reason"] or "damaged" in records[-1]["reason"] or records[-1]["reason"]
    first = next(record for record in records if record["photographs"] == [str(asked / "a" / "1.png")])
    assert first["answers"][0]["class"] == "malachite"
    assert first["answers"][0]["chinese"] == "孔雀石"
    assert sum(answer["probability"] for answer in first["answers"]) == pytest.approx(1, abs=0.001)
    quartz = next(record for record in records if record["photographs"] == [str(asked / "b" / "x.png")])
    assert quartz["answers"][0] == {"class": "石英", "english": "quartz", "chinese": "石英"} | {
        "probability": quartz["answers"][0]["probability"]
    }


def test_photographs_of_a_folder_can_be_one_specimen(mineral, made, asked):
    _, out, err = mineral(
        "identify", asked / "a", asked / "b", "--specimen-from", "folder", "--csv", "--model", made.file
    )
    rows = list(csv.DictReader(io.StringIO(out)))
    assert err == ""
    assert [row["photographs"].count(".png") for row in rows] == [2, 1]
    assert rows[0]["answer_1"] == "malachite"
    assert float(rows[0]["probability_1"]) > 0.5


def test_a_table_has_the_same_columns_whatever_is_found(mineral, made, asked):
    heads = []
    for place in (asked / "a" / "1.png", asked):
        _, out, _ = mineral("identify", place, "--csv", "--model", made.file)
        heads.append(out.splitlines()[0])
    assert heads[0] == heads[1] and heads[0].endswith("next_test,next_test_bits,reason")


def test_hand_tests_say_whom_they_do_not_concern(mineral, asked):
    _, out, _ = mineral("identify", asked, "--hardness", "7")
    assert "taken to be those of all" in out and "--hardness says nothing of my own" in out
    _, out, _ = mineral("identify", asked)
    assert "says nothing of" not in out


def test_text_names_both_languages_and_the_own_ones(mineral, made, asked):
    status, out, _ = mineral("identify", asked)
    assert status == 0
    assert "malachite 孔雀石" in out
    assert "quartz 石英" in out
    assert "my own" in out
    assert "broken.jpg: skipped: " in out
    assert "notes.txt" not in out


def test_answers_by_hand_change_the_answer(mineral, asked):
    _, plain, _ = mineral("identify", asked / "a" / "1.png", "--json")
    _, acid, _ = mineral("identify", asked / "a" / "1.png", "--json", "--acid", "none", "--hardness", "7")
    share = [
        {one["class"]: one["probability"] for one in json.loads(out)[0]["answers"]}["malachite"]
        for out in (plain, acid)
    ]
    assert share[1] < share[0]
    status, out, err = mineral("identify", asked, "--acid", "boils")
    assert (status, out) == (2, "")
    assert "fizzes" in err


@pytest.mark.parametrize(
    ("place", "status", "words"),
    [
        ("broken.jpg", 3, "not one photograph can be read"),
        ("missing.jpg", 3, "no such file"),
        ("empty", 3, "no photographs"),
    ],
)
def test_nothing_to_read(mineral, asked, place, status, words):
    (asked / "empty").mkdir()
    found, out, err = mineral("identify", asked / place)
    assert found == status
    assert words in out + err
    assert "Traceback" not in out + err


def test_names_with_control_codes_are_shown_escaped(mineral, asked):
    shutil.copy(asked / "a" / "1.png", asked / "a" / "red\x1b[31m\n.png")
    _, out, _ = mineral("identify", asked / "a")
    assert "\x1b" not in out
    assert "\\x1b[31m\\n.png" in out


def test_each_photograph_is_decoded_once(made, asked, monkeypatch):
    decoded, read_photo = [], identify.read_photo
    monkeypatch.setattr(identify, "read_photo", lambda file: decoded.append(file) or read_photo(file))
    files, _ = list_photographs([asked, asked / "a", asked / "a" / "1.png"])
    assert len(files) == len(set(files)) == 4
    kinds = load_recogniser(made.file).kinds * 2
    read, parts, _ = read_features(files, kinds)
    assert sorted(decoded) == sorted(files)
    assert len(read) == 3
    assert [part.shape for part in parts] == [(3, 512), (3, 512)]


def test_what_lies_too_far_away_is_refused(made, asked):
    recogniser = load_recogniser(made.file)
    _, parts, _ = read_features([asked / "a" / "1.png"], recogniser.kinds)
    strangeness = recogniser.strangeness(parts, recogniser.probabilities(parts))[0]
    for factor, level in ((1.01, "one"), (0.99, "none")):
        strict = replace(recogniser, familiarity=replace(recogniser.familiarity, limit=factor * strangeness))
        assert strict.answer(parts, ["a"], np.array(["a"]))[0].level == level
