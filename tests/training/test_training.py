"""Training: the loop, runs on disk, reuse, resume, pre-training."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from mineral_lib.compute.pool import source_of, train_runs
from mineral_lib.config import Train
from mineral_lib.data.prepare import prepare
from mineral_lib.errors import DataError, DivergenceError, StorageError
from mineral_lib.evaluation.probing import starts_table
from mineral_lib.parameters import load_profile
from mineral_lib.storage import ResultPaths, file_digest, read_json
from mineral_lib.training import runs as runs_module
from mineral_lib.training.checkpoint import load_weights
from mineral_lib.training.loss import classification_loss, logit_shift
from mineral_lib.training.pretrain import ensure_source_weights, is_pretrained, source_key
from mineral_lib.training.recipe import learning_rate
from mineral_lib.training.runs import is_finished, load_run_network, run_dir, train_run
from mineral_lib.training.specs import RunSpec, ablation_runs, comparison_runs, study_runs

SPEC = RunSpec("convnext_tiny", "scratch", "grouped", 0)


def test_cosine_with_warm_up():
    train: Train = load_profile("quick", ["train.epochs=10", "train.warmup_epochs=2", "train.min_lr=1e-5"]).train
    rates = [learning_rate(epoch, base=1e-3, train=train) for epoch in range(1, 11)]
    assert rates[0] < rates[1] < rates[2] == 1e-3
    assert all(a > b for a, b in zip(rates[2:], rates[3:], strict=False))
    assert rates[6] == pytest.approx(1e-5 + (1e-3 - 1e-5) * (1 + math.cos(math.pi / 2)) / 2)


def test_auxiliary_heads_count_with_their_weight():
    logits, labels = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    loss, alone = classification_loss(0.3), torch.nn.functional.cross_entropy(logits, labels)
    torch.testing.assert_close(loss(logits, labels), alone)
    torch.testing.assert_close(loss((logits, logits, logits), labels), 1.6 * alone)
    torch.testing.assert_close(loss((logits, None, None), labels), alone)


def plain_adjusted_loss(logits, labels, prior, tau):
    """Menon et al. 2021: -log of exp(f_y + tau log p_y) over its sum, in plain Python."""
    losses = []
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        weights = [math.exp(value) * share**tau for value, share in zip(row, prior, strict=True)]
        losses.append(-math.log(weights[label] / sum(weights)))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("tau", [0.5, 1.0, 2.0])
def test_logit_adjustment_is_that_of_its_paper_in_every_head(tau):
    torch.manual_seed(0)
    heads, labels = [torch.randn(6, 3) for _ in range(3)], torch.tensor([0, 0, 0, 1, 2, 2])
    shift = logit_shift(labels, 3, tau)
    loss, prior = classification_loss(0.3, shift), (3 / 6, 1 / 6, 2 / 6)
    wanted = [plain_adjusted_loss(head, labels, prior, tau) for head in heads]
    assert loss(heads[0], labels).item() == pytest.approx(wanted[0], rel=1e-6)
    assert loss(tuple(heads), labels).item() == pytest.approx(wanted[0] + 0.3 * (wanted[1] + wanted[2]), rel=1e-6)


def test_logit_adjustment_off_and_a_class_without_samples():
    assert logit_shift([0, 0], 2, 0.0) is None
    with pytest.raises(DataError, match="no training sample"):
        logit_shift([0, 0], 2, 1.0)


@pytest.mark.parametrize(("tau", "wanted"), [(0.0, math.log(9)), (1.0, 0.0), (0.5, math.log(9) / 2)])
def test_an_adjusted_network_unlearns_the_prior(tau, wanted):
    # A network without features learns log odds of the classes, 9 to 1; adjusted by tau = 1 it learns none.
    labels = torch.tensor([0] * 9 + [1])
    bias = torch.zeros(2, requires_grad=True)
    loss, optimizer = classification_loss(0.0, logit_shift(labels, 2, tau)), torch.optim.LBFGS([bias], max_iter=50)

    def step():
        optimizer.zero_grad()
        value = loss(bias.expand(10, 2), labels)
        value.backward()
        return value

    optimizer.step(step)
    assert (bias[0] - bias[1]).item() == pytest.approx(wanted, abs=1e-3)


def test_cures_for_the_long_tail_change_training_and_its_key(tiny):
    data = tiny.data.model_copy(update={"fraction": 0.03})  # classes of 9 to 21 photographs

    def run(**changes):
        train = tiny.train.model_copy(update=changes | {"epochs": 1})
        settings = tiny.model_copy(update={"data": data, "train": train})
        folder = train_run(settings, SPEC, say=lambda line: None)
        history = pd.read_csv(folder / "history.csv").iloc[0]
        return (
            read_json(folder / "config.json")["key"],
            history["train_loss"],
            file_digest(folder / "weights.safetensors"),
        )

    found = [run(), run(sampler="balanced"), run(logit_adjustment=1.0)]
    assert all(len(set(column)) == 3 for column in zip(*found, strict=True))
    assert run(sampler="balanced") == found[1]


def test_the_study_shares_its_eight_runs():
    settings = load_profile("quick", ["leakage.runs=[]", "comparison.grey_runs=[]"])
    names = [spec.name for spec in study_runs(settings)]
    assert len(names) == len(set(names)) == 8
    shared = set(comparison_runs(settings)) & set(ablation_runs(settings))
    assert len(shared) == 3 and len(study_runs(load_profile("quick"))) == 12


def test_a_run_is_written_reused_and_retrained_when_parameters_change(tiny):
    folder = train_run(tiny, SPEC, say=lambda line: None)
    data = prepare(tiny)
    assert is_finished(tiny, SPEC, data)
    before = file_digest(folder / "weights.safetensors"), (folder / "metrics.json").stat().st_mtime_ns
    train_run(tiny, SPEC, say=lambda line: pytest.fail("trained again"))
    assert (folder / "metrics.json").stat().st_mtime_ns == before[1]
    other = tiny.model_copy(update={"train": tiny.train.model_copy(update={"lr": 0.01})})
    assert not is_finished(other, SPEC, data)
    history = pd.read_csv(folder / "history.csv")
    assert history["epoch"].tolist() == [1, 2]
    predictions = pd.read_csv(folder / "predictions.csv")
    metrics = read_json(folder / "metrics.json")
    assert (predictions["label"] == predictions["predicted"]).mean() == pytest.approx(
        metrics["selected"]["test"]["accuracy"]
    )
    probabilities = predictions[[f"p_{i}" for i in range(26)]].to_numpy()
    assert np.allclose(probabilities.sum(1), 1, atol=1e-4)
    assert (probabilities.argmax(1) == predictions["predicted"]).mean() > 0.95
    split = data.splits["grouped"]
    assert set(predictions["sample_id"]) == set(split.loc[split["split"] == "test", "sample_id"])
    network = load_run_network(tiny, SPEC, 26)
    assert network(torch.zeros(1, 3, 32, 32)).shape == (1, 26)


def test_predictions_of_both_held_out_parts_have_every_digit(tiny):
    folder, data = train_run(tiny, SPEC, say=lambda line: None), prepare(tiny)
    split = data.splits["grouped"]
    for name, part in (("predictions", "test"), ("predictions_val", "val")):
        frame = pd.read_csv(folder / f"{name}.csv")
        assert set(frame["sample_id"]) == set(split.loc[split["split"] == part, "sample_id"])
        probabilities = frame[[f"p_{i}" for i in range(26)]].to_numpy()
        assert np.abs(probabilities.sum(1) - 1).max() < 1e-6  # six digits would leave more
        assert (probabilities.argmax(1) == frame["predicted"]).all()
    best = pd.read_csv(folder / "history.csv")["val_accuracy"].max()
    val = pd.read_csv(folder / "predictions_val.csv")
    assert (val["label"] == val["predicted"]).mean() == pytest.approx(best)


def test_a_grey_run_and_the_splits_of_other_seeds_are_runs_of_their_own(tiny):
    seeds = tiny.model_copy(
        update={
            "train": tiny.train.model_copy(update={"seeds": [0, 1]}),
            "split": tiny.split.model_copy(update={"vary_with_seed": True}),
        }
    )
    data = prepare(seeds)
    parts = [data.samples("grouped", seed).set_index("sample_id")["split"] for seed in (0, 1)]
    assert parts[0].equals(data.splits["grouped"].set_index("sample_id")["split"])
    assert (parts[0] != parts[1].reindex(parts[0].index)).mean() > 0.2
    grey, other = replace(SPEC, pictures="grey"), replace(SPEC, seed=1)
    keys = {runs_module.run_config(seeds, spec, data)["key"] for spec in (SPEC, grey, other)}
    assert len(keys) == 3 and grey.name.endswith("-grouped-grey-seed0")
    folder = train_run(seeds, other, say=lambda line: None)
    tested = set(pd.read_csv(folder / "predictions.csv")["sample_id"])
    assert tested == set(parts[1].index[parts[1] == "test"])
    # The same splits without the switch.
    assert runs_module.run_config(tiny, SPEC, prepare(tiny))["key"] == runs_module.run_config(seeds, SPEC, data)["key"]


def test_checkpoints_wait_for_their_minutes_but_not_for_a_stop(tiny, monkeypatch):
    saved = []
    monkeypatch.setattr(runs_module.Checkpoints, "save", lambda self, state, loop: saved.append(state.epoch))
    train_run(tiny, SPEC, say=lambda line: None)
    patient = tiny.model_copy(update={"train": tiny.train.model_copy(update={"checkpoint_every_minutes": 60.0})})
    train_run(patient, replace(SPEC, seed=1), say=lambda line: None)
    assert saved == [1, 2]


def test_weights_that_are_not_there_are_named_and_the_run_stays_finished(tiny):
    folder = train_run(tiny, SPEC, say=lambda line: None)
    (folder / "weights.safetensors").unlink()
    assert is_finished(tiny, SPEC, prepare(tiny))
    with pytest.raises(StorageError, match="weights of the run are not here"):
        load_run_network(tiny, SPEC, 26)


def test_diverging_training_stops_and_writes_no_result(tiny):
    # 1e20 overflows the first weights: the loss of the epoch is not finite.
    wild = tiny.model_copy(update={"train": tiny.train.model_copy(update={"lr": 1e20})})
    with pytest.raises(DivergenceError, match="not finite") as error:
        train_run(wild, SPEC, say=lambda line: None)
    assert error.value.exit_code == 5
    assert not (run_dir(wild, SPEC) / "metrics.json").exists()


def test_side_by_side_equals_one_after_another(tiny):
    specs = [SPEC, RunSpec("convnext_tiny", "transfer", "grouped", 0)]
    assert train_runs(tiny, specs, say=lambda line: None) == 2
    files = [run_dir(tiny, spec) / "weights.safetensors" for spec in specs]
    digests = [file_digest(path) for path in files]
    for path in files:
        path.with_name("config.json").unlink()
    pair = tiny.model_copy(update={"train": tiny.train.model_copy(update={"jobs": 2})})
    assert train_runs(pair, specs, say=lambda line: None) == 2
    assert [file_digest(path) for path in files] == digests
    assert train_runs(pair, specs) == 0


def test_pretraining_is_cached_and_used(tiny):
    assert not is_pretrained(tiny, "eca_convnext_tiny")
    state, note = ensure_source_weights(tiny, "eca_convnext_tiny", say=lambda line: None)
    assert is_pretrained(tiny, "convnext_tiny")  # ECA-ConvNeXt starts from ConvNeXt
    ensure_source_weights(tiny, "convnext_tiny", say=lambda line: pytest.fail("trained again"))
    network, _ = runs_module.build_network(
        tiny, RunSpec("eca_convnext_tiny", "transfer", "grouped", 0), 26, pretrained=True
    )
    torch.testing.assert_close(network.stages[1].blocks[0].conv_dw.weight, state["stages.1.blocks.0.conv_dw.weight"])
    assert source_key(tiny, "convnext_tiny") == source_key(tiny, "eca_convnext_tiny") != source_key(tiny, "resnet50")
    assert "formula" in note


def test_the_colour_control_is_a_source_of_its_own(tiny):
    specs = [RunSpec("convnext_tiny", start, "grouped", 0) for start in ("transfer", "colour")]
    assert [source_of(tiny, spec) for spec in specs] == ["convnext_tiny", "convnext_tiny-colour"]
    imagenet = tiny.model_copy(update={"weights": tiny.weights.model_copy(update={"source": "imagenet"})})
    assert [source_of(imagenet, spec) for spec in specs] == [None, "convnext_tiny-colour"]
    learned, control = (
        runs_module.build_network(tiny, spec, 26, pretrained=True)[0].stages[0].blocks[0].conv_dw.weight
        for spec in specs
    )
    assert not torch.equal(learned, control)


def test_random_weights_follow_the_scheme(tiny):
    asleep = tiny.model_copy(update={"model": tiny.model.model_copy(update={"init_scheme": "library"})})

    def scale(settings, start):
        network, note = runs_module.build_network(
            settings, RunSpec("convnext_tiny", start, "grouped", 0), 26, pretrained=True
        )
        return round(network.stages[0].blocks[0].gamma.mean().item(), 6), note

    assert scale(tiny, "scratch") == scale(asleep, "scratch_fast") == (0.3, "random weights, fast scheme")
    assert scale(asleep, "scratch") == scale(tiny, "scratch_library") == (1e-6, "random weights, library scheme")


def test_the_table_of_starts_has_a_row_for_every_start(tiny):
    settings = tiny.model_copy(update={"ablation": tiny.ablation.model_copy(update={"starts": ["colour"]})})
    train_runs(settings, [SPEC], say=lambda line: None)
    table = starts_table(settings)
    assert len(table) == 5 and table[["colour", "grey"]].to_numpy().min() >= 0
    assert table["fine_tuned"].notna().tolist() == [False, False, True, False, False]  # scratch is the fast scheme here


@pytest.mark.parametrize("name", ["vgg19", "googlenet", "resnet50", "resnext50"])
def test_every_network_can_be_pretrained_and_trained(tiny, name):
    settings = tiny.model_copy(update={"train": tiny.train.model_copy(update={"epochs": 1})})
    folder = train_run(settings, RunSpec(name, "transfer", "grouped", 0), say=lambda line: None)
    assert read_json(folder / "metrics.json")["num_test"] > 0
    assert load_weights(folder / "weights.safetensors")


def test_runs_of_other_parameters_are_not_mixed_into_tables(tiny):

    train_runs(tiny, [SPEC], say=lambda line: None)
    stranger = ResultPaths.of(tiny.profile).runs_dir / "vgg19-scratch-grouped-seed0"
    stranger.mkdir()
    for path in run_dir(tiny, SPEC).iterdir():
        (stranger / path.name).write_bytes(path.read_bytes())
    assert [run.name for run in LOADRUNS(ResultPaths.of(tiny.profile))] == [SPEC.name]
