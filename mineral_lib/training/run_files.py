"""The files of a finished run."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch

from mineral_lib import __version__
from mineral_lib.compute.ranks import process_count
from mineral_lib.config import Settings
from mineral_lib.evaluation.metrics import classification_metrics
from mineral_lib.models.structure import count_parameters, file_size_mib, multiply_adds
from mineral_lib.runtime import machine, package_versions
from mineral_lib.storage import write_csv, write_json
from mineral_lib.training.checkpoint import save_weights
from mineral_lib.training.engine import FitState, Loop, predict
from mineral_lib.training.resume import Checkpoints

if TYPE_CHECKING:
    from mineral_lib.training.run import Run

# What makes a run finished: every table is made from these. Grad-CAM and recognition want the weights as well.
RUN_FILES = ("config.json", "history.csv", "predictions.csv", "predictions_val.csv", "metrics.json", "manifest.json")
WEIGHTS_FILE = "weights.safetensors"


def write_run(
    run: "Run", checkpoints: Checkpoints, state: FitState, loop: Loop, loaders: dict[str, Any], weights_note: str
) -> None:
    """Test the last and the selected epoch once each, and write the run's files.

    The test split is touched here only. ``metrics.json`` holds both epochs, ``predictions.csv`` (test) and
    ``predictions_val.csv`` the selected one, probabilities to the last digit of float32.
    ``config.json`` is taken away first and written last: while it is missing, the files may be of two runs.
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
    run.path("config.json").unlink(missing_ok=True)
    write_csv(run.path("history.csv"), pd.DataFrame(state.history))
    _write_predictions(run.path("predictions.csv"), samples, "test", probabilities)
    _write_predictions(run.path("predictions_val.csv"), samples, "val", predict(loop, loaders["val"])[0])
    write_json(run.path("metrics.json"), metrics)
    save_weights(run.path(WEIGHTS_FILE), state.best_weights, {"key": config["key"], "classes": "\n".join(classes)})
    write_json(run.path("manifest.json"), manifest | {"resumed": state.notes})
    write_json(run.path("config.json"), config)


def _write_predictions(path: Path, samples: pd.DataFrame, split: str, probabilities: torch.Tensor) -> None:
    frame = samples.loc[samples["split"] == split, ["sample_id", "image_id", "specimen", "label"]]
    frame = frame.assign(predicted=probabilities.argmax(1).numpy()).reset_index(drop=True)
    columns = pd.DataFrame(probabilities.numpy(), columns=[f"p_{i}" for i in range(probabilities.shape[1])])
    write_csv(path, pd.concat([frame, columns], axis=1), float_format="%.9g")


def read_predictions(path: Path) -> pd.DataFrame:
    """Predictions of a run, one row a sample, sorted by ``sample_id``; ``specimen`` is never empty."""
    text = {"sample_id": str, "image_id": str, "specimen": str}
    frame = pd.read_csv(path, dtype=text, keep_default_na=False, na_values=[""])
    frame["specimen"] = frame["specimen"].fillna(frame["image_id"])
    return frame.sort_values("sample_id", ignore_index=True)


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
