"""Labels that look wrong: the list, the sheet, the table of decisions, and that later scans obey it."""

import csv
import hashlib
import html.parser
import shutil

import numpy as np
import pytest
from painted import paint

from mineral_lib.cli import main
from mineral_lib.data.prepare import _key as prepare_key
from mineral_lib.data.prepare import prepare
from mineral_lib.errors import DataError
from mineral_lib.parameters import load_profile, name_of_folder
from mineral_lib.photos import DECISION_COLUMNS
from mineral_lib.photos import scan as scan_folder
from mineral_lib.recognition.review import doubtful_labels, review

COLOURS = {"azurite": (40, 60, 200), "malachite": (40, 180, 80), "cinnabar": (200, 40, 40)}
WRONG = "azurite/0_0.png"  # shows malachite


@pytest.fixture
def photos(tmp_path):
    root = tmp_path / "my photos"
    for name, colour in COLOURS.items():
        paint(root, name, colour, 12, spread=12)
    paint(root, "azurite", COLOURS["malachite"], 1, spread=12)  # in place of the first
    return root


def settings_of(root, *changes):
    return load_profile("own_photos", [f"data.folder={root}", "data.near_duplicate_radius=null", *changes])


def digest_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rows_of(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def decide(path, decision, digest=None, note=""):
    """What a person does in a spreadsheet: fill one row, or the first one."""
    rows = rows_of(path)
    row = next(row for row in rows if digest in (None, row["digest"]))
    row |= {"decision": decision, "note": note}
    write_rows(path, rows)


def write_rows(path, rows, columns=DECISION_COLUMNS, delimiter=","):
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, columns, delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def contents(root):
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in root.rglob("*") if path.is_file()}


def test_the_wrong_label_comes_first_and_the_folder_stays(photos, study_root, capsys, monkeypatch):
    monkeypatch.setattr("mineral_lib.recognition.review.installed_kinds", lambda: ["colour"])
    before = contents(photos)
    assert main(["review", str(photos), "--set", "data.near_duplicate_radius=null"]) == 0
    out, text = study_root / "results" / "review" / name_of_folder(photos), capsys.readouterr().out
    assert {path.name for path in out.iterdir()} == {"decisions.csv", "labels.html"}
    assert contents(photos) == before
    first = rows_of(out / "decisions.csv")[0]
    assert tuple(first) == DECISION_COLUMNS
    assert (first["file"], first["given"], first["suggested"]) == (WRONG, "azurite", "malachite")
    assert first["digest"] == digest_of(photos / WRONG) and float(first["confidence"]) < 0.5
    assert first["decision"] == "" and WRONG in text and "decisions.csv" in text
    assert "weights are not installed" in text


def test_the_sheet_is_one_page_without_a_way_out(photos, study_root, tmp_path):
    name = photos / "azurite" / '<img src=x onerror=alert(1)>&".png'
    (photos / WRONG).rename(name)
    made = review(settings_of(photos), out=tmp_path / "out", kinds=["colour"])
    page, found = made.sheet.read_text(encoding="utf-8"), []

    class Parser(html.parser.HTMLParser):
        def handle_starttag(self, tag, attrs):
            found.append((tag, dict(attrs)))

    Parser().feed(page)
    pictures = [attrs for tag, attrs in found if tag == "img"]
    assert len(pictures) == len(made.candidates) >= 1
    assert all(attrs["src"].startswith("data:image/jpeg;base64,") for attrs in pictures)
    assert not {tag for tag, _ in found} & {"script", "link", "iframe"} and "http://" not in page
    assert "onerror" not in {name for _, attrs in found for name in attrs}
    assert "&lt;img src=x" in page


def test_a_second_review_keeps_what_was_decided(photos, study_root, tmp_path):
    out, wrong = tmp_path / "out", digest_of(photos / WRONG)
    made = review(settings_of(photos), out=out, kinds=["colour"])
    decide(made.table, "malachite", wrong, note='a "remark", 石英')
    kept = next(row for row in rows_of(made.table) if row["digest"] == wrong)
    paint(photos, "malachite", COLOURS["cinnabar"], 1, seed=9, spread=12)  # a new photograph, wrong
    (photos / "azurite").rename(photos / "蓝铜矿")  # and a renamed class
    again = review(settings_of(photos), out=out, kinds=["colour"])
    rows = rows_of(again.table)
    assert rows[0] == kept and again.decided == 1
    assert rows[1]["file"] == "malachite/9_0.png"
    assert len({row["digest"] for row in rows}) == len(rows)
    assert again.table.read_bytes().startswith("\ufeffdigest".encode())  # so that spreadsheets read Chinese names
    assert rows_of(review(settings_of(photos), out=out, kinds=["colour"]).table) == rows  # nothing new


