"""Going on after an interruption: last, previous, best; in mid-epoch; and never with other parameters."""

import signal

import pytest
import torch
from checkout import nothing
from drive import on_step

from mineral_lib.compute.checkpoint import load_checkpoint, save_checkpoint
from mineral_lib.compute.resume import Checkpoints, differences
from mineral_lib.errors import DivergenceError, ParameterError, ResumeError, StoppedError, StorageError
from mineral_lib.parameters import load_profile
from mineral_lib.storage import read_json
from mineral_lib.study import Study
from mineral_lib.training.engine import FitState
from mineral_lib.training.train_run import make_loop

NAME = "convnext_tiny-scratch-grouped-seed0"
FILES = ("history.csv", "predictions.csv", "weights.safetensors", "metrics.json", "config.json")


def run_of(settings):
    """The run of all tests."""
    return Study(settings).run("convnext_tiny")


def changed(settings, **train):
    """Settings with other values in the ``train`` section, checked like any others."""
    return load_profile("test", TINY_CHANGES + [f"train.{name}={value}" for name, value in train.items()])


TINY_CHANGES = [
    "comparison.models=[convnext_tiny, eca_convnext_tiny]",
    "leakage.runs=[]",
    "train.jobs=1",
    "model.drop_path_rate=0.3",
    "train.epochs=3",
]


@pytest.fixture
def settings(study_root):
    """Three epochs of three steps, with random drop path."""
    return load_profile("test", TINY_CHANGES)


def stop(settings, steps: int, say=nothing):
    """Train until a real Ctrl-C after so many steps; returns the checkpoint folder."""
    handle = on_step(steps, lambda: signal.raise_signal(signal.SIGINT))
    try:
        with pytest.raises(StoppedError) as error:
            run_of(settings).train(say=say)
    finally:
        handle.remove()
    assert error.value.exit_code == 130 and "saved after step" in str(error.value)
    return run_of(settings).dir / "checkpoints"


def contents(folder) -> dict[str, bytes]:
    """The files that must be the same in every run."""
    return {name: (folder / name).read_bytes() for name in FILES}


