"""The authors' protocol trains with the same code as all others, and its test result is its validation result."""

import pandas as pd
import pytest

from mineral_lib.data.prepare import prepare
from mineral_lib.parameters import load_profile
from mineral_lib.storage import read_json
from mineral_lib.training.runs import train_run
from mineral_lib.training.specs import RunSpec


def test_what_the_authors_protocol_reports_is_what_chose_the_epoch(study_root):
    settings = load_profile("test", ["split.protocols=[grouped, authors]", "train.jobs=1",
                                     "leakage.runs=[]", "leakage.equal_steps=false"])
    folder = train_run(settings, RunSpec("convnext_tiny", "scratch", "authors", 0), say=lambda line: None)
    split, metrics = prepare(settings).splits["authors"], read_json(folder / "metrics.json")
    test = split[split["split"] == "test"]
    predictions = pd.read_csv(folder / "predictions.csv")
    assert predictions["sample_id"].tolist() == test["sample_id"].tolist() and metrics["num_test"] == len(test)
    assert metrics["selected"]["test"]["accuracy"] == pytest.approx(metrics["selected"]["val_accuracy"], abs=1e-6)
    assert len(pd.read_csv(folder / "history.csv")) == 2
