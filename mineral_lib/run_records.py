"""The files of a finished run: their names, what makes them whole, and how they are read.

``manifest.json`` is their record: it holds the digest of each (see ``digests``). Runs from before that have none; their
files are read as strictly, and ``config.json`` must fit the key in it.
"""

import contextlib
from pathlib import Path
from typing import Any

import pandas as pd

from mineral_lib.digests import FILES, checked, damages, read_record
from mineral_lib.errors import StorageError
from mineral_lib.locks import LOCK_FILE
from mineral_lib.storage import digest, read_csv, read_json

# What makes a run finished: every table is made from these. Grad-CAM and recognition want the weights as well.
MANIFEST = "manifest.json"
RUN_FILES = ("config.json", "history.csv", "predictions.csv", "predictions_val.csv", "metrics.json", MANIFEST)
WEIGHTS_FILE = "weights.safetensors"
# In ``config.json`` for the tables only, so no part of the key.
NAMES = ("display_name", "family", "eca_placement")
# What every row of a history and of predictions has; probabilities come after them, one column a class.
HISTORY_COLUMNS = ["epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy"]
REMEDY = "start the chain again: the run is trained again (a reference is restored by git)"
PREDICTION_TEXTS, PREDICTION_LABELS = ("sample_id", "image_id", "specimen"), ("label", "predicted")


def has_ended(folder: Path) -> bool:
    """Whether a folder holds files of a run that was finished once, and is not being written at the moment."""
    there = any((folder / name).exists() for name in (*RUN_FILES, WEIGHTS_FILE))
    unfinished = (folder / "checkpoints").is_dir() or (folder / LOCK_FILE).exists()
    return there and ((folder / MANIFEST).exists() or not unfinished)


def run_file(folder: Path, name: str) -> Path:
    """The path of a file of a finished run, after it was found whole.

    Raises:
        StorageError: It, or the manifest that vouches for it, is missing or damaged.
    """
    if not (folder / MANIFEST).exists():
        raise _unusable(folder / MANIFEST, "is missing")
    return checked(folder / name, folder / MANIFEST, remedy=REMEDY)


def run_damage(folder: Path, *, thorough: bool = False) -> dict[str, str]:
    """What is wrong with the files of a run that has ended, by name; ``thorough``: see ``digests.damages``."""
    if not has_ended(folder):
        return {}
    wrong = {name: "is missing" for name in RUN_FILES if not (folder / name).exists()}
    try:
        known = read_run_file(folder, MANIFEST).get(FILES, {})
    except StorageError as error:
        return wrong | {MANIFEST: error.what}
    wrong |= damages(folder, known, thorough=thorough)
    for name, read in READERS.items():
        if name not in wrong and (thorough or name not in known):
            try:
                read(folder / name)
            except StorageError as error:
                wrong[name] = error.what
    return wrong


def read_run_file(folder: Path, name: str) -> Any:
    """What a file of a finished run holds: a mapping of a ``.json``, a table of a ``.csv``.

    Raises:
        StorageError: It, or the manifest that vouches for it, is missing or damaged.
    """
    return READERS[name](folder / name if name == MANIFEST else run_file(folder, name))


def planned_names(record: Path) -> list[str] | None:
    """Names of the runs that belong to the profile as it is now; None where nobody has written them down.

    Raises:
        StorageError: The record is damaged.
    """
    if not record.is_file():
        return None
    content = read_json(record)
    names = read_record(record).get("runs") if isinstance(content, dict) else content
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise StorageError("does not list runs", where=str(record), remedy=REMEDY)
    return names


def _read_manifest(path: Path) -> dict[str, Any]:
    """What a run took, and the digests of its files."""
    return read_record(path, remedy=REMEDY, needs={"seconds": int | float})


def _read_config(path: Path) -> dict[str, Any]:
    """What was run; it must fit the key in it."""
    config = _mapping(path)
    kinds = {"model": str, "weights": str, "protocol": str, "seed": int, "display_name": str, "classes": list}
    if not all(isinstance(config.get(name), kind) for name, kind in kinds.items()):
        raise _unusable(path, "lacks a required key")
    decides = {name: value for name, value in config.items() if name not in ("key", *NAMES)}
    if "training_version" in config and config.get("key") != digest(decides):
        raise _unusable(path, "has changed since it was written: it does not fit its key")
    return config


def _read_metrics(path: Path) -> dict[str, Any]:
    """Test metrics of the selected and of the last epoch, fractions."""
    metrics = _mapping(path)
    with contextlib.suppress(KeyError, TypeError, AttributeError):
        scores = [metrics[epoch]["test"] for epoch in ("selected", "last")]
        if all(0 <= value <= 1 for one in scores for value in (one["accuracy"], *one.values())):
            return metrics
    raise _unusable(path, "holds no metrics of a run")


def _read_history(path: Path) -> pd.DataFrame:
    """Loss and accuracy (fractions), one row an epoch."""
    frame = read_csv(path, numbers=HISTORY_COLUMNS)
    if not len(frame) or frame["epoch"].tolist() != list(range(1, len(frame) + 1)):
        raise _unusable(path, "does not count its epochs from 1")
    return frame


def _read_predictions(path: Path) -> pd.DataFrame:
    """One row a sample, sorted by ``sample_id``; ``specimen`` is never empty."""
    text = dict.fromkeys(PREDICTION_TEXTS, str)
    frame = read_csv(path, columns=PREDICTION_TEXTS, numbers=PREDICTION_LABELS, dtype=text, na_values=[""])
    shares = frame.filter(regex=r"^p_\d+$")
    if not len(frame) or not all(kind.kind in "iuf" for kind in shares.dtypes) or shares.isna().any(axis=None):
        raise _unusable(path, "holds no predictions of a run")
    frame["specimen"] = frame["specimen"].fillna(frame["image_id"])
    return frame.sort_values("sample_id", ignore_index=True)


READERS = {
    MANIFEST: _read_manifest,
    "config.json": _read_config,
    "metrics.json": _read_metrics,
    "history.csv": _read_history,
    "predictions.csv": _read_predictions,
    "predictions_val.csv": _read_predictions,
}


def _mapping(path: Path) -> dict[str, Any]:
    content = read_json(path)
    if not isinstance(content, dict):
        raise _unusable(path, "is no record of a run")
    return content


def _unusable(path: Path, what: str) -> StorageError:
    return StorageError(what, where=str(path), remedy=REMEDY)
