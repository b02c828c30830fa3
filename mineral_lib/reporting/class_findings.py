"""Sentences on what came out class by class, made from a run's predictions."""

import pandas as pd

from mineral_lib.catalogue import display_name
from mineral_lib.training.run import Run


def read_classes(frame: pd.DataFrame) -> str:
    """Sentence: median recall, and the classes at both ends."""
    tested = frame.dropna(subset=["recall"])
    if tested.empty:
        return ""
    best, worst = (tested.loc[place] for place in (tested["recall"].idxmax(), tested["recall"].idxmin()))
    return (
        f"Median recall {100 * tested['recall'].median():.1f} %; highest {best['mineral']} "
        f"({100 * best['recall']:.1f} %), lowest {worst['mineral']} ({100 * worst['recall']:.1f} %)."
    )


def read_confusion(run: Run) -> str:
    """Sentence: how many test photographs are wrong, and the most frequent confusion."""
    wrong = run.predictions()[run.predictions()["label"] != run.predictions()["predicted"]]
    total = len(run.predictions())
    if wrong.empty:
        return f"All {total} test photographs are named correctly."
    pairs = wrong.groupby(["label", "predicted"]).size()
    (label, predicted), count = pairs.idxmax(), int(pairs.max())
    names = f"{display_name(run.classes[label], 'en')} taken for {display_name(run.classes[predicted], 'en')}"
    return f"{len(wrong)} of {total} test photographs are named wrongly; most often {names} ({count})."
