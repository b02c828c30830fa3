"""The paper's recipe and hardware beside ours, so that nobody compares numbers without seeing both."""

import pandas as pd

from mineral_lib.config import NETWORK_NAMES
from mineral_lib.reporting.contrasts import seeds_text
from mineral_lib.reporting.convergence import COMPARED_EPOCHS
from mineral_lib.reporting.summary import unseen_text
from mineral_lib.reporting.tables import Column, Table
from mineral_lib.study import Study

UNSTATED, SAME = "not stated", "the same for all"
_COLUMNS = {"what": Column("what"), "paper": Column("paper"), "ours": Column("this profile"), "where": Column("where")}
_SOURCES = {
    "formula": "weights learned here on formula-driven images",
    "imagenet": "ImageNet-1k",
    "file": "weights files named in the profile",
}


def table_recipe(study: Study) -> Table:
    """Data, training and machine of the paper and of this profile, side by side.

    Args:
        study: The study.
    """
    rows = [*_data_rows(study), *_training_rows(study), *_machine_rows(study)]
    frame = pd.DataFrame(rows, columns=["what", "paper", "where", "ours"])
    same = int((frame["paper"] == frame["ours"]).sum())
    finding = f"{same} of {len(frame)} entries are the same in both."
    title = "The paper's recipe and hardware beside ours"
    return Table("recipe", title, frame, _COLUMNS, ["Entries of the paper are from its text."], finding=finding)


def _data_rows(study: Study) -> list[tuple[str, str, str, str]]:
    data, side = study.settings.data, study.settings.data.image_size_px
    ours = "the user's folder"
    if data.source == "synthetic":
        ours = f"generated, {data.fraction:g} of Table 2's original counts, {data.views} views a specimen"
    ratios = ":".join(f"{10 * ratio:g}" for ratio in study.settings.split.ratios)
    unit = unseen_text(study).split()[-1].removesuffix("s")
    return [
        ("photographs", "26 minerals on a bench, 34,576 after augmentation", "3.1, 3.2", ours),
        ("split", "6:2:2 of the augmented images", "3.3", f"{ratios} by {unit}, before augmentation"),
        ("input", "224×224×3", "Table 1", f"{side}×{side}×3"),
        (
            "networks",
            "full size",
            "2, 4.1",
            "full size" if study.settings.model.family == "paper" else "compact siblings",
        ),
        ("transfer starts from", "ImageNet-1k", "2.1", _SOURCES[study.settings.weights.source]),
    ]


def _training_rows(study: Study) -> list[tuple[str, str, str, str]]:
    train = study.settings.train
    smooth = f", labels smoothed by {train.label_smoothing:g}" if train.label_smoothing else ""
    chosen = {"best_val": "best validation accuracy", "last": "last"}[train.select]
    return [
        ("optimizer", "Adam", "3.3", {"adam": "Adam", "adamw": "AdamW"}[train.optimizer]),
        ("initial learning rate", "0.001", "3.3", f"{train.lr:g}"),
        ("schedule", "cosine annealing", "3.3", _schedule(study)),
        ("weight decay", UNSTATED, "–", f"{train.weight_decay:g}"),
        ("batch", "32", "3.3", str(train.batch_size)),
        ("epochs", str(COMPARED_EPOCHS), "3.3, 4.1", str(train.epochs)),
        ("loss", "cross-entropy", "3.3", f"cross-entropy{smooth}"),
        ("recipe of each network", SAME, "4.1", _own_recipes(study)),
        ("epoch that is tested", UNSTATED, "–", chosen),
        ("seeds", UNSTATED, "–", seeds_text(len(train.seeds))),
    ]


def _own_recipes(study: Study) -> str:
    """The networks that deviate from the recipe, with what is different."""
    own = {name: ", ".join(override.model_dump()) for name, override in study.settings.train.overrides.items()}
    return "; ".join(f"{NETWORK_NAMES.get(name, name)}: {keys}" for name, keys in own.items()) or SAME


def _schedule(study: Study) -> str:
    train = study.settings.train
    name = "constant rate" if train.schedule == "constant" else "cosine annealing"
    return f"{name}, {train.warmup_epochs} warm-up epochs" if train.warmup_epochs else name


def _machine_rows(study: Study) -> list[tuple[str, str, str, str]]:
    versions = study.runs[0].manifest.get("versions", {}) if study.runs else {}
    software = ", ".join(f"{name} {versions[name]}" for name in ("torch", "torchvision", "timm") if name in versions)
    return [
        ("trained on", "NVIDIA GeForce RTX 3080, Intel i9-10900K, 64 GB", "3.3", _machine(study) or "not run"),
        ("software", "PyTorch 1.11, CUDA 11.4, cuDNN 8.2.4, PyCharm 2021", "3.3", software or "not run"),
    ]


def _machine(study: Study) -> str:
    """Every machine that trained a run."""
    found = []
    for run in study.runs:
        machine, device = run.manifest.get("machine", {}), str(run.manifest.get("device", "?"))
        name = machine.get("accelerator", device) if device != "cpu" else "CPU"
        found.append(f"{name}, {machine['cores']} cores ({machine['architecture']})" if "cores" in machine else name)
    return "; ".join(dict.fromkeys(found))
