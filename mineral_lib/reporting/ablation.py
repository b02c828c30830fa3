"""Table 5: attention and transfer, alone and together, with the interaction the paper does not compute."""

import numpy as np
import pandas as pd

from mineral_lib.config import PROPOSED, Settings
from mineral_lib.evaluation.statistics import cluster_bootstrap
from mineral_lib.paper import printed
from mineral_lib.reporting import notes
from mineral_lib.reporting.records import WEIGHTS_WORDS, RunRecord, row_name, select_runs
from mineral_lib.reporting.summary import NAN, compare, main_runs, printed_fraction, summarise
from mineral_lib.reporting.tables import MISSING, Column, Table

BASE = "convnext_tiny"
CORNERS = {
    "base": (BASE, "scratch"),
    "eca": (PROPOSED, "scratch"),
    "transfer": (BASE, "transfer"),
    "both": (PROPOSED, "transfer"),
}
_COLUMNS_5 = {
    "network": Column("network"),
    "weights": Column("weights"),
    "parameters": Column("ours, parameters", "integer"),
    "paper_parameters_million": Column("paper, million", "number"),
    "size_mib": Column("ours, MiB", "number"),
    "paper_size_mib": Column("paper, 'M'", "number"),
    "accuracy": Column("ours, acc. %", "percent", 1),
    "low": Column("95 % interval", "percent", 1, until="high"),
    "paper_accuracy": Column("paper, acc. %", "percent"),
    "precision_macro": Column("ours, P %", "percent", 1),
    "paper_precision": Column("paper, P %", "percent"),
    "recall_macro": Column("ours, R %", "percent", 1),
    "paper_recall": Column("paper, R %", "percent"),
    "gain": Column("ours, gain", "points", 1),
    "paper_gain": Column("paper, gain", "points"),
    "status": Column("runs"),
}


def table_5(runs: list[RunRecord], settings: Settings) -> Table:
    """Table 5 with measured parameters and sizes, gains over the first row and their intervals."""
    base = main_runs(runs, settings, model=BASE, weights="scratch")
    rows = []
    for text in settings.ablation.rows:
        model, _, weights = text.rpartition("-")
        found = main_runs(runs, settings, model=model, weights=weights)
        gain = None if (model, weights) == CORNERS["base"] else compare(found, base, settings)
        paper = {
            f"paper_{name}": printed_fraction(model, weights, name)
            for name in ("accuracy", "precision", "recall")
        }
        rows.append(
            {
                "row": text,
                "model": model,
                "network": row_name(found, model, settings),
                "weights": WEIGHTS_WORDS[weights],
                **_size(found),
                "paper_parameters_million": _printed(text, "parameters_million"),
                "paper_size_mib": _printed(text, "size_mib"),
                **summarise(found, settings),
                **paper,
                "gain": gain.value if gain else NAN,
                "gain_low": gain.low if gain else NAN,
                "gain_high": gain.high if gain else NAN,
                "paper_gain": paper["paper_accuracy"] - printed_fraction(BASE, "scratch", "accuracy")
                if (model, weights) != CORNERS["base"]
                else NAN,
            }
        )
    sentences = [
        notes.PARAMETER_COLUMN,
        notes.SIZE_COLUMN,
        notes.EXACT_TWO,
        notes.ECA_LOG,
        notes.AUTHORS_RATE,
        notes.LEAK,
        notes.INTERVAL,
        *notes.context_notes(settings),
    ]
    title = "Table 5. Effect of attention and transfer on ConvNeXt"
    return Table("table_5_ablation", title, pd.DataFrame(rows), _COLUMNS_5, sentences)


def _size(runs: list[RunRecord]) -> dict[str, float]:
    manifest = runs[0].manifest if runs else {}
    return {name: manifest.get(name, NAN) for name in ("parameters", "size_mib", "gmacs")}


def _printed(row: str, quantity: str) -> float:
    value = printed("table_5", row, quantity)
    return NAN if value is None else value


GAINS = {
    "ECA alone": {"eca": 1, "base": -1},
    "transfer alone": {"transfer": 1, "base": -1},
    "sum of the two": {"eca": 1, "transfer": 1, "base": -2},
    "both together": {"both": 1, "base": -1},
    "interaction (both − sum)": {"both": 1, "eca": -1, "transfer": -1, "base": 1},
}
_COLUMNS_GAINS = {
    "gain": Column("gain over ConvNeXt from scratch"),
    "accuracy": Column("ours, acc.", "points", 1),
    "low": Column("95 % interval", "points", 1, until="high"),
    "precision": Column("ours, P", "points", 1),
    "recall": Column("ours, R", "points", 1),
    "paper_accuracy": Column("paper, acc.", "points"),
    "paper_precision": Column("paper, P", "points"),
    "paper_recall": Column("paper, R", "points"),
    "status": Column("status"),
}