def test_stopped_after_any_step_and_resumed_is_the_same_run(settings):
    settings = changed(settings, select="last")
    folder = run_of(settings).train(say=nothing).dir
    wanted = contents(folder)
    for number in (1, 2, 3, 5, 9):  # in an epoch, at its last step, at the very last
        (folder / "config.json").unlink()
        checkpoint = load_checkpoint(stop(settings, number) / "last.pt")
        assert (checkpoint["epoch"], checkpoint["step"]) == ((number - 1) // 3, (number - 1) % 3 + 1)
        lines: list[str] = []
        run_of(settings).train(say=lines.append)
        assert any("resumed after" in line for line in lines)
        assert contents(folder) == wanted, number
        assert not (folder / "checkpoints").exists()
    assert len(read_json(folder / "manifest.json")["resumed"]) == 1


RECIPE = {
    "optimizer": "adamw",
    "weight_decay": 0.05,
    "warmup_epochs": 1,
    "schedule": "step",
    "layer_decay": 0.8,
    "ema_decay": 0.9,
    "label_smoothing": 0.1,
    "mixup_alpha": 0.2,
    "cutmix_alpha": 1.0,
}


def test_a_run_with_every_part_of_a_recipe_resumes_exactly(settings):
    settings = changed(settings, **RECIPE)
    folder = run_of(settings).train(say=nothing).dir
    wanted = contents(folder)
    for number in (2, 3, 7):
        (folder / "config.json").unlink()
        saved = load_checkpoint(stop(settings, number) / "last.pt")
        assert any(not torch.equal(value, saved["network"][name]) for name, value in saved["average"].items())
        run_of(settings).train(say=nothing)
        assert contents(folder) == wanted, number
    (folder / "config.json").unlink()
    path = stop(settings, 7) / "last.pt"
    saved = load_checkpoint(path)
    save_checkpoint(path, saved | {"average": saved["network"]})
    run_of(settings).train(say=nothing)
    assert contents(folder) != wanted  # the average matters, so the equality above means something


def test_averaged_weights_are_the_ones_selected_and_tested(settings):
    settings = changed(settings, ema_decay=0.9, select="last")
    saved = load_checkpoint(stop(settings, 4) / "best.pt")
    assert saved["epoch"] == 1 and saved["step"] == 0
    assert all(torch.equal(value, saved["best_weights"][name]) for name, value in saved["average"].items())
    folder = run_of(settings).train(say=nothing).dir
    metrics = read_json(folder / "metrics.json")
    assert metrics["last"]["test"] == metrics["selected"]["test"]  # select: last, so both are the averaged weights


def test_mid_epoch_checkpoints_change_nothing(settings):
    folder = run_of(settings).train(say=nothing).dir
    wanted = contents(folder)
    (folder / "config.json").unlink()
    seen: list[int] = []
    often = changed(settings, checkpoint_every_steps=2)
    run_of(often).train(say=lambda line: seen.append(len(list((folder / "checkpoints").glob("*.pt")))))
    assert contents(folder) == wanted and seen[-1] == 3 and run_of(settings).is_finished


def test_last_previous_and_best(settings):
    folder = stop(changed(settings, checkpoint_every_steps=1), 8)
    last, previous, best = (load_checkpoint(folder / f"{name}.pt") for name in ("last", "previous", "best"))
    assert (last["epoch"], last["step"]) == (2, 2) and (previous["epoch"], previous["step"]) == (2, 1)
    accuracies = [row["val_accuracy"] for row in last["history"]]
    assert best["epoch"] == last["best_epoch"] == accuracies.index(max(accuracies)) + 1 and best["step"] == 0
    for name, value in best["network"].items():
        assert torch.equal(value, last["best_weights"][name])
    assert len(last["history"]) == 2 and len(last["classes"]) == 26 and last["schema"] == 2
    assert last["threads"] == 1 and last["versions"]["torch"] and last["config"]["train"]["lr"] == 1e-3
    assert sorted(path.name for path in folder.iterdir()) == ["best.pt", "last.pt", "previous.pt"]


def test_a_damaged_last_falls_back_and_says_so(settings):
    wanted = contents(run_of(settings).train(say=nothing).dir)
    (run_of(settings).dir / "config.json").unlink()
    folder = stop(settings, 8)
    data = (folder / "last.pt").read_bytes()
    (folder / "last.pt").write_bytes(data[:-100])
    lines: list[str] = []
    run_of(settings).train(say=lines.append)
    text = "\n".join(lines)
    assert f"{folder / 'last.pt'}: the checkpoint is damaged: {len(data) - 100} bytes found, " in text
    assert f"found, {len(data)} expected" in text
    assert "using previous checkpoint of epoch 2" in text
    assert contents(run_of(settings).dir) == wanted


def test_all_checkpoints_damaged_is_an_error(settings):
    folder = stop(settings, 8)
    for path in folder.iterdir():
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.unlink()
        path.write_bytes(data)
    with pytest.raises(StorageError, match="digest mismatch") as error:
        run_of(settings).train(say=nothing)
    assert all(name in str(error.value) for name in ("last.pt", "previous.pt", "best.pt"))
    assert "delete this folder" in error.value.remedy


CHANGES = {
    "train.lr=0.002": "train.lr: 0.001 -> 0.002",
    "train.epochs=5": "train.epochs: 3 -> 5",
    "train.threads=2": "train.threads: 1 -> 2",
    "train.accumulation_steps=2": "train.accumulation_steps: absent -> 2",
    "augment.rotation_deg=10": "augment.rotation_deg: 20.0 -> 10.0",
    "model.eca_init=identity": "model.eca_init: default -> identity",
    "data.seed=1": "photographs: ",
}


def test_changed_parameters_are_refused_with_a_list(settings):
    folder = stop(settings, 4)
    before = (folder / "last.pt").read_bytes()
    for change, line in CHANGES.items():
        with pytest.raises(ResumeError) as error:
            run_of(load_profile("test", [*TINY_CHANGES, change])).train(say=nothing)
        assert line in str(error.value) and error.value.exit_code == 2 and "--unfinished" in error.value.remedy
    assert (folder / "last.pt").read_bytes() == before
    lines: list[str] = []
    run_of(settings).train(say=lines.append)  # set back, it goes on
    assert any("resumed after epoch 1 and step 1 of the next" in line for line in lines)


def test_what_changes_nothing_is_not_refused(settings):
    stop(settings, 4)
    other = changed(settings, num_workers=1, checkpoint_every_steps=1, seeds="[0, 1]")
    lines: list[str] = []
    run_of(other).train(say=lines.append)
    assert any("resumed after" in line for line in lines)


def test_classes_and_their_order_are_compared_by_name():
    one = {"classes": ["a", "b", "c"], "key": "1", "train": {"lr": 1}}
    assert differences(one, one | {"classes": ["b", "a", "c"]}) == ["classes: 3 -> 3 (the same names in another order)"]
    assert differences(one, one | {"classes": ["a", "d"]}) == ["classes: 3 -> 2 (no longer there: b, c; new: d)"]
    assert differences(one, one | {"key": "2", "train": {"lr": 2}}) == ["train.lr: 1 -> 2"]


def test_other_versions_go_on_with_a_note(settings):
    folder = stop(settings, 4)
    saved = load_checkpoint(folder / "last.pt")
    save_checkpoint(folder / "last.pt", saved | {"versions": saved["versions"] | {"torch": "2.10.0"}})
    run_of(settings).train(say=nothing)
    (note,) = read_json(run_of(settings).dir / "manifest.json")["resumed"]
    assert "torch 2.10.0 -> " in note and "not bit-exact" in note


def test_a_diverged_run_keeps_its_best_and_may_start_again_with_other_parameters(settings):
    folder = run_of(settings).dir / "checkpoints"
    wild = changed(settings, warmup_epochs=2, lr="1e19")
    stop(changed(settings, warmup_epochs=2, lr="1e19", checkpoint_every_steps=1), 1)
    saved = load_checkpoint(folder / "last.pt")
    assert all(value.isfinite().all() for value in saved["network"].values())
    with pytest.raises(DivergenceError, match=r"epoch 1, step \d") as error:
        run_of(wild).train(say=nothing)
    assert error.value.exit_code == 5 and NAME in str(error.value) and "train.lr" in error.value.remedy
    lines: list[str] = []
    run_of(settings).train(say=lines.append)  # another learning rate, as advised: nothing to clean
    assert any("starts anew" in line for line in lines) and not any("resumed" in line for line in lines)


def test_divergence_after_a_good_epoch_keeps_that_epoch(settings):
    folder = run_of(settings).dir / "checkpoints"
    stop(settings, 4)
    saved = load_checkpoint(folder / "last.pt")
    spoiled = saved["network"] | {"head.fc.bias": torch.full_like(saved["network"]["head.fc.bias"], 1e38)}
    spoiled["head.fc.bias"][0] = -1e38 * 3
    save_checkpoint(folder / "last.pt", saved | {"network": spoiled})
    with pytest.raises(DivergenceError, match=r"epoch 1 is kept in .*best\.pt"):
        run_of(settings).train(say=nothing)
    assert load_checkpoint(folder / "best.pt")["epoch"] == 1
    assert not (run_of(settings).dir / "metrics.json").exists()


def test_non_finite_weights_are_never_saved(settings):
    network, _ = run_of(settings).fresh_network()
    loop = make_loop(network, settings, lr=1e-3)
    checkpoints = Checkpoints(run_of(settings).dir / "checkpoints", {"classes": ["a"], "key": "k"})
    checkpoints.save(FitState(), loop)
    before = checkpoints.last.read_bytes()
    with torch.no_grad():
        next(network.parameters())[0] = float("nan")
    with pytest.raises(DivergenceError, match="weights are not finite"):
        checkpoints.save(FitState(), loop)
    assert checkpoints.last.read_bytes() == before


def test_a_finished_run_with_other_parameters_is_retrained_without_a_question(settings):
    run_of(settings).train(say=nothing)
    lines: list[str] = []
    run_of(changed(settings, lr="2e-3")).train(say=lines.append)
    assert len(lines) == 3


def test_results_of_two_runs_are_never_mixed(settings):
    """Killed while new results replace old ones, the folder counts as finished for neither."""
    folder = run_of(settings).train(say=nothing).dir
    other = changed(settings, lr="2e-3")
    (folder / "weights.safetensors").unlink()
    (folder / "weights.safetensors").mkdir()  # the new weights cannot be written
    with pytest.raises(StorageError, match=r"weights\.safetensors"):
        run_of(other).train(say=nothing)
    (folder / "weights.safetensors").rmdir()
    (folder / "weights.safetensors").write_bytes(b"of the old run")
    assert not run_of(settings).is_finished and not run_of(other).is_finished


def test_clean_unfinished_deletes_checkpoints_only(settings, capsys):
    from mineral_lib.cli import main

    folder = stop(settings, 4)
    index = folder.parents[2] / "index.csv"
    assert main(["clean", "--profile", "test", "--unfinished"]) == 0
    assert not folder.exists() and index.exists() and NAME in capsys.readouterr().out


def test_parts_of_two_images_are_required(study_root):
    with pytest.raises(ParameterError, match="accumulation_steps must leave at least two images"):
        load_profile("test", ["train.batch_size=8", "train.accumulation_steps=5"])
