"""The recogniser's file: a round trip, the card, and files that somebody damaged or made up."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save

from mineral_lib.errors import WeightsError
from mineral_lib.recognition import model_file
from mineral_lib.recognition.learn import CARD_FILE
from mineral_lib.recognition.model_card import model_card
from mineral_lib.recognition.model_file import ENTRY, load_recogniser


def contents(path):
    with safe_open(path, "numpy") as file:
        return json.loads(file.metadata()[ENTRY]), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def write(path, described, tensors, text=None):
    """A file whose digest is right, whatever it says."""
    described = {key: value for key, value in described.items() if key != "digest"}
    described["digest"] = model_file._digest(json.loads(json.dumps(described)), tensors)
    path.write_bytes(save(tensors, metadata={ENTRY: text or json.dumps(described)}))
    return path


def test_a_round_trip_changes_nothing(made, tmp_path):
    first = load_recogniser(made.file)
    described, tensors = contents(made.file)
    again = load_recogniser(write(tmp_path / "again.safetensors", described, tensors))
    for name in ("classes", "temperature", "coverage", "least", "about"):
        assert getattr(again, name) == getattr(first, name)
    assert (again.linear.weight == first.linear.weight).all()
    for name in ("points", "limit", "doubt", "shift"):
        assert np.array_equal(getattr(again.familiarity, name), getattr(first.familiarity, name))
    assert first.classes == ["pyrite", "malachite", "石英", "my own"]


DAMAGES = {
    "cut": lambda data: data[: len(data) // 2],
    "head": lambda data: data[:5],
    "empty": lambda data: b"",
    "pickle": lambda data: b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x08builtins",
    "length": lambda data: (1 << 60).to_bytes(8, "little") + data[8:],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_files(made, tmp_path, damage):
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(damage(made.file.read_bytes()))
    with pytest.raises(WeightsError, match="cannot be used as a recogniser"):
        load_recogniser(path)


def test_a_flipped_byte_anywhere_is_found(made, tmp_path):
    data, path = made.file.read_bytes(), tmp_path / "flipped.safetensors"
    whole, kept = load_recogniser(made.file), 0
    for place in np.random.default_rng(0).integers(0, len(data), 60).tolist() + list(range(8, 1200, 23)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        try:
            found = load_recogniser(path)
        except WeightsError:
            continue
        kept += 1  # a byte that means nothing, such as white space at the end of the head
        assert found.about == whole.about
        assert found.classes == whole.classes
    assert kept < 3


BOMB = "[" * 200_000
NETWORK = {"cfg": {"architecture": "test_resnet", "mean": [0.5] * 3, "std": [0.5] * 3}, "digest": "0", "source": ""}


def with_network(described, tensors, **cfg):
    network = NETWORK | {"cfg": NETWORK["cfg"] | cfg}
    return described | {"backbones": {"a": network}, "kinds": ["a@64"]}, tensors


HOSTILE = {
    "newer version": lambda d, t: (d | {"version": 99}, t),
    "older version": lambda d, t: (d | {"version": 2}, t),
    "version is text": lambda d, t: (d | {"version": "1" * 5000}, t),
    "another format": lambda d, t: (d | {"format": "poem"}, t),
    "no classes": lambda d, t: (d | {"classes": []}, t),
    "classes are a text": lambda d, t: (d | {"classes": "abcd"}, t),
    "a class twice": lambda d, t: (d | {"classes": ["a", "a", "b", "c"]}, t),
    "a class more": lambda d, t: (d | {"classes": [*d["classes"], "e"]}, t),
    "control codes in a class": lambda d, t: (d | {"classes": ["a\x1b[2J", "b", "c", "d"]}, t),
    "a formula as class": lambda d, t: (d | {"classes": ["=cmd|'/c calc'!A1", "b", "c", "d"]}, t),
    "a long class": lambda d, t: (d | {"classes": ["a" * 100_000, "b", "c", "d"]}, t),
    "classes are numbers": lambda d, t: (d | {"classes": [1, 2, 3, 4]}, t),
    "features of another planet": lambda d, t: (d | {"kinds": ["smell"]}, t),
    "no features": lambda d, t: (d | {"kinds": []}, t),
    "many features": lambda d, t: (d | {"kinds": [f"a@{px}" for px in range(32, 1000)]}, t),
    "temperature 0": lambda d, t: (d | {"temperature": 0}, t),
    "temperature not a number": lambda d, t: (d | {"temperature": float("nan")}, t),
    "temperature infinite": lambda d, t: (d | {"temperature": float("inf")}, t),
    "temperature a list": lambda d, t: (d | {"temperature": [1]}, t),
    "coverage 2": lambda d, t: (d | {"coverage": 2}, t),
    "least below 0": lambda d, t: (d | {"least": -1}, t),
    "limit not a number": lambda d, t: (d | {"familiarity": d["familiarity"] | {"limit": float("nan")}}, t),
    "doubt infinite": lambda d, t: (d | {"familiarity": d["familiarity"] | {"doubt": float("inf")}}, t),
    "doubt below 0": lambda d, t: (d | {"familiarity": d["familiarity"] | {"doubt": -1}}, t),
    "shift not a number": lambda d, t: (d | {"familiarity": d["familiarity"] | {"shift": float("nan")}}, t),
    "about is a list": lambda d, t: (d | {"about": []}, t),
    "no about": lambda d, t: ({key: value for key, value in d.items() if key != "about"}, t),
    "weights of another shape": lambda d, t: (d, t | {"linear.weight": t["linear.weight"][:, :-1].copy()}),
    "weights in a row": lambda d, t: (d, t | {"linear.weight": t["linear.weight"].ravel()}),
    "weights of another type": lambda d, t: (d, t | {"linear.weight": t["linear.weight"].astype(np.int8)}),
    "weights missing": lambda d, t: (d, {name: value for name, value in t.items() if name != "linear.bias"}),
    "weights not a number": lambda d, t: (d, t | {"linear.weight": t["linear.weight"] * np.nan}),
    "weights infinite": lambda d, t: (d, t | {"linear.mean": t["linear.mean"] + np.inf}),
    "every bias minus infinity": lambda d, t: (d, t | {"linear.bias": np.full(4, -np.inf)}),
    "scale 0": lambda d, t: (d, t | {"linear.scale": t["linear.scale"] * 0}),
    "classifier of other features": lambda d, t: (
        d,
        t | {f"linear.{name}": np.repeat(t[f"linear.{name}"], 2, -1) for name in ("mean", "scale", "weight")},
    ),
    "distances of other features": lambda d, t: (
        d,
        t | {"familiarity.points": np.repeat(t["familiarity.points"], 2, 1)},
    ),
    "no points": lambda d, t: (d, t | {"familiarity.points": t["familiarity.points"][:0]}),
    "unknown architecture": lambda d, t: with_network(d, t, architecture="no_such_network"),
    "architecture from a hub": lambda d, t: with_network(d, t, architecture="hf-hub:somebody/something"),
    "architecture from a folder": lambda d, t: with_network(d, t, architecture="local-dir:/tmp"),
    "architecture with a tag": lambda d, t: with_network(d, t, architecture="resnet18.tv_in1k"),
    "architecture is a list": lambda d, t: with_network(d, t, architecture=["test_resnet"]),
    "architecture of 2 billion numbers": lambda d, t: with_network(d, t, architecture="vit_gigantic_patch16_clip_378"),
    "network without weights": lambda d, t: with_network(d, t),
    "crop of nothing": lambda d, t: with_network(d, t, crop_pct=1e-9),
    "crop not a number": lambda d, t: with_network(d, t, crop_pct=float("nan")),
    "unknown interpolation": lambda d, t: with_network(d, t, interpolation="__class__"),
    "std 0": lambda d, t: with_network(d, t, std=[0, 0, 0]),
    "mean too short": lambda d, t: with_network(d, t, mean=[0.5]),
    "mean of lists": lambda d, t: with_network(d, t, mean=[[], [], []]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_cannot_be_true_is_refused(made, tmp_path, name, monkeypatch):
    import timm

    real = timm.create_model
    monkeypatch.setattr(timm, "create_model", lambda *a, **k: real(*a, **k) if k["pretrained"] is False else 1 / 0)
    described, tensors = HOSTILE[name](*contents(made.file))
    path = write(tmp_path / "hostile.safetensors", described, tensors)
    with pytest.raises(WeightsError) as caught:
        load_recogniser(path)
    assert caught.value.exit_code == 3
    assert len(str(caught.value)) < 700
    assert "digest differs" not in str(caught.value)
    assert str(caught.value).count("\n") == 1


@pytest.mark.parametrize("px", ["100000", "8", "-224", "2²", "1e3", ""])
def test_pictures_of_impossible_sizes(made, tmp_path, px):
    import timm

    described, tensors = contents(made.file)
    described, tensors = with_network(described, tensors)
    network = timm.create_model("test_resnet", num_classes=0)
    tensors = tensors | {f"backbone:a:{key}": value.numpy() for key, value in network.state_dict().items()}
    described["kinds"] = [f"a@{px}"]
    with pytest.raises(WeightsError, match=r"too small or too large|no features"):
        load_recogniser(write(tmp_path / "large.safetensors", described, tensors))


@pytest.mark.parametrize(
    "text", [BOMB, '{"a":' * 200_000, "1" * 1_000_000, "null", '"text"', "{", "[1e999]", '{"format": 1}']
)
def test_descriptions_that_are_no_description(made, tmp_path, text):
    _, tensors = contents(made.file)
    path = write(tmp_path / "bomb.safetensors", {}, tensors, text)
    with pytest.raises(WeightsError, match="cannot be used"):
        load_recogniser(path)


def test_a_long_description_is_refused_unread(made, tmp_path, monkeypatch):
    monkeypatch.setattr(model_file, "MAX_TEXT", 100)
    with pytest.raises(WeightsError, match="longer than"):
        load_recogniser(made.file)
    monkeypatch.setattr(model_file, "MAX_BYTES", 100)
    with pytest.raises(WeightsError, match="larger than"):
        load_recogniser(made.file)


def test_a_hostile_file_is_one_message_on_the_command_line(mineral, made, tmp_path):
    path = tmp_path / "cut.safetensors"
    path.write_bytes(made.file.read_bytes()[:3000])
    for command in (["identify", made.folder], ["evaluate", made.folder]):
        status, out, err = mineral(*command, "--model", path)
        assert (status, out) == (3, "")
        assert err.count("\n") <= 3
        assert "Traceback" not in err


def test_markup_in_names_stays_text_in_the_card(made, tmp_path):
    described, tensors = contents(made.file)
    wild = "<script>alert(1)</script>|[x](http://x) **b** `c`"
    described["classes"][0] = wild
    counts = described["about"]["classes"]
    described["about"]["classes"] = {wild: counts["pyrite"]} | counts
    card = model_card(load_recogniser(write(tmp_path / "wild.safetensors", described, tensors)))
    assert "<script>" not in card
    assert r"&lt;script>alert(1)&lt;/script>\|[x\](http://x) \*\*b\*\* \`c\`" in card


def test_the_card_says_what_was_measured(made):
    card = (made.home / CARD_FILE).read_text("utf-8")
    trust = json.loads((made.home / "trust.json").read_text())
    recogniser = load_recogniser(made.file)
    assert recogniser.about["trust"] == trust
    assert card == model_card(recogniser)
    for word in ("## Calibration", "## Limits", "## Licences", "malachite 孔雀石", "No pretrained weights", "my own"):
        assert word in card
    assert f"{100 * recogniser.about['test']['accuracy']:.1f} %" in card
    assert str(made.folder.parent) not in card


def test_a_card_needs_what_it_says(made, tmp_path):
    described, tensors = contents(made.file)
    for about in ({}, {"trust": {}}, described["about"] | {"test": {"accuracy": "high"}}):
        path = write(tmp_path / "silent.safetensors", described | {"about": about}, tensors)
        with pytest.raises(WeightsError, match="too little about itself"):
            model_card(load_recogniser(path))


def test_trust_is_measured(made):
    trust = json.loads((made.home / "trust.json").read_text())
    for part in trust["calibration"].values():
        assert part["low"] <= part["high"]
        assert sum(row["photographs"] for row in part["bins"]) == 16
    assert trust["coverage"]["resplits"] == 200
    assert trust["coverage"]["low"] <= trust["coverage"]["coverage"] <= trust["coverage"]["high"]
    assert sum(trust["test"]["levels"].values()) == trust["test"]["specimens"] == 16
