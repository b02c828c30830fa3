"""The public face: what ``import mineral_lib as ml`` gives, and how a study keeps its books."""

import os
import subprocess
import sys

import pandas as pd
import pytest

import mineral_lib as ml
from mineral_lib.errors import StageError
from mineral_lib.storage import read_json


def test_every_public_name_is_there():
    assert 10 <= len(ml.__all__) <= 14
    for name in ml.__all__:
        assert getattr(ml, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'open_studies'"):
        _ = ml.open_studies


def test_images_and_labels_in_two_lines(study_root):
    study = ml.open_study("test", train={"epochs": 3})
    image, label, position = study.dataset("train")[0]
    assert image.shape == (3, 32, 32) and study.classes[label] and position == 0
    assert study.settings.train.epochs == 3


def test_a_plain_script_may_do_the_same_and_train_in_processes(study_root, tmp_path):
    script = tmp_path / "mine.py"
    lines = [
        "import multiprocessing",
        'multiprocessing.set_start_method("spawn")  # as Windows and macOS do; Python 3.14 no longer forks either',
        "import mineral_lib as ml",
        'short = {"epochs": 1, "warmup_epochs": 0, "jobs": 2, "num_workers": 1}',
        'study = ml.open_study("test", train=short)',
        'print(study.dataset("train")[0][0].shape, flush=True)',
        'study.run("convnext_tiny").train()  # in this process, which starts one that loads',
        'print(study.train([study.run("resnet50"), study.run("googlenet")]), __file__)',
    ]
    script.write_text("\n".join(lines))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=os.environ, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("torch.Size([3, 32, 32])") == 1 and str(script) in done.stdout.splitlines()[-1]


def test_a_variant_changes_what_it_is_told_and_nothing_else(study_root):
    study = ml.open_study("test")
    other = study.variant("short", train={"epochs": 1}, weights={"formula": {"num_classes": 5}})
    assert other.settings.profile == "test-short" and other.paths.root.name == "test-short"
    assert other.settings.train == study.settings.train.model_copy(update={"epochs": 1})
    assert other.settings.weights.formula.num_classes == 5
    assert other.settings.weights.formula.epochs == study.settings.weights.formula.epochs
    assert study.variant(report={"language": "zh"}).paths.root == study.paths.root


def test_what_is_saved_is_shown_and_recorded(study_root):
    study = ml.open_study("test")
    table = study.save(pd.DataFrame({"a": [1]}), "numbers", title="Some numbers")
    assert "Some numbers" in table._repr_html_() and study.save(None) is None
    assert study.finish("00_start_here") == [f"results/test/tables/numbers.{kind}" for kind in ("csv", "md")]
    record = read_json(study.record_path("00_start_here"))
    assert record["status"] == "done" and len(record["outputs"]) == 2
    study.save(study.paths.root / "never_written.csv")
    with pytest.raises(StageError, match=r"never_written\.csv"):
        study.finish("00_start_here")
