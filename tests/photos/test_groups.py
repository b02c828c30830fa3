"""Groups of photographs that belong together: found in a real folder, kept on one side, audited from the files."""

import numpy as np
import pandas as pd
import pytest
from folders import encoded, folder_profile, picture, put
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from mineral_lib.data.audit import audit_files, read_duplicates
from mineral_lib.data.index import build_index, photo_folder, read_index
from mineral_lib.data.prepare import prepare
from mineral_lib.data.split import read_split
from mineral_lib.errors import DataError
from mineral_lib.paths import ResultPaths
from mineral_lib.photos import read_photo
from mineral_lib.photos.groups import (
    DUPLICATE_COLUMNS,
    add_groups,
    duplicate_table,
    fingerprints,
    group_notes,
    near_duplicates,
)
from mineral_lib.storage import read_json, write_csv


def save(image, path, **options):
    put(path.parent, path.name, encoded(image, "JPEG" if path.suffix == ".jpg" else path.suffix[1:].upper(), **options))


@pytest.fixture
def folder(study_root):
    """20 photographs of two classes, with copies of every kind."""
    root = study_root / "photos"
    for number in range(10):
        save(picture(number), root / f"aa/p{number}.png")
        save(picture(100 + number), root / f"bb/p{number}.png")
    save(picture(0), root / "aa/small.jpg", quality=60)
    save(ImageEnhance.Brightness(picture(0)).enhance(0.8), root / "aa/turned.png")
    save(picture(1).transpose(Image.Transpose.ROTATE_90), root / "aa/turned2.png")
    save(picture(2), root / "aa/p2 again.bmp")  # same pixels, other bytes
    save(picture(3), root / "bb/stolen.jpg", quality=70)  # near, in another class
    save(picture(4), root / "bb/stolen.bmp")  # same pixels, in another class
    return root


def profile(*changes):
    return folder_profile("photos", *changes)


def pairs_of(duplicates):
    return {(row.file_a, row.file_b): (row.kind, row.conflict) for row in duplicates.itertuples()}


def straddling(study, paths):
    """Photographs, pairs within the radius, and those across the split; only paths and split are believed."""
    index, samples, root = read_index(paths.index), read_split(paths.splits_dir, "grouped"), photo_folder(study.data)
    files = index[["path", "sha256"]].itertuples(index=False)
    read = [read_photo(root / path, sha256=digest).image for path, digest in files]
    pairs = near_duplicates(pd.DataFrame(map(fingerprints, read)), study.data.near_duplicate_radius)
    part = index["image_id"].map(samples.set_index("image_id")["split"]).to_numpy()
    return len(index), len(pairs), (part[pairs["first"]] != part[pairs["second"]]).sum()


def test_copies_in_a_folder_become_groups_and_conflicts_are_listed(folder):
    scan = build_index(profile().data)
    assert pairs_of(scan.duplicates) == {
        ("aa/p4.png", "bb/stolen.bmp"): ("same pixels", "yes"),
        ("aa/p3.png", "bb/stolen.jpg"): ("near", "yes"),
        ("aa/p2 again.bmp", "aa/p2.png"): ("same pixels", "no"),
        ("aa/p0.png", "aa/small.jpg"): ("near", "no"),
        ("aa/p0.png", "aa/turned.png"): ("near", "no"),
        ("aa/small.jpg", "aa/turned.png"): ("near", "no"),
        ("aa/p1.png", "aa/turned2.png"): ("near", "no"),
    }
    assert list(scan.duplicates.columns) == DUPLICATE_COLUMNS
    assert scan.duplicates["conflict"].tolist() == ["yes"] * 2 + ["no"] * 5
    index = scan.index.set_index("image_id")
    grouped = index.groupby("group").groups
    assert sorted(map(list, (ids for ids in grouped.values() if len(ids) > 1))) == [
        ["aa/p0.png", "aa/small.jpg", "aa/turned.png"],
        ["aa/p1.png", "aa/turned2.png"],
        ["aa/p2 again.bmp", "aa/p2.png"],
        ["aa/p3.png", "bb/stolen.jpg"],
    ]
    assert all(name == min(ids) for name, ids in grouped.items())
    # Near duplicates in two classes stay in the study; equal pixels in two classes leave it.
    status = scan.files.set_index("file")
    assert "bb/stolen.jpg" in index.index and "aa/p4.png" not in index.index
    assert status.loc["aa/p4.png", "reason"] == "label conflict with bb/stolen.bmp (same pixels in two classes)"
    assert (status["status"] == "used").sum() == len(index) == 24


