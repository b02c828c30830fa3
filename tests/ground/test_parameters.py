"""Parameters: every wrong value is refused before any work, with key and remedy."""

import shutil
import subprocess

import pytest
import yaml
from checkout import ROOT

from mineral_lib.cli import main
from mineral_lib.config import NAME
from mineral_lib.errors import ParameterError
from mineral_lib.parameters import (
    check,
    load_profile,
    profile_path,
    profiles,
    read_profile,
    resolve,
    sections_of,
    split_changes,
    study_name,
)


def test_all_profiles_are_valid_and_complete():
    names = "authors evening own_photos paper quick recommended standard standard_offline standard_small test"
    assert profiles() == names.split()
    for name in profiles():
        settings = load_profile(name, ["data.folder=photos"] if name == "own_photos" else None)
        assert settings.profile == name
        assert check(sections_of(settings), where="round trip") == settings


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("train.epoch=5", ["unknown key 'train.epoch'", "did you mean 'epochs'"]),
        ("train.epochs=2.5", ["train.epochs", "2.5"]),
        ("train.epochs=0", ["train.epochs", "greater than or equal to 1"]),
        ("train.lr=fast", ["train.lr", "'fast'"]),
        ("train.lr=.nan", ["train.lr"]),
        ("train.seeds=[true]", ["train.seeds"]),
        ("split.ratios=[0.6, 0.2, 0.3]", ["add up to 1", "1.1"]),
        ("model.eca_kernel=4", ["must be odd"]),
        ("augment.crop_scale=[0.9, 0.5]", ["crop_scale"]),
        ("data.source=folder", ["data.folder"]),
        ("data.specimen_pattern=abc", ["group named specimen"]),
        ("data.specimen_pattern=(?P<specimen>.)", ["specimen_from: pattern"]),
        ("data.specimen_from=pattern", ["specimen_pattern"]),
        ("data.specimen_from=csv", ["data.metadata_csv"]),
        ("data.metadata_csv=list.csv", ["source: folder"]),
        ("data.max_bad_share=1.5", ["data.max_bad_share", "1.5"]),
        ("data.min_photos=0", ["data.min_photos"]),
        ("train.layer_decay=0", ["train.layer_decay", "greater than 0"]),
        ("train.layer_decay=1.1", ["train.layer_decay", "1.1"]),
        ("train.ema_decay=1.0", ["train.ema_decay", "less than 1"]),
        ("train.label_smoothing=-0.1", ["train.label_smoothing", "-0.1"]),
        ("train.mixup_alpha=-1", ["train.mixup_alpha"]),
        ("train.schedule=batch", ["train.schedule", "'batch'"]),
        ("train.freeze_batch_norm_after=-1", ["train.freeze_batch_norm_after"]),
        ("train.normalise=none", ["train.normalise", "'none'"]),
        ("train.init_std=-0.2", ["train.init_std"]),
        ("train.overrides={vgg19: {optimiser: adam}}", ["overrides.vgg19.optimiser'", "did you mean 'optimizer'"]),
        ("train.overrides={vgg19: {lr: -1}}", ["train.overrides.vgg19.lr", "greater than 0"]),
        ("train.overrides={vgg19: {warmup_epochs: 8}}", ["overrides.vgg19", "warmup_epochs must be smaller"]),
        (
            "recogniser={fine_tune: true, fine_tuning: {epochs: 1}}",
            ["recogniser.fine_tuning", "warmup_epochs must be smaller"],
        ),
        ("train.overrides={vgg18: {lr: 1e-4}}", ["unknown network 'vgg18'"]),
        ("train.lr_overrides={vgg19: 1e-4}", ["unknown key 'train.lr_overrides'", "did you mean 'overrides'"]),
        ("comparison.models=[vgg20]", ["vgg20"]),
        ("leakage.runs=[resnet50]", ["leakage", "resnet50"]),
        ("train.seeds=[1", ["--set train.seeds=[1", "not valid YAML"]),
        ("trian.epochs=3", ["unknown key 'trian'", "did you mean 'train'"]),
    ],
)
def test_wrong_values_are_named(change, words):
    with pytest.raises(ParameterError) as error:
        load_profile("quick", [change])
    for word in words:
        assert word in str(error.value)
    assert error.value.exit_code == 2


def test_all_problems_are_reported_at_once():
    with pytest.raises(ParameterError, match="2 parameters are wrong"):
        load_profile("quick", ["train.epochs=-1", "train.batch_size=x"])


def test_scientific_notation_without_a_dot_is_a_number():
    assert load_profile("quick", ["train.lr=1e-4"]).train.lr == pytest.approx(1e-4)


def test_a_profile_holds_only_what_differs_from_quick():
    quick = sections_of(load_profile("quick"))
    for name in set(profiles()) - {"quick"}:
        for section, values in read_profile(profile_path(name)).items():
            if section == "profile":
                continue
            same = [key for key, value in values.items() if value == quick[section][key]]
            assert not same, (name, section, same)


