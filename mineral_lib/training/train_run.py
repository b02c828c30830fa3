"""Training one run in this process: resumed where it stands, stopped after a step, its files written at the end."""

import contextlib
from typing import TYPE_CHECKING

import torch
from torch import nn

from mineral_lib.compute.captured import CapturedLoop
from mineral_lib.compute.depthwise import use_fast_depthwise
from mineral_lib.compute.memory import explained_shortage
from mineral_lib.compute.ranks import is_leader, leader_first, process_count, run_lock, share
from mineral_lib.compute.resume import Checkpoints
from mineral_lib.config import Settings
from mineral_lib.errors import DivergenceError, StorageError
from mineral_lib.locks import LOCK_FILE
from mineral_lib.runtime import select_device, set_threads
from mineral_lib.stopping import graceful_stop, stop_requested
from mineral_lib.storage import clean_partials
from mineral_lib.training.engine import FitState, Loop, Say, autocast_dtype, fit
from mineral_lib.training.loss import classification_loss, logit_shift
from mineral_lib.training.recipe import Mix, averaged_weights, batch_mixing, make_optimizer
from mineral_lib.training.run_config import run_config
from mineral_lib.training.run_files import write_run

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
        write_run(run, checkpoints, state, loop, loaders, note)
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
