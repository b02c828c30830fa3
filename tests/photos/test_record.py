"""The scan record: unchanged files are not read again, changed ones always are, and a lost record costs only time."""

import json
import os
import time

import pytest
from folders import noise, put, rules

from mineral_lib.data.prepare import prepare
from mineral_lib.errors import DataError
from mineral_lib.parameters import load_profile
from mineral_lib.photos import measure as record_module
from mineral_lib.photos import scan as scan_folder
from mineral_lib.photos.measure import measure_file, measure_folder
from mineral_lib.photos.walk import FoundFile


def photo(path, number):
    put(path.parent, path.name, noise(number))


@pytest.fixture
def folder(tmp_path):
    for name in ("aa", "bb"):
        for number in range(4):
            photo(tmp_path / f"photos/{name}/{number}.png", 10 * ord(name[0]) + number)
    (tmp_path / "photos/aa/words.jpg").write_text("no photograph")
    return tmp_path / "photos"


def scan(folder):
    return scan_folder(folder, rules(min_photos=1), jobs=2, cache_dir=folder.parent / "cache")


def counts(result):
    return result.read, result.reused


def test_the_second_scan_reads_nothing_and_says_the_same(folder, capsys):
    first, second = scan(folder), scan(folder)
    assert counts(first) == (9, 0) and counts(second) == (0, 9)
    assert first.index.equals(second.index) and first.files.equals(second.files)
    assert "photos: 9 files found, 0 read, 9 unchanged and not read" in capsys.readouterr().out


def test_every_change_of_a_file_is_noticed(folder):
    first = scan(folder)
    old = (folder / "aa/0.png").stat()
    photo(folder / "aa/0.png", 777)  # other bytes
    photo(folder / "aa/1.png", 778)
    os.utime(folder / "aa/1.png", ns=(old.st_atime_ns, old.st_mtime_ns))  # ... and the time put back
    photo(folder / "aa/new.png", 779)
    (folder / "bb/0.png").unlink()
    (folder / "bb/1.png").rename(folder / "bb/moved.png")
    second = scan(folder)
    assert second.read in (4, 5)  # a changed file may keep its size; a renamed one is a new one
    fresh = scan_folder(folder, rules(min_photos=1))
    assert second.index.equals(fresh.index) and second.files.equals(fresh.files)
    assert len(set(first.index["sha256"]) - set(second.index["sha256"])) == 3


def test_a_bar_when_asked_and_a_plain_line_otherwise(folder, capsys):
    scan_folder(folder, rules(min_photos=1), jobs=1, progress=True)
    shown = capsys.readouterr()
    assert "9/9" in shown.err and shown.out == ""
    scan_folder(folder, rules(min_photos=1), jobs=1)  # tests have no terminal
    shown = capsys.readouterr()
    assert shown.err == "" and shown.out == "photos: 9 files found, 9 read, 0 unchanged and not read\n"


DAMAGES = [
    "",
    "{",
    "[]",
    "{}",
    '{"rules": "other", "photographs": {}}',
    "\0\1\2",
    '{"photographs": 3}',
    "a changed number",
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_record_is_made_anew(folder, damage):
    first = scan(folder)
    path = next((folder.parent / "cache/scans").iterdir())
    changed = path.read_text().replace('"width": ', '"width": 1', 1)
    path.write_text(changed if damage == DAMAGES[-1] else damage)
    second = scan(folder)
    assert counts(second) == (9, 0) and second.index.equals(first.index)
    assert counts(scan(folder)) == (0, 9)


def test_other_rules_read_everything_again(folder, monkeypatch):
    scan(folder)
    monkeypatch.setattr(record_module.PIL, "__version__", "0.0")
    record_module.reading_rules.cache_clear()
    try:
        assert counts(scan(folder)) == (9, 0)
    finally:
        record_module.reading_rules.cache_clear()


def test_what_could_not_be_opened_is_not_recorded(folder):
    result = measure_file(folder / "aa/vanished.png")
    assert result == {"refused": "no such file", "remedy": "run the scan (notebook 01) again", "passing": True}
    assert measure_file(folder / "aa/words.jpg").keys() == {"refused", "remedy"}
    found = [FoundFile("aa/vanished.png", "aa", state=(1,)), FoundFile("aa/0.png", "aa", state=(1,))]
    measure_folder(folder, found, jobs=1, cache_dir=folder.parent / "cache", progress=False)
    assert [file.status for file in found] == ["skipped", "used"]
    assert list(json.loads(next((folder.parent / "cache/scans").iterdir()).read_text())["photographs"]) == ["aa/0.png"]


def test_a_stopped_scan_keeps_what_it_has_read(folder, monkeypatch):
    class Stop(KeyboardInterrupt):
        pass

    real, seen = record_module.Record.add, []

    def add(self, file, result):
        real(self, file, result)
        seen.append(file)
        if len(seen) == 5:
            raise Stop

    monkeypatch.setattr(record_module.Record, "add", add)
    with pytest.raises(Stop):
        scan(folder)
    monkeypatch.setattr(record_module.Record, "add", real)
    assert counts(scan(folder)) == (4, 5)


def test_two_folders_have_two_records(folder):
    scan(folder)
    other = folder.parent / "other"
    for name in ("aa", "bb"):
        photo(other / name / "0.png", ord(name[0]))
    assert counts(scan(other)) == (2, 0) and counts(scan(folder)) == (0, 9)
    assert len(list((folder.parent / "cache/scans").iterdir())) == 2


def test_the_record_holds_no_pixels(folder):
    scan(folder)
    path = next((folder.parent / "cache/scans").iterdir())
    rows = json.loads(path.read_text())["photographs"]
    assert len(rows) == 9 and max(len(json.dumps(row)) for row in rows.values()) < 500


def test_prepare_looks_at_names_sizes_and_times_only(study_root, folder):
    settings = load_profile("test", ["data.source=folder", f"data.folder={folder}", "data.min_photos=3"])
    first = prepare(settings)
    assert first.files["sharpness"].notna().sum() == 8 and first.index["phash"].str.fullmatch("[0-9a-f]{16}").all()
    index = study_root / "results" / settings.profile / "index.csv"
    made = index.stat().st_mtime_ns
    start = time.perf_counter()
    prepare(settings)
    assert index.stat().st_mtime_ns == made and time.perf_counter() - start < 1
    photo(folder / "bb/9.png", 999)
    assert len(prepare(settings).index) == len(first.index) + 1 and index.stat().st_mtime_ns != made
    for path in folder.rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match="no usable photograph"):
        prepare(settings)
