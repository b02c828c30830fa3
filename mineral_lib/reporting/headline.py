"""The report's first box: what was run, on what, and the few numbers that matter."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mineral_lib.config import PROPOSED, Settings
from mineral_lib.reporting.ablation import CORNERS, GAINS, contrast
from mineral_lib.reporting.leakage import control_gap, leakage_gap, read_split, table_leakage
from mineral_lib.reporting.records import RunRecord, row_name
from mineral_lib.reporting.summary import main_runs, summarise
from mineral_lib.reporting.verdicts import points
from mineral_lib.storage import ResultPaths

ABSENT = "not run"


@dataclass(frozen=True)
class Fact:
    """One number of the headline box.

    Attributes:
        name: What it is.
        value: The number as text.
        detail: How sure it is, or what to compare it with.
    """

    name: str
    value: str
    detail: str


def chance_level(paths: ResultPaths) -> tuple[float, float] | None:
    """Accuracy of always naming the commonest training class on the grouped test set, and 1 / number of
    classes."""
    split = read_split(paths, "grouped")
    if split is None or not (split["split"] == "test").any():
        return None
    train, test = split[split["split"] == "train"], split[split["split"] == "test"]
    commonest = (train if len(train) else test)["label"].mode().iloc[0]
    return float((test["label"] == commonest).mean()), 1 / test["label"].nunique()


def describe_data(paths: ResultPaths, settings: Settings) -> str:
    """One sentence on the photographs, counted from the index."""
    if not paths.index.is_file():
        return "No index of photographs was found."
    index = pd.read_csv(paths.index, dtype=str, keep_default_na=False)
    kind = "generated images" if settings.data.source == "synthetic" else "photographs of the given folder"
    specimens = index.loc[index["specimen"] != "", "specimen"].nunique()
    of = f" of {specimens:,} specimens" if specimens else ""
    minerals = index["class_name"].nunique()
    return f"{len(index):,} {kind}{of}, {minerals} minerals, {settings.data.image_size_px} px."


def facts(runs: list[RunRecord], settings: Settings, paths: ResultPaths) -> list[Fact]:
    """The numbers of the headline box, in reading order."""
    proposed = main_runs(runs, settings, model=PROPOSED, weights="transfer")
    numbers = summarise(proposed, settings)
    name = row_name(proposed, PROPOSED, settings)
    chance = chance_level(paths)
    found = [
        Fact(
            f"{name}: accuracy on unseen specimens",
            f"{100 * numbers['accuracy']:.1f} %" if proposed else ABSENT,
            f"95 % interval {100 * numbers['low']:.1f} to {100 * numbers['high']:.1f} %" if proposed else "",
        )
    ]
    if chance:
        found.append(
            Fact(
                "Chance level",
                f"{100 * chance[1]:.1f} %",
                f"always the commonest mineral: {100 * chance[0]:.1f} %",
            )
        )
    found += _leak(runs, settings, paths)
    corners = {corner: main_runs(runs, settings, model=m, weights=w) for corner, (m, w) in CORNERS.items()}
    for title, key in (
        ("Does transfer help?", "transfer alone"),
        ("Does channel attention help?", "ECA alone"),
    ):
        gain = contrast(corners, GAINS[key], settings)
        if np.isnan(gain["accuracy"]):
            found.append(Fact(title, ABSENT, ""))
        else:
            answer = "yes" if gain["low"] > 0 else "no, it harms" if gain["high"] < 0 else "undecided"
            found.append(
                Fact(
                    title,
                    answer,
                    f"{points(gain['accuracy'])} points ({points(gain['low'])} to {points(gain['high'])})",
                )
            )
    return found


def _leak(runs: list[RunRecord], settings: Settings, paths: ResultPaths) -> list[Fact]:
    table = table_leakage(runs, settings, paths)
    row, control = leakage_gap(table), control_gap(table)
    gap = Fact("Leakage gap", ABSENT, "the same network under the paper's order")
    if row is not None:
        words = f"{row['network']}: {100 * row['accuracy']:.1f} % in the paper's order (augment, then split)"
        gap = Fact("Leakage gap", f"{points(row['gap'])} points", words)
    if control is None:
        return [gap]
    unseen = 100 * (control["accuracy"] - control["gap"])
    words = f"named right in the paper's order by a nearest neighbour; {unseen:.1f} % on unseen specimens"
    return [gap, Fact("Labels drawn by lot", f"{100 * control['accuracy']:.1f} %", words)]