def table_5_gains(runs: list[RunRecord], settings: Settings) -> Table:
    """Gains in percentage points and the interaction: both together minus the sum of the two single gains."""
    corners = {
        name: main_runs(runs, settings, model=model, weights=weights)
        for name, (model, weights) in CORNERS.items()
    }
    rows = [
        {"gain": name, **contrast(corners, signs, settings), **_paper_contrast(signs)}
        for name, signs in GAINS.items()
    ]
    sentences = [
        notes.EXACT_TWO,
        "Percentage points. A negative interaction means that the two do less together than their sum: "
        "each already does "
        "part of the other's work, or both come near the ceiling.",
        notes.INTERVAL,
        *notes.context_notes(settings),
    ]
    return Table(
        "table_5_gains",
        "Gains of attention and transfer, and their interaction",
        pd.DataFrame(rows),
        _COLUMNS_GAINS,
        sentences,
    )


def contrast(
    corners: dict[str, list[RunRecord]], signs: dict[str, int], settings: Settings
) -> dict[str, object]:
    """A signed sum of rows of Table 5 (fractions) with the interval of its accuracy by specimen.

    Args:
        corners: Runs of each corner (``CORNERS``), one a seed.
        signs: Weight of each corner, adding up to 0.
        settings: The profile.
    """
    by_seed = [{run.seed: run for run in corners[name]} for name in signs]
    seeds = sorted(set.intersection(*(set(runs) for runs in by_seed)))
    sets = [[runs[seed] for runs in by_seed] for seed in seeds]
    sets = [
        s for s in sets if all(s[0].predictions["sample_id"].equals(r.predictions["sample_id"]) for r in s)
    ]
    if not sets:
        return dict.fromkeys(("accuracy", "low", "high", "precision", "recall"), NAN) | {"status": MISSING}
    factors = list(signs.values())
    values = np.concatenate([sum(f * r.correct for f, r in zip(factors, s, strict=True)) for s in sets])
    specimens = np.concatenate([s[0].predictions["specimen"].to_numpy(dtype=str) for s in sets])
    low, high = cluster_bootstrap(
        values, specimens, resamples=settings.report.bootstrap, seed=settings.report.seed
    )
    macro = {
        name: float(
            np.mean(
                [
                    sum(
                        f * r.metrics["selected"]["test"][f"{name}_macro"]
                        for f, r in zip(factors, s, strict=True)
                    )
                    for s in sets
                ]
            )
        )
        for name in ("precision", "recall")
    }
    verdict = "clear" if low > 0 or high < 0 else "within noise"
    return {"accuracy": float(values.mean()), "low": low, "high": high, **macro, "status": verdict}


def _paper_contrast(signs: dict[str, int]) -> dict[str, float]:
    return {
        f"paper_{name}": sum(
            sign * printed_fraction(*CORNERS[corner], name) for corner, sign in signs.items()
        )
        for name in ("accuracy", "precision", "recall")
    }


_COLUMNS_PLACEMENT = {
    "placement": Column("ECA placement"),
    "weights": Column("weights"),
    "parameters": Column("parameters", "integer"),
    "accuracy": Column("acc. %", "percent", 1),
    "low": Column("95 % interval", "percent", 1, until="high"),
    "precision_macro": Column("P %", "percent", 1),
    "recall_macro": Column("R %", "percent", 1),
    "status": Column("runs"),
}


def table_placements(runs: list[RunRecord], settings: Settings) -> Table:
    """Sensitivity to where the ECA modules sit, which the paper leaves open."""
    rows = []
    for placement in dict.fromkeys([settings.model.eca_placement, *settings.ablation.placements]):
        for weights in ("scratch", "transfer"):
            found = select_runs(runs, model=PROPOSED, weights=weights, placement=placement)
            rows.append(
                {
                    "placement": placement,
                    "weights": WEIGHTS_WORDS[weights],
                    **_size(found),
                    **summarise(found, settings),
                }
            )
    sentences = [notes.PLACEMENT, notes.INTERVAL, *notes.context_notes(settings)]
    return Table(
        "table_5_placements",
        "Where the attention modules sit",
        pd.DataFrame(rows),
        _COLUMNS_PLACEMENT,
        sentences,
    )
