"""Numbers of one table row from its runs: mean over seeds with its interval, and the paper's figures beside it."""

import numpy as np

from mineral_lib.config import NETWORK_NAMES, PROPOSED
from mineral_lib.evaluation.statistics import accuracy_over_seeds
from mineral_lib.paper import printed
from mineral_lib.reporting.contrasts import specimens_of
from mineral_lib.reporting.tables import MISSING
from mineral_lib.study import Study
from mineral_lib.training.run import Run

NAN = float("nan")
WEIGHTS_WORDS = {
    "scratch": "from scratch",
    "transfer": "transfer",
    "scratch_library": "from scratch, library's weights",
    "scratch_fast": "from scratch, fast start",
    "colour": "colour statistics",
}
SUMMARY = ("accuracy", "low", "high", "precision_macro", "recall_macro", "last_accuracy", "seed_sd")


def weights_in_block(model: str, block: str) -> str:
    """Which weights a network starts from in a block of Table 4."""
    if block == "fair_all" or (block == "as_read" and model == PROPOSED):
        return "transfer"
    return "scratch"


def block_runs(study: Study, block: str) -> dict[str, list[Run]]:
    """The runs of each network in a block of Table 4; networks that were not run are left out."""
    found = {
        model: study.select(model=model, weights=weights_in_block(model, block))
        for model in study.settings.comparison.models
    }
    return {model: records for model, records in found.items() if records}


def summarise(runs: list[Run], study: Study) -> dict[str, float | int | str]:
    """Mean metrics over seeds (fractions), interval of the accuracy over seeds and specimens, standard deviation over
    seeds, and status; NaN where there is no run.
    """
    if not runs:
        return dict.fromkeys(SUMMARY, NAN) | {"seeds": 0, "status": MISSING}
    parts = [(run.correct, specimens_of(run)) for run in runs]
    found, (low, high) = accuracy_over_seeds(
        parts, resamples=study.settings.report.bootstrap, seed=study.settings.report.seed
    )
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


def unseen_text(study: Study) -> str:
    """What the grouped split keeps apart: specimens, where the profile knows them, else photographs."""
    known = study.settings.data.source == "synthetic" or study.settings.data.specimen_from != "file"
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


def plain_name(model: str, family: str) -> str:
    """Name of a network that was not run: as in the paper, with "(compact)" for compact siblings."""
    name = NETWORK_NAMES.get(model, model)
    return f"{name} (compact)" if family == "compact" and model in NETWORK_NAMES else name


def row_name(runs: list[Run], model: str, study: Study) -> str:
    """Display name of a table row, from its runs if there are any."""
    return runs[0].display_name if runs else plain_name(model, study.settings.model.family)


def proposed_run(study: Study) -> Run | None:
    """The run Figure 5 shows: the proposed network, pretrained if that was run, else from scratch, else any."""
    for weights in ("transfer", "scratch"):
        found = study.select(model=PROPOSED, weights=weights)
        if found:
            return found[0]
    grouped = [run for run in study.runs if run.protocol == "grouped"]
    return grouped[0] if grouped else None
