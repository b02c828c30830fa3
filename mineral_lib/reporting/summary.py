"""Rows of tables of runs: a network and its start, mean over seeds with its interval, the paper's figures."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mineral_lib.config import NETWORK_NAMES, PROPOSED
from mineral_lib.evaluation.statistics import Part, accuracy_over_seeds
from mineral_lib.paper import printed
from mineral_lib.reporting.contrasts import NAN, part_of, resampling
from mineral_lib.reporting.tables import MISSING
from mineral_lib.reporting.words import name_of
from mineral_lib.study import Study
from mineral_lib.training.run import Run
from mineral_lib.training.specs import block_weights

SUMMARY = ("accuracy", "low", "high", "precision_macro", "recall_macro", "last_accuracy", "seed_sd")


def proposed_run(study: Study) -> Run | None:
    """The run Figure 5 shows: the proposed network, pretrained if that was run, else from scratch, else any."""
    found = [run for weights in ("transfer", "scratch") for run in study.select(model=PROPOSED, weights=weights)]
    return next(iter(found or [run for run in study.runs if run.protocol == "grouped"]), None)


def block_runs(study: Study, block: str) -> dict[str, list[Run]]:
    """The runs of each network in a block of Table 4; networks that were not run are left out."""
    models = study.settings.comparison.models
    found = {model: study.select(model=model, weights=block_weights(model, block)) for model in models}
    return {model: runs for model, runs in found.items() if runs}


def summarise(runs: list[Run], study: Study) -> dict[str, Any]:
    """Numbers of a table row: means over seeds (fractions), interval of the accuracy, status; NaN if not run.

    The interval is over seeds and specimens, ``seed_sd`` the standard deviation over seeds.
    """
    if not runs:
        return dict.fromkeys(SUMMARY, NAN) | {"seeds": 0, "status": MISSING}

    def mean(metric: str, epoch: str = "selected") -> float:
        return float(np.mean([run.metrics[epoch]["test"][metric] for run in runs]))

    numbers = accuracy_columns([part_of(run) for run in runs], study) | {
        "precision_macro": mean("precision_macro"),
        "recall_macro": mean("recall_macro"),
        "last_accuracy": mean("accuracy", "last"),
    }
    return {name: numbers[name] for name in (*SUMMARY, "seeds")} | {"status": status_text(len(runs))}


def accuracy_columns(parts: Sequence[Part], study: Study) -> dict[str, Any]:
    """Accuracy over seeds, a part each: mean, ends of its interval, standard deviation over seeds, number of seeds."""
    found, (low, high) = accuracy_over_seeds(parts, **resampling(study))
    return {"accuracy": found.value, "low": low, "high": high, "seed_sd": found.seed_sd, "seeds": found.seeds}


def size_columns(runs: list[Run]) -> dict[str, float]:
    """Parameters, size on disk and multiply-adds of a row, from its first run's manifest."""
    manifest = runs[0].manifest if runs else {}
    return {name: manifest.get(name, NAN) for name in ("parameters", "size_mib", "gmacs")}


def printed_columns(model: str, weights: str) -> dict[str, float]:
    """The paper's accuracy, precision and recall for a network and its weights, fractions; NaN if not printed.

    Table 5 states the weights; Table 4's other four networks are read as trained from scratch.
    """
    found = {}
    for name in ("accuracy", "precision", "recall"):
        value = printed("table_5", f"{model}-{weights}", f"{name}_percent")
        if value is None and weights == "scratch":
            value = printed("table_4", model, f"{name}_percent")
        found[f"paper_{name}"] = NAN if value is None else value / 100
    return found


def extremes(frame: pd.DataFrame, column: str = "accuracy") -> dict[str, pd.Series]:
    """The rows ``best`` and ``least`` of a column, for a sentence; none if it has no value."""
    known = frame[column].dropna()
    return {"best": frame.loc[known.idxmax()], "least": frame.loc[known.idxmin()]} if len(known) else {}


def status_text(count: int, thing: str = "run") -> str:
    """A number of runs or splits behind a row, for its last column."""
    return f"{count} {thing}{'s' if count > 1 else ''}" if count else MISSING


def split_unit(study: Study) -> str:
    """What the grouped split keeps apart: specimens, where the profile knows them, else photographs."""
    known = study.settings.data.source == "synthetic" or study.settings.data.specimen_from != "file"
    return "specimen" if known else "photograph"


def unseen_text(study: Study) -> str:
    """What the grouped split tests on."""
    return f"unseen {split_unit(study)}s"


def row_name(runs: list[Run], model: str, study: Study) -> str:
    """Display name of a table row: that of its runs, else as in the paper, with "(compact)" for compact siblings."""
    if runs:
        return runs[0].display_name
    compact = study.settings.model.family == "compact" and model in NETWORK_NAMES
    return NETWORK_NAMES.get(model, model) + (" (compact)" if compact else "")


def run_row(study: Study, model: str, weights: str, **which: str) -> tuple[list[Run], dict[str, str]]:
    """The runs of a table row (none if not run; see ``Study.select``), and its columns model, network and weights."""
    runs = study.select(model=model, weights=weights, **which)
    words = name_of("weights", weights)
    return runs, {"model": model, "network": row_name(runs, model, study), "weights": words}
