"""Training: the loop, runs on disk, reuse, resume, pre-training."""

import itertools
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from checkout import nothing

from mineral_lib.compute.checkpoint import load_weights
from mineral_lib.compute.resume import Checkpoints
from mineral_lib.config import Override
from mineral_lib.errors import DataError, DivergenceError, StorageError
from mineral_lib.measurements.ablation import starts_table
from mineral_lib.parameters import load_profile
from mineral_lib.storage import file_digest
from mineral_lib.study import Study
from mineral_lib.training.pretrain import Pretraining
from mineral_lib.training.recipe import classification_loss, learning_rate, logit_shift
from mineral_lib.training.run_config import run_config
from mineral_lib.training.specs import planned_runs


def run_of(settings, **options):
    """The run of most tests."""
    return Study(settings).run("convnext_tiny", **options)


def changed(settings, **train):
    """The settings with other values in the ``train`` section."""
    return settings.model_copy(update={"train": settings.train.model_copy(update=train)})


def test_cosine_with_warm_up():
    train = load_profile("quick", ["train.epochs=10", "train.warmup_epochs=2", "train.min_lr=1e-5"]).train
    rates = [learning_rate(epoch, train=train) for epoch in range(1, 11)]
    assert rates[0] < rates[1] < rates[2] == 1e-3
    assert all(a > b for a, b in itertools.pairwise(rates[2:]))
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
        made = run_of(settings).train(say=nothing)
        return made.config["key"], made.history["train_loss"][0], file_digest(made.path("weights.safetensors"))

    found = [run(), run(sampler="balanced"), run(logit_adjustment=1.0)]
    assert all(len(set(column)) == 3 for column in zip(*found, strict=True))
    assert run(sampler="balanced") == found[1]


def test_the_study_shares_its_eight_runs():
    settings = load_profile("quick", ["leakage.runs=[]", "comparison.grey_runs=[]"])
    names = [spec.name for spec in planned_runs(settings)]
    assert len(names) == len(set(names)) == 8
    shared = set(planned_runs(settings, "comparison")) & set(planned_runs(settings, "ablation"))
    assert len(shared) == 3 and len(planned_runs(load_profile("quick"))) == 12


def test_a_run_is_written_reused_and_retrained_when_parameters_change(tiny):
    run = run_of(tiny).train(say=nothing)
    assert run_of(tiny).is_finished and not run_of(changed(tiny, lr=0.01)).is_finished
    before = run.path("metrics.json").stat().st_mtime_ns
    run_of(tiny).train(say=lambda line: pytest.fail("trained again"))
    assert run.path("metrics.json").stat().st_mtime_ns == before
    assert run.history["epoch"].tolist() == [1, 2]
    assert run.correct.mean() == pytest.approx(run.accuracy)
    probabilities = run.predictions()[[f"p_{i}" for i in range(26)]].to_numpy()
    assert (probabilities.argmax(1) == run.predictions()["predicted"]).mean() > 0.95
    assert run.network()(torch.zeros(1, 3, 32, 32)).shape == (1, 26)


def test_predictions_of_both_held_out_parts_have_every_digit(tiny):
    run = run_of(tiny).train(say=nothing)
    for part in ("test", "val"):
        frame = run.predictions(part)
        assert set(frame["sample_id"]) == set(run.samples.loc[run.samples["split"] == part, "sample_id"])
        probabilities = frame[[f"p_{i}" for i in range(26)]].to_numpy()
        assert np.abs(probabilities.sum(1) - 1).max() < 1e-6  # six digits would leave more
        assert (probabilities.argmax(1) == frame["predicted"]).all()
    assert (frame["label"] == frame["predicted"]).mean() == pytest.approx(run.history["val_accuracy"].max())


def test_a_grey_run_and_the_splits_of_other_seeds_are_runs_of_their_own(tiny):
    settings = changed(tiny, seeds=[0, 1])
    split = tiny.split.model_copy(update={"vary_with_seed": True})
    study = Study(settings.model_copy(update={"split": split}))
    parts = [study.samples("grouped", seed).set_index("sample_id")["split"] for seed in (0, 1)]
    assert parts[0].equals(study.data.splits["grouped"].set_index("sample_id")["split"])
    assert (parts[0] != parts[1].reindex(parts[0].index)).mean() > 0.2
    one, other = (study.run("convnext_tiny", seed=seed) for seed in (0, 1))
    grey = replace(one, pictures="grey")
    keys = [run_config(run)["key"] for run in (one, grey, other)]
    assert len(set(keys)) == 3 and grey.name.endswith("-grouped-grey-seed0")
    tested = set(other.train(say=nothing).predictions()["sample_id"])
    assert tested == set(parts[1].index[parts[1] == "test"])
    assert run_config(run_of(tiny))["key"] == keys[0]  # the same splits without the switch


def test_checkpoints_wait_for_their_minutes_but_not_for_a_stop(tiny, monkeypatch):
    saved = []
    monkeypatch.setattr(Checkpoints, "save", lambda self, state, loop: saved.append(state.epoch))
    run_of(tiny).train(say=nothing)
    run_of(changed(tiny, checkpoint_every_minutes=60.0), seed=1).train(say=nothing)
    assert saved == [1, 2]


