"""Tables on tiny hand-made runs of one seed."""

import numpy as np
import pandas as pd
import pytest
from tiny_runs import change, replace, write_photographs, write_run

from mineral_lib.errors import StorageError
from mineral_lib.evaluation.statistics import wilson
from mineral_lib.reporting import ablation, comparison, confusion, curves, leakage
from mineral_lib.reporting.claims import judge
from mineral_lib.reporting.contrasts import FAILS, contrasts
from mineral_lib.reporting.leakage import draw_leakage
from mineral_lib.reporting.run_checks import NOT_RUN
from mineral_lib.reporting.tables import MISSING, Column, Table
from mineral_lib.study import Study


def test_unfinished_runs_are_left_out_and_damaged_ones_reported(paths, study, settings):
    folder = write_run(paths, "resnet50", "scratch", wrong=[0])
    (paths.runs_dir / "vgg19-scratch-grouped-seed0").mkdir()
    assert [run.name for run in study.runs] == ["resnet50-scratch-grouped-seed0"]
    (folder / "config.json").write_text("{")
    with pytest.raises(StorageError, match=r"config\.json"):
        _ = Study(settings, paths).runs


def test_table_4_shows_missing_runs_as_missing(four_corners, study):
    table = comparison.table_4(study)
    rows = table.frame.set_index(["block", "model"]).sort_index()
    row = rows.loc["as_read", "resnet50"]
    assert row["status"] == MISSING and np.isnan(row["accuracy"]) and row["paper_accuracy"] == pytest.approx(0.9488)
    assert row["network"] == "ResNet50 (compact)"
    proposed = rows.loc["as_read", "eca_convnext_tiny"]
    assert proposed["accuracy"] == pytest.approx(23 / 24)
    assert proposed["difference"] == pytest.approx(23 / 24 - 0.9858)
    assert proposed["authors_best_val"] == pytest.approx(0.9858, abs=1e-4)
    fair = rows.loc["fair_none", "eca_convnext_tiny"]
    assert fair["accuracy"] == pytest.approx(15 / 24) and fair["paper_accuracy"] == pytest.approx(0.9762)
    assert any("best-epoch validation" in note for note in table.notes)


def test_pairwise_uses_the_same_photographs(four_corners, study):
    table = comparison.pairwise(study)
    row = table.frame.query("block == 'as_read' and model == 'convnext_tiny'").iloc[0]
    assert (row["only_proposed"], row["only_other"]) == (11, 0)
    assert row["difference"] == pytest.approx(11 / 24)
    assert row["mcnemar_p"] == pytest.approx(2 / 2**11) and row["p_holm"] >= row["p_value"] > 0
    assert row["status"] == "not decided (one seed)" and np.isnan(row["seed_sd"])
    assert table.frame.query("model == 'resnet50'")["status"].eq(MISSING).all()


def test_different_test_sets_are_not_paired(paths, study):
    write_run(paths, "convnext_tiny", "scratch", wrong=[1])
    change(write_run(paths, "resnet50", "scratch", wrong=[0]), sample_id=lambda frame: "other-" + frame["sample_id"])
    rows = {run.model: [run] for run in study.runs}
    assert len(rows) == 2 and contrasts(rows, {"gain": dict.fromkeys(rows, 1)}, study).empty


def test_interaction_is_computed_and_matches_the_paper(four_corners, study):
    table = ablation.table_5_gains(study).frame.set_index("gain")
    photographs = {"ECA alone": 3, "ECA given transfer": 5, "transfer alone": 6, "both together": 11}
    for name, count in (photographs | {"interaction (both − sum)": 2}).items():
        assert table.loc[name, "accuracy"] == pytest.approx(count / 24)
    assert table["paper_accuracy"].tolist() == pytest.approx([0.0102, 0.0071, 0.0127, 0.0198, -0.0031])


def test_table_5_measures_parameters_and_prints_the_papers(four_corners, study):
    table = ablation.table_5(study)
    assert list(table.frame["parameters"]) == [1000, 1018, 1000, 1018]
    assert list(table.frame["paper_parameters_million"]) == [27.80, 27.82, 27.82, 27.84]
    assert any("27,840,122" in note for note in table.notes)


def test_thresholds_count_epochs_from_one(paths, study):
    assert curves.epochs_to(np.array([0.2, 0.5, 0.5]), 0.5) == 2
    assert np.isnan(curves.epochs_to(np.array([0.2]), 0.5))
    write_run(paths, "resnet50", "scratch", wrong=[0], val=(0.3, 0.55, 0.72))
    table = curves.table_6(study)
    row = table.frame.query("source == 'ours' and model == 'resnet50'").iloc[0]
    assert (row["epochs_to_50_percent"], row["epochs_to_70_percent"]) == (2, 3)
    assert np.isnan(row["epochs_to_80_percent"]) and row["area"] == pytest.approx((0.3 + 0.55 + 0.72) / 3)
    shown = table.formatted().query("source == 'ours' and network == 'resnet50 (compact)'").iloc[0]
    assert shown["to 80 %"] == "not reached"
    logs = table.frame.query("source != 'ours'")
    assert set(logs["model"]) >= {"vgg19", "eca_convnext_tiny"} and logs["epochs"].max() == 200


