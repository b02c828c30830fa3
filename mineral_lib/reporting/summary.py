"""Numbers of one table row from its runs: mean over seeds with its interval, and the paper's figures beside it."""

import numpy as np

from mineral_lib.config import PROPOSED, Settings
from mineral_lib.evaluation.statistics import accuracy_over_seeds
from mineral_lib.paper import printed
from mineral_lib.reporting.contrasts import specimens_of
from mineral_lib.reporting.records import RunRecord, select_runs
from mineral_lib.reporting.tables import MISSING

NAN = float("nan")
SUMMARY = ("accuracy", "low", "high", "precision_macro", "recall_macro", "last_accuracy", "seed_sd")


def weights_in_block(model: str, block: str) -> str:
    """Which weights a network starts from in a block of Table 4."""
    if block == "fair_all" or (block == "as_read" and model == PROPOSED):
        return "transfer"
    return "scratch"


def main_runs(
    runs: list[RunRecord],
    settings: Settings,
    *,
    model: str,
    weights: str,
    protocol: str = "grouped",
    labels: str = "true",
    pictures: str = "colour",
) -> list[RunRecord]:
    """The runs of one row with the profile's own ECA placement (placements of the sensitivity study left
    out).
    """
    return select_runs(
        runs,
        model=model,
        weights=weights,
        protocol=protocol,
        placement=settings.model.eca_placement,
        labels=labels,
        pictures=pictures,
    )


def block_runs(runs: list[RunRecord], settings: Settings, block: str) -> dict[str, list[RunRecord]]:
    """The runs of each network in a block of Table 4; networks that were not run are left out."""
    found = {
        model: main_runs(runs, settings, model=model, weights=weights_in_block(model, block))
        for model in settings.comparison.models
    }
    return {model: records for model, records in found.items() if records}


def summarise(runs: list[RunRecord], settings: Settings) -> dict[str, float | int | str]:
    """Mean metrics over seeds (fractions), interval of the accuracy over seeds and specimens, standard deviation over
    seeds, and status; NaN where there is no run.
    """
    if not runs:
        return dict.fromkeys(SUMMARY, NAN) | {"seeds": 0, "status": MISSING}
    parts = [(run.correct, specimens_of(run)) for run in runs]
    found, (low, high) = accuracy_over_seeds(parts, resamples=settings.report.bootstrap, seed=settings.report.seed)
    selected = [run.metrics["selected"]["test"] for run in runs]
    return {
        "accuracy": found.value,
        "low": low,
        "high": high,
        "precision_macro": float(np.mean([metrics["precision_macro"] for metrics in selected])),
        "recall_macro": float(np.mean([metrics["recall_macro"] for metrics in selected])),
        "last_accuracy": float(np.mean([run.metrics["last"]["test"]["accuracy"] for run in runs])),
        "seed_sd": found.seed_sd,
        "seeds": found.seeds,
        "status": runs_text(len(runs)),
    }


def unseen_text(settings: Settings) -> str:
    """What the grouped split keeps apart: specimens, where the profile knows them, else photographs."""
    known = settings.data.source == "synthetic" or settings.data.specimen_from != "file"
    return "unseen specimens" if known else "unseen photographs"


def runs_text(count: int) -> str:
    """Number of runs behind a row, for its last column."""
    return f"{count} run" + ("s" if count > 1 else "")


def printed_fraction(model: str, weights: str, quantity: str) -> float:
    """The paper's figure (``accuracy``, ``precision`` or ``recall``) for a network and its weights, NaN if
    not printed.

    Table 5 states the weights; Table 4's other four networks are read as trained from scratch.
    """
    value = printed("table_5", f"{model}-{weights}", f"{quantity}_percent")
    if value is None and weights == "scratch":
        value = printed("table_4", model, f"{quantity}_percent")
    return NAN if value is None else value / 100
