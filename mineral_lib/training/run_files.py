"""The files of a finished run."""

from pathlib import Path
from typing import Any

import pandas as pd
import torch

from mineral_lib import __version__
from mineral_lib.config import Settings
from mineral_lib.evaluation.metrics import classification_metrics
from mineral_lib.models.structure import count_parameters, file_size_mib, multiply_adds
from mineral_lib.runtime import machine, package_versions
from mineral_lib.storage import write_csv, write_json
from mineral_lib.training.checkpoint import save_weights
from mineral_lib.training.engine import FitState, Loop, predict

# What makes a run finished: every table is made from these. Grad-CAM and recognition want the weights as well.
RUN_FILES = ("config.json", "history.csv", "predictions.csv", "predictions_val.csv", "metrics.json", "manifest.json")
WEIGHTS_FILE = "weights.safetensors"


def write_run(
    folder: Path,
    config: dict,
    state: FitState,
    loop: Loop,
    loaders: dict[str, Any],
    samples: pd.DataFrame,
    manifest: dict[str, Any],
) -> None:
    """Test the last and the selected epoch once each, and write the run's files.

    The test split is touched here only. ``metrics.json`` holds both epochs, ``predictions.csv`` (test) and
    ``predictions_val.csv`` the selected one, probabilities to the last digit of float32.
    ``config.json`` is taken away first and written last: while it is missing, the files may be of two runs.
    """
    classes = config["classes"]
    metrics: dict[str, Any] = {"num_test": int((samples["split"] == "test").sum()), "best_epoch": state.best_epoch}
    for label in ("last", "selected"):
        if label == "selected":
            loop.evaluated.load_state_dict(state.best_weights)
        epoch = state.best_epoch if label == "selected" else state.epoch
        probabilities, labels = predict(loop, loaders["test"])
        scores = classification_metrics(labels.numpy(), probabilities.argmax(1).numpy(), len(classes))
        metrics[label] = {"epoch": epoch, "val_accuracy": state.history[epoch - 1]["val_accuracy"], "test": scores}
    (folder / "config.json").unlink(missing_ok=True)
    write_csv(folder / "history.csv", pd.DataFrame(state.history))
    _write_predictions(folder / "predictions.csv", samples, "test", probabilities)
    _write_predictions(folder / "predictions_val.csv", samples, "val", predict(loop, loaders["val"])[0])
    write_json(folder / "metrics.json", metrics)
    save_weights(folder / WEIGHTS_FILE, state.best_weights, {"key": config["key"], "classes": "\n".join(classes)})
    write_json(folder / "manifest.json", manifest)
    write_json(folder / "config.json", config)


def _write_predictions(path: Path, samples: pd.DataFrame, split: str, probabilities: torch.Tensor) -> None:
    frame = samples.loc[samples["split"] == split, ["sample_id", "image_id", "specimen", "label"]]
    frame = frame.assign(predicted=probabilities.argmax(1).numpy()).reset_index(drop=True)
    columns = pd.DataFrame(probabilities.numpy(), columns=[f"p_{i}" for i in range(probabilities.shape[1])])
    write_csv(path, pd.concat([frame, columns], axis=1), float_format="%.9g")


def run_manifest(settings: Settings, loop: Loop, note: str, seconds: float, images: int, epochs: int) -> dict[str, Any]:
    """Time, machine, versions and sizes of a run; ``note`` says where the weights came from."""
    network = loop.network
    return {
        "seconds": round(seconds, 2),
        "images_per_second": round(images * epochs / seconds, 1),
        "device": str(loop.device),
        "threads": settings.train.threads,
        "processes": loop.processes,
        "precision": str(loop.autocast_dtype or "float32"),
        "machine": machine(),
        "versions": package_versions(),
        "package_version": __version__,
        "parameters": count_parameters(network),
        "size_mib": round(file_size_mib(network), 4),
        "gmacs": round(multiply_adds(network, settings.data.image_size_px), 6),
        "image_size_px": settings.data.image_size_px,
        "weights_note": note,
    }
