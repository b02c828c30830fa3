"""Source-domain pre-training without a download: formula-driven images (after Kataoka et al. 2020).

ImageNet weights exist for the paper's networks only and need a download. So that "transfer" is a real transfer also
for the compact networks and offline, a network first learns to tell formula-driven images apart by shape, texture and
lustre; its weights, less the head, are where ``transfer`` runs start. The control ``colour_statistics`` learns the
colours of the same images instead: what it gains is no knowledge of form.

It is the ordinary training loop with batches, a rate and, in the control, a loss of its own.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

from mineral_lib.compute.checkpoint import load_weights, save_weights
from mineral_lib.compute.memory import explained_shortage
from mineral_lib.config import Formula, Settings
from mineral_lib.data.dataset import Batch, normalise
from mineral_lib.digests import checked, write_record
from mineral_lib.errors import DivergenceError, StorageError
from mineral_lib.models.initialise import FEATURE_SCALE, scale_features
from mineral_lib.models.zoo import build_base, classifier_of
from mineral_lib.paths import ResultPaths
from mineral_lib.runtime import (
    apart_from_the_script,
    derive_seed,
    machine,
    package_versions,
    select_device,
    set_threads,
)
from mineral_lib.specimens import formula_images, image_statistics
from mineral_lib.stopping import check_stop, graceful_stop
from mineral_lib.storage import digest, write_csv
from mineral_lib.training.engine import Loop, Say, autocast_dtype, train_one_epoch
from mineral_lib.training.recipe import Loss, annealing, classification_loss, make_optimizer, set_learning_rate

PRETRAINING_VERSION = 5
# The start of the control runs.
CONTROL = "colour"
CLIP_NORM = 5.0


@dataclass(frozen=True)
class Pretraining:
    """The pre-training of a network; its weights are shared by all profiles that ask for the same."""

    settings: Settings
    model: str  # the network, without attention
    start: str = "transfer"  # or ``colour`` for the control
    pretraining: ClassVar[None] = None  # it starts from random weights,
    saved_at: ClassVar[int] = 0  # and after an interruption from its beginning

    @property
    def source(self) -> str:
        """The network, or ``<network>-colour`` for the control."""
        return self.model + (f"-{CONTROL}" if self.start == CONTROL else "")

    @property
    def name(self) -> str:
        """What it is called among the jobs of a study."""
        return f"pretrain-{self.source.replace(':', '_')}"

    @property
    def options(self) -> Formula:
        """Images, task and recipe."""
        options = self.settings.weights.formula
        return options.model_copy(update={"task": "colour_statistics"}) if self.start == CONTROL else options

    @property
    def key(self) -> str:
        """Digest of everything the weights depend on."""
        architecture = self._model_options.model_dump(mode="json", include={"family", "drop_path_rate"})
        return digest([PRETRAINING_VERSION, self.model, architecture, self.options.model_dump(mode="json")])

    @property
    def dir(self) -> Path:
        """Folder of the weights."""
        name = f"{self.model.replace(':', '_')}-{self.settings.model.family}-{self.options.task}-{self.key[:12]}"
        return ResultPaths.of(self.settings.profile).cache_dir / "source" / name

    @property
    def is_finished(self) -> bool:
        """Whether the weights are there, as they were written."""
        return not self._damage()

    @property
    def _weights(self) -> Path:
        return self.dir / "weights.safetensors"

    @property
    def _record(self) -> Path:
        return self.dir / "manifest.json"

    def _damage(self) -> str:
        """What is wrong with the weights, or that they are missing."""
        try:
            checked(self._weights, self._record, remedy="start again: they are made again")
            return "" if self._record.is_file() else f"{self._record}: is missing"
        except StorageError as error:
            return f"{error.where}: {error.what}"

    def load(self) -> tuple[dict[str, torch.Tensor], str]:
        """The weights, trained first if they are not there, and a note for the manifest; raises as ``train``."""
        self.train()
        note = f"pre-trained here on formula-driven images, {self.options.task.replace('_', ' ')} ({self.dir.name})"
        return load_weights(self._weights), note

    def train(self, *, say: Say = print) -> None:
        """Pre-train, unless the weights are there.

        Raises:
            DivergenceError: The loss is not finite.
            MemoryShortageError: Memory was short.
            StoppedError: Ctrl-C or SIGTERM; it starts again from its beginning.
        """
        if not self.is_finished:
            if self.dir.is_dir() and (damage := self._damage()):
                say(f"pretrain {self.source}: {damage}; made again")
            with graceful_stop(), explained_shortage(self.settings, f"pre-training of {self.source}"):
                self._train(say)

    @property
    def _model_options(self) -> Any:
        # Always short, so awake at the start, and without drop path.
        return self.settings.model.model_copy(update={"drop_path_rate": 0.0, "init_scheme": "fast"})

    def _train(self, say: Say) -> None:
        options, begin = self.options, time.perf_counter()
        set_threads(self.settings.train.threads)
        torch.manual_seed(derive_seed(options.seed, "pretraining", self.model))
        network = build_base(self.model, num_classes=options.num_classes, options=self._model_options)
        scale_features(network, 1 / FEATURE_SCALE)  # at the high rates of pre-training a head wants narrow features
        loop, is_control = self._loop(network), options.task == "colour_statistics"
        images, wanted = _formula(options, loop.device)
        say(f"pretrain {self.source}: {len(images)} formula images in {time.perf_counter() - begin:.0f} s")
        rows = []
        for epoch in range(1, options.epochs + 1):
            batches = _batches(loop, options, images, wanted, epoch)
            try:
                loss, accuracy = train_one_epoch(loop, batches, epoch=epoch)
            except DivergenceError as error:
                what, where = "the pre-training loss is not finite", "weights.formula.lr"
                raise DivergenceError(what, where=where, remedy="lower it") from error
            known = {"loss": loss} | ({} if is_control else {"accuracy": accuracy})  # the control has no classes
            rows.append({"epoch": epoch, **known})
            words = "  ".join(f"{name} {value:.3f}" for name, value in known.items())
            say(f"pretrain {self.source}: epoch {epoch}/{options.epochs}  {words}")
        write_csv(self.dir / "history.csv", pd.DataFrame(rows))
        manifest = {
            "model": self.model,
            "formula": options.model_dump(mode="json"),
            "images": len(images),
            "seconds": round(time.perf_counter() - begin, 1),
            "threads": self.settings.train.threads,
            "device": str(loop.device),
            "versions": package_versions(),
            "machine": machine(),
        }
        scale_features(network, FEATURE_SCALE)
        weights = {key: value.detach().cpu() for key, value in network.state_dict().items()}
        self._record.unlink(missing_ok=True)
        save_weights(self._weights, weights, {"source": "formula-driven images"})
        write_record(self._record, manifest, [self._weights, self.dir / "history.csv"])

    def _loop(self, network: nn.Module) -> Loop:
        """Device, AdamW and precision of pre-training; the control's loss looks at what its head receives."""
        options, device = self.options, select_device(self.settings.train.device)
        network = network.to(device, memory_format=torch.channels_last)
        recipe = {"optimizer": "adamw", "weight_decay": options.weight_decay, "layer_decay": 1.0}
        optimizer = make_optimizer(network, self.settings.train.model_copy(update=recipe), options.lr)
        loss = classification_loss(self.settings.model.aux_weight)
        if options.task == "colour_statistics":
            loss = feature_loss(network.get_submodule(classifier_of(self.model, network).head[0]))
        precision = autocast_dtype(self.settings.train.precision, device)
        return Loop(network, optimizer, device, precision, loss, clip_norm=CLIP_NORM)


