"""The table beside the photographs: specimen, attribution and licence reach the index, and no mistake passes."""

import pytest
from folders import folder_profile, noise, put, rules

from mineral_lib.data.split import make_split
from mineral_lib.errors import DataError
from mineral_lib.photos import scan as scan_folder
from mineral_lib.photos.metadata import folder_metadata

FOLDERS = ("", "S1/", "S1/deep/")
FILES = [f"{name}/{folder}{number}.png" for name in ("aa", "bb") for folder in FOLDERS for number in (1, 2)]


@pytest.fixture
def photos(tmp_path):
    for number, name in enumerate(FILES):
        put(tmp_path / "photos", name, noise(number))
    return tmp_path / "photos"


def settings_of(photos, *changes):
    return folder_profile(photos, "data.min_photos=1", *changes)


def scan_with(photos, text, *changes, encoding="utf-8"):
    table = photos.parent / "list.csv"
    table.write_text(text, encoding=encoding)
    return scan_folder(photos, settings_of(photos, f"data.metadata_csv={table}", *changes).data, jobs=1)


def refused(photos, text, *changes):
    with pytest.raises(DataError) as caught:
        scan_with(photos, text, *changes)
    assert "list.csv" in caught.value.where and caught.value.remedy
    return str(caught.value)


def rows(specimen):
    return "".join(f"{name},{specimen(name)}\n" for name in FILES)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_attribution_and_licence_reach_the_index(photos, encoding):
    scan = scan_with(
        photos, 'file,licence,attribution\naa/1.png, CC BY 4.0 ,"Doe, Jane"\n\nbb/2.png,,李四\n', encoding=encoding
    )
    found = scan.index.set_index("image_id")
    assert found.loc["aa/1.png", ["attribution", "licence"]].tolist() == ["Doe, Jane", "CC BY 4.0"]
    assert found.loc["bb/2.png", ["attribution", "licence"]].tolist() == ["李四", ""]
    assert found.loc["aa/2.png", ["attribution", "licence"]].tolist() == ["", ""]
    assert (found["specimen"] == found.index).all()  # specimen_from: file


def test_specimens_from_the_table_stay_together_in_the_split(photos):
    text = "file,specimen\n" + rows(lambda name: f"K{FILES.index(name) % 3}")
    settings = settings_of(photos, "data.specimen_from=csv", f"data.metadata_csv={photos.parent / 'list.csv'}")
    scan = scan_with(photos, text, "data.specimen_from=csv")
    assert set(scan.index["specimen"]) == {f"{name}/K{number}" for name in ("aa", "bb") for number in range(3)}
    split = make_split(scan.index, "grouped", settings.split, settings.augment)
    assert (split.groupby("specimen")["split"].nunique() == 1).all()
    assert (split.groupby("class_name")["split"].nunique() == 3).all()


def test_specimens_from_folders(photos):
    scan = scan_folder(photos, settings_of(photos, "data.specimen_from=folder").data, jobs=1)
    specimens = scan.index.set_index("image_id")["specimen"]
    assert set(specimens[[name for name in FILES if "S1" in name]]) == {"aa/S1", "bb/S1"}
    assert specimens["aa/1.png"] == "aa/1.png"
    warned = scan.files.set_index("file")["warnings"].str.contains("lies in no specimen folder")
    assert set(warned[warned].index) == {"aa/1.png", "aa/2.png", "bb/1.png", "bb/2.png"}


def test_a_pattern_that_does_not_match_is_said(photos):
    changes = ["data.specimen_from=pattern", "data.specimen_pattern=^(?P<specimen>1)"]
    scan = scan_folder(photos, settings_of(photos, *changes).data, jobs=1)
    warned = scan.files["warnings"].str.contains("finds no specimen")
    assert warned.sum() == 6 and scan.index["specimen"].nunique() == 2 + 6


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column 'file'"),
        ("datei,specimen\n", "unknown column 'datei'"),
        ("file,license\naa/1.png,x\n", "did you mean 'licence'?"),
        ("file,file\n", "a column stands twice"),
        ("specimen\nK1\n", "no column 'file'"),
        ("file,attribution\naa/1.png,Doe, Jane\n", "row 2 has 3 fields, the header has 2"),
        ("file\naa/1.png\nbb/1.png\naa/1.png\n", "row 4: file 'aa/1.png' stands twice"),
        ("file\naa/3.png\n", "1 files of the table are not in the photo folder: 'aa/3.png' (did you mean 'aa/"),
        ("file\naa\\1.png\n", "(did you mean 'aa/1.png'?)"),
        ('file\n"aa/1.png\n', "cannot be read"),
        ("file\0\n", "list.csv"),
    ],
)
def test_mistakes_in_the_table_get_clear_messages(photos, text, words):
    assert words in refused(photos, text)


def test_every_used_photograph_needs_a_specimen(photos):
    missing = "file,specimen\n" + rows(lambda name: "" if name == "aa/2.png" else "K1")
    message = refused(photos, missing, "data.specimen_from=csv")
    assert "no specimen for 1 of 12 photographs: 'aa/2.png'" in message
    assert "no specimen for 12 of 12" in refused(photos, "file\naa/1.png\n", "data.specimen_from=csv")


def test_a_missing_or_undecodable_table_is_refused(tmp_path):
    gbk = tmp_path / "gbk.csv"
    gbk.write_bytes("file,attribution\naa/1.png,黄铁矿\n".encode("gbk"))
    for path in (tmp_path / "none.csv", tmp_path, gbk):
        with pytest.raises(DataError, match="cannot be read") as caught:
            folder_metadata(rules(metadata_csv=str(path)), [])
        assert "UTF-8" in caught.value.remedy
