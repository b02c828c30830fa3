"""Tables on tiny hand-made runs; the helpers also serve ``test_reporting_report``."""

import json

import numpy as np
import pandas as pd
import pytest

from mineral_lib.errors import StorageError
from mineral_lib.evaluation.metrics import classification_metrics
from mineral_lib.evaluation.statistics import wilson
from mineral_lib.parameters import load_profile
from mineral_lib.reporting import ablation, comparison, confusion, convergence, leakage
from mineral_lib.reporting.claims import judge
from mineral_lib.reporting.contrasts import FAILS, compare
from mineral_lib.reporting.leak_figure import draw_leakage
from mineral_lib.reporting.run_checks import NOT_RUN
from mineral_lib.reporting.tables import MISSING, Column, Table
from mineral_lib.storage import ResultPaths
from mineral_lib.study import Study

CLASSES = ["bornite", "pyrite", "quartz"]
SPECIMENS, VIEWS = 12, 2  # four specimens a class, two photographs each


def true_labels() -> np.ndarray:
    return np.repeat(np.arange(SPECIMENS) % len(CLASSES), VIEWS)


def write_run(
    paths, model, weights, *, wrong, protocol="grouped", seed=0, val=(0.4, 0.6, 0.8), parameters=1000, pictures="colour"
):
    """A run whose test photographs at the positions ``wrong`` are misclassified."""
    control = "" if pictures == "colour" else f"-{pictures}"
    folder = paths.runs_dir / f"{model}-{weights}-{protocol}{control}-seed{seed}"
    folder.mkdir(parents=True)
    labels = true_labels()
    predicted = labels.copy()
    predicted[list(wrong)] = (predicted[list(wrong)] + 1) % len(CLASSES)
    frame = pd.DataFrame(
        {
            "sample_id": [f"i{i:02d}" for i in range(len(labels))],
            "image_id": [f"i{i:02d}" for i in range(len(labels))],
            "specimen": [f"s{i // VIEWS:02d}" for i in range(len(labels))],
            "label": labels,
            "predicted": predicted,
        }
    )
    for name in ("predictions", "predictions_val"):
        frame.to_csv(folder / f"{name}.csv", index=False)
    history = pd.DataFrame(
        {
            "epoch": range(1, len(val) + 1),
            "lr": 1e-3,
            "train_loss": 1.0,
            "val_loss": 1.0,
            "train_accuracy": np.add(val, 0.1),
            "val_accuracy": val,
        }
    )
    history.to_csv(folder / "history.csv", index=False)
    metrics = classification_metrics(labels, predicted, len(CLASSES))
    config = {
        "model": model,
        "display_name": f"{model} (compact)",
        "family": "compact",
        "weights": weights,
        "protocol": protocol,
        "pictures": pictures,
        "seed": seed,
        "eca_placement": "post_stage",
        "key": "k",
        "classes": CLASSES,
    }
    records = {
        "config": config,
        "metrics": {
            "num_test": len(labels),
            "best_epoch": 3,
            "selected": {"val_accuracy": max(val), "test": metrics},
            "last": {"val_accuracy": val[-1], "test": metrics},
        },
        "manifest": {
            "seconds": 1.5,
            "images_per_second": 10.0,
            "device": "cpu",
            "parameters": parameters,
            "size_mib": 0.1,
            "gmacs": 0.001,
            "versions": {"python": "3"},
            "weights_note": weights,
        },
    }
    for name, value in records.items():
        (folder / f"{name}.json").write_text(json.dumps(value))
    return folder


def write_photographs(paths):
    labels = true_labels()
    index = pd.DataFrame(
        {
            "image_id": [f"i{i:02d}" for i in range(len(labels))],
            "path": "",
            "label": labels,
            "class_name": [CLASSES[label] for label in labels],
            "role": "full",
            "specimen": [f"s{i // VIEWS:02d}" for i in range(len(labels))],
            "view": 0,
        }
    )
    paths.root.mkdir(parents=True, exist_ok=True)
    index.to_csv(paths.index, index=False)
    paths.splits_dir.mkdir()
    split = index.assign(sample_id=index["image_id"], copy=0, group=index["specimen"])
    split["split"] = np.where(index["specimen"] < "s06", "train", np.where(index["specimen"] < "s09", "val", "test"))
    split.to_csv(paths.splits_dir / "grouped.csv", index=False)
    pooled = pd.concat([split.assign(sample_id=split["image_id"] + f"-{c}", copy=c) for c in range(2)])
    pooled["split"] = np.where(pooled["copy"] == 0, "train", "test")
    pooled.loc[pooled["image_id"] == "i00", "split"] = "test"
    pooled.to_csv(paths.splits_dir / "paper.csv", index=False)


@pytest.fixture
def paths(tmp_path):
    found = ResultPaths(tmp_path / "results" / "tiny")
    found.root.mkdir(parents=True)
    return found


@pytest.fixture
def settings():
    return load_profile(
        "quick",
        [
            "report.bootstrap=200",
            "comparison.models=[resnet50, convnext_tiny, eca_convnext_tiny]",
            "leakage.runs=[convnext_tiny-scratch, eca_convnext_tiny-transfer]",
        ],
    )