def test_leak_counts_and_gap(four_corners, study):
    write_photographs(four_corners)
    write_run(four_corners, "eca_convnext_tiny", "transfer", wrong=[], protocol="paper")
    table = leakage.table_splits(study).frame.set_index("protocol")
    assert table.loc["grouped", "same_specimen"] == 0
    assert table.loc["paper", "same_photo"] == 23 and table.loc["paper", "test"] == 25
    assert table.loc["paper", "same_specimen"] == 25  # i00's specimen has its other view in train
    table = leakage.table_leakage(study)
    rows = table.frame.set_index(["row", "protocol"])
    proposed, grouped = (rows.loc[("eca_convnext_tiny-transfer", name)] for name in ("paper", "grouped"))
    assert proposed["gap"] == pytest.approx(1 / 24) and proposed["gap_low"] <= proposed["gap"] <= proposed["gap_high"]
    assert grouped["related_share"] == 0 and np.isnan(grouped["gap"])
    assert "100.0 % right in the paper's order and 95.8 % on unseen specimens: +4.2 points" in table.finding
    assert rows.loc[("convnext_tiny-scratch", "paper"), "status"] == MISSING
    assert leakage.gap_row(table.frame, "true")["network"].startswith("eca_convnext_tiny")
    assert draw_leakage(study).data["accuracy"].notna().all()


def test_the_nearest_neighbour_stands_beside_the_networks(four_corners, study):
    write_photographs(four_corners)
    samples = study.split("grouped").query("split == 'test'")
    control = samples[["sample_id", "specimen"]].assign(protocol="grouped", labels="shuffled", correct=0)
    control.iloc[:3, -1] = 1
    control.to_csv(four_corners.control, index=False)
    frame = leakage.table_leakage(study).frame.set_index("row")
    assert frame.loc["nearest_neighbour", "accuracy"] == pytest.approx(3 / len(samples))


def test_every_class_shows_its_photographs_and_the_interval_of_its_recall(paths, study, settings):
    write_run(paths, "resnet50", "scratch", wrong=[0, 4], protocol="paper")
    assert confusion.table_per_class(study.runs[0]).frame["trained"].isna().all()
    write_photographs(paths)
    run = Study(settings, paths).runs[0]
    table = confusion.table_per_class(run)
    frame = table.frame.set_index("class_name")
    assert frame["support"].tolist() == [8, 8, 8] and frame["specimens"].tolist() == [4, 4, 4]
    # i00 of bornite is in test only; the two copies of every other photograph count once.
    assert frame["trained"].tolist() == [7, 8, 8]
    assert frame.loc["bornite", "recall"] == pytest.approx(7 / 8)
    assert (frame.loc["bornite", "recall_low"], frame.loc["bornite", "recall_high"]) == pytest.approx(wilson(7, 8))
    shown = table.formatted().iloc[0]
    assert shown["recall, 95 % interval"] == "52.9 to 97.8" and shown["training photographs"] == "7"
    assert set(table.formatted()["few"]) == {""}
    confused = confusion.table_confused(run).frame
    assert confused["support"].tolist() == [8, 8] and sorted(confused["trained"]) == [7, 8]


def test_classes_with_few_test_photographs_are_marked(paths, study):
    write_photographs(paths)
    folder = write_run(paths, "resnet50", "scratch", wrong=[0])
    frame = pd.read_csv(folder / "predictions.csv")
    replace(folder, "predictions.csv", frame.drop(index=[0, 1, 6, 7]))
    per_class = confusion.table_per_class(study.runs[0])
    assert per_class.frame["support"].tolist() == [4, 8, 8] and per_class.frame["few"].tolist() == ["†", "", ""]
    assert any("fewer than 5" in note for note in per_class.notes)


def test_intervals_share_a_cell_and_missing_values_are_dashes(tmp_path):
    frame = pd.DataFrame({"low": [0.5, np.nan], "high": [0.75, np.nan], "gain": [-0.0123, np.nan]})
    columns = {"low": Column("95 %", "percent", 1, until="high"), "gain": Column("gain", "points", 1)}
    table = Table("t", "T", frame, columns, ["N."])
    assert table.formatted().to_numpy().tolist() == [["50.0 to 75.0", "−1.2"], ["–", "–"]]
    csv, markdown = table.save(tmp_path)
    assert pd.read_csv(csv)["gain"][0] == pytest.approx(-0.0123)
    assert markdown.read_text().startswith("# T\n") and "- N." in markdown.read_text()


def test_several_seeds_are_pooled(paths, study):
    for seed, wrong in ((0, range(6)), (1, range(12))):
        write_run(paths, "convnext_tiny", "scratch", wrong=wrong, seed=seed)
        write_run(paths, "eca_convnext_tiny", "scratch", wrong=range(3), seed=seed)
    row = comparison.table_4(study).frame.query("block == 'fair_none' and model == 'convnext_tiny'").iloc[0]
    assert row["accuracy"] == pytest.approx(15 / 24) and row["status"] == "2 runs"
    assert row["seed_sd"] == pytest.approx(np.std([18 / 24, 12 / 24], ddof=1))
    gain = ablation.table_5_gains(study).frame.set_index("gain").loc["ECA alone", "accuracy"]
    assert gain == pytest.approx((3 + 9) / 2 / 24)


def test_labels_drawn_by_lot_decide_the_verdict_on_the_split(four_corners, study):
    write_photographs(four_corners)
    parts = []
    for protocol, right in (("grouped", 0), ("paper", 1)):
        samples = study.split(protocol).query("split == 'test'")
        parts.append(samples[["sample_id", "specimen"]].assign(protocol=protocol, labels="shuffled", correct=right))
    pd.concat(parts).to_csv(four_corners.control, index=False)
    verdict, words = judge("honest_split", study)
    assert verdict == FAILS and "drawn by lot" in words and "+100.0 points" in words
    four_corners.control.unlink()
    assert judge("honest_split", study) == (NOT_RUN, "")
