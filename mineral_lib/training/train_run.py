"""Training one run in this process: resumed where it stands, stopped after a step, its files written at the end."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
from torch import nn

from mineral_lib import __version__
from mineral_lib.compute.captured import CapturedLoop
from mineral_lib.compute.checkpoint import save_weights
from mineral_lib.compute.depthwise import use_fast_depthwise
from mineral_lib.compute.memory import explained_shortage
from mineral_lib.compute.ranks import is_leader, leader_first, process_count, run_lock, share
from mineral_lib.compute.resume import Checkpoints
from mineral_lib.config import Settings
from mineral_lib.digests import write_record
from mineral_lib.errors import DivergenceError, StorageError
from mineral_lib.evaluation.metrics import classification_metrics
from mineral_lib.locks import LOCK_FILE
from mineral_lib.models.structure import count_parameters, file_size_mib, multiply_adds
from mineral_lib.runtime import machine, package_versions, select_device, set_threads
from mineral_lib.stopping import graceful_stop, stop_requested
from mineral_lib.storage import clean_partials, write_csv, write_json
from mineral_lib.training.engine import FitState, Loop, Say, autocast_dtype, fit, predict
from mineral_lib.training.recipe import (
    Mix,
    averaged_weights,
    batch_mixing,
    classification_loss,
    logit_shift,
    make_optimizer,
)
from mineral_lib.training.recorded import MANIFEST, RUN_FILES, WEIGHTS_FILE
from mineral_lib.training.run_config import run_config

if TYPE_CHECKING:
    from mineral_lib.training.run import Run


def train_run(run: "Run", *, say: Say = print) -> None:
    """Train a run, or return at once if it is finished; goes on from the last checkpoint after an interruption.

    Raises:
        StudyError: Data or weights are not usable, the run is active in another process, a checkpoint belongs to
            other parameters, memory or disk is short, training diverged, or it was stopped (and saved).
    """
    if run.is_finished:
        tidy(run)
        return
    for name, what in run.damage().items():
        say(f"{run.name}: {name} {what}; the run is trained again")
    what = f"run {run.name}"
    with graceful_stop(), run_lock(run.dir, what), explained_shortage(run.settings, what):
        clean_partials(run.dir)
        _train(run, say)


def tidy(run: "Run") -> None:
    """Delete what a finished run left because its process was killed in its last moments."""
    if run.path(LOCK_FILE).exists() or run.path("checkpoints").exists():
        with contextlib.suppress(StorageError), run_lock(run.dir, f"run {run.name}"):  # active: it tidies itself
            Checkpoints(run.path("checkpoints"), run_config(run)).clear_if_ended()


def _train(run: "Run", say: Say) -> None:
    settings, recipe, num_classes = run.settings, run.recipe, len(run.study.classes)
    set_threads(recipe.threads)
    checkpoints = Checkpoints(run.path("checkpoints"), run_config(run), writes=is_leader())
    loaders = run.loaders()
    network, note = run.fresh_network()
    shift = logit_shift(loaders["train"].dataset.labels, num_classes, recipe.logit_adjustment)
    mix = batch_mixing(recipe, num_classes, seed=run.seed)
    loop = share(make_loop(network, settings, lr=recipe.lr, shift=shift, mix=mix), loaders["train"])
    state = leader_first(lambda: checkpoints.resume(loop, say))

    def save(state: FitState) -> None:
        if not state.step:
            row = state.history[-1]
            say(
                f"{run.name}: epoch {state.epoch}/{recipe.epochs}  loss {row['train_loss']:.3f}"
                f"  train {row['train_accuracy']:.1%}  val {row['val_accuracy']:.1%}"
            )
        if state.step or stop_requested() or checkpoints.age_s >= 60 * recipe.checkpoint_every_minutes:
            checkpoints.save(state, loop)

    try:
        fit(loop, loaders, recipe, seed=run.seed, state=state, save=save)
    except DivergenceError as error:
        raise checkpoints.diverged(error, state) from error
    if is_leader():
        _write_run(run, checkpoints, state, loop, loaders, note)
        checkpoints.clear()


def make_loop(
    network: nn.Module, settings: Settings, *, lr: float, shift: torch.Tensor | None = None, mix: Mix | None = None
) -> Loop:
    """Put a network on the device, in channels-last layout, with its optimizer, precision, loss and averaged weights.

    ``shift`` is added to the logits in the training loss (see ``logit_shift``), ``mix`` mixes each batch.
    """
    train, device = settings.train, select_device(settings.train.device)
    network = network.to(device, memory_format=torch.channels_last)
    kind, more = Loop, {}
    if device.type == "cpu":
        use_fast_depthwise(network)
    elif device.type == "cuda" and process_count() == 1:
        kind, more = CapturedLoop, {"compiled": torch.compile(network, dynamic=False) if train.compile else None}
    shift = None if shift is None else shift.to(device)
    return kind(
        network,
        make_optimizer(network, train, lr),
        device,
        autocast_dtype(train.precision, device),
        classification_loss(settings.model.aux_weight, shift, smoothing=train.label_smoothing),
        train.accumulation_steps,
        mix,
        averaged_weights(network, train),
        freeze_batch_norm_after=train.freeze_batch_norm_after,
        **more,
    )


def _write_run(
    run: "Run", checkpoints: Checkpoints, state: FitState, loop: Loop, loaders: dict[str, Any], weights_note: str
) -> None:
    """Test the last and the selected epoch once each, and write the run's files.

    The test split is touched here only. ``metrics.json`` holds both epochs, ``predictions.csv`` (test) and
    ``predictions_val.csv`` the selected one, probabilities to the last digit of float32.
    ``manifest.json`` is taken away first and written last: while it is missing, the files may be of two runs.
    """
    config, samples, seconds = checkpoints.config, run.samples, checkpoints.seconds(state)
    manifest = _manifest(run.settings, loop, weights_note, seconds, len(loaders["train"].dataset) * state.epoch)
    classes = config["classes"]
    metrics: dict[str, Any] = {"num_test": int((samples["split"] == "test").sum()), "best_epoch": state.best_epoch}
    for label, epoch in (("last", state.epoch), ("selected", state.best_epoch)):
        if label == "selected":
            loop.evaluated.load_state_dict(state.best_weights)
        probabilities, labels = predict(loop, loaders["test"])
        scores = classification_metrics(labels.numpy(), probabilities.argmax(1).numpy(), len(classes))
        metrics[label] = {"epoch": epoch, "val_accuracy": state.history[epoch - 1]["val_accuracy"], "test": scores}
    for name in (MANIFEST, "config.json"):
        run.path(name).unlink(missing_ok=True)
    write_csv(run.path("history.csv"), pd.DataFrame(state.history))
    _write_predictions(run.path("predictions.csv"), samples, "test", probabilities)
    _write_predictions(run.path("predictions_val.csv"), samples, "val", predict(loop, loaders["val"])[0])
    write_json(run.path("metrics.json"), metrics)
    save_weights(run.path(WEIGHTS_FILE), state.best_weights, {"key": config["key"], "classes": "\n".join(classes)})
    write_json(run.path("config.json"), config)
    files = [run.path(name) for name in (*RUN_FILES, WEIGHTS_FILE) if name != MANIFEST]
    write_record(run.path(MANIFEST), manifest | {"resumed": state.notes}, files)


def _write_predictions(path: Path, samples: pd.DataFrame, split: str, probabilities: torch.Tensor) -> None:
    frame = samples.loc[samples["split"] == split, ["sample_id", "image_id", "specimen", "label"]]
    frame = frame.assign(predicted=probabilities.argmax(1).numpy()).reset_index(drop=True)
    columns = pd.DataFrame(probabilities.numpy(), columns=[f"p_{i}" for i in range(probabilities.shape[1])])
    write_csv(path, pd.concat([frame, columns], axis=1), float_format="%.9g")


def _manifest(settings: Settings, loop: Loop, weights_note: str, seconds: float, images: int) -> dict[str, Any]:
    """Time, machine, versions and sizes of a run that has seen so many images."""
    return {
        "seconds": round(seconds, 2),
        "images_per_second": round(images / seconds, 1),
        "device": str(loop.device),
        "threads": settings.train.threads,
        "processes": process_count(),
        "precision": str(loop.autocast_dtype or "float32"),
        "machine": machine(),
        "versions": package_versions(),
        "package_version": __version__,
        "parameters": count_parameters(loop.network),
        "size_mib": round(file_size_mib(loop.network), 4),
        "gmacs": round(multiply_adds(loop.network, settings.data.image_size_px), 6),
        "image_size_px": settings.data.image_size_px,
        "weights_note": weights_note,
    }