def test_radius_off_leaves_equal_pixels_and_specimens(folder):
    scan = build_index(profile("data.near_duplicate_radius=null").data)
    assert set(scan.duplicates["kind"]) == {"same pixels"}
    assert scan.index.groupby("group").size().max() == 2
    pattern = "data.specimen_pattern='^(?P<specimen>p[12])'"
    named = build_index(profile("data.near_duplicate_radius=null", "data.specimen_from=pattern", pattern).data)
    groups = named.index.set_index("image_id")["group"]
    assert groups["aa/p1.png"] == "aa/p1" and groups["aa/p2.png"] == groups["aa/p2 again.bmp"] == "aa/p2"
    assert groups["bb/p1.png"] == "bb/p1"


def test_prepared_study_keeps_groups_whole_and_the_audit_finds_a_planted_leak(folder):
    settings = profile("split.protocols=[grouped, photo, paper, authors]")
    study, paths = prepare(settings), ResultPaths.of("quick")
    assert read_duplicates(paths.root / "duplicates.csv").equals(study.duplicates.astype({"distance": "int64"}))
    record = read_json(paths.root / "data.json")
    assert record["groups"] == {
        "photographs": 24,
        "specimens": 24,
        "groups": 19,
        "largest_group": 3,
        "groups_across_classes": 1,
        "same_bytes_pairs": 0,
        "same_pixels_pairs": 2,
        "same_scene_pairs": 0,
        "near_pairs": 5,
        "conflicts": 2,
    }
    leak = record["leak"]
    assert leak["grouped"]["test"]["same_group"] == leak["grouped"]["test"]["listed_duplicate"] == 0
    assert leak["paper"]["test"]["same_group"] >= leak["paper"]["test"]["same_photo"] > 0
    assert leak["authors"]["test"]["in_val"] == leak["authors"]["test"]["samples"] > 0
    assert straddling(settings, paths) == (24, 6, 0)
    for protocol in settings.split.protocols:  # every test image of every protocol has its own row
        assert study.splits[protocol].query("split == 'test'")["sample_id"].is_unique

    split = study.splits["grouped"]
    split.loc[split["image_id"] == "aa/small.jpg", "split"] = "train"
    split.loc[split["image_id"] == "aa/p0.png", "split"] = "test"
    split.loc[split["image_id"] == "aa/turned.png", "split"] = "test"
    write_csv(paths.splits_dir / "grouped.csv", split.assign(group=split["image_id"]))  # the groups are lost as well
    paths.data.unlink()  # it says that the split was changed
    assert audit_files(paths, ["grouped"])["grouped"]["test"]["listed_duplicate"] == 2
    assert straddling(settings, paths)[2] == 2
    (folder / "aa/p5.png").write_bytes((folder / "aa/p6.png").read_bytes())
    with pytest.raises(DataError, match="changed since the scan"):
        straddling(settings, paths)


def test_any_file_name_survives_the_table_of_duplicates(study_root):
    names = ["=1+1.png", 'quo"te, comma.png', "new\nline.png", "-x.png", "晶 体 😀.png", "NA.png", "007.png"]
    for number, name in enumerate(names):
        for class_name in ("NA", "bb"):
            save(picture(number + 100 * (class_name == "bb")), study_root / "photos" / class_name / name)
        save(picture(number), study_root / f"photos/NA/{number} copy.jpg", quality=80)
    study = prepare(profile())
    assert set(study.duplicates["file_a"]) | set(study.duplicates["file_b"]) >= {f"NA/{name}" for name in names}
    assert len(study.duplicates) == len(names) and set(study.duplicates["class_a"]) == {"NA"}


def test_other_groups_are_other_data(folder):
    first = prepare(profile()).fingerprint
    assert prepare(profile("data.near_duplicate_radius=null")).fingerprint != first
    assert prepare(profile()).fingerprint == first


