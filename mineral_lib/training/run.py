"""One run of a study: a network, its starting weights, a split protocol and a seed; trained or not."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from torch import nn

from mineral_lib.config import PROPOSED, Settings
from mineral_lib.data.split import train_photographs
from mineral_lib.errors import StorageError
from mineral_lib.storage import STUDY_FILE, read_json
from mineral_lib.training import runs as training_runs
from mineral_lib.training.run_files import RUN_FILES
from mineral_lib.training.specs import RunSpec

if TYPE_CHECKING:
    from mineral_lib.study import Study


@dataclass(frozen=True)
class Run:
    """A run: what it is (``spec``), and what is left of it in its folder.

    Attributes:
        study: The study it belongs to.
        spec: Network, starting weights, protocol, seed and controls.
    """

    study: "Study"
    spec: RunSpec

    @property
    def name(self) -> str:
        """Folder name, for example ``resnet50-scratch-grouped-seed0``."""
        return self.spec.name

    @property
    def model(self) -> str:
        """Network, for example ``resnet50``."""
        return self.spec.model

    @property
    def weights(self) -> str:
        """``scratch``, ``transfer`` or the start of a control."""
        return self.spec.weights

    @property
    def protocol(self) -> str:
        """How the samples are split, see ``data.split``."""
        return self.spec.protocol

    @property
    def labels(self) -> str:
        """``true``, or ``shuffled`` in the control of the leak study."""
        return self.spec.labels

    @property
    def pictures(self) -> str:
        """``colour``, or ``grey`` in the control that sees no colour."""
        return self.spec.pictures

    @property
    def seed(self) -> int:
        """Seed of initialisation, order and augmentation."""
        return self.spec.seed

    @property
    def placement(self) -> str | None:
        """Where the ECA modules sit; None for other networks than the proposed one."""
        return self.config.get("eca_placement") if self.model == PROPOSED else None

    @property
    def settings(self) -> Settings:
        """The profile as it holds for this network."""
        return self.study.settings.of(self.model)

    @property
    def dir(self) -> Path:
        """The run's folder."""
        return self.study.paths.runs_dir / self.name

    def path(self, name: str) -> Path:
        """A file of the run."""
        return self.dir / name

    @property
    def is_finished(self) -> bool:
        """Whether a run with these parameters and photographs is complete on disk."""
        return training_runs.is_finished(self.study.settings, self.spec, self.study.data)

    def train(self) -> "Run":
        """Train the run, or go on from its last checkpoint; returns at once if it is finished.

        Raises:
            StudyError: As ``Study.train``.
        """
        self.study.train([self])
        return Run(self.study, self.spec)

    def network(self) -> nn.Module:
        """The trained network of the selected epoch, in evaluation mode on the CPU.

        Raises:
            StorageError: Its weights are not there or damaged.
        """
        return training_runs.load_run_network(self.study.settings, self.spec, len(self.study.classes))

    @cached_property
    def config(self) -> dict[str, Any]:
        """What was run (``config.json``)."""
        return read_json(self.path("config.json"))

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """Test metrics of the selected and of the last epoch (``metrics.json``), fractions."""
        return read_json(self.path("metrics.json"))

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What the run took (``manifest.json``): sizes, seconds, machine, versions."""
        return read_json(self.path("manifest.json"))

    @property
    def display_name(self) -> str:
        """Name for figures; compact siblings carry "(compact)"."""
        return self.config["display_name"]

    @property
    def classes(self) -> list[str]:
        """Class names in label order."""
        return list(self.config["classes"])

    @property
    def accuracy(self) -> float:
        """Test accuracy of the selected epoch, fraction."""
        return float(self.metrics["selected"]["test"]["accuracy"])

    @cached_property
    def history(self) -> pd.DataFrame:
        """Per-epoch loss and accuracy (fractions)."""
        return pd.read_csv(self.path("history.csv"))

    def predictions(self, split: str = "test") -> pd.DataFrame:
        """Predictions of the selected epoch for ``test`` or ``val``, one row a sample, sorted by ``sample_id``."""
        return self._predictions[split]

    @cached_property
    def _predictions(self) -> dict[str, pd.DataFrame]:
        files = {"test": "predictions.csv", "val": "predictions_val.csv"}
        return {split: _read_predictions(self.path(name)) for split, name in files.items()}

    @property
    def correct(self) -> np.ndarray:
        """Whether each test sample is classified correctly, shape (n,), float 0 or 1."""
        frame = self.predictions("test")
        return (frame["label"] == frame["predicted"]).to_numpy(dtype=float)

    @cached_property
    def train_photographs(self) -> np.ndarray:
        """Photographs of each class in training, shape (C,), float; NaN where the profile's split is missing."""
        return train_photographs(self.study.split(self.protocol, self.seed), len(self.classes))


def _read_predictions(path: Path) -> pd.DataFrame:
    text = {"sample_id": str, "image_id": str, "specimen": str}
    frame = pd.read_csv(path, dtype=text, keep_default_na=False, na_values=[""])
    frame["specimen"] = frame["specimen"].fillna(frame["image_id"])
    return frame.sort_values("sample_id", ignore_index=True)


def recorded_runs(study: "Study") -> list[Run]:
    """All finished runs of a profile, sorted by name; unfinished ones and runs of earlier parameters are left out.

    Needs no photographs: reference results are enough.

    Raises:
        StorageError: A run's file is damaged.
    """
    folder, record = study.paths.runs_dir, study.paths.runs_dir / STUDY_FILE
    wanted = read_json(record) if record.is_file() else None
    found = []
    for path in sorted(folder.glob("*")) if folder.is_dir() else []:
        if (wanted is None or path.name in wanted) and all((path / name).is_file() for name in RUN_FILES):
            found.append(Run(study, _recorded_spec(study, path)))
    return found


def _recorded_spec(study: "Study", folder: Path) -> RunSpec:
    config = read_json(folder / "config.json")
    if not {"model", "weights", "protocol", "seed", "display_name", "classes"} <= set(config):
        raise StorageError(
            "the run's record lacks a required key",
            where=str(folder / "config.json"),
            remedy="delete the run folder and run the chain again",
        )
    placement = config.get("eca_placement")
    return RunSpec(
        config["model"],
        config["weights"],
        config["protocol"],
        int(config["seed"]),
        placement=None if placement == study.settings.model.eca_placement else placement,
        labels=config.get("labels", "true"),
        pictures=config.get("pictures", "colour"),
    )
