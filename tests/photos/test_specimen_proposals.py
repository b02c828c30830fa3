"""Specimens proposed by names and times: what is grouped, what is left alone, and that a person decides."""

import pandas as pd
import pytest
from PIL import ExifTags, Image

from mineral_lib.cli import main
from mineral_lib.parameters import load_profile
from mineral_lib.photos.specimen_proposals import MOST, proposal_note, propose_specimens
from mineral_lib.reporting.health import check_photos


def index_of(names, class_name="quartz"):
    return pd.DataFrame({"path": [f"{class_name}/{name}" for name in names], "class_name": class_name})


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (["piece12_a.jpg", "piece12_b.jpg", "piece7_a.jpg"], {"piece12": 2}),
        (["Q7 (1).jpg", "Q7 (2).jpg", "Q8 (1).jpg", "Q8 (2).jpg"], {"Q7": 2, "Q8": 2}),
        (["12a.jpg", "12b.jpg", "13a.jpg", "13b.jpg"], {"12": 2, "13": 2}),
        (["石英-3-1.png", "石英-3-2.png", "石英-4-1.png"], {"石英-3": 2}),
        (["IMG_0012.jpg", "IMG_0013.jpg", "IMG_0014.jpg"], {}),  # a camera's count
        ([f"quartz_{number}.jpg" for number in range(40)], {}),  # a collector's count
        (["quartz_1.jpg", "quartz_2.jpg", "quartz_3.jpg"], {}),  # all of a class would be one specimen
        (["a.jpg", "b.jpg"], {}),
    ],
)
def test_names(tmp_path, names, groups):
    found = propose_specimens(tmp_path, index_of(names))
    told = found[found["how"] == "name"].groupby("specimen").size()
    assert told.to_dict() == {f"quartz/{name}": count for name, count in groups.items()}
    alone = found[found["how"] == ""]
    assert (alone["specimen"] == alone["file"]).all() and len(found) == len(names)
    assert bool(proposal_note(found)) == bool(groups)


def shoot(path, time, tag=ExifTags.Base.DateTimeOriginal):
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if time:
        (exif.get_ifd(ExifTags.IFD.Exif) if tag == ExifTags.Base.DateTimeOriginal else exif)[tag] = time
    Image.effect_noise((64, 64), 80 + len(path.name)).convert("RGB").save(path, exif=exif)


def test_times(tmp_path):
    times = ["10:00:00", "10:04:59", "10:09:00", "10:20:00", "10:21:00", "12:00:00"]
    for number, time in enumerate(times):
        shoot(tmp_path / "quartz" / f"IMG_{number:04}.jpg", f"2026:05:01 {time}")
    for number, broken in enumerate(["", "0000:00:00 00:00:00", "yesterday"]):
        shoot(tmp_path / "quartz" / f"IMG_1{number:03}.jpg", broken)
    names = sorted(path.name for path in (tmp_path / "quartz").iterdir())
    found = propose_specimens(tmp_path, index_of(names))
    assert found.loc[found["how"] == "time"].groupby("specimen").size().tolist() == [3, 2]
    assert "5 look like views of 2 specimens (taken within 5 minutes" in proposal_note(found)


def test_an_afternoon_is_no_specimen(tmp_path):
    for number in range(MOST + 3):
        shoot(tmp_path / "quartz" / f"IMG_{number:04}.jpg", f"2026:05:01 10:{number:02}:00")
    found = propose_specimens(tmp_path, index_of(sorted(path.name for path in (tmp_path / "quartz").iterdir())))
    assert (found["how"] == "").all()


def test_check_shows_the_proposal_and_takes_the_answer(study_root, tmp_path):
    for mineral in ("quartz", "pyrite"):
        for piece in range(5):
            for view in "ab":
                shoot(tmp_path / "photos" / mineral / f"{mineral[0]}{piece}_{view}.jpg", "")
    folder = [f"data.folder='{tmp_path / 'photos'}'", "data.near_duplicate_radius=null"]
    text = check_photos(load_profile("own_photos", folder), out=tmp_path / "out")
    assert "20 look like views of 10 specimens (by their names)" in text
    assert "specimens.csv" in text
    answer = ["data.specimen_from=csv", f"data.metadata_csv='{tmp_path / 'out' / 'specimens.csv'}'"]
    text = check_photos(load_profile("own_photos", folder + answer), out=tmp_path / "second")
    assert "look like views" not in text
    assert not (tmp_path / "second" / "specimens.csv").exists()
    classes = pd.read_csv(tmp_path / "second" / "folder_classes.csv")
    assert classes["specimens"].tolist() == [5, 5]


def paths_of(folders):
    """The index of a photo folder, from the number of photographs in each of its folders."""
    names = [(f"{folder}/view{view}.jpg", folder.split("/")[0]) for folder, n in folders.items() for view in range(n)]
    return pd.DataFrame(names, columns=["path", "class_name"])


@pytest.mark.parametrize(
    ("folders", "proposed"),
    [
        (
            {"quartz/QU-001": 2, "quartz/QU-002/wet": 3, "quartz/QU-002/dry": 1},
            {"quartz/QU-001": 2, "quartz/QU-002": 4},
        ),
        ({"石英/1": MOST, "石英/2": 2, "石英/box": MOST + 1, "石英": 3}, {"石英/1": MOST, "石英/2": 2}),
        ({"quartz/2019": 40, "quartz/2020": 40, "quartz/odd": 2}, {}),  # most are too large
        ({"quartz/QU-001": 1, "quartz/QU-002": 1}, {}),
        ({"quartz/jpg": 9, "pyrite/jpg": 9}, {}),  # all of a class would be one specimen
        ({"Sulfide/pyrite": 9, "Sulfide/galena": 9}, {}),  # these are minerals
    ],
)
def test_folders(tmp_path, folders, proposed):
    found = propose_specimens(tmp_path, paths_of(folders))
    told = found[found["how"] == "folder"].groupby("specimen").size()
    assert told.to_dict() == proposed
    assert ("data.specimen_from=folder" in proposal_note(found)) == bool(proposed)


def test_the_class_folder_is_found_below_parts_and_after_a_decision(tmp_path):
    index = paths_of({"train/quartz/Q1": 2, "train/quartz/Q2": 2, "test/pyrite/P1": 2, "test/pyrite/P2": 2})
    found = propose_specimens(tmp_path, index.assign(class_name=["quartz"] * 3 + ["pyrite"] * 5))
    assert found["specimen"].nunique() == 5  # Q2 was given two classes, so its photographs stand alone
    assert "6 look like views of 3 specimens (by their folders)" in proposal_note(found)


def test_check_and_learn_name_the_rule_for_folders(study_root, capsys):
    for mineral in ("quartz", "pyrite"):
        for piece in range(4):
            for view in range(3):
                shoot(study_root / "photos" / mineral / f"{mineral[:2]}-{piece:03}" / f"view{view}.jpg", "")
    folder = [str(study_root / "photos"), "--set", "data.near_duplicate_radius=null"]
    said = "24 look like views of 8 specimens (by their folders)"
    answer = "say: --set data.specimen_from=folder (mineral identify: --specimen-from folder)"
    assert main(["check", *folder]) == 0
    out = capsys.readouterr().out
    assert said in out and answer in out
    assert main(["check", *folder, "--set", "data.specimen_from=folder"]) == 0
    assert "look like views" not in capsys.readouterr().out
    assert main(["learn", *folder, "--set", "recogniser.backbones=[]"]) == 0
    out = capsys.readouterr().out
    assert said in out and answer in out