def _formula(options: Formula, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Formula images (N, px, px, 3) uint8 and what is learned: labels (N,), in the control colour statistics (N, T)."""
    with apart_from_the_script():
        drawn = formula_images(
            num_classes=options.num_classes,
            images_per_class=options.images_per_class,
            image_size=options.image_size_px,
            seed=options.seed,
            jobs=(os.cpu_count() or 1) if device.type == "cuda" else 1,  # every core there is beside a GPU
        )
    control = options.task == "colour_statistics"
    wanted = standardised(image_statistics(drawn.images)) if control else torch.from_numpy(drawn.labels)
    return torch.from_numpy(drawn.images).to(device), wanted.to(device)


def _batches(loop: Loop, options: Formula, images: torch.Tensor, wanted: torch.Tensor, epoch: int) -> Iterator[Batch]:
    """The batches of an epoch, each at its rate; their order and turns depend on (seed, epoch) only."""
    generator = torch.Generator().manual_seed(derive_seed(options.seed, "order", epoch))
    parts = torch.randperm(len(images), generator=generator).to(images.device).split(options.batch_size)
    for step, rows in enumerate(parts):
        # A tenth of the schedule is warm-up; the cosine moves a step at a time.
        share = (epoch - 1 + step / len(parts)) / options.epochs
        set_learning_rate(loop.optimizer, min(1.0, share / 0.1 + 0.01) * options.lr * annealing(share))
        # One of the eight flips and turns of the square: neither class nor colours change.
        turn = int(torch.randint(8, (), generator=generator))
        batch = images[rows].permute(0, 3, 1, 2).rot90(turn % 4, (2, 3))
        batch = batch.flip(3) if turn >= 4 else batch
        yield normalise(batch.float() / 255), wanted[rows], rows
        check_stop("pre-training starts again from its beginning")


def standardised(targets: np.ndarray) -> torch.Tensor:
    """Targets (N, T) with mean 0 and standard deviation 1 a column; nearly constant columns stay small."""
    return torch.from_numpy(((targets - targets.mean(0)) / (targets.std(0) + 0.02)).astype(np.float32))


def feature_loss(head: nn.Module) -> Loss:
    """Loss of the control: the first features that the classifying layer receives must *be* the colour statistics.

    Asking the features themselves, instead of a layer on top of them, keeps the statistics where a new head finds
    them; a free layer lets the features collapse to a few directions.
    """
    features = torch.empty(0)

    def keep(_module: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        nonlocal features
        features = inputs[0].flatten(1)

    def loss(_output: Any, wanted: torch.Tensor) -> torch.Tensor:
        width = min(wanted.shape[1], features.shape[1])
        return F.mse_loss(features[:, :width].float(), wanted[:, :width])

    head.register_forward_pre_hook(keep)

    return loss
