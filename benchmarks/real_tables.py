"""Tables of ``real_photos.py``, each with one sentence made from its numbers."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from real_rungs import NAMES
from real_splits import DIRECTIONS, MIN_SHARED

from mineral_lib.evaluation.statistics import Estimate, Part, accuracy_over_seeds, estimate, estimate_gap, holm
from mineral_lib.reporting.contrasts import FAILS, HOLDS, estimate_text, judge
from mineral_lib.reporting.tables import Column, Table
from mineral_lib.reporting.words import percent, words

VERDICT_NOTE = words()["notes"]["verdict"]
BASELINE = "colour_histogram"
NO_NETWORK = ("majority", "nearest_neighbour", BASELINE)
PRIMARY = "squeezenet_224"  # named beforehand: the one rung whose two gaps between splits are judged
STEPS = {
    "size": ("squeezenet_224", "squeezenet_64", "frozen SqueezeNet (ImageNet), 224 px instead of 64 px"),
    "weights": ("squeezenet_64", "compact", "at 64 px, frozen SqueezeNet (ImageNet) instead of the compact network"),
    "network": (
        "lite0_224",
        "squeezenet_224",
        "frozen EfficientNet-Lite0 instead of SqueezeNet (both ImageNet), 224 px, as the recogniser uses it",
    ),
    "stages": (
        "lite0_224_320",
        "lite0_pooled",
        "means and deviations of the earlier stages added to the pooled features of EfficientNet-Lite0",
    ),
    "recogniser": ("recogniser", "compact", "what learn builds instead of the compact network"),
    "peer": ("recogniser", "fastai", "what learn builds instead of fastai's fine-tuning of EfficientNet-Lite0"),
    "colour": ("squeezenet_224_histogram", "squeezenet_224", "colour histogram added to frozen SqueezeNet, 224 px"),
}
WORDS = {HOLDS: "decided, above", FAILS: "decided, below"}
UNSEEN = (
    "Unseen photographs: near duplicates stay on one side of a split, but which photographs show the same specimen is "
    "not known, so nothing here is about unseen specimens."
)
LEARNED = (
    "All learn from the training and the validation photographs, once validation has made their choices; the compact "
    "network from the training photographs alone, since validation chooses its epoch."
)
INTERVALS = (
    "95 % intervals are over splits and photographs: a t interval of the splits' means, and a bootstrap of photographs "
    "(near duplicates together) for what all splits share; they are not corrected for the number of comparisons. SD: "
    "over the splits, which deal out the same photographs anew, so another collection may differ more."
)
INTERVAL = "95 % interval"
GAP = {
    "gap_low": Column(INTERVAL, "points", 1, until="gap_high"),
    "p_holm": Column("p (Holm)", "p"),
}


def verdict(found: Estimate, p_holm: float) -> str:
    """``decided, above`` or ``decided, below`` (zero), or ``not decided``; see ``contrasts.judge``."""
    return WORDS.get(judge(found, p_holm), "not decided")


def correct(frame: pd.DataFrame) -> np.ndarray:
    """Whether each photograph is named right, 0 or 1."""
    return (frame["class"] == frame["predicted"]).to_numpy(float)


def recalled(frame: pd.DataFrame) -> np.ndarray:
    """Correctness weighted so that all classes count alike: its mean is the macro recall."""
    sizes = frame["class"].map(frame["class"].value_counts()).to_numpy(float)
    return correct(frame) * len(frame) / frame["class"].nunique() / sizes


def parts(frame: pd.DataFrame, value: Callable[[pd.DataFrame], np.ndarray]) -> list[Part]:
    """One a seed: a number a photograph, and the photograph's group."""
    return [(value(rows), rows["group"].to_numpy(str)) for _, rows in frame.groupby("seed")]


def scores(frame: pd.DataFrame) -> dict[str, float | int]:
    """Accuracy and macro recall of one rung with their spread over seeds and 95 % intervals."""
    accuracy, (low, high) = accuracy_over_seeds(parts(frame, correct))
    recall = estimate(parts(frame, recalled))
    ends = np.clip(recall.interval(), 0, 1)
    return {
        "accuracy": accuracy.value,
        "low": low,
        "high": high,
        "seed_sd": accuracy.seed_sd,
        "recall_macro": recall.value,
        "recall_low": ends[0],
        "recall_high": ends[1],
        "recall_sd": recall.seed_sd,
        "seeds": accuracy.seeds,
        "test_photographs": len(frame) // accuracy.seeds,
    }


