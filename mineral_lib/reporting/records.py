"""Finished runs as records: what every table and figure reads."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mineral_lib.config import NETWORK_NAMES, PROPOSED, Settings
from mineral_lib.data.split import read_split, train_photographs
from mineral_lib.errors import StorageError
from mineral_lib.storage import STUDY_FILE, ResultPaths, read_json

RUN_FILES = (
    "config.json",
    "metrics.json",
    "manifest.json",
    "history.csv",
    "predictions.csv",
    "predictions_val.csv",
)
WEIGHTS_WORDS = {
    "scratch": "from scratch",
    "transfer": "transfer",
    "scratch_library": "from scratch, library's weights",
    "scratch_fast": "from scratch, fast start",
    "colour": "colour statistics",
}


@dataclass(frozen=True)
class RunRecord:
    """One finished run, read from its folder.

    Attributes:
        folder: The run folder.
        config: What was run (``config.json``).
        metrics: Test metrics of the selected and of the last epoch (``metrics.json``), fractions.
        manifest: What it took (``manifest.json``): parameters, size, seconds, versions.
    """

    folder: Path
    config: dict[str, Any]
    metrics: dict[str, Any]
    manifest: dict[str, Any]

    @property
    def name(self) -> str:
        """Folder name, for example ``resnet50-scratch-grouped-seed0``."""
        return self.folder.name

    @property
    def model(self) -> str:
        """Network, for example ``resnet50``."""
        return self.config["model"]

    @property
    def weights(self) -> str:
        """``scratch`` or ``transfer``."""
        return self.config["weights"]

    @property
    def protocol(self) -> str:
        """How the samples were split, see ``data.split``."""
        return self.config["protocol"]

    @property
    def labels(self) -> str:
        """``true``, or ``shuffled`` in the control of the leak study."""
        return self.config.get("labels", "true")

    @property
    def pictures(self) -> str:
        """``colour``, or ``grey`` in the control that sees no colour."""
        return self.config.get("pictures", "colour")

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return int(self.config["seed"])

    @property
    def placement(self) -> str | None:
        """Where the ECA modules sit; None for networks without them."""
        return self.config.get("eca_placement") if self.model == PROPOSED else None

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
        return pd.read_csv(self.folder / "history.csv")

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """Test predictions of the selected epoch, one row a sample, sorted by ``sample_id``."""
        text = {"sample_id": str, "image_id": str, "specimen": str}
        frame = pd.read_csv(self.folder / "predictions.csv", dtype=text, keep_default_na=False, na_values=[""])
        frame["specimen"] = frame["specimen"].fillna(frame["image_id"])
        return frame.sort_values("sample_id", ignore_index=True)

    @cached_property
    def train_photographs(self) -> np.ndarray:
        """Photographs of each class in training, shape (C,), float; NaN where the profile's split is missing."""
        folder = ResultPaths(self.folder.parent.parent).splits_dir
        path = folder / f"{self.protocol}-seed{self.seed}.csv"
        path = path if path.is_file() else folder / f"{self.protocol}.csv"
        return train_photographs(read_split(path) if path.is_file() else None, len(self.classes))

    @property
    def correct(self) -> np.ndarray:
        """Whether each test sample is classified correctly, shape (n,), float 0 or 1."""
        return (self.predictions["label"] == self.predictions["predicted"]).to_numpy(dtype=float)


def load_runs(paths: ResultPaths) -> list[RunRecord]:
    """All finished runs of a profile, sorted by name; unfinished ones and runs of earlier parameters are left out.

    Raises:
        StorageError: A run's file is damaged.
    """
    record = paths.runs_dir / STUDY_FILE
    wanted = read_json(record) if record.is_file() else None
    records = []
    for folder in sorted(paths.runs_dir.glob("*")) if paths.runs_dir.is_dir() else []:
        if wanted is not None and folder.name not in wanted:
            continue
        if all((folder / name).is_file() for name in RUN_FILES):
            config, metrics, manifest = (read_json(folder / name) for name in RUN_FILES[:3])
            if not {"model", "weights", "protocol", "seed", "display_name", "classes"} <= set(config):
                raise StorageError(
                    "the run's record lacks a required key",
                    where=str(folder / "config.json"),
                    remedy="delete the run folder and run the chain again",
                )
            records.append(RunRecord(folder, config, metrics, manifest))
    return records


def select_runs(
    runs: list[RunRecord],
    *,
    model: str,
    weights: str,
    protocol: str = "grouped",
    placement: str | None = None,
    labels: str = "true",
    pictures: str = "colour",
) -> list[RunRecord]:
    """The runs of one row of a table, one a seed, sorted by seed.

    Args:
        runs: All finished runs.
        model: Network.
        weights: ``scratch`` or ``transfer``.
        protocol: How the samples were split.
        labels: ``true`` or ``shuffled``.
        pictures: ``colour`` or ``grey``.
        placement: For the proposed network only: placement of the ECA modules; None takes any.
    """
    found = [
        run
        for run in runs
        if (run.model, run.weights, run.protocol) == (model, weights, protocol)
        and (run.labels, run.pictures) == (labels, pictures)
        and (placement is None or run.placement is None or run.placement == placement)
    ]
    return sorted(found, key=lambda run: run.seed)


def plain_name(model: str, family: str) -> str:
    """Name of a network that was not run: as in the paper, with "(compact)" for compact siblings."""
    name = NETWORK_NAMES.get(model, model)
    return f"{name} (compact)" if family == "compact" and model in NETWORK_NAMES else name


def row_name(runs: list[RunRecord], model: str, settings: Settings) -> str:
    """Display name of a table row, from its runs if there are any."""
    return runs[0].display_name if runs else plain_name(model, settings.model.family)