def test_a_note_without_a_decision_stays(photos, study_root, tmp_path):
    out, wrong = tmp_path / "out", digest_of(photos / WRONG)
    made = review(settings_of(photos), out=out, kinds=["colour"])
    decide(made.table, "", wrong, note="ask 王")
    row = dict.fromkeys(DECISION_COLUMNS, "") | {"digest": digest_of(photos / "cinnabar/0_3.png"), "note": "mine"}
    stale = dict.fromkeys(DECISION_COLUMNS, "") | {"digest": "0" * 64}
    stale["note"] = "same bytes as gone.png: one of the two labels is wrong"  # the program's own
    write_rows(made.table, [*rows_of(made.table), row, stale])
    for _ in range(2):
        rows = rows_of(review(settings_of(photos), out=out, kinds=["colour"]).table)
        assert {one["digest"]: one["note"] for one in rows if one["note"]} == {wrong: "ask 王", row["digest"]: "mine"}
    (photos / WRONG).unlink()  # no candidate any more
    rows = rows_of(review(settings_of(photos), out=out, kinds=["colour"]).table)
    assert [one["note"] for one in rows if one["digest"] == wrong] == ["ask 王"]


def test_folders_of_one_name_share_no_decisions(photos, study_root, tmp_path, capsys):
    other = tmp_path / "elsewhere" / photos.name
    shutil.copytree(photos, other)
    first = digest_of(photos / "cinnabar" / "0_3.png")
    paint(other, "cinnabar", COLOURS["cinnabar"], 12, seed=1)
    for number in range(12):
        (other / "cinnabar" / f"0_{number}.png").unlink()
    old = study_root / "results" / "review" / photos.name / "decisions.csv"  # as it was called before
    old.parent.mkdir(parents=True)
    rows = [{"digest": first, "file": "cinnabar/0_3.png", "decision": "drop"}]
    write_rows(old, [*rows, {"digest": "0" * 64, "file": "cinnabar/0_4.png", "decision": "keep"}])
    before = old.read_bytes()
    tables = [review(settings_of(root), kinds=["colour"]).table for root in (photos, other)]
    decided = [[row["digest"] for row in rows_of(table) if row["decision"]] for table in tables]
    assert decided == [[first], []] and old.read_bytes() == before
    assert "1 rows of" in capsys.readouterr().err


def test_later_runs_obey(photos, study_root, tmp_path):
    wrong, dropped = digest_of(photos / WRONG), digest_of(photos / "cinnabar" / "0_3.png")
    table = tmp_path / "decisions.csv"
    plain = prepare(settings_of(photos))
    rows = [{"digest": wrong, "decision": "孔雀石"}, {"digest": dropped.upper(), "decision": " Drop "}]
    rows += [{"digest": digest_of(photos / "azurite" / "0_5.png"), "decision": "keep"}]
    rows += [{"digest": "0" * 64, "decision": "nowhere"}]  # a photograph that is not there any more
    write_rows(table, rows, delimiter=";")
    study = prepare(settings_of(photos, f"data.decisions_csv={table}"))
    files = study.files.set_index("file")
    assert (files.loc["cinnabar/0_3.png", ["status", "reason"]] == ["skipped", "left out by decision"]).all()
    assert files.loc[WRONG, "reason"] == "relabelled by decision (was: azurite)"
    labels = study.index.set_index("image_id")["class_name"]
    assert labels[WRONG] == "malachite" and "cinnabar/0_3.png" not in labels and len(labels) == 35
    assert labels["azurite/0_5.png"] == "azurite" and study.fingerprint != plain.fingerprint
    write_rows(table, [{"digest": wrong, "decision": "drop"}])  # a changed table is noticed
    again = prepare(settings_of(photos, f"data.decisions_csv={table}"))
    assert len(again.index) == 35 and WRONG not in set(again.index["image_id"])
    shutil.copytree(photos, tmp_path / "moved")
    moved = scan_folder(tmp_path / "moved", settings_of(tmp_path / "moved", f"data.decisions_csv={table}").data)
    assert WRONG not in set(moved.index["image_id"])


def test_without_decisions_nothing_is_prepared_anew(study_root, monkeypatch):
    dumped = []
    monkeypatch.setattr("mineral_lib.data.prepare.digest", lambda value: dumped.append(str(value)) or "key")
    settings = load_profile("quick")
    prepare_key(settings, None)
    assert "decisions_csv" not in dumped[0] and "metadata_csv" in dumped[0]


def test_a_relabelled_photograph_stays_with_its_specimen(photos, study_root, tmp_path):
    (photos / "azurite" / "Q7").mkdir()
    for place in (0, 1):
        (photos / "azurite" / f"0_{place}.png").rename(photos / "azurite" / "Q7" / f"0_{place}.png")
    table = tmp_path / "decisions.csv"
    write_rows(table, [{"digest": digest_of(photos / "azurite/Q7/0_0.png"), "decision": "malachite"}])
    rules = settings_of(photos, f"data.decisions_csv={table}", "data.specimen_from=folder").data
    index = scan_folder(photos, rules).index.set_index("image_id")
    assert index.loc["azurite/Q7/0_0.png", "class_name"] == "malachite"
    assert index["group"]["azurite/Q7/0_0.png"] == index["group"]["azurite/Q7/0_1.png"]


