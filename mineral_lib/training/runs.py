"""Training runs on disk: one folder a run, keyed by configuration and data, reused when nothing changed."""

import contextlib
import time
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from mineral_lib.compute.memory import explained_shortage
from mineral_lib.compute.ranks import is_leader, is_shared, leader_first, spread
from mineral_lib.config import Settings
from mineral_lib.data.dataset import MineralDataset, make_loader
from mineral_lib.data.mixing import Mix, batch_mixing
from mineral_lib.data.pixels import load_pixels
from mineral_lib.data.prepare import StudyData, prepare
from mineral_lib.data.shuffled_labels import shuffled_labels
from mineral_lib.data.split import SPLITS, split_seed
from mineral_lib.errors import DivergenceError, StorageError
from mineral_lib.locks import LOCK_FILE, folder_lock
from mineral_lib.models.depthwise import use_fast_depthwise
from mineral_lib.models.weights import file_state, imagenet_state, load_backbone
from mineral_lib.models.zoo import add_attention, build_base, display_name
from mineral_lib.runtime import derive_seed, seed_everything, select_device, set_threads
from mineral_lib.stopping import graceful_stop, stop_requested
from mineral_lib.storage import (
    ResultPaths,
    clean_partials,
    digest,
    file_digest,
    read_json,
)
from mineral_lib.training.captured import CapturedLoop
from mineral_lib.training.checkpoint import load_weights
from mineral_lib.training.engine import (
    FitState,
    Loop,
    Say,
    autocast_dtype,
    fit,
)
from mineral_lib.training.loss import classification_loss, logit_shift
from mineral_lib.training.pretrain import CONTROL, ensure_source_weights, source_key, source_name
from mineral_lib.training.recipe import averaged_weights, draw_weights, make_optimizer
from mineral_lib.training.resume import Checkpoints
from mineral_lib.training.run_files import RUN_FILES, WEIGHTS_FILE, run_manifest, write_run
from mineral_lib.training.specs import RunSpec

# Raised when the training code changes what a run computes, so that older runs are not reused.
TRAINING_VERSION = 2
# Parameters of the ``train`` section that do not change what a run computes, or are part of its name.
NO_PART_OF_THE_RESULT = {
    "device",
    "jobs",
    "num_workers",
    "seeds",
    "overrides",
    "checkpoint_every_steps",
    "checkpoint_every_minutes",
}


# Parameters of the ``train`` section that change nothing at these values and are then no part of the key: runs from
# before there was such a parameter stay valid.
NEUTRAL = {
    "accumulation_steps": 1,
    "schedule": "epoch",
    "layer_decay": 1.0,
    "ema_decay": 0.0,
    "label_smoothing": 0.0,
    "mixup_alpha": 0.0,
    "cutmix_alpha": 0.0,
    "compile": False,
    "freeze_batch_norm_after": 0,
    "normalise": "imagenet",
    "init_std": 0.0,
}
# Raised when a protocol deals photographs in another way; 1 is no part of the key.
PROTOCOL_VERSIONS = {"authors": 2}


def run_dir(settings: Settings, spec: RunSpec) -> Path:
    """Folder of a run."""
    return ResultPaths.of(settings.profile).runs_dir / spec.name


def run_model(settings: Settings, spec: RunSpec) -> Any:
    """The ``model`` section of a run, with its own ECA placement and scheme of random weights."""
    named = spec.weights.startswith("scratch_")
    scheme = spec.weights.removeprefix("scratch_") if named else settings.model.init_scheme
    placement = spec.placement or settings.model.eca_placement
    return settings.model.model_copy(update={"eca_placement": placement, "init_scheme": scheme})


def run_epochs(settings: Settings, spec: RunSpec, data: StudyData) -> int:
    """Epochs of a run; with ``leakage.equal_steps`` fewer where a protocol has more training images an epoch."""
    epochs = settings.train.epochs
    if not settings.leakage.equal_steps:
        return epochs
    sizes = {
        name: int((data.samples(name, spec.seed)["split"] == "train").sum()) for name in ("grouped", spec.protocol)
    }
    return max(1, round(epochs * sizes["grouped"] / sizes[spec.protocol]))


def run_samples(settings: Settings, spec: RunSpec, data: StudyData) -> pd.DataFrame:
    """The samples of a run; its labels are shuffled for the control of the leak study."""
    samples = data.samples(spec.protocol, spec.seed)
    if spec.labels == "shuffled":
        return samples.assign(
            label=shuffled_labels(samples, seed=split_seed(spec.seed, settings.split, settings.train.seeds))
        )
    return samples


