"""What people and enemies write as parameters: answered in words, at once. Odd folders reach the study unchanged."""

import itertools
import json
import time

import pytest

from mineral_lib.cli import main
from mineral_lib.errors import ParameterError
from mineral_lib.parameters import load_profile
from mineral_lib.patterns import search_all

LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in itertools.pairwise("abcdefghi")
)
FILES = {
    "aliases": LAUGHS,
    "anchor": "train: &t {epochs: 3}\n",
    "alias": "train: *t\n",
    "merge": "train:\n  <<: {epochs: 3}\n",
    "recursive": "train: &t [*t]\n",
    "bad int tag": "train: {epochs: !!int abc}\n",
    "bad float tag": "train: {lr: !!float x}\n",
    "bad bool tag": "train: {compile: !!bool maybe}\n",
    "bad null tag": "train: {compile: !!null x}\n",
    "bad timestamp tag": "data: {folder: !!timestamp 2020-13-45}\n",
    "binary tag": "data: {folder: !!binary ====}\n",
    "set tag": "train: !!set {a, b}\n",
    "omap tag": "train: !!omap [a]\n",
    "pairs tag": "train: !!pairs [a]\n",
    "python tag": "a: !!python/object/apply:os.system ['true']\n",
    "python name": "a: !!python/name:os.system\n",
    "own tag": "train: !mine 3\n",
    "odd tag": "train: !<tag:%zz> 3\n",
    "date that is none": "train: {epochs: 2020-13-45}\n",
    "date": "train: {epochs: 2024-05-01}\n",
    "huge integer": f"train: {{epochs: {'9' * 5000}}}\n",
    "long integer": "train: {epochs: 99999999999999999999}\n",
    "large integer": "train: {epochs: 99999999}\n",
    "large threads": "train: {threads: 1000000000}\n",
    "hexadecimal": "train: {epochs: 0x10}\n",
    "minutes": "train: {epochs: 1:30}\n",
    "huge float": "train: {lr: 1e999}\n",
    "infinity": "train: {lr: .inf}\n",
    "not a number": "train: {lr: .nan}\n",
    "deep flow": "train: " + "[" * 5000,
    "deep flow closed": "train: " + "[" * 5000 + "]" * 5000,
    "deep mappings": "train: " + "{a: " * 3000,
    "deep blocks": "".join("  " * k + "a:\n" for k in range(200)),
    "deep list": "- " * 3000 + "a\n",
    "deep keys": "? " * 3000 + "a\n",
    "NUL": "train: {epochs: \x003}\n",
    "control": "train: {epochs: \x013}\n",
    "escape": "train: {epochs: \x1b[31m3}\n",
    "escaped controls": 'train: {"ep\\x1bochs": 3}\n',
    "delete": "train: {epochs: \x7f3}\n",
    "tab": "train:\n\tepochs: 3\n",
    "line separator": "train: {ep\u2028ochs: 3}\n",
    "right to left": "train: {\u202eshcope: 3}\n",
    "key twice": "train: {epochs: 3, epochs: 4}\n",
    "section twice": "train: {epochs: 3}\ntrain: {epochs: 4}\n",
    "number as key": "train: {3: 4}\n",
    "null as key": "train: {null: 4}\n",
    "list as key": "train: {[a, b]: 4}\n",
    "mapping as key": "? {a: b}\n: 3\n",
    "empty key": "train: {'': 4}\n",
    "long key": f"train: {{{'e' * 900}: 4}}\n",
    "two documents": "profile: a\n---\nprofile: b\n",
    "directive": "%YAML 9.9\n---\nprofile: a\n",
    "odd directive": "%TAG ! tag:\n---\ntrain: !x 3\n",
    "list": "- a\n- b\n",
    "text": "hello\n",
    "number": "3\n",
    "nothing": "",
    "comment": "# nothing\n",
    "null": "null\n",
    "open list": "train: {seeds: [1, 2\n",
    "open quote": 'data: {folder: "abc\n',
    "at": "data: {folder: @photos}\n",
    "backtick": "data: {folder: `photos`}\n",
    "percent": "data: {folder: %photos}\n",
    "star": "data: {folder: *.jpg}\n",
    "bad escape": 'data: {folder: "C:\\photos"}\n',
    "bad unicode escape": 'data: {folder: "\\uZZZZ"}\n',
    "colon in value": "data: {folder: a: b}\n",
    "section is a list": "train: [1, 2]\n",
    "section is a number": "train: 3\n",
    "section is nothing": "train:\n",
    "profile is a list": "profile: [quick]\n",
    "profile is a mapping": "profile: {a: b}\n",
    "unknown section": "trian: {epochs: 3}\n",
    "a thousand unknown": "".join(f"key{k}: {k}\n" for k in range(5000)),
    "large": "# " + "x" * 200_000,
    "not UTF-8": b"data: {folder: \xff\xfe}\n",
    "UTF-16": "profile: a\n".encode("utf-16"),
    "picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "long wrong value": f"train: {{epochs: {'x' * 50_000}}}\n",
    "pattern open": "data: {specimen_from: pattern, specimen_pattern: '(?P<specimen>'}\n",
    "pattern overflow": "data: {specimen_from: pattern, specimen_pattern: '(?P<specimen>a{99999999999999999999})'}\n",
    "pattern deep": f"data: {{specimen_from: pattern, specimen_pattern: '{'(' * 240}(?P<specimen>a){')' * 239}'}}\n",
    "pattern long": f"data: {{specimen_from: pattern, specimen_pattern: '(?P<specimen>{'a' * 5000})'}}\n",
    "pattern with a wrong group": "data: {specimen_from: pattern, specimen_pattern: '(?P<spec>a)'}\n",
    "pattern looking back": "data: {specimen_from: pattern, specimen_pattern: '(?<=a*)(?P<specimen>a)'}\n",
    "pattern with a bad flag": "data: {specimen_from: pattern, specimen_pattern: '(?P<specimen>a)(?i)'}\n",
}
SETS = """\
train.epochs¦=3¦.=3¦train.=3¦.epochs=3¦train..epochs=3¦train=3¦train=¦epochs=3¦=¦train.epochs=
train.epochs=null¦train.epochs=yes¦train.epochs=!!int abc¦train.epochs=&a 3¦train.epochs=*a
train.epochs=2020-13-45¦train.epochs=\x00¦train.epochs=\x1b[31m¦train.epochs=1:30¦train.epochs=[
train.epochs={¦train.epochs=]¦train.epochs=- 3¦train.epochs=0x10¦train.lr=[]¦train.epochs=1e999
train.epochs=@3¦train.epochs=`3`¦train.epochs=%3¦train.epochs=@¦train.epochs=!¦train.epochs=? a
train.epochs=|¦train.epochs=>¦train.lr=?¦train.epochs=\ud800¦train.lr=nan¦train.lr=inf¦train.lr=1e
train.compile=2¦train.compile=maybe¦train.seeds=[[[[[[1]]]]]]¦train.seeds={a: b}
train.seeds=[1, &a 2]¦train.seeds=[1, 9999999999999999999]¦train.seeds=[1.5]¦train.seeds=[null]
train.overrides=[1]¦train.overrides.vgg19=3¦train.x.y.z=3¦profile=¦profile=../../etc¦profile=a b
profile=[a]¦profile=\x00¦data.source=Folder¦data.source=yes¦data.specimen_from=pattern
data.specimen_pattern=(¦\x1b[31m=3¦data.near_duplicate_radius=99¦weights.files=[1]¦report.language=no
split.ratios=[1, 2]""".replace("\n", "¦").split("¦")
SETS += [
    "profile=" + "x" * 300,
    "train.epochs=" + "9" * 5000,
    "train.epochs=" + "[" * 5000,
    "train.epochs=" + "x" * 200_000,
    "e" * 5000 + "=3",
    ".".join(["train"] * 3000) + "=3",
    "train.epochs=" + "{a: " * 3000,
    "train.epochs=" + "- " * 3000,
]