def test_changes_lie_on_the_profile_and_the_profile_on_quick(tmp_path):
    changed = resolve("standard", train={"epochs": 3})
    assert (changed.train.epochs, changed.data.image_size_px) == (3, 224)
    assert changed.train.lr == load_profile("quick").train.lr
    path = tmp_path / "mine.yaml"
    path.write_text("profile: mine\ntrain: {epochs: 2}\n", encoding="utf-8")
    mine = load_profile(str(path))
    assert (mine.profile, mine.train.epochs, mine.data.image_size_px) == ("mine", 2, 64)


@pytest.mark.parametrize(
    ("file", "says", "name", "epochs"),
    [
        ("mine.yaml", "profile: mine", "mine", 8),
        ("mine.yaml", "", "mine", 8),
        ("mine.yaml", "profile: quick", "mine", 8),  # a copy
        ("mine.YML", "profile: test", "mine", 2),  # a copy of another one
        ("my minerals.yaml", "", "my-minerals-234437", 8),
        ("quick.yaml", "", "quick", 8),
    ],
)
def test_the_name_of_a_file_is_the_name_of_the_study(tmp_path, capsys, file, says, name, epochs):
    path = tmp_path / file
    path.write_text(f"{says}\ntrain: {{seeds: [1, 2]}}\n", encoding="utf-8")
    settings = load_profile(str(path))
    assert (settings.profile, settings.train.epochs, settings.train.seeds) == (name, epochs, [1, 2])
    assert study_name(str(path)) == name
    assert ("its results go to" in capsys.readouterr().err) == (says not in ("", f"profile: {name}"))
    assert resolve(str(path), train={"epochs": 1}).profile == name  # papermill -p profile FILE


def test_a_copied_file_has_results_of_its_own(study_root):
    shutil.copy(study_root / "params/quick.yaml", study_root / "params/mine.yaml")
    assert load_profile("mine") == load_profile("quick").model_copy(update={"profile": "mine"})
    assert load_profile(str(study_root / "params/mine.yaml")).profile == "mine"


@pytest.mark.parametrize("name", ["../..", "a/b", "con fig", "", "é" * 300])
def test_a_study_is_always_a_single_folder(name):
    assert NAME.fullmatch(study_name(name))


def test_a_notebook_is_told_a_profile_by_name(capsys):
    assert resolve("test", train={}).train.epochs == 2
    with pytest.raises(ParameterError, match="did you mean 'test'"):
        resolve("tset", train={}, data={})
    assert resolve("mine", train={"epochs": 1}).profile == "mine"
    assert "'mine' is no profile" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("profile: a\nprofile: b\n", "stands twice, in lines 1 and 2"),
        ("- a\n- b\n", "holds no sections"),
        ("", "holds no sections"),
        ("a: [1, 2\n", "not valid YAML"),
        ("a: !!python/object/apply:os.system ['true']\n", "not valid YAML"),
    ],
)
def test_unreadable_files_are_refused(tmp_path, text, words):
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ParameterError, match=words):
        read_profile(path)


def test_unknown_profile_suggests_the_nearest():
    with pytest.raises(ParameterError, match="did you mean 'quick'"):
        load_profile("quik")


def test_parameter_file_can_be_written_and_read_again(tmp_path):
    settings = load_profile("standard")
    path = tmp_path / "standard.yaml"
    path.write_text(yaml.safe_dump(sections_of(settings)), encoding="utf-8")
    assert load_profile(str(path)) == settings


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("data.folder=/data/My Photos", ["data.folder=/data/My Photos"]),
        ("train.epochs=3  train.seeds=[0, 1]", ["train.epochs=3", "train.seeds=[0, 1]"]),
        (
            'profile=a data.folder="x  y" b weights.files.vgg19=z',
            ["profile=a", 'data.folder="x  y" b', "weights.files.vgg19=z"],
        ),
        ("data.folder=$HOME/'it' #1", ["data.folder=$HOME/'it' #1"]),
        ("  ", []),
    ],
)
def test_make_passes_blanks_quotes_and_dollars(text, changes):
    """Case F17."""
    assert split_changes(text) == changes
    make = ["make", "--no-print-directory", "-f", ROOT / "Makefile", "--eval", 'show: ; @printf %s "$$CHANGES"', "show"]
    done = subprocess.run([*make, f"SET={text}"], capture_output=True, text=True)
    assert done.stdout.strip() == text.strip()


@pytest.mark.parametrize("device", ["cuda", "mps"])
@pytest.mark.parametrize(
    "command",
    [
        ["check-params", "--profile", "test"],
        ["train-run", "convnext_tiny-scratch-grouped-seed0", "--profile", "test"],
        ["reproduce", "--profile", "test"],
    ],
    ids=lambda command: command[0],
)
def test_a_device_that_is_not_there_is_refused_before_any_work(study_root, capsys, monkeypatch, device, command):
    for name in ("cuda", "mps"):
        monkeypatch.setattr(f"torch.{name}.is_available", lambda: False)
    assert main([*command, "--set", f"train.device={device}"]) == 2
    message = capsys.readouterr().err
    assert "train.device" in message and f"'{device}' is not there" in message and "train.device=auto" in message
    assert not (study_root / "results").exists()
