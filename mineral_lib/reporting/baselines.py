"""The baselines as rows of Table 4, and what the networks are worth beyond them."""

from typing import Any

import numpy as np
import pandas as pd

from mineral_lib.data.split import read_split
from mineral_lib.evaluation.metrics import classification_metrics, commonest_label
from mineral_lib.evaluation.statistics import Estimate, accuracy_over_seeds, estimate
from mineral_lib.reporting.contrasts import NAN, frame_part, part_of, resampling
from mineral_lib.reporting.summary import run_row, status_text, summarise
from mineral_lib.study import Study
from mineral_lib.training.run import Run

BLOCK = "baselines"
NAMES = {
    "majority": "always the commonest class (chance)",
    "colour_histogram": "colour histogram, logistic regression",
    "nearest_neighbour": "nearest neighbour, 16 × 16 px",
}


def baseline_rows(study: Study) -> list[dict[str, Any]]:
    """Rows of Table 4: every baseline, then the networks that saw grey pictures."""
    rows = simple_rows(study)
    for text in study.settings.comparison.grey_runs:
        runs, start = run_row(study, *text.rsplit("-", 1), pictures="grey")
        start["network"] += " on grey pictures"
        rows.append({"block": BLOCK, **start, **summarise(runs, study)})
    return rows


def simple_rows(study: Study) -> list[dict[str, Any]]:
    """A row of Table 4 for each baseline of ``NAMES``; none before notebook 05 has run them."""
    answers, rows = _answers(study), []
    for name in [name for name in NAMES if name in set(answers["baseline"])]:
        parts = [part for _, part in answers[answers["baseline"] == name].groupby("seed")]
        known = len(study.runs[0].classes) if study.runs else int(answers[["label", "predicted"]].to_numpy().max()) + 1
        metrics = pd.DataFrame([classification_metrics(part["label"], part["predicted"], known) for part in parts])
        accuracy, (low, high) = accuracy_over_seeds([frame_part(part) for part in parts], **resampling(study))
        row = {"block": BLOCK, "model": name, "network": NAMES[name], "weights": "none"}
        row |= {"accuracy": accuracy.value, "low": low, "high": high, "seed_sd": accuracy.seed_sd}
        row |= {"seeds": accuracy.seeds, "last_accuracy": NAN, **metrics[["precision_macro", "recall_macro"]].mean()}
        rows.append(row | {"status": status_text(accuracy.seeds, "split")})
    return rows


def best_baseline(study: Study) -> dict[str, Any] | None:
    """The row of the most accurate baseline."""
    return max(simple_rows(study), key=lambda row: row["accuracy"], default=None)


def chance_level(study: Study) -> float | None:
    """Accuracy of always naming the commonest training class on the grouped test set, a mean over splits."""
    found = []
    for path in sorted(study.paths.splits_dir.glob("grouped*.csv")):
        split = read_split(path.parent, path.stem)
        train, test = (split.loc[split["split"] == part, "label"] for part in ("train", "test"))
        if len(train) and len(test):
            found.append(float((test == commonest_label(train)).mean()))
    return float(np.mean(found)) if found else None


def lead(runs: list[Run], baseline: dict[str, Any], study: Study) -> Estimate | None:
    """Accuracy of a network minus that of a baseline, over the seeds tested on photographs that the baseline saw."""
    answers, parts = _answers(study).query("baseline == @baseline['model']"), []
    splits = [part.set_index("image_id")["correct"] for _, part in answers.groupby("seed")]
    for run in runs:
        ids, (correct, specimens) = run.predictions()["image_id"], part_of(run)
        same = next((s for s in splits if len(s) == len(ids) and s.index.isin(ids).all()), None)
        if same is not None:
            parts.append((correct - same.loc[ids].to_numpy(), specimens))
    return estimate(parts, **resampling(study)) if parts else None


def _answers(study: Study) -> pd.DataFrame:
    """What the baselines answer, a row a baseline, seed and test photograph, see ``evaluation.controls``."""
    if not study.paths.baselines.is_file():
        return pd.DataFrame(columns=["baseline"])
    text = {"image_id": str, "specimen": str}
    table = study.read(study.paths.baselines, columns=["baseline", *text], numbers=["label", "predicted"], dtype=text)
    specimens = table["specimen"].where(table["specimen"] != "", table["image_id"])
    return table.assign(specimen=specimens, correct=(table["label"] == table["predicted"]).astype(float))