PROFILES = """\
a\x00b¦a\x00b.yaml¦../quick¦/¦/.yaml¦\ud800.yaml¦~x.yaml¦quick.yaml.yaml¦params¦.yaml¦\x1b[31m¦QUICK
quick/""".replace("\n", "¦").split("¦")
PROFILES += [
    "x" * 5000,
    "x" * 5000 + ".yaml",
]


def answer(capsys, *arguments):
    """What ``check-params`` says on standard error, and how it ends; it takes a moment, no more."""
    begin = time.monotonic()
    code = main(["check-params", *arguments])
    assert time.monotonic() - begin < 3
    said = capsys.readouterr().err
    assert "Traceback" not in said and "What to do: " in said and len(said) < 4000
    assert all(letter.isprintable() or letter == "\n" for letter in said)
    return code, said


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_is_named(tmp_path, capsys, name):
    path = tmp_path / "hostile.yaml"
    path.write_bytes(FILES[name] if isinstance(FILES[name], bytes) else FILES[name].encode("utf-8", "surrogatepass"))
    code, said = answer(capsys, str(path))
    assert code == 2 and "hostile.yaml" in said


@pytest.mark.parametrize("change", SETS, ids=lambda change: repr(change[:30]))
def test_a_hostile_change_is_named(capsys, change):
    code, said = answer(capsys, "--set", change)
    key = change.partition("=")[0].split(".")[0].split("\x1b")[0][:40]
    assert code == 2 and (key in said or "--set" in said)