def test_lost_weights_are_named_and_made_again_and_tables_do_without(tiny):
    run = run_of(tiny).train(say=nothing)
    before = file_digest(run.path("weights.safetensors"))
    run.path("weights.safetensors").unlink()
    (again,) = Study(tiny).runs
    assert not run.is_finished and again.accuracy == run.accuracy and len(again.predictions("val"))
    with pytest.raises(StorageError, match="is missing; tables and figures of the run do not need it"):
        again.network()
    lines: list[str] = []
    run.train(say=lines.append)
    assert lines[0].endswith("weights.safetensors is missing; the run is trained again")
    assert file_digest(run.path("weights.safetensors")) == before


def test_diverging_training_stops_and_writes_no_result(tiny):
    # 1e20 overflows the first weights: the loss of the epoch is not finite.
    wild = run_of(changed(tiny, lr=1e20))
    with pytest.raises(DivergenceError, match="not finite") as error:
        wild.train(say=nothing)
    assert error.value.exit_code == 5 and not wild.path("metrics.json").exists()


def test_side_by_side_equals_one_after_another(tiny):
    def train(**options):
        study = Study(changed(tiny, **options))
        runs = [study.run("convnext_tiny", start) for start in ("scratch", "transfer")]
        return study.train(runs, say=lines.append), [run.path("weights.safetensors") for run in runs]

    lines: list[str] = []
    count, files = train()
    assert count == 2
    digests = [file_digest(path) for path in files]
    for path in files:
        path.with_name("config.json").unlink()
    said, lines = sorted(line for line in lines if "pretrain" not in line), []
    assert train(jobs=2)[0] == 2 and sum("config.json is missing" in line for line in lines) == 2
    assert sorted(line for line in lines if "is missing" not in line) == said and len(said) == 4
    assert [file_digest(path) for path in files] == digests
    assert train(jobs=2)[0] == 0


def test_an_error_in_another_process_ends_the_training_once_the_others_are_done(tiny):
    study = Study(changed(tiny, jobs=2, overrides={"resnet50": Override(lr=1e20)}))
    runs = [
        study.run(model, seed=seed) for model, seed in (("resnet50", 0), ("convnext_tiny", 0), ("convnext_tiny", 1))
    ]
    with pytest.raises(DivergenceError, match="not finite") as error:
        study.train(runs, say=nothing)
    assert error.value.exit_code == 5 and "train.lr" in error.value.remedy
    assert [run.is_finished for run in runs] == [False, True, False]


def test_pretraining_is_cached_and_used(tiny):
    run = Study(tiny).run("eca_convnext_tiny", "transfer")
    source = run.pretraining
    assert source.model == "convnext_tiny" and not source.is_finished  # ECA-ConvNeXt starts from ConvNeXt
    source.train(say=nothing)
    state, note = source.load()
    assert source.is_finished and "formula" in note
    source.train(say=lambda line: pytest.fail("trained again"))
    network, _ = run.fresh_network()
    torch.testing.assert_close(network.stages[1].blocks[0].conv_dw.weight, state["stages.1.blocks.0.conv_dw.weight"])
    assert run_of(tiny, start="transfer").pretraining.key == source.key != Pretraining(tiny, "resnet50").key


def test_the_colour_control_is_a_source_of_its_own(tiny):
    imagenet = tiny.model_copy(update={"weights": tiny.weights.model_copy(update={"source": "imagenet"})})
    for settings, wanted in ((tiny, ["convnext_tiny", "convnext_tiny-colour"]), (imagenet, ["convnext_tiny-colour"])):
        runs = [run_of(settings, start=start) for start in ("scratch", "transfer", "colour")]
        assert [run.pretraining.source for run in runs if run.pretraining] == wanted
    learned, control = (
        run_of(tiny, start=start).fresh_network()[0].stages[0].blocks[0].conv_dw.weight
        for start in ("transfer", "colour")
    )
    assert not torch.equal(learned, control)


def test_random_weights_follow_the_scheme(tiny):
    asleep = tiny.model_copy(update={"model": tiny.model.model_copy(update={"init_scheme": "library"})})

    def scale(settings, start):
        network, note = run_of(settings, start=start).fresh_network()
        return round(network.stages[0].blocks[0].gamma.mean().item(), 6), note

    assert scale(tiny, "scratch") == scale(asleep, "scratch_fast") == (0.3, "random weights, fast scheme")
    assert scale(asleep, "scratch") == scale(tiny, "scratch_library") == (1e-6, "random weights, library scheme")


def test_the_table_of_starts_has_a_row_for_every_start(tiny):
    study = Study(tiny.model_copy(update={"ablation": tiny.ablation.model_copy(update={"starts": ["colour"]})}))
    study.run("convnext_tiny").train(say=nothing)
    table = starts_table(study)
    assert len(table) == 5 and table[["colour", "grey"]].to_numpy().min() >= 0
    assert table["fine_tuned"].notna().tolist() == [False, False, True, False, False]  # scratch is the fast scheme here


@pytest.mark.parametrize("name", ["vgg19", "googlenet", "resnet50", "resnext50"])
def test_every_network_can_be_pretrained_and_trained(tiny, name):
    run = Study(changed(tiny, epochs=1)).run(name, "transfer").train(say=nothing)
    assert run.metrics["num_test"] > 0 and load_weights(run.path("weights.safetensors"))


def test_runs_of_other_parameters_are_not_mixed_into_tables(tiny):
    study = Study(tiny)
    study.train([study.run("convnext_tiny")], say=nothing)
    shutil.copytree(study.runs[0].dir, study.paths.runs_dir / "vgg19-scratch-grouped-seed0")
    assert [run.name for run in Study(tiny).runs] == [run_of(tiny).name]
