"""Further rules applied to this profile's runs: speed, cost of training, all three metrics, over-fitting, evidence."""

import numpy as np
import pandas as pd

from mineral_lib.config import NETWORK_NAMES, PROPOSED, Settings
from mineral_lib.reporting.ablation import BASE
from mineral_lib.reporting.convergence import epochs_to
from mineral_lib.reporting.records import RunRecord, row_name
from mineral_lib.reporting.summary import main_runs, summarise, weights_in_block
from mineral_lib.reporting.verdicts import FAILS, HOLDS, NOT_RUN, UNDECIDED, UNTESTABLE, check_best, points
from mineral_lib.storage import ResultPaths

SPEED_NOISE = 0.03  # two timings of one network differ by so much on a shared machine
OVERFIT = 0.05  # distance of training to validation accuracy that is called over-fitting
METRICS = {"accuracy": "accuracy", "precision_macro": "precision", "recall_macro": "recall"}
BLIND_MAP, HOTTEST = "blind centre map", ("hottest place on specimen", "low", "high")
MIN_SEEDS = 3  # with fewer, nothing about training is decided
FULL_TRAINING = 60  # epochs below which a statement on the end of training is not tested


def _decided(verdict: str, runs: list[RunRecord]) -> str:
    return verdict if len({run.seed for run in runs}) >= MIN_SEEDS else UNDECIDED


def check_training_speed(runs: list[RunRecord], settings: Settings) -> tuple[str, str]:
    """Are more images a second trained with attention than without, in every pair of runs of one start and seed?"""
    ratios = []
    for weights in ("scratch", "transfer"):
        base, eca = (main_runs(runs, settings, model=m, weights=weights) for m in (BASE, PROPOSED))
        ratios += [
            b.manifest["images_per_second"] / a.manifest["images_per_second"]
            for a in base for b in eca if a.seed == b.seed
        ]  # fmt: skip
    if not ratios:
        return NOT_RUN, ""
    low, high = min(ratios) - 1, max(ratios) - 1
    verdict = HOLDS if low > SPEED_NOISE else FAILS if high < -SPEED_NOISE else UNDECIDED
    words = f"{100 * low:+.0f} to {100 * high:+.0f} % in {len(ratios)} pairs of runs".replace("-", "−")
    return verdict, f"Images a second with attention, against without: {words}."


def check_transfer_speed(runs: list[RunRecord], settings: Settings) -> tuple[str, str]:
    """Does a ConvNeXt with transfer reach the best validation accuracy of one from scratch in fewer epochs?"""
    scratch, transfer = (main_runs(runs, settings, model=BASE, weights=w) for w in ("scratch", "transfer"))
    pairs = [(a.history["val_accuracy"], b.history["val_accuracy"].to_numpy())
             for a in scratch for b in transfer if a.seed == b.seed]  # fmt: skip
    if not pairs:
        return NOT_RUN, ""
    without = float(np.median([curve.to_numpy().argmax() + 1 for curve, _ in pairs]))
    needed = float(np.median(np.nan_to_num([epochs_to(curve, best.max()) for best, curve in pairs], nan=np.inf)))
    verdict = _decided(HOLDS if needed < without else FAILS if needed > without else UNDECIDED, transfer)
    reached = f"after {needed:g} epochs" if np.isfinite(needed) else "never"
    source = " The epochs of pre-training are not counted." if settings.weights.source == "formula" else ""
    return verdict, f"Best from scratch after {without:g} epochs; with transfer as good {reached}.{source}"


def check_all_metrics(runs: list[RunRecord], settings: Settings) -> tuple[str, str]:
    """Is the proposed network first in accuracy, precision and recall?

    Holds if it is and its accuracy is clearly ahead (``check_best``), fails if it is first in none.
    """
    found = {m: main_runs(runs, settings, model=m, weights=weights_in_block(m, "as_read"))
             for m in settings.comparison.models}  # fmt: skip
    numbers = {m: summarise(records, settings) for m, records in found.items() if records}
    if PROPOSED not in numbers or len(numbers) < 2:
        return NOT_RUN, ""
    table = pd.DataFrame(numbers).T[list(METRICS)].astype(float)
    first = [words for name, words in METRICS.items() if table[name].idxmax() == PROPOSED]
    clear = check_best(runs, settings, "as_read")[0]
    verdict = HOLDS if len(first) == 3 and clear == HOLDS else FAILS if not first else UNDECIDED
    verdict = _decided(verdict, found[PROPOSED])
    leaders = {words: row_name(found[m := table[name].idxmax()], m, settings) for name, words in METRICS.items()}
    return verdict, "First in " + ", ".join(f"{words}: {name}" for words, name in leaders.items()) + "."


