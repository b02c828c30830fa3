"""Scanning any folder at all: the counts add up, only the project's own errors come, order never matters, nothing is
written to the folder."""

import contextlib
import os
import random
import stat
import tempfile
from pathlib import Path

import numpy as np
from folders import encoded, noise, png_header, rules
from hypothesis import given, settings
from hypothesis import strategies as st

from mineral_lib.errors import StudyError
from mineral_lib.photos import readable
from mineral_lib.photos import scan as scan_folder


def file_of(number, kind="PNG", mode="RGB"):
    return encoded(noise(number).convert(mode), kind)


# Contents by kind; the number makes photographs different.
CONTENTS = {
    "png": file_of,
    "jpeg": lambda number: file_of(number, "JPEG"),
    "cmyk": lambda number: file_of(number, "JPEG", "CMYK"),
    "webp": lambda number: file_of(number, "WEBP"),
    "same": lambda number: file_of(-1 % 2**32),
    "cut": lambda number: file_of(number, "JPEG")[:-40],
    "empty": lambda number: b"",
    "text": lambda number: b"words",
    "html": lambda number: b"<!DOCTYPE html>",
    "heic": lambda number: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "bomb": lambda number: png_header(60_000, 60_000),
    "noise": lambda number: np.random.default_rng(number).bytes(200),
}
SPECIAL = ["fifo", "socket", "link in", "link out", "link gone", "link up", "link self", "folder"]
ODD_NAMES = [
    b".DS_Store",
    b"Thumbs.db",
    b"._a.jpg",
    b"notes.txt",
    b"a.PNG",
    b"-x",
    b"=1",
    b"\xc0\xd0.png",
    b"new\nline",
]
ODD_NAMES += ["石英.jpg".encode(), "e\u0301".encode(), "\u00e9".encode(), b"train", b".ipynb_checkpoints", b"__MACOSX"]


def usable(name):
    return name not in (b"", b".", b"..") and b"/" not in name and b"\0" not in name


names = st.one_of(
    st.sampled_from(ODD_NAMES),
    st.text(max_size=20).map(lambda text: text.encode("utf-8", "replace")),
    st.binary(max_size=12),
    st.just(b"x" * 255),
).filter(usable)
common = st.sampled_from([b"aa", b"bb", b"cc", "黄铁矿".encode(), b".git", b"test"])
classes = st.one_of(common, common, common, names)
folders = st.builds(lambda first, rest: [first, *rest], classes, st.lists(names, max_size=2))
places = st.one_of(folders, folders, folders, st.just([]))
entries = st.lists(st.tuples(places, names, st.sampled_from([*CONTENTS, *CONTENTS, *SPECIAL])), max_size=16)
choices = st.fixed_dictionaries(
    {
        "min_photos": st.integers(1, 3),
        "small_classes": st.sampled_from(["drop", "drop", "train_only", "error"]),
        "bad_photos": st.sampled_from(["skip", "skip", "skip", "error"]),
        "specimen_from": st.sampled_from(["file", "folder"]),
        "max_bad_share": st.sampled_from([1.0, 1.0, 0.5]),
    }
)


def build(root, tree, start):
    """Make the tree; entries that a file system cannot hold beside the earlier ones are left out."""
    top = os.fsencode(root)
    for number, (folder, name, kind) in enumerate(tree, start):
        place = os.path.join(top, *folder)
        path = os.path.join(place, name)
        try:
            os.makedirs(place, exist_ok=True)
            if kind in CONTENTS:
                with open(path, "xb") as handle:
                    handle.write(CONTENTS[kind](number))
            elif kind == "fifo":
                os.mkfifo(path)
            elif kind == "socket":
                os.mknod(path, stat.S_IFSOCK | 0o600)
            elif kind == "folder":
                os.mkdir(path)
            else:
                targets = {
                    "link in": os.path.join(top, b"aa", b"first.png"),
                    "link out": os.fsencode(__file__),
                    "link gone": b"nowhere",
                    "link up": b"..",
                    "link self": name,
                }
                os.symlink(targets[kind], path)
        except OSError:
            continue


def everything(root):
    """What lies below a folder, listed without the project's code: files, links, and folders that are empty."""
    found = []
    for here, inner, files in os.walk(os.fsencode(root)):
        place = os.path.relpath(here, os.fsencode(root))
        place = b"" if place == b"." else place + b"/"
        found += [place + name for name in files]
        found += [place + name + b"/" for name in inner if os.path.islink(os.path.join(here, name))]
        if place and not inner and not files:
            found.append(place)
    return sorted(readable(os.fsdecode(name)) for name in found)


def state(root):
    """Every byte, kind and time below a folder."""
    found = []
    for path in sorted(Path(root).rglob("*")):
        info = path.lstat()
        data = path.read_bytes() if stat.S_ISREG(info.st_mode) else b""
        found.append((os.fsencode(path), info.st_mode, info.st_size, info.st_mtime_ns, data))
    return found


@contextlib.contextmanager
def other_order(seed):
    """The disk lists every folder in another order."""
    real = os.scandir

    @contextlib.contextmanager
    def shuffled(folder):
        with real(folder) as listing:
            found = list(listing)
        random.Random(seed).shuffle(found)
        yield iter(found)

    os.scandir = shuffled
    try:
        yield
    finally:
        os.scandir = real


def outcome(root, data, jobs):
    try:
        return scan_folder(root, data, jobs=jobs)
    except StudyError as error:
        assert error.what and error.where and error.remedy
        return str(error)


def check(root, scan):
    assert sorted(scan.files["file"]) == everything(root)
    assert set(scan.files["status"]) <= {"used", "skipped", "ignored"}
    assert (scan.files.loc[scan.files["status"] != "used", "reason"] != "").all()
    used = scan.files[scan.files["status"] == "used"]
    assert sorted(used["file"]) == sorted(scan.index["image_id"]) and scan.index["sha256"].is_unique
    assert used["sharpness"].notna().all() and (scan.index["phash"].str.len() == 16).all()
    assert (scan.index["image_id"].str.split("/").str[0] == scan.index["class_name"]).all()
    assert scan.classes == scan.index.drop_duplicates("label").sort_values("label")["class_name"].tolist()


TALLY = {"scanned": 0, "refused": 0}


@settings(max_examples=100, derandomize=True, deadline=None, database=None)
@given(tree=entries, ordinary=st.sampled_from([4, 3, 0, 4]), changes=choices, seed=st.integers(0, 99))
def examples_of_any_tree(tree, ordinary, changes, seed):
    data = rules(**changes)
    plain = [
        ([name], b"first.png" if not number else b"p%d.png" % number, "png")
        for name in (b"aa", b"bb")
        for number in range(ordinary)
    ]
    with tempfile.TemporaryDirectory() as root:
        build(root, plain + tree, 1)
        before = state(root)
        first = outcome(Path(root), data, 1)
        with other_order(seed):
            second = outcome(Path(root), data, 3)
        assert state(root) == before
        TALLY["refused" if isinstance(first, str) else "scanned"] += 1
        if isinstance(first, str):
            assert first == second
            return
        check(root, first)
        assert first.index.equals(second.index) and first.files.equals(second.files) and first.classes == second.classes


def test_any_tree_is_accounted_for_or_refused_in_words(capsys):
    examples_of_any_tree()
    with capsys.disabled():
        print(f"\nany tree: {TALLY['scanned']} scanned, {TALLY['refused']} refused in words, 0 other errors")
    assert min(TALLY.values()) >= 10  # neither all hopeless nor all harmless; the trees differ by version of hypothesis