def weights_identity(settings: Settings, spec: RunSpec) -> str:
    """What the starting weights are, as far as it changes results."""
    weights = settings.weights
    if spec.weights.startswith("scratch"):
        return "scratch"
    if weights.source == "formula" or spec.weights == CONTROL:
        return source_key(settings, source_name(spec.model, spec.weights))
    if weights.source == "imagenet":
        return "imagenet"
    path = Path(weights.files.get(spec.model) or weights.files.get(spec.model.removeprefix("eca_"), ""))
    return file_digest(path) if path.is_file() else "missing file"


def run_config(settings: Settings, spec: RunSpec, data: StudyData) -> dict[str, Any]:
    """Everything that decides a run's result; its digest is the key under which the run is reused."""
    train = settings.train.of(spec.model).model_dump(mode="json", exclude=NO_PART_OF_THE_RESULT)
    train = {name: value for name, value in train.items() if name not in NEUTRAL or value != NEUTRAL[name]}
    model = run_model(settings, spec)
    config = {
        "model": spec.model,
        "weights": spec.weights,
        "protocol": spec.protocol,
        "labels": spec.labels,
        "pictures": spec.pictures,
        "seed": spec.seed,
        "train": train | {"epochs": run_epochs(settings, spec, data)},
        "augment": settings.augment.model_dump(mode="json"),
        "architecture": model.model_dump(mode="json"),
        "weights_identity": weights_identity(settings, spec),
        "image_size_px": settings.data.image_size_px,
        "split": settings.split.model_dump(mode="json", exclude={"protocols", "vary_with_seed"})
        | {"seed": split_seed(spec.seed, settings.split, settings.train.seeds)},
        "data_fingerprint": data.fingerprint,
        "classes": data.classes,
        "training_version": TRAINING_VERSION,
    }
    if spec.protocol in PROTOCOL_VERSIONS:
        config["protocol_version"] = PROTOCOL_VERSIONS[spec.protocol]
    names = {
        "display_name": display_name(spec.model, settings.model.family),
        "family": settings.model.family,
        "eca_placement": model.eca_placement if spec.model.startswith("eca_") else None,
    }
    return config | names | {"key": digest(config)}


def is_finished(settings: Settings, spec: RunSpec, data: StudyData) -> bool:
    """Whether a run with this configuration and these data is complete on disk."""
    folder = run_dir(settings, spec)
    if not all((folder / name).is_file() for name in RUN_FILES):
        return False
    try:
        return read_json(folder / "config.json").get("key") == run_config(settings, spec, data)["key"]
    except StorageError:
        return False


def tidy_finished(settings: Settings, spec: RunSpec, data: StudyData) -> None:
    """Delete what a finished run left because its process was killed in its last moments."""
    folder = run_dir(settings, spec)
    if (folder / LOCK_FILE).exists() or (folder / "checkpoints").exists():
        with contextlib.suppress(StorageError), folder_lock(folder, f"run {spec.name}"):  # active: it tidies itself
            Checkpoints(folder / "checkpoints", run_config(settings, spec, data)).clear_if_ended()


def build_network(settings: Settings, spec: RunSpec, num_classes: int, *, pretrained: bool) -> tuple[nn.Module, str]:
    """A run's network: base, pretrained weights unless it starts from scratch, then attention.

    Args:
        settings: The profile.
        spec: The run.
        num_classes: Outputs of the head.
        pretrained: Load the starting weights (False when trained weights are loaded right after).

    Returns:
        The network on the CPU, and a note on where its starting weights come from.

    Raises:
        WeightsError: Asked-for weights are not available or do not fit.
    """
    options = run_model(settings, spec)
    seed_everything(derive_seed(spec.seed, "initialisation", spec.model))
    network = build_base(spec.model, num_classes=num_classes, options=options)
    deviation = settings.train.of(spec.model).init_std
    if deviation:
        draw_weights(network, deviation)
    note = f"random weights, {options.init_scheme} scheme"
    if not spec.weights.startswith("scratch") and pretrained:
        if settings.weights.source == "formula" or spec.weights == CONTROL:
            state, note = ensure_source_weights(settings, source_name(spec.model, spec.weights))
        elif settings.weights.source == "imagenet":
            state, note = imagenet_state(spec.model, options)
        else:
            state, note = file_state(spec.model, settings.weights.files)
        load_backbone(spec.model, network, state, where=f"run {spec.name}")
    return add_attention(spec.model, network, options), note


def load_run_network(settings: Settings, spec: RunSpec, num_classes: int) -> nn.Module:
    """The trained network of a finished run, in evaluation mode on the CPU.

    Raises:
        StorageError: Its weights are not there (reference results keep none), or damaged.
    """
    path = run_dir(settings, spec) / WEIGHTS_FILE
    if not path.is_file():
        raise StorageError(
            "the weights of the run are not here; its tables and figures are",
            where=str(path),
            remedy="delete the run's folder and run again: it is trained anew",
        )
    network, _ = build_network(settings, spec, num_classes, pretrained=False)
    network.load_state_dict(load_weights(path))
    return network.eval()


