"""The baselines as rows of Table 4, and what the networks are worth beyond them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mineral_lib.evaluation.metrics import classification_metrics
from mineral_lib.evaluation.statistics import Estimate, Part, accuracy_over_seeds, estimate
from mineral_lib.reporting.contrasts import NAN, part_of, resampling
from mineral_lib.reporting.summary import counted, run_row, summarise
from mineral_lib.study import Study
from mineral_lib.training.run import Run

BLOCK = "baselines"
NAMES = {
    "majority": "always the commonest class (chance)",
    "colour_histogram": "colour histogram, logistic regression",
    "nearest_neighbour": "nearest neighbour, 16 × 16 px",
}


@dataclass(frozen=True)
class Baseline:
    """How well one baseline does on the grouped test photographs.

    Attributes:
        name: Key of ``NAMES``.
        accuracy: Mean over splits with its uncertainty.
        low: Lower end of the 95 % interval.
        high: Upper end.
        frame: Its predictions, see ``evaluation.controls``.
    """

    name: str
    accuracy: Estimate
    low: float
    high: float
    frame: pd.DataFrame

    @property
    def title(self) -> str:
        """Name for people."""
        return NAMES[self.name]


def read_baselines(study: Study) -> list[Baseline]:
    """All baselines of a profile in the order of ``NAMES``; none before notebook 05 has run them."""
    if not study.paths.baselines.is_file():
        return []
    table = pd.read_csv(study.paths.baselines, dtype={"image_id": str, "specimen": str}, keep_default_na=False)
    table["specimen"] = table["specimen"].where(table["specimen"] != "", table["image_id"])
    table["correct"] = (table["label"] == table["predicted"]).astype(float)
    found = {}
    for name, frame in table.groupby("baseline"):
        parts = [(part["correct"].to_numpy(), part["specimen"].to_numpy(str)) for _, part in frame.groupby("seed")]
        accuracy, ends = accuracy_over_seeds(parts, **resampling(study))
        found[name] = Baseline(str(name), accuracy, *ends, frame)
    return [found[name] for name in NAMES if name in found]


def best_baseline(study: Study) -> Baseline | None:
    """The most accurate one."""
    return max(read_baselines(study), key=lambda one: one.accuracy.value, default=None)


def baseline_rows(study: Study) -> list[dict[str, Any]]:
    """Rows of Table 4: every baseline, then the networks that saw grey pictures."""
    rows = [_row(one, study) for one in read_baselines(study)]
    for text in study.settings.comparison.grey_runs:
        runs, start = run_row(study, *text.rsplit("-", 1), pictures="grey")
        start["network"] += " on grey pictures"
        rows.append({"block": BLOCK, **start, **summarise(runs, study)})
    return rows


def _row(one: Baseline, study: Study) -> dict[str, Any]:
    classes = len(study.runs[0].classes) if study.runs else int(one.frame[["label", "predicted"]].to_numpy().max()) + 1
    parts = [part for _, part in one.frame.groupby("seed")]
    metrics = pd.DataFrame([classification_metrics(part["label"], part["predicted"], classes) for part in parts])
    return {
        "block": BLOCK,
        "model": one.name,
        "network": one.title,
        "weights": "none",
        "accuracy": one.accuracy.value,
        "low": one.low,
        "high": one.high,
        "seed_sd": one.accuracy.seed_sd,
        "seeds": one.accuracy.seeds,
        "last_accuracy": NAN,
        **metrics[["precision_macro", "recall_macro"]].mean(),
        "status": counted(one.accuracy.seeds, "split"),
    }


def lead(runs: list[Run], baseline: Baseline, study: Study) -> Estimate | None:
    """Accuracy of a network minus that of a baseline, over the seeds tested on photographs that the baseline saw."""
    parts = list(_differences(runs, baseline.frame))
    return estimate(parts, **resampling(study)) if parts else None


def _differences(runs: list[Run], frame: pd.DataFrame) -> Iterator[Part]:
    splits = [part.set_index("image_id")["correct"] for _, part in frame.groupby("seed")]
    for run in runs:
        ids = run.predictions()["image_id"]
        same = next((s for s in splits if len(s) == len(ids) and s.index.isin(ids).all()), None)
        if same is not None:
            correct, specimens = part_of(run)
            yield correct - same.loc[ids].to_numpy(), specimens
