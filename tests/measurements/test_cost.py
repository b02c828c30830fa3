"""Costs: counts agree with the paper, timings are of real steps, lack of memory is a note and no end."""

import time

import pandas as pd
import pytest
import torch

from mineral_lib.errors import ParameterError
from mineral_lib.measurements import cost
from mineral_lib.parameters import load_profile
from mineral_lib.paths import ResultPaths
from mineral_lib.reporting.cost import draw_scaling, table_costs
from mineral_lib.storage import write_csv
from mineral_lib.study import Study

SMALL = [
    "comparison.models=[googlenet, eca_convnext_tiny]",
    "leakage.runs=[]",
    "train.batch_size=4",
    "train.threads=1",
    "ablation.rows=[eca_convnext_tiny-scratch]",
]


@pytest.fixture(scope="module")
def settings():
    return load_profile("test", SMALL)


@pytest.fixture(scope="module")
def measured(settings):
    return cost.measure_costs(settings)


def test_every_network_is_counted_and_the_own_family_timed(measured):
    table = measured[measured["kind"] == "table"].set_index(["model", "family"])
    assert len(table) == 4 and list(measured.columns) == list(cost.COLUMNS)
    real = table.loc[("eca_convnext_tiny", "paper")]
    assert real["parameters"] == 27_840_140 and real["gmacs_224px"] == pytest.approx(4.4548, abs=1e-3)
    assert real["size_mib"] == pytest.approx(27_840_140 * 4 / 2**20, rel=2e-3)
    assert pd.isna(real["train_images_per_s"])  # counted only: cost_other_family is false in this profile
    timed = table.xs("compact", level="family")
    assert (timed[["infer_images_per_s", "train_images_per_s"]] > 0).all(axis=None) and timed["note"].isna().all()
    # Weights, gradients and Adam's two moments are four times the parameters; far more would be another process's.
    assert (timed["peak_mib"] > 4 * timed["parameters"] * 4 / 2**20).all() and (timed["peak_mib"] < 600).all()
    assert (timed["device"] == "cpu").all() and (timed["precision"] == "float32").all()


def test_scaling_crosses_sizes_and_batches(measured):
    own = measured[(measured["model"] == "googlenet") & (measured["family"] == "compact")]
    epochs, drawn = own[own["kind"] == "epoch"], own[own["kind"] != "epoch"]
    assert epochs["images"].tolist() == [8, 16, 32] and (epochs["infer_images_per_s"] > 0).all()
    assert drawn["images"].isna().all()
    assert sorted(zip(drawn["image_size_px"], drawn["batch_size"], strict=True)) == [(32, 2), (32, 4), (32, 8), (48, 2)]
    assert (drawn["kind"] == "table").sum() == 1 and (drawn["train_images_per_s"] > 0).all()


def test_the_other_family_is_timed_at_the_smallest_batch(settings):
    report = settings.report.model_copy(update={"cost_other_family": True})
    assert cost.Candidate(settings.model_copy(update={"report": report}), "vgg19", "paper").points() == [
        cost.Point("table", 32, 2)
    ]
    assert cost.Candidate(settings, "timm:resnet18", "compact").points() == [cost.Point("table", 32, 4)]


def test_the_clock_leaves_warm_up_out_and_ends():
    slow_first = cost._Clock(torch.device("cpu"), steps=3, limit_s=10)
    for number, _ in enumerate(slow_first.repeat(())):
        time.sleep(0.5 if number < 2 else 0.01)
    assert number == 4 and len(slow_first.seconds) == 3 and max(slow_first.seconds) < 0.4
    limited = cost._Clock(torch.device("cpu"), steps=1000, limit_s=1e-9)
    assert len(list(limited.repeat(()))) == 3 and len(limited.seconds) == 1


def test_a_batch_too_large_for_memory_is_a_note(settings):
    report = settings.report.model_copy(update={"cost_batch_sizes": [2, 10**10]})  # 123 TB of pixels
    changed = settings.model_copy(update={"report": report})
    rows = pd.DataFrame(cost.Candidate(changed, "googlenet", "compact").time_in_fresh_process())
    rows = rows[rows["kind"] != "epoch"].set_index("batch_size")
    assert rows.loc[10**10, "note"] == cost.NO_MEMORY and pd.isna(rows.loc[10**10, "train_images_per_s"])
    assert rows.loc[4, "train_images_per_s"] > 0


def test_other_errors_are_not_swallowed(settings):
    with pytest.raises(RuntimeError, match="no_such_network"):
        cost.Candidate(settings, "no_such_network", "compact").time()


def test_table_and_figure_come_from_the_record_alone(measured, settings, tmp_path):
    study = Study(settings, ResultPaths(tmp_path))
    assert table_costs(study) is None and draw_scaling(study) is None
    write_csv(study.paths.costs, measured)
    table = table_costs(study)
    assert table.frame["paper_parameters_million"].dropna().tolist() == [27.82]
    assert "ECA-ConvNeXt-T (compact)" in table.to_text() and "counted, not timed" in table.to_text()
    assert "note" not in table.formatted()
    first = [path.read_bytes() for path in table.save(tmp_path / "one")]
    assert first == [path.read_bytes() for path in table_costs(study).save(tmp_path / "two")]


def test_figure_shows_time_an_image(measured, settings, tmp_path):
    study = Study(settings, ResultPaths(tmp_path))
    write_csv(study.paths.costs, measured)
    drawing = draw_scaling(study)
    row = drawing.data[drawing.data["against"] == "image_size_px"].iloc[0]
    same = (measured["model"] == row["model"]) & (measured["image_size_px"] == row["image_size_px"])
    speed = measured[same & (measured["batch_size"] == 2)]["train_images_per_s"].iloc[0]
    assert row["train_ms"] == pytest.approx(1000 / speed)
    epoch = drawing.data[drawing.data["against"] == "images"].iloc[0]
    speed = measured[(measured["model"] == epoch["model"]) & (measured["images"] == epoch["images"])]
    assert epoch["train_s"] == pytest.approx(epoch["images"] / speed["train_images_per_s"].iloc[0])
    assert all(axes.get_xscale() == axes.get_yscale() == "log" for axes in drawing.figure.axes)
    assert set(drawing.data["network"]) == {"GoogLeNet (compact)", "ECA-ConvNeXt-T (compact)"}


def test_unmeasured_networks_leave_an_empty_figure(measured, settings, tmp_path):
    study = Study(settings, ResultPaths(tmp_path))
    write_csv(study.paths.costs, measured[measured["kind"] == "table"].assign(train_images_per_s=float("nan")))
    assert draw_scaling(study).data.empty


@pytest.mark.parametrize(
    "change",
    [
        "report.cost_batch_sizes=[8, 2]",
        "report.cost_batch_sizes=[1]",
        "report.cost_sizes_px=[64, 32]",
        "report.cost_steps=0",
    ],
)
def test_wrong_parameters_are_refused(change):
    with pytest.raises(ParameterError, match="cost_"):
        load_profile("test", [change])
