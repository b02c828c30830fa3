"""Files of tiny hand-made runs: 24 photographs of 12 specimens in three classes."""

import numpy as np
import pandas as pd

from mineral_lib.digests import read_record, write_record
from mineral_lib.evaluation.metrics import classification_metrics
from mineral_lib.storage import write_json
from mineral_lib.study import Study

CLASSES = ["bornite", "pyrite", "quartz"]
SPECIMENS, VIEWS = 12, 2  # four specimens a class, two photographs each
NUMBER = SPECIMENS * VIEWS
# Photographs that every corner gets wrong; specimens alternate, so every class is hit.
WRONG = {
    ("convnext_tiny", "scratch"): 12,
    ("eca_convnext_tiny", "scratch"): 12,
    ("convnext_tiny", "transfer"): 2,
    ("eca_convnext_tiny", "transfer"): 3,
}


def photographs() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image_id": [f"i{i:02d}" for i in range(NUMBER)],
            "specimen": [f"s{i // VIEWS:02d}" for i in range(NUMBER)],
            "label": np.repeat(np.arange(SPECIMENS) % len(CLASSES), VIEWS),
        }
    )


def answers(wrong) -> pd.DataFrame:
    """What a classifier says that misclassifies the photographs at the positions ``wrong``."""
    frame = photographs()
    predicted = frame["label"].to_numpy().copy()
    predicted[list(wrong)] = (predicted[list(wrong)] + 1) % len(CLASSES)
    return frame.assign(sample_id=frame["image_id"], predicted=predicted)


def write_run(
    paths,
    model,
    weights,
    *,
    wrong,
    protocol="grouped",
    seed=0,
    val=(0.4, 0.6, 0.8),
    parameters=1000,
    pictures="colour",
    placement="",
    speed=10.0,
):
    """A run whose test photographs at the positions ``wrong`` are misclassified."""
    control = "" if pictures == "colour" else f"-{pictures}"
    own = f"_{placement}" if placement else ""
    folder = paths.runs_dir / f"{model}{own}-{weights}-{protocol}{control}-seed{seed}"
    folder.mkdir(parents=True)
    frame, train = answers(wrong), np.add(val, 0.1)
    for name in ("predictions", "predictions_val"):
        frame.to_csv(folder / f"{name}.csv", index=False)
    history = {"epoch": range(1, len(val) + 1), "lr": 1e-3, "train_loss": 1.0, "val_loss": 1.0}
    pd.DataFrame(history | {"train_accuracy": train, "val_accuracy": val}).to_csv(folder / "history.csv", index=False)
    metrics = classification_metrics(frame["label"], frame["predicted"], len(CLASSES))
    config = {"model": model, "display_name": f"{model} (compact)", "family": "compact", "weights": weights, "key": "k"}
    config |= {"protocol": protocol, "pictures": pictures, "seed": seed, "eca_placement": placement or "post_stage"}
    last = {"val_accuracy": val[-1], "test": metrics}
    manifest = {"seconds": 1.5, "images_per_second": speed, "device": "cpu", "parameters": parameters}
    manifest |= {"size_mib": 0.1, "gmacs": 0.001, "versions": {"python": "3"}, "weights_note": weights}
    write_json(folder / "config.json", config | {"classes": CLASSES})
    selected = {"selected": last | {"val_accuracy": max(val)}, "last": last}
    write_json(folder / "metrics.json", {"num_test": NUMBER, "best_epoch": 3, **selected})
    write_record(folder / "manifest.json", manifest, folder.iterdir())
    return folder


def change(folder, name="predictions.csv", **columns):
    """Rewrite columns of a run's file, each by a function of the frame."""
    replace(folder, name, pd.read_csv(folder / name).assign(**columns))


def replace(folder, name, frame):
    """Another table in the place of a run's file."""
    frame.to_csv(folder / name, index=False)
    record = read_record(folder / "manifest.json")
    write_record(folder / "manifest.json", record, [folder / one for one in record.pop("files")])


def write_photographs(paths):
    """Index, grouped split (half, a quarter, a quarter) and a pooled split of two copies."""
    frame = photographs()
    index = frame.assign(path="", class_name=[CLASSES[k] for k in frame["label"]], role="full", view=0)
    paths.root.mkdir(parents=True, exist_ok=True)
    index.to_csv(paths.index, index=False)
    paths.splits_dir.mkdir()
    split = index.assign(sample_id=index["image_id"], copy=0, group=index["specimen"])
    split["split"] = np.where(index["specimen"] < "s06", "train", np.where(index["specimen"] < "s09", "val", "test"))
    split.to_csv(paths.splits_dir / "grouped.csv", index=False)
    pooled = pd.concat([split.assign(sample_id=split["image_id"] + f"-{c}", copy=c) for c in range(2)])
    pooled["split"] = np.where(pooled["copy"] == 0, "train", "test")
    pooled.loc[pooled["image_id"] == "i00", "split"] = "test"
    pooled.to_csv(paths.splits_dir / "paper.csv", index=False)


def write_corners(paths, seeds=(0, 1, 2), *, luck=0):
    """All four corners; ``luck`` photographs more are right with attention from scratch in seed 0 only."""
    for seed in seeds:
        for (model, weights), count in WRONG.items():
            lucky = luck if (model, weights, seed) == ("eca_convnext_tiny", "scratch", 0) else 0
            write_run(paths, model, weights, wrong=range((seed % 3), (seed % 3) + count - lucky), seed=seed)


def write_baselines(paths, right):
    """Baselines that name the first photographs rightly, as many as ``right`` says by name."""
    frames = [answers(range(count, NUMBER)).assign(baseline=name, seed=0) for name, count in right.items()]
    pd.concat(frames).sample(frac=1, random_state=0).to_csv(paths.baselines, index=False)


def first_seed(study: Study) -> Study:
    """The same study with the runs of seed 0 only."""
    single = Study(study.settings, study.paths)
    single.runs = [run for run in study.runs if run.seed == 0]
    return single
