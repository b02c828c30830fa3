"""Source-domain pre-training without a download: formula-driven images (after Kataoka et al. 2020).

ImageNet weights exist for the paper's networks only and need a download. So that "transfer" is a real transfer also
for the compact networks and offline, a network first learns to tell formula-driven images apart by shape, texture and
lustre; its weights, less the head, are where ``transfer`` runs start. The control ``colour_statistics`` learns the
colours of the same images instead: what it gains is no knowledge of form.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

from mineral_lib.config import Formula, Model, Settings
from mineral_lib.data.dataset import normalise
from mineral_lib.errors import DivergenceError
from mineral_lib.models.initialise import FEATURE_SCALE, scale_features
from mineral_lib.models.zoo import base_network, build_base, classifier_of
from mineral_lib.runtime import derive_seed, machine, package_versions, seed_everything, select_device, set_threads
from mineral_lib.specimens.formula import formula_images, image_statistics
from mineral_lib.stopping import check_stop
from mineral_lib.storage import ResultPaths, digest, write_csv, write_json
from mineral_lib.training.checkpoint import load_weights, save_weights
from mineral_lib.training.engine import Loop, autocast_dtype
from mineral_lib.training.loss import classification_loss
from mineral_lib.training.recipe import make_optimizer

PRETRAINING_VERSION = 5
CONTROL = "colour"


def source_name(model: str, start: str) -> str:
    """Name of the pre-training behind a start: the network's, or ``<network>-colour`` for the control."""
    return base_network(model) + (f"-{CONTROL}" if start == CONTROL else "")


def _parts(settings: Settings, source: str) -> tuple[str, Formula]:
    """Network and pre-training parameters of a source."""
    model, _, control = source.partition("-")
    options = settings.weights.formula
    return base_network(model), options.model_copy(update={"task": "colour_statistics"}) if control else options


def source_options(settings: Settings) -> Model:
    """The ``model`` section of pre-training: always short, so awake at the start, and without drop path."""
    return settings.model.model_copy(update={"drop_path_rate": 0.0, "init_scheme": "fast"})


def source_key(settings: Settings, source: str) -> str:
    """Digest of everything the pre-trained weights of a source depend on."""
    model, options = _parts(settings, source)
    architecture = source_options(settings).model_dump(mode="json", include={"family", "drop_path_rate"})
    return digest([PRETRAINING_VERSION, model, architecture, options.model_dump(mode="json")])


def source_dir(settings: Settings, source: str) -> Path:
    """Folder of the pre-trained weights of a source, shared by all profiles."""
    model, options = _parts(settings, source)
    name = f"{model.replace(':', '_')}-{settings.model.family}-{options.task}-{source_key(settings, source)[:12]}"
    return ResultPaths.of(settings.profile).cache_dir / "source" / name


def is_pretrained(settings: Settings, source: str) -> bool:
    """Whether the pre-trained weights of a source are there."""
    return (source_dir(settings, source) / "weights.safetensors").is_file()


def ensure_source_weights(
    settings: Settings, source: str, *, say: Callable[[str], None] = print
) -> tuple[dict[str, torch.Tensor], str]:
    """Pre-trained weights of a source (see ``source_name``); trained here once, then read.

    Returns:
        State dict and a note for the manifest.

    Raises:
        DivergenceError: The loss is not finite.
    """
    folder = source_dir(settings, source)
    if not is_pretrained(settings, source):
        _pretrain(settings, source, folder, say)
    task = _parts(settings, source)[1].task.replace("_", " ")
    note = f"pre-trained here on formula-driven images, {task} ({folder.name})"
    return load_weights(folder / "weights.safetensors"), note


def _pretrain(settings: Settings, source: str, folder: Path, say: Callable[[str], None]) -> None:
    (model, options), begin = _parts(settings, source), time.perf_counter()
    set_threads(settings.train.threads)
    seed_everything(derive_seed(options.seed, "pretraining", model))
    network = build_base(model, num_classes=options.num_classes, options=source_options(settings))
    scale_features(network, 1 / FEATURE_SCALE)  # at the high rates of pre-training a head wants narrow features
    loop, features = source_loop(network, settings), head_input(model, network)
    data = source_data(options, loop.device)
    say(f"pretrain {source}: {len(data.images)} formula images in {time.perf_counter() - begin:.0f} s")
    rows = []
    for epoch in range(1, options.epochs + 1):
        loss, accuracy = _source_epoch(loop, features, data, options, epoch)
        known = {"loss": loss} | ({"accuracy": accuracy} if data.targets is None else {})  # the control has no classes
        rows.append({"epoch": epoch, **known})
        words = "  ".join(f"{name} {value:.3f}" for name, value in known.items())
        say(f"pretrain {source}: epoch {epoch}/{options.epochs}  {words}")
    seconds = round(time.perf_counter() - begin, 1)
    write_csv(folder / "history.csv", pd.DataFrame(rows))
    write_json(
        folder / "manifest.json",
        {
            "model": model,
            "formula": options.model_dump(mode="json"),
            "images": len(data.images),
            "seconds": seconds,
            "threads": settings.train.threads,
            "device": str(loop.device),
            "versions": package_versions(),
            "machine": machine(),
        },
    )
    scale_features(network, FEATURE_SCALE)
    weights = {key: value.detach().cpu() for key, value in network.state_dict().items()}
    save_weights(folder / "weights.safetensors", weights, {"source": "formula-driven images"})


