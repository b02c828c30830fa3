"""What is left of a finished run in its folder: its files, what makes them whole, and what they hold.

``manifest.json`` is their record: it holds the digest of each (see ``digests``).
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from mineral_lib.digests import FILES, checked, damages, read_record
from mineral_lib.errors import StorageError
from mineral_lib.locks import LOCK_FILE
from mineral_lib.storage import read_csv, read_json
from mineral_lib.training.specs import RunSpec

if TYPE_CHECKING:
    from mineral_lib.study import Study

# What makes a run finished: every table is made from these. Grad-CAM and recognition want the weights as well.
MANIFEST = "manifest.json"
RUN_FILES = ("config.json", "history.csv", "predictions.csv", "predictions_val.csv", "metrics.json", MANIFEST)
WEIGHTS_FILE = "weights.safetensors"
REMEDY = "start the chain again: the run is trained again (a reference is restored by git)"


def has_ended(folder: Path) -> bool:
    """Whether a folder holds files of a run that was finished once, and is not being written at the moment."""
    there = any((folder / name).exists() for name in (*RUN_FILES, WEIGHTS_FILE))
    unfinished = (folder / "checkpoints").is_dir() or (folder / LOCK_FILE).exists()
    return there and ((folder / MANIFEST).exists() or not unfinished)


def run_damage(folder: Path, *, thorough: bool = False) -> dict[str, str]:
    """What is wrong with the files of a run that has ended, by name; ``thorough``: see ``digests.damages``."""
    if not has_ended(folder):
        return {}
    try:
        return damages(folder, read_manifest(folder / MANIFEST)[FILES], thorough=thorough)
    except StorageError as error:
        return {MANIFEST: error.what}


def run_file(folder: Path, name: str) -> Path:
    """The path of a file of a finished run, after it was found whole.

    Raises:
        StorageError: It, or the manifest that vouches for it, is missing or damaged.
    """
    if not (folder / MANIFEST).exists():
        raise StorageError("is missing", where=str(folder / MANIFEST), remedy=REMEDY)
    return checked(folder / name, folder / MANIFEST, remedy=REMEDY)


def read_manifest(path: Path) -> dict[str, Any]:
    """What a run took (``manifest.json``), and the digests of its files; raises as ``run_file``."""
    return read_record(path, remedy=REMEDY, needs={"seconds": int | float, FILES: dict})


def read_run_file(folder: Path, name: str) -> Any:
    """What a file of a finished run holds: a mapping of a ``.json``, a table of a ``.csv``; raises as ``run_file``."""
    if name == MANIFEST:
        return read_manifest(folder / MANIFEST)
    path = run_file(folder, name)
    if path.suffix == ".json":
        return read_json(path)
    if name == "history.csv":
        return read_csv(path)
    text = dict.fromkeys(("sample_id", "image_id", "specimen"), str)
    frame = read_csv(path, dtype=text, na_values=[""])
    frame["specimen"] = frame["specimen"].fillna(frame["image_id"])
    return frame.sort_values("sample_id", ignore_index=True)


@dataclass(frozen=True)
class RecordedRun(RunSpec):
    """A run of a study as its files tell of it; what is read raises a ``StorageError`` if it is missing or damaged."""

    study: "Study" = field(kw_only=True, repr=False)

    @classmethod
    def recorded(cls, study: "Study", folder: Path) -> Self:
        """The finished run in a folder.

        Raises:
            StorageError: A file of it is damaged.
        """
        config = read_run_file(folder, "config.json")
        names = ("model", "weights", "protocol", "seed", "labels", "pictures")
        known = {name: config[name] for name in names if name in config}
        placement = config.get("eca_placement")
        own = placement == study.settings.model.eca_placement
        return cls(**known, placement=None if own else placement, study=study)

    @property
    def dir(self) -> Path:
        """The run's folder."""
        return self.study.paths.runs_dir / self.name

    def path(self, name: str) -> Path:
        """A file of the run."""
        return self.dir / name

    @property
    def files(self) -> list[Path]:
        """Every file of the finished run; results that were kept as a reference have no weights."""
        return [self.path(name) for name in (MANIFEST, *self.manifest[FILES])]

    def damage(self) -> dict[str, str]:
        """What is wrong with the files of the finished run, by name."""
        return run_damage(self.dir)

    @cached_property
    def _contents(self) -> dict[str, Any]:
        return {}

    def _read(self, name: str) -> Any:
        """A file of the finished run, read once."""
        if name not in self._contents:
            self._contents[name] = read_run_file(self.dir, name)
        return self._contents[name]

    @property
    def config(self) -> dict[str, Any]:
        """What was run (``config.json``)."""
        return self._read("config.json")

    @property
    def metrics(self) -> dict[str, Any]:
        """Test metrics of the selected and of the last epoch (``metrics.json``), fractions."""
        return self._read("metrics.json")

    @property
    def manifest(self) -> dict[str, Any]:
        """What the run took (``manifest.json``): sizes, seconds, machine, versions; and the digests of its files."""
        return self._read(MANIFEST)

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

    @property
    def history(self) -> pd.DataFrame:
        """Per-epoch loss and accuracy (fractions)."""
        return self._read("history.csv")

    def predictions(self, split: str = "test") -> pd.DataFrame:
        """Predictions of the selected epoch for ``test`` or ``val``, one row a sample, sorted by ``sample_id``."""
        return self._read("predictions.csv" if split == "test" else "predictions_val.csv")

    @property
    def correct(self) -> np.ndarray:
        """Whether each test sample is classified correctly, shape (n,), float 0 or 1."""
        frame = self.predictions("test")
        return (frame["label"] == frame["predicted"]).to_numpy(dtype=float)

    @cached_property
    def train_photographs(self) -> np.ndarray:
        """Photographs of each class in training, (C,) float, once each; NaN where the profile's split is missing."""
        split = self.study.split(self.protocol, self.seed)
        if split is None:
            return np.full(len(self.classes), np.nan)
        counts = split[split["split"] == "train"].groupby("label")["image_id"].nunique()
        return counts.reindex(range(len(self.classes)), fill_value=0).to_numpy(float)