def test_generated_photographs_are_grouped_by_specimen(tiny):
    study = prepare(tiny)
    assert (study.index["group"] == study.index["specimen"]).all() and study.duplicates.empty and study.notes == []


def made_index(classes, hashes):
    rows = [(f"{name}/{number:02d}", name) for name, count in classes for number in range(count)]
    index = pd.DataFrame(rows, columns=["image_id", "class_name"])
    index = index.assign(pixels_sha256="", phash=[f"{value:016x}" for value in hashes])
    return index.assign(specimen=index["image_id"])


def test_a_shared_background_that_swallows_a_class_is_named_with_a_radius_that_helps():
    rng = np.random.default_rng(0)
    hashes = [int(value) & ~1 for value in rng.integers(0, 2**63, 60)]
    for number in range(1, 20):  # 20 of 30 photographs of "aa": each five bits from the one before
        hashes[number] = hashes[number - 1] ^ (0b111110 << (number * 3 % 57))
    index = made_index([("aa", 30), ("bb", 30)], hashes)
    pairs = near_duplicates(index, 6)
    grouped = add_groups(index, pairs)
    assert grouped["group"].value_counts().iloc[0] == 20
    (note,) = group_notes(grouped, pairs)
    assert note.startswith("aa: 20 of 30 photographs") and note.endswith("data.near_duplicate_radius to 4.")
    assert add_groups(index, near_duplicates(index, 4))["group"].is_unique
    few = made_index([("aa", 4), ("bb", 30)], hashes[:4] + hashes[30:])
    near = near_duplicates(few, 6)
    (note,) = group_notes(add_groups(few, near), near)
    assert note == "aa: near duplicates join its 4 specimens to 1, so it is in train only."


@settings(max_examples=60, derandomize=True, deadline=None)
@given(count=st.integers(2, 12), data=st.data())
def test_groups_join_exactly_what_is_linked_in_any_order_of_rows(count, data):
    words = st.sampled_from(["u", "v", "w", "x", "y", "z"])
    specimens = data.draw(st.lists(words, min_size=count, max_size=count))
    pixels = data.draw(st.lists(st.sampled_from(["", "", "p", "q"]), min_size=count, max_size=count))
    places = st.tuples(*[st.integers(0, count - 1)] * 2)
    near = [pair for pair in data.draw(st.lists(places, max_size=4)) if pair[0] < pair[1]]
    index = pd.DataFrame({"image_id": [f"i{n}" for n in range(count)], "specimen": specimens, "pixels_sha256": pixels})
    found = add_groups(index, pd.DataFrame(near, columns=["first", "second"], dtype=np.int64))["group"]
    linked = np.eye(count, dtype=bool)
    for i in range(count):
        for j in range(count):
            same = specimens[i] == specimens[j] or pixels[i] == pixels[j] != ""
            linked[i, j] |= same or (i, j) in near or (j, i) in near
    for _ in range(count):
        linked = (linked.astype(int) @ linked.astype(int)) > 0
    for i in range(count):
        members = [j for j in range(count) if linked[i, j]]
        assert [j for j in range(count) if found[j] == found[i]] == members
        assert found[i] == min(specimens[j] for j in members)
    order = np.random.default_rng(count).permutation(count)
    place = np.argsort(order)
    mixed = pd.DataFrame([(place[a], place[b]) for a, b in near], columns=["first", "second"], dtype=np.int64)
    assert (add_groups(index.iloc[order], mixed)["group"].sort_index() == found).all()


def test_pixels_digest_knows_the_shape():
    flat = np.zeros((20, 30, 3), np.uint8)
    assert fingerprints(flat)["pixels_sha256"] != fingerprints(flat.reshape(30, 20, 3))["pixels_sha256"]
    assert fingerprints(flat)["phash"] == "0" * 16


def test_duplicates_without_any():
    index = made_index([("aa", 2)], [1 << 40, ~(1 << 41) & 0xFFFFFFFFFFFFFFFE])
    none = near_duplicates(index, 0)
    table = duplicate_table(index, none, none, pd.DataFrame(columns=DUPLICATE_COLUMNS))
    assert table.empty and list(table.columns) == DUPLICATE_COLUMNS