@pytest.fixture
def four_corners(paths):
    write_run(paths, "convnext_tiny", "scratch", wrong=range(12))  # 12 of 24 right
    write_run(paths, "eca_convnext_tiny", "scratch", wrong=range(9), parameters=1018)  # 15
    write_run(paths, "convnext_tiny", "transfer", wrong=range(6))  # 18
    write_run(paths, "eca_convnext_tiny", "transfer", wrong=range(1), parameters=1018)  # 23
    return paths


def test_unfinished_runs_are_left_out_and_damaged_ones_reported(paths):
    folder = write_run(paths, "resnet50", "scratch", wrong=[0])
    (paths.runs_dir / "vgg19-scratch-grouped-seed0").mkdir()
    assert [run.name for run in LOADRUNS(paths)] == ["resnet50-scratch-grouped-seed0"]
    (folder / "config.json").write_text("{")
    with pytest.raises(StorageError, match="config.json"):
        LOADRUNS(paths)


def test_table_4_shows_missing_runs_as_missing(four_corners, settings):
    table = comparison.table_4(Study(settings, four_corners))
    row = table.frame.query("block == 'as_read' and model == 'resnet50'").iloc[0]
    assert row["status"] == MISSING and np.isnan(row["accuracy"]) and row["paper_accuracy"] == pytest.approx(0.9488)
    assert row["network"] == "ResNet50 (compact)"
    proposed = table.frame.query("block == 'as_read' and model == 'eca_convnext_tiny'").iloc[0]
    assert proposed["accuracy"] == pytest.approx(23 / 24)
    assert proposed["difference"] == pytest.approx(23 / 24 - 0.9858)
    assert proposed["authors_best_val"] == pytest.approx(0.9858, abs=1e-4)
    fair = table.frame.query("block == 'fair_none' and model == 'eca_convnext_tiny'").iloc[0]
    assert fair["accuracy"] == pytest.approx(15 / 24) and fair["paper_accuracy"] == pytest.approx(0.9762)
    assert any("best-epoch validation" in note for note in table.notes)


def test_pairwise_uses_the_same_photographs(four_corners, settings):
    table = comparison.pairwise(Study(settings, four_corners))
    row = table.frame.query("block == 'as_read' and model == 'convnext_tiny'").iloc[0]
    assert (row["only_proposed"], row["only_other"]) == (11, 0)
    assert row["difference"] == pytest.approx(11 / 24)
    assert row["mcnemar_p"] == pytest.approx(2 / 2**11) and row["p_holm"] >= row["p_value"] > 0
    assert row["status"] == "not decided (one seed)" and np.isnan(row["seed_sd"])
    assert table.frame.query("model == 'resnet50'")["status"].eq(MISSING).all()


def test_different_test_sets_are_not_paired(paths, settings):
    folder = write_run(paths, "resnet50", "scratch", wrong=[0])
    write_run(paths, "convnext_tiny", "scratch", wrong=[1])
    frame = pd.read_csv(folder / "predictions.csv")
    frame["sample_id"] = "other-" + frame["sample_id"]
    frame.to_csv(folder / "predictions.csv", index=False)
    runs = LOADRUNS(paths)
    assert compare(runs[:1], runs[1:], Study(settings)) is None


def test_interaction_is_computed_and_matches_the_paper(four_corners, settings):
    table = ablation.table_5_gains(Study(settings, four_corners)).frame.set_index("gain")
    assert table.loc["ECA alone", "accuracy"] == pytest.approx(3 / 24)
    assert table.loc["transfer alone", "accuracy"] == pytest.approx(6 / 24)
    assert table.loc["both together", "accuracy"] == pytest.approx(11 / 24)
    assert table.loc["interaction (both − sum)", "accuracy"] == pytest.approx(2 / 24)
    printed = [table.loc[name, "paper_accuracy"] for name in table.index]
    assert printed == pytest.approx([0.0102, 0.0071, 0.0127, 0.0198, -0.0031])
    assert table.loc["ECA given transfer", "accuracy"] == pytest.approx(5 / 24)


def test_table_5_measures_parameters_and_prints_the_papers(four_corners, settings):
    table = ablation.table_5(Study(settings, four_corners))
    assert list(table.frame["parameters"]) == [1000, 1018, 1000, 1018]
    assert list(table.frame["paper_parameters_million"]) == [27.80, 27.82, 27.82, 27.84]
    assert any("27,840,122" in note for note in table.notes)


def test_thresholds_count_epochs_from_one(paths, settings):
    assert convergence.epochs_to(np.array([0.2, 0.5, 0.5]), 0.5) == 2
    assert np.isnan(convergence.epochs_to(np.array([0.2]), 0.5))
    write_run(paths, "resnet50", "scratch", wrong=[0], val=(0.3, 0.55, 0.72))
    table = convergence.table_6(Study(settings, paths))
    row = table.frame.query("source == 'ours' and model == 'resnet50'").iloc[0]
    assert (row["epochs_to_50_percent"], row["epochs_to_70_percent"]) == (2, 3)
    assert np.isnan(row["epochs_to_80_percent"]) and row["area"] == pytest.approx((0.3 + 0.55 + 0.72) / 3)
    shown = table.formatted().query("source == 'ours' and network == 'resnet50 (compact)'").iloc[0]
    assert shown["to 80 %"] == "not reached"
    logs = table.frame.query("source != 'ours'")
    assert set(logs["model"]) >= {"vgg19", "eca_convnext_tiny"} and logs["epochs"].max() == 200