def difference(a: pd.DataFrame, b: pd.DataFrame) -> Estimate:
    """Accuracy of one rung minus that of another, photograph by photograph.

    Raises:
        ValueError: They were not tested on the same photographs.
    """
    keys = ["seed", "photo"]
    a, b = a.sort_values(keys, ignore_index=True), b.sort_values(keys, ignore_index=True)
    if not a[keys].equals(b[keys]):
        raise ValueError("the rungs were not tested on the same photographs")
    rows = a.assign(gain=correct(a) - correct(b))
    return estimate(parts(rows, lambda part: part["gain"].to_numpy()))


def judged(gaps: Mapping[str, Estimate]) -> dict[str, dict]:
    """Columns of a family of differences that are judged together."""
    corrected = holm([gap.p_value for gap in gaps.values()])
    return {
        name: {
            "gap": gap.value,
            "gap_low": gap.interval()[0],
            "gap_high": gap.interval()[1],
            "p_holm": p,
            "status": verdict(gap, p),
        }
        for (name, gap), p in zip(gaps.items(), corrected, strict=True)
    }


def table_rungs(predictions: pd.DataFrame) -> Table:
    """Every rung on the grouped split, and the networks against the colour histogram."""
    frames = {name: rows for name in NAMES if len(rows := predictions[predictions["rung"] == name])}
    gaps = {name: difference(rows, frames[BASELINE]) for name, rows in frames.items() if name not in NO_NETWORK}
    lines = judged(gaps)
    rows = [
        {"rung": name, "name": NAMES[name], **scores(frame), **lines.get(name, {})} for name, frame in frames.items()
    ]
    columns = {
        "name": Column("rung"),
        "accuracy": Column("accuracy, %", "percent", 1),
        "low": Column(INTERVAL, "percent", 1, until="high"),
        "seed_sd": Column("SD", "percent", 1),
        "recall_macro": Column("macro recall, %", "percent", 1),
        "recall_low": Column(INTERVAL, "percent", 1, until="recall_high"),
        "recall_sd": Column("SD", "percent", 1),
        "gap": Column("minus histogram, points", "points", 1),
        **GAP,
        "status": Column("against the histogram"),
        "test_photographs": Column("test photographs", "integer"),
        "seeds": Column("splits", "integer"),
    }
    finding = read_rungs({row["rung"]: row["accuracy"] for row in rows}, gaps)
    return Table(
        "real_photos",
        "Real photographs, grouped split",
        pd.DataFrame(rows),
        columns,
        [UNSEEN, LEARNED, INTERVALS, VERDICT_NOTE],
        finding,
    )


def read_rungs(accuracies: Mapping[str, float], gaps: Mapping[str, Estimate]) -> str:
    """Sentence: which rung is best, and whether it and the compact network are above the colour histogram."""
    best = max(accuracies, key=lambda name: accuracies[name])
    lines = judged(gaps)
    found = [
        f"{NAMES[name]}: {estimate_text(gaps[name])}, {lines[name]['status']}"
        for name in dict.fromkeys([best, "compact"])
        if name in gaps
    ]
    text = f"Highest accuracy: {NAMES[best]}, {percent(accuracies[best])}"
    if found:
        text += f"; against the colour histogram ({percent(accuracies[BASELINE])}), {'; '.join(found)}"
    return f"{text}."


def table_steps(predictions: pd.DataFrame) -> Table:
    """What size, weights and colour are worth, one at a time."""
    frames = {name: rows for name, rows in predictions.groupby("rung")}
    gaps = {key: difference(frames[a], frames[b]) for key, (a, b, _) in STEPS.items() if {a, b} <= set(frames)}
    rows = [{"step": key, "name": STEPS[key][2], **line} for key, line in judged(gaps).items()]
    columns = {"name": Column("step"), "gap": Column("points", "points", 1), **GAP, "status": Column("verdict")}
    return Table(
        "steps",
        "Real photographs: size, weights, colour",
        pd.DataFrame(rows),
        columns,
        [INTERVALS, VERDICT_NOTE],
        read_steps(gaps),
    )