@pytest.mark.parametrize("name", PROFILES, ids=lambda name: repr(name[:30]))
def test_a_hostile_profile_is_named(capsys, name):
    assert answer(capsys, "--", name)[0] == 2


@pytest.mark.parametrize("command", ["check", "learn", "review", "audit", "evaluate"])
def test_a_path_that_no_disk_can_hold_is_one_message(capsys, command):
    assert main([command, "x" * 5000]) == 2
    assert "a name is too long" in capsys.readouterr().err


ODD = """\
@photos¦photos #2¦C:\\x¦yes¦1e3¦007¦2024-05-01¦1:30¦a: b¦[x]¦{x}¦- x¦&a¦*a¦!x¦%x¦`x`¦|¦?¦'tis¦5" lens
null island¦ a ¦📷 trip¦黄铁矿¦\udcff¦#1¦a=b""".replace("\n", "¦").split("¦")


@pytest.mark.parametrize("text", ODD)
def test_text_reaches_a_text_key_unchanged(text):
    """Case F16, and more of its kind."""
    assert load_profile("own_photos", [f"data.folder={text}"]).data.folder == text
    assert load_profile("quick", [f"weights.files.vgg19={text}"]).weights.files == {"vgg19": text}
    assert load_profile("own_photos", data={"folder": text}).data.folder == text


def test_quotes_and_nothing_mean_what_they_mean_in_yaml(tmp_path):
    def folder(text):
        return load_profile("quick", [f"data.folder={text}"]).data.folder

    assert [folder(text) for text in ("null", "", "'null'", '"a b"', "'a''b'", json.dumps("é x"))] == [
        *(None, None, "null", "a b", "a'b", "é x")
    ]
    assert load_profile("quick", ["data.folder = photos "]).data.folder == "photos"
    assert load_profile("quick", ["grad_cam.minerals=[yes, 1, 007, 2024-05-01, ~]"]).grad_cam.minerals == [
        *("yes", "1", "007", "2024-05-01", "~")
    ]
    (tmp_path / "odd.yaml").write_text("data: {folder: 2024-05-01}\ngrad_cam: {minerals: [no, 12]}\n")
    odd = load_profile(str(tmp_path / "odd.yaml"))
    assert (odd.data.folder, odd.grad_cam.minerals) == ("2024-05-01", ["no", "12"])


@pytest.mark.parametrize("pattern", [r"(?P<specimen>(a+)+)$", r"(?P<specimen>(a|aa)+)$", r"(?P<specimen>(.*a){25})$"])
def test_an_expression_that_never_ends_is_ended(pattern):
    name = "a" * 60 + "!"
    with pytest.raises(ParameterError, match=f"(?s)data.specimen_pattern.*past '{name}'.*repetition"):
        search_all(pattern, "specimen", ["a", "aa", name], key="data.specimen_pattern", seconds=0.5)


def test_an_expression_finds_its_group_in_every_name():
    names = ["Q1_a.jpg", "none.jpg", "黄_铁.jpg", "\udcff_x.jpg", "line\nfeed_.jpg"]
    found = search_all("^(?P<specimen>[^_]+)_", "specimen", names, key="")
    assert found == ["Q1", "", "黄", "\udcff", "line\nfeed"]
    assert search_all("^(?P<specimen>[^_]+)?x", "specimen", ["x"], key="") == [""]