def train_run(settings: Settings, spec: RunSpec, *, say: Say = print) -> Path:
    """Train one run, or return at once if it is finished; goes on from the last checkpoint after an interruption.

    Returns:
        The run folder.

    Raises:
        StudyError: Data or weights are not usable, the run is active in another process, a checkpoint belongs to
            other parameters, memory or disk is short, training diverged, or it was stopped (and saved).
    """
    data, folder = prepare(settings), run_dir(settings, spec)
    if is_finished(settings, spec, data):
        tidy_finished(settings, spec, data)
        return folder
    if not is_leader():
        _train(settings, spec, data, say)
        return folder
    with graceful_stop(), folder_lock(folder, f"run {spec.name}"), explained_shortage(settings, f"run {spec.name}"):
        clean_partials(folder)
        _train(settings, spec, data, say)
    return folder


def _train(settings: Settings, spec: RunSpec, data: StudyData, say: Say) -> None:
    set_threads(settings.train.threads)
    folder, config = run_dir(settings, spec), run_config(settings, spec, data)
    settings = settings.of(spec.model)
    checkpoints = Checkpoints(folder / "checkpoints", config)
    samples = run_samples(settings, spec, data)
    loaders = _loaders(settings, samples, spec, data)
    network, note = build_network(settings, spec, len(data.classes), pretrained=True)
    shift = logit_shift(loaders["train"].dataset.labels, len(data.classes), settings.train.logit_adjustment)
    loop = make_loop(
        network,
        settings,
        lr=config["train"]["lr"],
        shift=shift,
        mix=batch_mixing(settings.train, len(data.classes), seed=spec.seed),
    )
    loop = spread(loop, loaders["train"])
    epochs = config["train"]["epochs"]
    warm_up = min(settings.train.warmup_epochs, epochs - 1)
    train = settings.train.model_copy(update={"epochs": epochs, "warmup_epochs": warm_up})
    state = leader_first(lambda: checkpoints.resume(loop, say))

    saved = time.monotonic()

    def save(state: FitState) -> None:
        nonlocal saved
        if not state.step:
            row = state.history[-1]
            say(
                f"{spec.name}: epoch {state.epoch}/{train.epochs}  loss {row['train_loss']:.3f}"
                f"  train {row['train_accuracy']:.1%}"
                f"  val {row['val_accuracy']:.1%}"
            )
        patience = 60 * settings.train.checkpoint_every_minutes
        if is_leader() and (state.step or stop_requested() or time.monotonic() - saved >= patience):
            checkpoints.save(state, loop)
            saved = time.monotonic()

    try:
        fit(loop, loaders, train, lr=config["train"]["lr"], seed=spec.seed, state=state, save=save)
    except DivergenceError as error:
        if is_leader():
            checkpoints.mark_diverged(error)
        kept = f"; epoch {state.best_epoch} is kept in {checkpoints.best}" if checkpoints.best.is_file() else ""
        raise DivergenceError(
            error.what + kept, where=", ".join(filter(None, [f"run {spec.name}", error.where])), remedy=error.remedy
        ) from error
    if not is_leader():
        return
    seconds = state.seconds + time.perf_counter() - checkpoints.begin
    manifest = run_manifest(settings, loop, note, seconds, len(loaders["train"].dataset), state.epoch)
    write_run(folder, config, state, loop, loaders, samples, manifest | {"resumed": state.notes})
    checkpoints.clear()


def _loaders(settings: Settings, samples: pd.DataFrame, spec: RunSpec, data: StudyData) -> dict[str, Any]:
    once = samples.drop_duplicates("sample_id", ignore_index=True)  # ``authors`` reports what validates
    pixels = load_pixels(once, data.index, settings.data, settings.augment)
    parts = {name: once["sample_id"].isin(samples.loc[samples["split"] == name, "sample_id"]) for name in SPLITS}
    return {
        name: make_loader(
            MineralDataset(
                once.assign(split=parts[name].map({True: name, False: ""})),
                pixels,
                split=name,
                image_size_px=settings.data.image_size_px,
                augment=settings.augment if name == "train" and spec.protocol != "paper" else None,
                seed=spec.seed,
                grey=spec.pictures == "grey",
                by=settings.train.normalise,
            ),
            settings.train,
            draw=name == "train",
            seed=spec.seed,
        )
        for name in SPLITS
    }


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
    elif device.type == "cuda" and not is_shared():
        kind, more = CapturedLoop, {"compiled": torch.compile(network, dynamic=False) if train.compile else None}
    return kind(
        network,
        make_optimizer(network, train, lr),
        device,
        autocast_dtype(train.precision, device),
        classification_loss(
            settings.model.aux_weight, None if shift is None else shift.to(device), smoothing=train.label_smoothing
        ),
        train.accumulation_steps,
        mix,
        averaged_weights(network, train),
        freeze_batch_norm_after=train.freeze_batch_norm_after,
        **more,
    )
