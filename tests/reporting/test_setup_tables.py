"""Tables 1 to 3 and the recipe: printed facts beside those of a profile."""

import numpy as np
import pytest
from tiny_runs import write_photographs, write_run

from mineral_lib.evaluation.metrics import binary_terms, confusion
from mineral_lib.measurements.paper_networks import Step
from mineral_lib.parameters import load_profile
from mineral_lib.reporting.setup_tables import table_1, table_2, table_3, table_recipe
from mineral_lib.study import Study


def test_table_1_pairs_live_and_printed_structure(study):
    steps = [
        Step("conv2_x", "stage", (24, 16, 16), (24, 16, 16), ("d7x7, 24", "1x1, 96", "1x1, 24"), 2),
        Step("head", "head", (24, 16, 16), (26,), ("Linear",)),
    ]
    table = table_1(study, steps)
    assert table.name == "table_1_structure" and table.title == "Table 1. Structure of ConvNeXt-T"
    assert table.frame["structure"][0] == "[d7×7, 24; 1×1, 96; 1×1, 24] × 2"
    assert table.frame["paper_output"][1] == "1000" and table.frame["output"][1] == "26"


def test_table_2_adds_up_to_the_paper_and_marks_classes_with_few_test_photographs(study, paths):
    assert table_2(study) is None
    write_photographs(paths)
    frame = table_2(study).frame
    total, rows = frame.iloc[-1], frame.set_index("class_name")
    assert (total["paper_original"], total["paper_augmented"], total["photographs"]) == (8081, 34576, 24)
    assert len(frame) == 27 and rows.loc["galena", "photographs"] == 0
    assert rows.loc["bornite", "test"] == 2 and rows.loc["bornite", "few"] == "†"
    assert rows.loc["galena", "few"] == "" and total["few"] == ""  # no photographs at all; the sum


@pytest.mark.parametrize("of_the_study", [True, False])
def test_table_3_and_the_swap_of_the_paper(study, paths, of_the_study):
    counts = confusion(np.array([0, 0, 0, 1, 1]), np.array([0, 1, 1, 1, 0]), 2)
    assert binary_terms(counts, 0) == {"TP": 1, "FP": 1, "FN": 2, "TN": 1}
    write_run(paths, "resnet50", "scratch", wrong=[0, 4])  # a bornite taken for pyrite, a quartz for bornite
    table = table_3(study) if of_the_study else table_3(study.runs[0])
    rows = table.frame.set_index("truth")
    assert rows.loc["positive"].tolist() == ["TP", "FP", "TP", "FN", 8, 0]
    assert rows.loc["negative"].tolist() == ["FN", "TN", "FP", "TN", 1, 15]
    assert "precision 88.9 %, recall 100.0 %" in table.finding and "Eq. 4 gives 100.0 %" in table.finding


def test_table_3_of_a_study_without_runs_is_none(study):
    assert table_3(study) is None


def test_the_recipe_stands_beside_the_papers(study, paths, settings):
    write_run(paths, "resnet50", "scratch", wrong=[])
    table = table_recipe(study)
    rows = table.frame.set_index("what")
    assert rows.loc["epochs", ["paper", "ours"]].tolist() == ["200", str(settings.train.epochs)]
    assert rows.loc["optimizer", "ours"] == "Adam" and rows.loc["trained on", "ours"] == "CPU"
    assert rows.loc["recipe of each network", "ours"] == "the same for all"
    changed = load_profile("quick", ["train.optimizer=adamw", "train.batch_size=64"])
    other = table_recipe(Study(changed, paths))
    assert other.frame.set_index("what").loc["batch", "ours"] == "64" and other.finding != table.finding
    authors = table_recipe(Study(load_profile("authors"), paths)).frame.set_index("what")["ours"]
    assert "ResNet50: " in authors["recipe of each network"]
