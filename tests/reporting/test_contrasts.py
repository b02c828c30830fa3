"""Gains, verdicts and computed sentences on tiny runs of several seeds."""

import numpy as np
import pandas as pd
import pytest
from tiny_runs import NUMBER, change, first_seed, write_baselines, write_corners, write_photographs, write_run

from mineral_lib.parameters import load_profile
from mineral_lib.reporting import ablation, comparison, confusion, curves, report
from mineral_lib.reporting.ablation import table_gates, table_placements, table_starts
from mineral_lib.reporting.claims import judge
from mineral_lib.reporting.contrasts import FAILS, HOLDS, UNDECIDED, contrasts
from mineral_lib.reporting.run_checks import NOT_RUN, UNTESTABLE
from mineral_lib.study import Study


def test_one_seed_decides_nothing_however_large_the_gain(paths, study):
    write_corners(paths, [0])
    gain = ablation.gains(study).loc["transfer alone"]
    assert gain["low"] > 0 and gain["p_holm"] < 0.05
    assert gain["verdict"] == UNDECIDED and gain["status"] == "not decided (one seed)"
    verdict, words = judge("transfer_alone", study)
    assert verdict == UNDECIDED and "+41.7 points" in words and "one seed" in words


def test_three_seeds_decide_a_gain_that_is_there_and_not_one_seeds_luck(paths, study):
    write_corners(paths, luck=9)
    found = ablation.gains(study)
    assert found.loc["transfer alone", ["verdict", "status"]].tolist() == [HOLDS, "above zero"]
    lucky = found.loc["ECA alone"]
    assert lucky["accuracy"] == pytest.approx(9 / 3 / NUMBER) and lucky["seed_sd"] > 0.2
    assert lucky[["verdict", "status"]].tolist() == [UNDECIDED, "not decided (within noise)"]
    assert ablation.gains(first_seed(study)).loc["ECA alone", "accuracy"] == pytest.approx(9 / NUMBER)


def test_a_clear_loss_fails(paths, study):
    write_corners(paths)
    rows = {weights: study.select(model="convnext_tiny", weights=weights) for weights in ("scratch", "transfer")}
    family = {"loss": {"scratch": 1, "transfer": -1}, "gain": {"transfer": 1, "scratch": -1}}
    assert contrasts(rows, family, study)["verdict"].tolist() == [FAILS, HOLDS]


def test_further_means_over_transfer(paths, study):
    write_corners(paths)
    found = ablation.gains(study)
    assert found.loc["both together", "verdict"] == HOLDS  # over scratch
    assert found.loc["ECA given transfer", "accuracy"] == pytest.approx(-1 / NUMBER)
    verdict, words = judge("both", study)
    assert verdict != HOLDS and words.startswith("Against transfer alone: −4.2 points")
    assert "Over scratch +37.5 points" in words and "interaction" in words


def test_holm_counts_the_whole_family(paths, study):
    write_corners(paths)
    found = ablation.gains(study)
    assert len(found) == len(ablation.GAINS) == 5
    assert found["p_holm"].min() == pytest.approx(5 * found["p_value"].min())


def test_seeds_with_splits_of_their_own_are_paired_within_a_seed(paths, study):
    for seed in range(3):
        for model, count in (("convnext_tiny", 12), ("eca_convnext_tiny", 4)):
            folder = write_run(paths, model, "scratch", wrong=range(count), seed=seed)
            for name in ("sample_id", "image_id", "specimen"):
                change(folder, **{name: lambda frame, name=name, seed=seed: f"split{seed}-" + frame[name]})
    gain = ablation.gains(study).loc["ECA alone", "estimate"]
    assert gain.seeds == 3 and gain.value == pytest.approx(8 / NUMBER)
    assert gain.shared_se < gain.specimen_se / 3  # no specimen is shared


def test_tables_show_the_spread_over_seeds(paths, study):
    write_corners(paths, luck=9)
    spread = np.std([9, 0, 0], ddof=1) / NUMBER
    table = comparison.table_4(study)
    row = table.frame.query("block == 'fair_none' and model == 'eca_convnext_tiny'").iloc[0]
    assert row["seed_sd"] == pytest.approx(spread)
    assert f"{100 * spread:.1f}" in table.formatted()["SD over seeds"].tolist()
    pairs = comparison.pairwise(study).frame.query("block == 'fair_none' and model == 'convnext_tiny'")
    assert pairs["seed_sd"].item() == pytest.approx(spread)
    gains = ablation.table_5_gains(study).frame.set_index("gain")
    assert gains.loc["ECA alone", "seed_sd"] == pytest.approx(spread)
    assert set(comparison.table_4(first_seed(study)).formatted()["SD over seeds"]) == {"–"}


def test_grey_runs_stay_out_of_every_other_row(paths, study):
    write_run(paths, "eca_convnext_tiny", "transfer", wrong=range(2))
    write_run(paths, "eca_convnext_tiny", "transfer", wrong=range(20), pictures="grey")
    assert sorted(run.pictures for run in study.runs) == ["colour", "grey"]
    options = {"model": "eca_convnext_tiny", "weights": "transfer"}
    assert [run.accuracy for run in study.select(**options)] == [pytest.approx(22 / NUMBER)]
    assert study.select(**options, pictures="grey")[0].accuracy == pytest.approx(4 / NUMBER)


