"""One run of a study: a network, its starting weights, a split protocol and a seed; trained or not."""

from dataclasses import dataclass

import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader

from mineral_lib.compute.checkpoint import load_weights
from mineral_lib.config import Model, Settings, Train
from mineral_lib.data.dataset import MineralDataset, make_loader
from mineral_lib.data.split import SPLITS, shuffled_labels, split_seed
from mineral_lib.errors import StorageError
from mineral_lib.models.weights import load_backbone, starting_state
from mineral_lib.models.zoo import add_attention, base_network, build_base
from mineral_lib.runtime import derive_seed
from mineral_lib.training.engine import Say
from mineral_lib.training.pretrain import CONTROL, Pretraining
from mineral_lib.training.recipe import draw_weights
from mineral_lib.training.recorded import WEIGHTS_FILE, RecordedRun, has_ended, read_run_file, run_file
from mineral_lib.training.run_config import run_config
from mineral_lib.training.train_run import train_run


@dataclass(frozen=True)
class Run(RecordedRun):
    """A run of a study: what it is (``RunSpec``), how it is made, and what is left of it (``RecordedRun``)."""

    @property
    def settings(self) -> Settings:
        """The profile as it holds for this network."""
        return self.study.settings.of(self.model)

    @property
    def recipe(self) -> Train:
        """The ``train`` section of this run; with ``leakage.equal_steps`` an epoch of more images counts for more."""
        train, epochs = self.settings.train, self.settings.train.epochs
        if self.settings.leakage.equal_steps:
            splits = [self.study.samples(name, self.seed)["split"] for name in ("grouped", self.protocol)]
            fair, own = (int((split == "train").sum()) for split in splits)
            epochs = max(1, round(epochs * fair / own))
        return train.model_copy(update={"epochs": epochs, "warmup_epochs": min(train.warmup_epochs, epochs - 1)})

    @property
    def model_options(self) -> Model:
        """The ``model`` section of this run, with its own ECA placement and scheme of random weights."""
        options = self.settings.model
        scheme = self.weights.removeprefix("scratch_") if self.weights.startswith("scratch_") else options.init_scheme
        placement = self.placement or options.eca_placement
        return options.model_copy(update={"eca_placement": placement, "init_scheme": scheme})

    @property
    def pretraining(self) -> Pretraining | None:
        """The pre-training whose weights the run starts from, None if it needs none."""
        formula = self.weights == "transfer" and self.settings.weights.source == "formula"
        if not formula and self.weights != CONTROL:
            return None
        return Pretraining(self.study.settings, base_network(self.model), self.weights)

    @property
    def samples(self) -> pd.DataFrame:
        """The samples of the run; its labels are shuffled for the control of the leak study."""
        samples = self.study.samples(self.protocol, self.seed)
        if self.labels == "shuffled":
            return samples.assign(label=shuffled_labels(samples, seed=self.split_seed))
        return samples

    @property
    def split_seed(self) -> int:
        """Seed of the split that the run uses."""
        return split_seed(self.seed, self.settings.split, self.settings.train.seeds)

    def datasets(self) -> dict[str, MineralDataset]:
        """Images and labels of ``train`` (augmented but for ``paper``, whose copies are), ``val`` and ``test``."""
        samples = self.samples
        once = samples.drop_duplicates("sample_id", ignore_index=True)  # ``authors`` reports what validates
        pixels = self.study.pixels(once)
        parts = {name: once["sample_id"].isin(samples.loc[samples["split"] == name, "sample_id"]) for name in SPLITS}
        return {
            name: MineralDataset(
                once.assign(split=parts[name].map({True: name, False: ""})),
                pixels,
                split=name,
                image_size_px=self.settings.data.image_size_px,
                augment=self.settings.augment if name == "train" and self.protocol != "paper" else None,
                seed=self.seed,
                grey=self.pictures == "grey",
                by=self.settings.train.normalise,
            )
            for name in SPLITS
        }

    def loaders(self) -> dict[str, DataLoader]:
        """Batches of ``train`` (in an order that is drawn), ``val`` and ``test``."""
        train = self.settings.train
        return {
            name: make_loader(dataset, train, draw=name == "train", seed=self.seed)
            for name, dataset in self.datasets().items()
        }

    def fresh_network(self) -> tuple[nn.Module, str]:
        """The network with its starting weights, on the CPU, and a note on where they come from.

        Raises:
            WeightsError: Asked-for weights are not available or do not fit.
        """
        network, note = self._base(), f"random weights, {self.model_options.init_scheme} scheme"
        if not self.weights.startswith("scratch"):
            if self.pretraining is not None:
                state, note = self.pretraining.load()
            else:
                state, note = starting_state(self.model, self.settings.weights, self.model_options)
            load_backbone(self.model, network, state, where=f"run {self.name}")
        return add_attention(self.model, network, self.model_options), note

    def network(self) -> nn.Module:
        """The trained network of the selected epoch, in evaluation mode on the CPU.

        Raises:
            StorageError: Its weights are not there (reference results keep none), or damaged.
        """
        network = add_attention(self.model, self._base(), self.model_options)
        try:
            network.load_state_dict(load_weights(run_file(self.dir, WEIGHTS_FILE)))
        except (StorageError, RuntimeError) as error:  # torch's error of weights that are those of another network
            raise StorageError(
                f"{getattr(error, 'what', 'holds other weights')}; tables and figures of the run do not need it",
                where=str(self.path(WEIGHTS_FILE)),
                remedy="delete the run's folder and start the chain again: the run is trained anew",
            ) from error
        return network.eval()

    def _base(self) -> nn.Module:
        """The network with random weights, without attention."""
        torch.manual_seed(derive_seed(self.seed, "initialisation", self.model))
        network = build_base(self.model, num_classes=len(self.study.classes), options=self.model_options)
        if self.settings.train.init_std:
            draw_weights(network, self.settings.train.init_std)
        return network

    @property
    def is_finished(self) -> bool:
        """Whether a run with these parameters and photographs is complete on disk, and every file as it was written."""
        try:
            whole = has_ended(self.dir) and not self.damage()
            return whole and read_run_file(self.dir, "config.json")["key"] == run_config(self)["key"]
        except StorageError:
            return False

    @property
    def saved_at(self) -> int:
        """When the run last saved a checkpoint (ns), 0 if there is none."""
        path = self.path("checkpoints") / "last.pt"
        return path.stat().st_mtime_ns if path.is_file() else 0

    def train(self, *, say: Say = print) -> "Run":
        """Train the run in this process, or go on from its last checkpoint; returns at once if it is finished.

        Raises:
            StudyError: See ``train_run.train_run``.
        """
        train_run(self, say=say)
        self._contents.clear()
        vars(self.study).pop("runs", None)
        return self
