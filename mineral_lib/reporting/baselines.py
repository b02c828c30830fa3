"""The baselines as rows of Table 4, and what the networks are worth beyond them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mineral_lib.evaluation.metrics import classification_metrics
from mineral_lib.evaluation.statistics import Estimate, Part, accuracy_over_seeds, estimate
from mineral_lib.reporting.contrasts import specimens_of
from mineral_lib.reporting.summary import NAN, WEIGHTS_WORDS, row_name, summarise
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
    if study.paths is None or not study.paths.baselines.is_file():
        return []
    text = {"image_id": str, "specimen": str}
    table = pd.read_csv(study.paths.baselines, dtype=text, keep_default_na=False)
    table["specimen"] = table["specimen"].where(table["specimen"] != "", table["image_id"])
    options = {"resamples": study.settings.report.bootstrap, "seed": study.settings.report.seed}
    found = []
    for name, frame in table.groupby("baseline"):
        parts = [(_right(part), part["specimen"].to_numpy(dtype=str)) for _, part in frame.groupby("seed")]
        accuracy, ends = accuracy_over_seeds(parts, **options)
        found.append(Baseline(str(name), accuracy, *ends, frame))
    return sorted(found, key=lambda one: list(NAMES).index(one.name))


def best_baseline(baselines: list[Baseline]) -> Baseline | None:
    """The most accurate one."""
    return max(baselines, key=lambda one: one.accuracy.value, default=None)


def baseline_rows(baselines: list[Baseline], study: Study) -> list[dict[str, Any]]:
    """Rows of Table 4: every baseline, then the networks that saw grey pictures."""
    classes = len(study.runs[0].classes) if study.runs else None
    rows = [_row(one, classes) for one in baselines]
    for text in study.settings.comparison.grey_runs:
        model, _, weights = text.rpartition("-")
        found = study.select(model=model, weights=weights, pictures="grey")
        name = f"{row_name(found, model, study)} on grey pictures"
        rows.append(
            {
                "block": BLOCK,
                "model": model,
                "network": name,
                "weights": WEIGHTS_WORDS.get(weights, weights),
                **summarise(found, study),
            }
        )
    return rows


def _row(one: Baseline, classes: int | None) -> dict[str, Any]:
    count = classes or int(one.frame[["label", "predicted"]].to_numpy().max()) + 1
    metrics = [classification_metrics(part["label"], part["predicted"], count) for _, part in one.frame.groupby("seed")]
    splits = one.accuracy.seeds
    return {
        "block": BLOCK,
        "model": one.name,
        "network": one.title,
        "weights": "none",
        "accuracy": one.accuracy.value,
        "low": one.low,
        "high": one.high,
        "seed_sd": one.accuracy.seed_sd,
        "seeds": splits,
        "last_accuracy": NAN,
        **{name: float(np.mean([values[name] for values in metrics])) for name in ("precision_macro", "recall_macro")},
        "status": f"{splits} split{'s' if splits > 1 else ''}",
    }


def _right(frame: pd.DataFrame) -> np.ndarray:
    return (frame["label"] == frame["predicted"]).to_numpy(dtype=float)


def lead(runs: list[Run], baseline: Baseline, study: Study) -> Estimate | None:
    """Accuracy of a network minus that of a baseline, over the seeds tested on photographs that the baseline saw."""
    parts = [part for run in runs if (part := _difference(run, baseline.frame)) is not None]
    return (
        estimate(parts, resamples=study.settings.report.bootstrap, seed=study.settings.report.seed) if parts else None
    )


def _difference(run: Run, frame: pd.DataFrame) -> Part | None:
    ids = run.predictions()["image_id"]
    for _, part in frame.groupby("seed"):
        right = pd.Series(_right(part), index=part["image_id"].to_numpy())
        if len(part) == len(ids) and right.index.isin(ids).all():
            return run.correct - right.loc[ids].to_numpy(), specimens_of(run)
    return None