def test_baselines_are_rows_of_table_4_and_judge_the_best_network(paths, study):
    write_corners(paths)
    write_baselines(paths, {"majority": 8, "colour_histogram": 23, "nearest_neighbour": 10})
    table = comparison.table_4(study)
    rows = table.frame.query("block == 'baselines'").set_index("model")
    assert list(rows.index)[:3] == ["majority", "colour_histogram", "nearest_neighbour"]
    assert rows.loc["colour_histogram", "accuracy"] == pytest.approx(23 / NUMBER)
    assert rows.loc["majority", "recall_macro"] == pytest.approx(8 / NUMBER, abs=0.05)
    assert "best baseline: colour histogram, logistic regression, 95.8 %" in table.finding
    assert "network minus baseline −8.3 points" in table.finding
    write_baselines(paths, {"majority": 4, "colour_histogram": 5})
    finding = comparison.table_4(study).finding
    assert "network minus baseline" in finding and finding.endswith("above zero.")
    assert comparison.table_4(first_seed(study)).finding.endswith("not decided (one seed).")


def test_the_first_screen_asks_three_questions_and_names_the_baseline(paths, study, settings):
    write_photographs(paths)
    write_corners(paths)
    write_baselines(paths, {"majority": 8, "colour_histogram": 16})
    found = {fact.name: fact for fact in report.facts(study)}
    assert found["Does transfer help?"].value == "yes"
    assert found["Does it help given transfer?"].value == UNDECIDED
    assert "three seeds" in found["Does it help given transfer?"].detail
    assert found["Does channel attention help from scratch?"].value == UNDECIDED
    assert found["Best simple baseline"].value == "66.7 %"
    assert "network minus baseline +20.8 points" in found["Best simple baseline"].detail
    assert found["Chance"].value == f"{100 * comparison.chance_level(study):.1f} %"
    ending = f"64 px. One seed, {settings.train.epochs} epochs: a demonstration."
    assert report.describe_data(study).endswith(ending)
    several = load_profile("quick", ["train.seeds=[0, 1, 2]"])
    assert report.describe_data(Study(several, paths)).endswith("64 px.")
    single = {fact.name: fact for fact in report.facts(first_seed(study))}
    assert single["Does transfer help?"].value == UNDECIDED and "one seed" in single["Does transfer help?"].detail


def test_statements_on_200_epochs_are_not_tested_by_a_few(paths, study, settings):
    write_corners(paths)
    write_run(paths, "resnet50", "scratch", wrong=range(4))
    long = settings.model_copy(update={"train": settings.train.model_copy(update={"epochs": 60})})
    for name in ("training", "classes", "faster"):
        verdict, words = judge(name, study)
        assert verdict == UNTESTABLE and words.startswith(f"{settings.train.epochs} of the paper's 200 epochs."), name
        assert judge(name, Study(long, paths))[0] not in (UNTESTABLE, NOT_RUN), name


def test_sentences_are_made_from_the_numbers(paths, study):
    empty = Study(study.settings, study.paths)
    assert not any(comparison.draw_accuracies(empty, block=b).finding for b in study.settings.comparison.blocks)
    write_corners(paths)
    given = "attention given transfer (both against transfer alone) −4.2 points"
    assert given in ablation.table_5_gains(study).finding
    assert comparison.draw_accuracies(study, block="fair_none").finding.startswith("From 50.0 %")
    curve = curves.draw_figure_4(study).finding
    assert "in epoch 3 of 3" in curve and "10.0 points" in curve
    assert "ECA-ConvNeXt-T 98.58 %" in curves.draw_authors_curves(study).finding
    figure_5 = confusion.draw_confusion(study, form="paper")
    assert figure_5.finding.startswith("3 of 24 test photographs are named wrongly")
    assert comparison.pairwise(study).finding == (
        "The proposed network beside the others, as_read: better than 1, worse than 0, not decided against 0; "
        "fair_none: better than 0, worse than 0, not decided against 1."
    )


def test_starts_are_compared_with_the_random_one_of_their_own_pictures(paths, study, settings):
    write_corners(paths)
    assert table_starts(study) is None
    for seed in range(3):
        write_run(paths, "convnext_tiny", "scratch_fast", wrong=range(seed, seed + 8), seed=seed)
        write_run(paths, "convnext_tiny", "colour", wrong=range(seed, seed + 3), seed=seed)
        for weights, count in (("scratch", 20), ("transfer", 19)):
            write_run(paths, "convnext_tiny", weights, wrong=range(count), seed=seed, pictures="grey")
    table = table_starts(Study(settings, paths))
    gain = table.frame.query("model == 'convnext_tiny'").set_index(["pictures", "start"])["gain"]
    assert gain["colour", "colour statistics"] == pytest.approx(5 / NUMBER)  # over the same scheme
    assert gain["colour", "from scratch, fast start"] == pytest.approx(4 / NUMBER)
    assert gain["grey", "transfer"] == pytest.approx(1 / NUMBER)
    assert np.isnan(gain["grey", "from scratch"])
    assert "transfer against from scratch (eca_convnext_tiny (compact), colour pictures), +37.5 points" in table.finding


def test_gates_and_placements_are_read_from_their_tables(paths, study):
    gates = pd.DataFrame({"start": ["scratch", "transfer"], "module": [1, 4], "spread": [0.25, 0.004]})
    assert "by 0.004 (module 4, transfer) to 0.250 (module 1, scratch)" in table_gates(study, gates).finding
    assert table_gates(study, gates.iloc[:0]).finding == ""
    write_run(paths, "eca_convnext_tiny", "transfer", wrong=range(14), placement="post_block")
    write_run(paths, "eca_convnext_tiny", "transfer", wrong=range(2))
    both = load_profile("quick", ["ablation.placements=[post_stage, post_block]", "report.bootstrap=200"])
    finding = table_placements(Study(both, paths)).finding
    assert finding.startswith("From 41.7 % (post_block, transfer) to 91.7 % (post_stage, transfer), one seed")
    assert finding.endswith("do not overlap.")