def test_leak_counts_and_gap(four_corners, settings):
    write_photographs(four_corners)
    folder = write_run(four_corners, "eca_convnext_tiny", "transfer", wrong=[], protocol="paper")
    table = leakage.table_splits(Study(settings, four_corners)).frame.set_index("protocol")
    assert table.loc["grouped", "same_specimen"] == 0
    assert table.loc["paper", "same_photo"] == 23 and table.loc["paper", "test"] == 25
    assert table.loc["paper", "same_specimen"] == 25  # i00's specimen has its other view in train
    assert folder.is_dir()
    table = leakage.table_leakage(Study(settings, four_corners))
    rows = table.frame.set_index(["row", "protocol"])
    proposed = rows.loc[("eca_convnext_tiny-transfer", "paper")]
    assert proposed["gap"] == pytest.approx(1 / 24) and proposed["gap_low"] <= proposed["gap"] <= proposed["gap_high"]
    assert rows.loc[("eca_convnext_tiny-transfer", "grouped"), "related_share"] == 0
    assert "100.0 % right in the paper's order and 95.8 % on unseen specimens: +4.2 points" in table.finding
    assert np.isnan(rows.loc[("eca_convnext_tiny-transfer", "grouped"), "gap"])
    assert rows.loc[("convnext_tiny-scratch", "paper"), "status"] == MISSING
    assert leakage.leakage_gap(table)["network"].startswith("eca_convnext_tiny")
    assert draw_leakage(Study(settings, four_corners)).data["accuracy"].notna().all()


def test_the_nearest_neighbour_stands_beside_the_networks(four_corners, settings):
    write_photographs(four_corners)
    samples = Study(settings, four_corners).split("grouped").query("split == 'test'")
    control = samples[["sample_id", "specimen"]].assign(protocol="grouped", labels="shuffled", correct=0)
    control.iloc[:3, -1] = 1
    control.to_csv(four_corners.control, index=False)
    frame = leakage.table_leakage(Study(settings, four_corners)).frame.set_index("row")
    assert frame.loc["nearest_neighbour", "accuracy"] == pytest.approx(3 / len(samples))


def test_every_class_shows_its_photographs_and_the_interval_of_its_recall(paths, settings):
    write_run(paths, "resnet50", "scratch", wrong=[0, 4], protocol="paper")
    without = confusion.table_per_class(LOADRUNS(paths)[0]).frame
    assert without["trained"].isna().all()
    write_photographs(paths)
    run = LOADRUNS(paths)[0]
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


def test_classes_with_few_test_photographs_are_marked(paths, settings):
    write_photographs(paths)
    folder = write_run(paths, "resnet50", "scratch", wrong=[0])
    frame = pd.read_csv(folder / "predictions.csv")
    frame.drop(index=[0, 1, 6, 7]).to_csv(folder / "predictions.csv", index=False)
    run = LOADRUNS(paths)[0]
    per_class = confusion.table_per_class(run)
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


def test_several_seeds_are_pooled(paths, settings):
    for seed, wrong in ((0, range(6)), (1, range(12))):
        write_run(paths, "convnext_tiny", "scratch", wrong=wrong, seed=seed)
        write_run(paths, "eca_convnext_tiny", "scratch", wrong=range(3), seed=seed)
    runs = LOADRUNS(paths)
    row = comparison.table_4(Study(settings)).frame.query("block == 'fair_none' and model == 'convnext_tiny'").iloc[0]
    assert row["accuracy"] == pytest.approx(15 / 24) and row["status"] == "2 runs"
    assert row["seed_sd"] == pytest.approx(np.std([18 / 24, 12 / 24], ddof=1))
    gain = ablation.table_5_gains(Study(settings)).frame.set_index("gain").loc["ECA alone", "accuracy"]
    assert gain == pytest.approx((3 + 9) / 2 / 24)


def test_labels_drawn_by_lot_decide_the_verdict_on_the_split(four_corners, settings):
    write_photographs(four_corners)
    parts = []
    for protocol, right in (("grouped", 0), ("paper", 1)):
        samples = Study(settings, four_corners).split(protocol).query("split == 'test'")
        parts.append(samples[["sample_id", "specimen"]].assign(protocol=protocol, labels="shuffled", correct=right))
    pd.concat(parts).to_csv(four_corners.control, index=False)
    verdict, words = judge("honest_split", Study(settings, four_corners))
    assert verdict == FAILS and "drawn by lot" in words and "+100.0 points" in words
    four_corners.control.unlink()
    assert judge("honest_split", Study(settings, four_corners)) == (NOT_RUN, "")
