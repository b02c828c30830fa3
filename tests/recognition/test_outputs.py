"""Where the commands on photographs may write: no photograph is replaced, no picture is put among them."""

import shutil

import pytest

from mineral_lib.errors import DataError, ParameterError
from mineral_lib.recognition.outputs import output_file, output_folder


def contents(root):
    return {path: path.read_bytes() if path.is_file() else None for path in root.rglob("*")}


@pytest.fixture
def photos(made, tmp_path):
    """A photo folder, and links to it and out of it."""
    root = tmp_path / "photos"
    for name in ("malachite", "石英"):
        shutil.copytree(made.folder / name, root / name)
    (tmp_path / "link").symlink_to(root, target_is_directory=True)
    (root / "way-out.csv").symlink_to(tmp_path / "elsewhere.csv")
    return root


@pytest.mark.parametrize(
    ("command", "option", "name", "status"),
    [
        ("audit", "--out", "malachite/0_0.png", 2),
        ("audit", "--out", "../keep.jpg", 2),
        ("audit", "--out", "../notes.txt", 2),
        ("audit", "--out", "../folder.csv", 2),
        ("audit", "--out", "pairs.csv", 3),
        ("audit", "--out", "../link/pairs.csv", 3),
        ("audit", "--out", "way-out.csv", 3),
        ("check", "--out", "health", 3),
        ("check", "--out", "../link/health", 3),
        ("check", "--out", "", 3),
        ("check", "--out", "../keep.jpg", 2),
        ("review", "--out", "../link/review", 3),
        ("review", "--out", "../keep.jpg", 2),
        ("evaluate", "--out", "malachite", 3),
        ("evaluate", "--out", "../link/deep/er", 3),
        ("evaluate", "--out", "../keep.jpg", 2),
        ("identify", "--maps", "maps", 3),
        ("identify", "--maps", "../link/maps", 3),
        ("identify", "--maps", "../keep.jpg", 2),
    ],
)
def test_what_would_harm_photographs_is_refused(mineral, photos, tmp_path, command, option, name, status):
    shutil.copy(photos / "malachite" / "0_0.png", tmp_path / "keep.jpg")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "folder.csv").mkdir()
    before = contents(tmp_path)
    found, out, err = mineral(command, photos, option, photos / name)
    assert (found, out, contents(tmp_path) == before) == (status, "", True), err
    assert f"{option}" in err and "What to do" in err and "Traceback" not in err


def test_maps_of_one_photograph_go_to_another_folder(mineral, photos, tmp_path):
    photo, link = photos / "malachite" / "0_0.png", tmp_path / "links" / "a.png"
    link.parent.mkdir()
    link.symlink_to(photo)
    before = contents(photos)
    for given, maps in (
        (photo, photos / "malachite" / "maps"),
        (link, photos / "malachite"),
        (link, link.parent / "m"),
    ):
        status, _, err = mineral("identify", given, "--maps", maps)
        assert (status, "lies inside the photo folder" in err, contents(photos) == before) == (3, True, True)
    assert mineral("identify", photo, "--maps", tmp_path / "maps")[0] == 0
    assert contents(photos) == before


def test_export_replaces_only_its_own_kind(mineral, tmp_path):
    for name in ("keep.jpg", "a.md", "a.onnx"):
        (tmp_path / name).write_bytes(b"mine")
    before = contents(tmp_path)
    for name, more in (("keep.jpg", ()), ("a.onnx", ()), ("a.safetensors", ("--onnx",)), ("a.safetensors", ())):
        status, _, err = mineral("export", "--profile", "own_photos", "--out", tmp_path / name, *more)
        assert (status, contents(tmp_path) == before) == (2, True), err
    for _ in range(2):  # a second export replaces the first and its card
        assert mineral("export", "--profile", "own_photos", "--out", tmp_path / "b.SafeTensors")[0] == 0


def test_places_beside_photographs_are_allowed(photos, tmp_path):
    assert output_file(tmp_path / "photos.csv", ".csv", [photos])
    assert output_folder(tmp_path / "photos 2", [photos]) and output_folder(photos / "..", [photos])
    with pytest.raises(DataError, match="--maps"):
        output_folder(photos, [photos], option="--maps")
    with pytest.raises(ParameterError, match=r"ends in \.csv"):
        output_file(tmp_path / "photos", ".csv", [photos])