def read_steps(gaps: Mapping[str, Estimate]) -> str:
    """Sentence: the worth of every step."""
    lines = judged(gaps)
    text = "; ".join(f"{STEPS[key][2]}: {estimate_text(gap)}, {lines[key]['status']}" for key, gap in gaps.items())
    return f"{text[0].upper()}{text[1:]}." if text else ""


def table_sources(predictions: pd.DataFrame, counts: Mapping[str, int]) -> Table:
    """Every rung on the split by source and on the random split of the same size.

    Args:
        predictions: With the columns ``split`` (``source`` or ``random``) and ``direction``.
        counts: ``photographs`` and ``classes`` of the dominating source, ``used``, and for each direction the
            photographs that are trained on.
    """
    rows, gaps = [], {}
    for direction, name in [(d, n) for d in DIRECTIONS for n in NAMES]:
        chosen = predictions[(predictions["direction"] == direction) & (predictions["rung"] == name)]
        if chosen.empty:
            continue
        source, random = (chosen[chosen["split"] == split] for split in ("source", "random"))
        gap = estimate_gap(parts(source, correct), parts(random, correct))
        rows.append(
            {
                "direction": direction,
                "words": DIRECTIONS[direction],
                "rung": name,
                "name": NAMES[name],
                **scores(source),
                **{f"random_{key}": value for key, value in scores(random).items()},
                "gap": gap.value,
                "gap_low": gap.interval()[0],
                "gap_high": gap.interval()[1],
                "train_photographs": counts[direction],
            }
        )
        if name == PRIMARY:
            gaps[direction] = gap
    lines = judged(gaps)
    for row in rows:
        row |= lines[row["direction"]] if row["rung"] == PRIMARY else {}
    frame = pd.DataFrame(rows)
    return Table(
        "by_source",
        "Real photographs, split by source and grouped",
        frame,
        _source_columns(),
        _source_notes(counts),
        read_sources_table(frame, gaps, counts),
    )


def _source_columns() -> dict[str, Column]:
    return {
        "words": Column("split by source"),
        "name": Column("rung"),
        "accuracy": Column("accuracy, %", "percent", 1),
        "low": Column(INTERVAL, "percent", 1, until="high"),
        "seed_sd": Column("SD", "percent", 1),
        "recall_macro": Column("macro recall, %", "percent", 1),
        "recall_sd": Column("SD", "percent", 1),
        "random_accuracy": Column("random split, accuracy, %", "percent", 1),
        "random_low": Column(INTERVAL, "percent", 1, until="random_high"),
        "random_seed_sd": Column("SD", "percent", 1),
        "random_recall_macro": Column("random split, macro recall, %", "percent", 1),
        "gap": Column("by source minus random, points", "points", 1),
        **GAP,
        "status": Column("gap"),
        "train_photographs": Column("train photographs", "integer"),
        "test_photographs": Column("test photographs", "integer"),
    }


def _source_notes(counts: Mapping[str, int]) -> list[str]:
    return [
        f"The dominating source holds {counts['photographs']} of the {counts['used']} photographs, in "
        f"{counts['classes']} classes: of all sources the one with the largest share of the classes that it shares "
        f"with others (at least {MIN_SHARED} photographs on each side). Only these classes are used.",
        "The random split is grouped too and has as many photographs of each class in training and test. A quarter of "
        "the photographs that are learned from choose the strength of regularisation first. By source, only that "
        "choice differs between seeds, so the SD is small by construction.",
        f"Judged are the two gaps of {NAMES[PRIMARY]}, named beforehand.",
        UNSEEN,
        INTERVALS,
        VERDICT_NOTE,
    ]


def read_sources_table(rows: pd.DataFrame, gaps: Mapping[str, Estimate], counts: Mapping[str, int]) -> str:
    """Sentence: what the split by source costs the primary rung, in both directions."""
    lines, text = judged(gaps), []
    for direction, gap in gaps.items():
        row = rows[(rows["rung"] == PRIMARY) & (rows["direction"] == direction)].iloc[0]
        text.append(
            f"{DIRECTIONS[direction]} {percent(row['accuracy'])}, random split of the same size "
            f"{percent(row['random_accuracy'])}: {estimate_text(gap)}, {lines[direction]['status']}"
        )
    head = f"{counts['classes']} classes, source with {counts['photographs']} photographs, {NAMES[PRIMARY]}"
    return f"{head}: {'; '.join(text)}." if text else ""
