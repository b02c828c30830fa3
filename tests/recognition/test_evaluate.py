"""``mineral evaluate``: the recogniser on another folder, with names that people write in their own way."""

import json
import shutil

import pandas as pd
import pytest
from painted import COLOURS, paint

from mineral_lib.errors import DataError
from mineral_lib.recognition.elsewhere import Elsewhere
from mineral_lib.recognition.names import match_names, read_names, update_names

CLASSES = ["pyrite", "malachite", "石英", "Kyanite", "my own"]


@pytest.mark.parametrize(
    ("folder", "class_name", "how"),
    [
        ("PYRITE", "pyrite", "same"),
        ("My_Own", "my own", "same"),
        ("kyanité", "Kyanite", "same"),
        ("quartz", "石英", "catalogue"),
        ("Shi Ying", "石英", "catalogue"),
        ("孔雀石", "malachite", "catalogue"),
        ("kayanite", "Kyanite", "proposed"),
        ("malachit", "malachite", "proposed"),
        ("quarz", "石英", "proposed"),
        ("chalcopyrite", "", "unknown"),  # another mineral of the catalogue, however near it sounds
        ("topaz", "", "unknown"),
        ("...", "", "unknown"),
    ],
)
def test_names_are_matched_or_only_proposed(folder, class_name, how):
    assert match_names([folder], CLASSES).values.tolist() == [[folder, class_name, how]]


def test_the_table_goes_out_and_comes_back(tmp_path):
    path = tmp_path / "names.csv"
    folders = ["kayanite", "quarz", "topaz", 'a,"b"']
    path.write_text(match_names(folders, CLASSES).to_csv(index=False).replace("quarz,石英", "quarz,"), "utf-8-sig")
    given = read_names(path)
    assert given == {"kayanite": "Kyanite", "quarz": "", "topaz": "", 'a,"b"': ""}
    assert match_names(folders, CLASSES, given)["how"].tolist() == ["given", "unknown", "unknown", "unknown"]
    path.write_text("folder;note;class\nquarz;mine;石英\n", "utf-8")  # as some spreadsheets save it, with a column more
    assert read_names(path) == {"quarz": "石英"}
    with pytest.raises(DataError, match="did you mean 'Kyanite'"):
        match_names(folders, CLASSES, {"kayanite": "kyanite"})


@pytest.mark.parametrize(
    "text", ["", "folder,class\n", "a,b\n1,2\n", "folder,class\nx\n", "folder,class\nx,y\nx,z\n", "\xff\xfe", '"']
)
def test_tables_of_names_that_are_none(tmp_path, text):
    path = tmp_path / "names.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError):
        read_names(path)


@pytest.fixture
def other(made, tmp_path):
    """Another folder: one class under each kind of name, one unknown class, one photograph it was made from."""
    folder = tmp_path / "elsewhere"
    for name, source in (("Pyrite", "pyrite"), ("quartz", "石英"), ("malachit", "malachite")):
        paint(folder, name, COLOURS[source], 8, seed=5, spread=45)
    paint(folder, "topaz", (200, 90, 40), 6, seed=6)
    return folder


def test_evaluate_says_what_falls(mineral, made, other, tmp_path):
    shutil.copytree(made.folder / "my own", other / "my own")
    out = tmp_path / "out"
    status, text, _ = mineral("evaluate", other, "--model", made.file, "--out", out)
    found = json.loads((out / "evaluation.json").read_text())
    assert status == 0
    assert found["counts"] == {"known": 16, "unknown": 14, "seen": 16, "judged": 4, "skipped": 0}
    assert "PROPOSED, not used: malachit = malachite" in text
    assert "not known to the recogniser: topaz" in text
    assert "matched by the catalogue: quartz = 石英" in text
    assert 0 <= found["here"]["low"] <= found["here"]["accuracy"] <= found["here"]["high"] <= 1
    fall = found["fall"]
    assert fall["fall"] == pytest.approx(found["there"]["accuracy"] - found["here"]["accuracy"])
    assert fall["low"] <= fall["fall"] <= fall["high"]
    assert f"fall:                     {100 * fall['fall']:+.1f} points" in text

    status, text, _ = mineral("evaluate", other, "--model", made.file, "--out", out, "--names", out / "names.csv")
    assert json.loads((out / "evaluation.json").read_text())["counts"]["known"] == 24
    assert "matched by the table of names: " in text
    assert status == 0


def test_a_corrected_table_of_names_stays(mineral, made, other, tmp_path):
    assert mineral("evaluate", other, "--model", made.file)[0] == 0
    (path,) = (made.root / "results" / "evaluate").glob(f"{other.name}-*/names.csv")
    written = path.read_bytes()
    _, text, _ = mineral("evaluate", other, "--model", made.file)
    assert path.read_bytes() == written and "kept the rows" not in text
    path.write_bytes(written.replace(b"malachit,malachite,proposed", b"malachit,,no"))
    corrected = path.read_bytes()
    assert corrected != written
    status, text, _ = mineral("evaluate", other, "--model", made.file)
    assert (status, path.read_bytes(), text.count(f"kept the rows of {path}")) == (0, corrected, 1)
    twin = shutil.copytree(other, tmp_path / "twin" / other.name)
    assert mineral("evaluate", twin, "--model", made.file)[0] == 0
    assert path.read_bytes() == corrected
    path.write_text("no table", "utf-8")
    status, _, err = mineral("evaluate", other, "--model", made.file)
    assert (status, path.read_text("utf-8")) == (3, "no table") and str(path) in err


def test_new_names_join_a_corrected_table(tmp_path):
    path = tmp_path / "names.csv"
    assert update_names(path, match_names(["quarz", "bad\udcff"], CLASSES)) == ""
    assert update_names(path, match_names(["quarz", "bad\udcff", "topaz"], CLASSES)) == ""
    path.write_text("folder;note;class\nquarz;mine;Kyanite\n", "utf-8-sig")
    assert "added: 1" in update_names(path, match_names(["quarz", "石英"], CLASSES))
    assert path.read_text("utf-8") == "\ufefffolder,note,class,how\nquarz,mine,Kyanite,\n石英,,石英,same\n"


def test_the_folder_it_was_made_from_is_left_out(mineral, made, tmp_path):
    status, _, err = mineral("evaluate", made.folder, "--model", made.file, "--out", tmp_path / "out")
    assert status == 3 and "made from, or judged on, all of these" in err


def test_intervals_of_a_fall_and_confusions():
    said = pd.DataFrame({"class": ["a", "a", "b", "", "a"], "predicted": ["b", "b", "a", "a", "a"]})
    here, there = ({"accuracy": a, "low": a - 0.03, "high": a + 0.04} for a in (0.5, 0.7))
    found = Elsewhere("x", [], {}, {}, here, there, {}, said)
    assert found.fall == pytest.approx({"fall": 0.2, "low": 0.15, "high": 0.25})
    assert [tuple(one.values()) for one in found.confusions] == [("a", "b", 2), ("b", "a", 1)]
    assert Elsewhere("x", [], {}, {}, here, {}, {}, said).fall is None