def check_own_overfitting(runs: list[RunRecord], settings: Settings) -> tuple[str, str]:
    """Does the proposed network end with training and validation accuracy close together, specimens kept apart?"""
    found = main_runs(runs, settings, model=PROPOSED, weights="transfer")
    if not found:
        return NOT_RUN, ""
    last = pd.DataFrame([run.history.iloc[-1] for run in found])[["train_accuracy", "val_accuracy"]].mean()
    gap = last["train_accuracy"] - last["val_accuracy"]
    verdict = _decided(HOLDS if gap < OVERFIT else FAILS, found)
    if settings.train.epochs < FULL_TRAINING:
        verdict = UNTESTABLE
    return verdict, (
        f"After {settings.train.epochs} epochs {100 * last['train_accuracy']:.1f} % in training (augmented), "
        f"and {100 * last['val_accuracy']:.1f} % in validation: {points(gap)} points."
    )


def read_evidence(paths: ResultPaths) -> pd.DataFrame | None:
    """The table of Grad-CAM evidence, or None where it was not made (or by a version without intervals)."""
    file = paths.tables_dir / "grad_cam_evidence.csv"
    table = pd.read_csv(file, dtype=str, keep_default_na=False) if file.is_file() else pd.DataFrame()
    return table if {"network", "start", *HOTTEST} <= set(table.columns) else None


def _hottest(table: pd.DataFrame, name: str, start: str) -> pd.Series | None:
    """Mean over seeds of how often a network's hottest place is on the specimen, and of the interval's ends."""
    rows = table[table["network"].str.startswith(name) & (table["start"] == start)]
    numbers = rows[list(HOTTEST)].astype(float)
    return None if rows.empty else pd.Series([*numbers.mean(), len(rows)], ["value", "low", "high", "seeds"])


def check_evidence_better(paths: ResultPaths) -> tuple[str, str]:
    """Is the proposed network's hottest place on the specimen more often than that of every other network?

    By the intervals of the table: holds if all others end below, fails if one begins above.
    """
    table = read_evidence(paths)
    mine = None if table is None else _hottest(table, NETWORK_NAMES[PROPOSED], "transfer")
    if mine is None:
        return NOT_RUN, ""
    names = {model: name for model, name in NETWORK_NAMES.items() if model != PROPOSED}
    others = {name: found for name in names.values() if (found := _hottest(table, name, "scratch")) is not None}
    if not others:
        return NOT_RUN, ""
    above = sum(other["low"] > mine["high"] for other in others.values())
    below = sum(other["high"] < mine["low"] for other in others.values())
    best = max(others, key=lambda name: others[name]["value"])
    verdict = FAILS if above else HOLDS if below == len(others) else UNDECIDED
    return (verdict if mine["seeds"] >= MIN_SEEDS else UNDECIDED), (
        f"Hottest place on the specimen in {100 * mine['value']:.1f} % of photographs, with {best} in "
        f"{100 * others[best]['value']:.1f} %; clearly above {below} and below {above} of {len(others)} networks."
    )


def check_evidence_kind(paths: ResultPaths) -> tuple[str, str]:
    """Are the maps of the proposed network more on the mineral than a map that looks at nothing?

    Edges and colour of the mineral can be its evidence only if they are; more than that a map cannot show.
    """
    table = read_evidence(paths)
    mine = None if table is None else _hottest(table, NETWORK_NAMES[PROPOSED], "transfer")
    blind = None if table is None else _hottest(table, BLIND_MAP, "")
    if mine is None or blind is None:
        return NOT_RUN, ""
    verdict = HOLDS if mine["low"] > blind["high"] else FAILS if mine["high"] < blind["low"] else UNDECIDED
    return (verdict if mine["seeds"] >= MIN_SEEDS else UNDECIDED), (
        f"Hottest place on the specimen in {100 * mine['value']:.1f} % of photographs, that of a blind map of the "
        f"middle in {100 * blind['value']:.1f} %. No map of places tells edges from colour."
    )
