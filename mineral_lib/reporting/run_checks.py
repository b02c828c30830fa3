"""Further rules applied to this profile's runs: speed, cost of training, all three metrics, over-fitting, evidence."""

import numpy as np
import pandas as pd

from mineral_lib.config import PROPOSED
from mineral_lib.reporting.ablation import BASE
from mineral_lib.reporting.contrasts import MIN_SEEDS
from mineral_lib.reporting.convergence import epochs_to, too_short
from mineral_lib.reporting.summary import row_name, summarise, weights_in_block
from mineral_lib.reporting.verdicts import FAILS, HOLDS, NOT_RUN, UNDECIDED, UNTESTABLE, check_best, points
from mineral_lib.study import Study
from mineral_lib.training.run import Run

SPEED_NOISE = 0.03  # two timings of one network differ by so much on a shared machine
OVERFIT = 0.05  # distance of training to validation accuracy that is called over-fitting
METRICS = {"accuracy": "accuracy", "precision_macro": "precision", "recall_macro": "recall"}


def _decided(verdict: str, runs: list[Run]) -> str:
    return verdict if len({run.seed for run in runs}) >= MIN_SEEDS else UNDECIDED


def check_training_speed(study: Study) -> tuple[str, str]:
    """Are more images a second trained with attention than without, in every pair of runs of one start and seed?"""
    ratios = []
    for weights in ("scratch", "transfer"):
        base, eca = (study.select(model=m, weights=weights) for m in (BASE, PROPOSED))
        ratios += [
            b.manifest["images_per_second"] / a.manifest["images_per_second"]
            for a in base
            for b in eca
            if a.seed == b.seed
        ]
    if not ratios:
        return NOT_RUN, ""
    low, high = min(ratios) - 1, max(ratios) - 1
    verdict = HOLDS if low > SPEED_NOISE else FAILS if high < -SPEED_NOISE else UNDECIDED
    words = f"{100 * low:+.0f} to {100 * high:+.0f} % in {len(ratios)} pairs of runs".replace("-", "−")
    return verdict, f"Images a second with attention, against without: {words}."


def check_transfer_speed(study: Study) -> tuple[str, str]:
    """Does a ConvNeXt with transfer reach the best validation accuracy of one from scratch in fewer epochs?"""
    scratch, transfer = (study.select(model=BASE, weights=w) for w in ("scratch", "transfer"))
    pairs = [
        (a.history["val_accuracy"], b.history["val_accuracy"].to_numpy())
        for a in scratch
        for b in transfer
        if a.seed == b.seed
    ]
    if not pairs:
        return NOT_RUN, ""
    without = float(np.median([curve.to_numpy().argmax() + 1 for curve, _ in pairs]))
    needed = float(np.median(np.nan_to_num([epochs_to(curve, best.max()) for best, curve in pairs], nan=np.inf)))
    verdict = _decided(HOLDS if needed < without else FAILS if needed > without else UNDECIDED, transfer)
    reached = f"after {needed:g} epochs" if np.isfinite(needed) else "never"
    source = " The epochs of pre-training are not counted." if study.settings.weights.source == "formula" else ""
    return verdict, f"Best from scratch after {without:g} epochs; with transfer as good {reached}.{source}"


def check_all_metrics(study: Study) -> tuple[str, str]:
    """Is the proposed network first in accuracy, precision and recall?

    Holds if it is and its accuracy is clearly ahead (``check_best``), fails if it is first in none.
    """
    found = {m: study.select(model=m, weights=weights_in_block(m, "as_read")) for m in study.settings.comparison.models}
    numbers = {m: summarise(records, study) for m, records in found.items() if records}
    if PROPOSED not in numbers or len(numbers) < 2:
        return NOT_RUN, ""
    table = pd.DataFrame(numbers).T[list(METRICS)].astype(float)
    first = [words for name, words in METRICS.items() if table[name].idxmax() == PROPOSED]
    clear = check_best(study, "as_read")[0]
    verdict = HOLDS if len(first) == 3 and clear == HOLDS else FAILS if not first else UNDECIDED
    verdict = _decided(verdict, found[PROPOSED])
    leaders = {words: row_name(found[m := table[name].idxmax()], m, study.settings) for name, words in METRICS.items()}
    return verdict, "First in " + ", ".join(f"{words}: {name}" for words, name in leaders.items()) + "."


def check_own_overfitting(study: Study) -> tuple[str, str]:
    """Does the proposed network end with training and validation accuracy close together, specimens kept apart?"""
    found = study.select(model=PROPOSED, weights="transfer")
    if not found:
        return NOT_RUN, ""
    last = pd.DataFrame([run.history.iloc[-1] for run in found])[["train_accuracy", "val_accuracy"]].mean()
    gap = last["train_accuracy"] - last["val_accuracy"]
    verdict = _decided(HOLDS if gap < OVERFIT else FAILS, found)
    if too_short(study):
        verdict = UNTESTABLE
    return verdict, (
        f"After {study.settings.train.epochs} epochs {100 * last['train_accuracy']:.1f} % in training (augmented), "
        f"and {100 * last['val_accuracy']:.1f} % in validation: {points(gap)} points."
    )