@dataclass(frozen=True)
class SourceData:
    """Formula images and what is learned from them, on the device of the training.

    Attributes:
        images: (N, px, px, 3) uint8.
        labels: (N,) class of each image.
        targets: (N, T) standardised colour statistics if they are learned, else None.
    """

    images: torch.Tensor
    labels: torch.Tensor
    targets: torch.Tensor | None


def source_data(options: Formula, device: torch.device) -> SourceData:
    """Draw the images, beside a GPU with every core there is, and move them to the device once."""
    drawn = formula_images(
        num_classes=options.num_classes,
        images_per_class=options.images_per_class,
        image_size=options.image_size_px,
        seed=options.seed,
        jobs=(os.cpu_count() or 1) if device.type == "cuda" else 1,
    )
    targets = None
    if options.task == "colour_statistics":
        targets = standardised(image_statistics(drawn.images)).to(device)
    return SourceData(torch.from_numpy(drawn.images).to(device), torch.from_numpy(drawn.labels).to(device), targets)


def head_input(model: str, network: nn.Module) -> list[torch.Tensor]:
    """A list that holds, after each forward pass, what the classifying layer of a network received."""
    seen: list[torch.Tensor] = []

    def keep(_module: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        seen[:] = [inputs[0].flatten(1)]

    network.get_submodule(classifier_of(model, network).head[0]).register_forward_pre_hook(keep)
    return seen


def standardised(targets: np.ndarray) -> torch.Tensor:
    """Targets (N, T) with mean 0 and standard deviation 1 a column; nearly constant columns stay small."""
    return torch.from_numpy(((targets - targets.mean(0)) / (targets.std(0) + 0.02)).astype(np.float32))


def source_loop(network: nn.Module, settings: Settings) -> Loop:
    """Device, AdamW and precision of pre-training."""
    options, device = settings.weights.formula, select_device(settings.train.device)
    network = network.to(device, memory_format=torch.channels_last)
    plain = {"optimizer": "adamw", "weight_decay": options.weight_decay, "layer_decay": 1.0}
    train = settings.train.model_copy(update=plain)
    return Loop(
        network,
        make_optimizer(network, train, options.lr),
        device,
        autocast_dtype(settings.train.precision, device),
        classification_loss(settings.model.aux_weight),
    )


def _source_epoch(
    loop: Loop, features: list[torch.Tensor], data: SourceData, options: Formula, epoch: int
) -> tuple[float, float]:
    """One epoch; returns the mean loss and the share of right answers."""
    generator = torch.Generator().manual_seed(derive_seed(options.seed, "order", epoch))
    batches = torch.randperm(len(data.images), generator=generator).to(loop.device).split(options.batch_size)
    totals = torch.zeros(2, device=loop.device)
    loop.network.train()
    for step, rows in enumerate(batches):
        for group in loop.optimizer.param_groups:
            group["lr"] = _rate(epoch - 1 + step / len(batches), options)
        images = _turned(data.images[rows].permute(0, 3, 1, 2), int(torch.randint(8, (), generator=generator)))
        output = loop.forward(normalise(images.float() / 255))
        loss = _source_loss(loop, output, features, data, rows)
        loop.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(loop.network.parameters(), 5.0)
        loop.optimizer.step()
        check_stop("pre-training starts again from its beginning")
        logits = output if isinstance(output, torch.Tensor) else output[0]
        right = (logits.detach().argmax(1) == data.labels[rows]).sum()
        totals += torch.stack([loss.detach() * len(rows), right])  # stays on the device: a GPU is not waited for
    loss_sum, correct = totals.tolist()
    if not np.isfinite(loss_sum):
        raise DivergenceError("the pre-training loss is not finite", where="weights.formula.lr", remedy="lower it")
    return loss_sum / len(data.images), correct / len(data.images)


def _source_loss(
    loop: Loop, output: object, features: list[torch.Tensor], data: SourceData, rows: torch.Tensor
) -> torch.Tensor:
    """Cross-entropy of the class; in the control the first features must *be* the colour statistics.

    Asking the features themselves, instead of a layer on top of them, keeps the statistics where a new head finds
    them; a free layer lets the features collapse to a few directions.
    """
    if data.targets is None:
        return loop.loss(output, data.labels[rows])
    wanted = data.targets[rows]
    width = min(wanted.shape[1], features[0].shape[1])
    return F.mse_loss(features[0][:, :width].float(), wanted[:, :width])


def _rate(progress: float, options: Formula) -> float:
    # A tenth of the schedule is warm-up; the cosine moves a step at a time.
    share = progress / options.epochs
    return min(1.0, share / 0.1 + 0.01) * options.lr * 0.5 * (1 + float(np.cos(np.pi * share)))


def _turned(images: torch.Tensor, turn: int) -> torch.Tensor:
    """A batch (B, 3, H, H) in one of the eight flips and turns of the square: neither class nor colours change."""
    images = images.rot90(turn % 4, (2, 3))
    return images.flip(3) if turn >= 4 else images
