"""Numbers of one table row from its runs: mean over seeds, interval by specimen, paired differences."""

from dataclasses import dataclass

import numpy as np

from mineral_lib.config import PROPOSED, Settings
from mineral_lib.evaluation.statistics import accuracy_interval, cluster_bootstrap, mcnemar
from mineral_lib.paper import printed
from mineral_lib.reporting.records import RunRecord, select_runs
from mineral_lib.reporting.tables import MISSING

NAN = float("nan")
BLOCKS = {
    "as_read": "as the paper reads: only the proposed model is pretrained",
    "fair_none": "all from scratch",
    "fair_all": "all from transferred weights",
}


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
) -> list[RunRecord]:
    """The runs of one row with the profile's own ECA placement (placements of the sensitivity study left
    out)."""
    return select_runs(
        runs, model=model, weights=weights, protocol=protocol, placement=settings.model.eca_placement, labels=labels
    )


def summarise(runs: list[RunRecord], settings: Settings) -> dict[str, float | int | str]:
    """Mean metrics over seeds (fractions), interval of the accuracy, spread and status; NaN where there is
    no run."""
    if not runs:
        names = ("accuracy", "low", "high", "precision_macro", "recall_macro", "last_accuracy", "seed_sd")
        return dict.fromkeys(names, NAN) | {"seeds": 0, "status": MISSING}
    selected = [run.metrics["selected"]["test"] for run in runs]
    accuracies = [metrics["accuracy"] for metrics in selected]
    low, high = accuracy_interval(
        np.concatenate([run.correct for run in runs]),
        np.concatenate([run.predictions["specimen"].to_numpy(dtype=str) for run in runs]),
        resamples=settings.report.bootstrap,
        seed=settings.report.seed,
    )
    return {
        "accuracy": float(np.mean(accuracies)),
        "low": low,
        "high": high,
        "precision_macro": float(np.mean([metrics["precision_macro"] for metrics in selected])),
        "recall_macro": float(np.mean([metrics["recall_macro"] for metrics in selected])),
        "last_accuracy": float(np.mean([run.metrics["last"]["test"]["accuracy"] for run in runs])),
        "seed_sd": float(np.std(accuracies, ddof=1)) if len(runs) > 1 else NAN,
        "seeds": len(runs),
        "status": f"{len(runs)} run" + ("s" if len(runs) > 1 else ""),
    }


@dataclass(frozen=True)
class Difference:
    """Network A minus network B on the same test photographs.

    Attributes:
        value: Mean difference of correctness, -1 to 1 (accuracy A minus accuracy B).
        low: Lower end of its 95 % interval by specimen.
        high: Upper end.
        only_a: Photographs only A gets right (first common seed).
        only_b: Photographs only B gets right.
        p_value: Exact McNemar test (first common seed).
    """

    value: float
    low: float
    high: float
    only_a: int
    only_b: int
    p_value: float

    @property
    def clear(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0


def compare(runs_a: list[RunRecord], runs_b: list[RunRecord], settings: Settings) -> Difference | None:
    """Paired difference over all common seeds; None if there is no pair with the same test samples."""
    pairs = [
        (a, b)
        for a in runs_a
        for b in runs_b
        if a.seed == b.seed and a.predictions["sample_id"].equals(b.predictions["sample_id"])
    ]
    if not pairs:
        return None
    values = np.concatenate([a.correct - b.correct for a, b in pairs])
    specimens = np.concatenate([a.predictions["specimen"].to_numpy(dtype=str) for a, _ in pairs])
    low, high = cluster_bootstrap(
        values, specimens, resamples=settings.report.bootstrap, seed=settings.report.seed
    )
    test = mcnemar(pairs[0][0].correct, pairs[0][1].correct)
    return Difference(float(values.mean()), low, high, test["only_a"], test["only_b"], test["p_value"])


def printed_fraction(model: str, weights: str, quantity: str) -> float:
    """The paper's figure (``accuracy``, ``precision`` or ``recall``) for a network and its weights, NaN if
    not printed.

    Table 5 states the weights; Table 4's other four networks are read as trained from scratch.
    """
    value = printed("table_5", f"{model}-{weights}", f"{quantity}_percent")
    if value is None and weights == "scratch":
        value = printed("table_4", model, f"{quantity}_percent")
    return NAN if value is None else value / 100