def test_equal_bytes_in_two_classes_come_first_and_one_decision_settles_them(photos, study_root, tmp_path):
    shutil.copy(photos / "cinnabar" / "0_1.png", photos / "azurite" / "stray.png")
    made = review(settings_of(photos), out=tmp_path / "out", kinds=["colour"])
    first = rows_of(made.table)[0]
    assert (
        first["note"] == "same bytes as cinnabar/0_1.png: one of the two labels is wrong" and first["confidence"] == ""
    )
    decide(made.table, "cinnabar", first["digest"])
    index = scan_folder(photos, settings_of(photos, f"data.decisions_csv={made.table}").data).index
    assert (index["sha256"] == first["digest"]).sum() == 1
    assert index.set_index("sha256")["class_name"][first["digest"]] == "cinnabar"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "digest,decision\n{wrong},malachit\n",
            ["row 2: 'malachit' is no class", "'malachite'", "keep, drop or one of"],
        ),
        ("digest,decision\n\n{wrong},keep\n{wrong},drop\n", ["rows 3 and 4 decide about the same photograph"]),
        ("digest,decision\n1234,keep\n", ["row 2: '1234' is no SHA-256 digest", "copy the digest"]),
        ("digest,note\n{wrong},x\n", ["no column 'decision'", "first line must name it"]),
        ("digest,decison\n", ["unknown column 'decison' (did you mean 'decision'?)"]),
        ("digest,decision\n{wrong},keep,really\n", ["row 2 has 3 fields, the header has 2"]),
        (None, ["cannot be read", "data.decisions_csv"]),
    ],
)
def test_a_bad_table_is_one_clear_message(photos, study_root, tmp_path, text, words):
    table = tmp_path / "decisions.csv"
    if text is not None:
        table.write_text(text.format(wrong=digest_of(photos / WRONG)), encoding="utf-8")
    with pytest.raises(DataError) as error:
        scan_folder(photos, settings_of(photos, f"data.decisions_csv={table}").data)
    assert all(word in str(error.value) for word in words), str(error.value)
    assert str(table) in str(error.value) and error.value.remedy


def test_a_bad_table_is_not_overwritten(photos, study_root, tmp_path, capsys):
    (tmp_path / "decisions.csv").write_text("what is this", encoding="utf-8")
    assert main(["review", str(photos), "--out", str(tmp_path)]) == 3
    assert (tmp_path / "decisions.csv").read_text(encoding="utf-8") == "what is this"
    assert main(["review", str(photos), "--out", str(photos / "review")]) == 3
    assert "lies inside the photo folder" in capsys.readouterr().err and not (photos / "review").exists()


def test_swapped_labels_are_found():
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(5), 30)
    features = np.eye(5)[truth] * 2.5 + rng.normal(0, 1, (150, 5))
    labels, swapped = truth.copy(), rng.choice(150, 8, replace=False)
    labels[swapped] = (labels[swapped] + rng.integers(1, 5, 8)) % 5
    doubts = doubtful_labels(features, labels, np.arange(150).astype(str), 5)
    assert doubts["confidence"].is_monotonic_increasing and len(doubts) == 150
    first = doubts.head(23)
    assert np.isin(swapped, first["row"]).mean() >= 0.7
    assert (first["suggested"] != labels[first["row"]]).all()


def test_swapped_labels_are_found_behind_what_all_photographs_share():
    """Like light, which varies much and says nothing: a classifier that is held back too strongly sees no more."""
    rng, count = np.random.default_rng(0), 240
    truth = np.arange(count) % 8
    light = rng.normal(size=(count, 20)) @ rng.normal(size=(20, 600))
    features = 0.22 * rng.normal(size=(8, 600))[truth] + 0.6 * light + rng.normal(size=(count, 600))
    labels, swapped = truth.copy(), rng.choice(count, 24, replace=False)
    labels[swapped] = (truth[swapped] + rng.integers(1, 8, 24)) % 8
    first = doubtful_labels(features, labels, np.arange(count).astype(str), 8).head(36)
    assert np.isin(swapped, first["row"]).mean() >= 0.4


def test_the_only_specimen_of_a_class_is_not_judged():
    rng = np.random.default_rng(0)
    labels = np.array([0] * 6 + [1] * 6 + [2] * 2)
    groups = np.array([f"s{row}" for row in range(12)] + ["one", "one"])
    doubts = doubtful_labels(rng.normal(0, 1, (14, 3)) + labels[:, None], labels, groups, 3)
    assert set(doubts["row"]) == set(range(12))
