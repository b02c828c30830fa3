"""What a protocol does to a test result: leak counts, the gap to the leak-free protocol, the random-label control."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from mineral_lib.data.audit import RELATIONS, count_leak, relatives
from mineral_lib.data.split import SPLITS
from mineral_lib.evaluation.statistics import accuracy_over_seeds, estimate_gap
from mineral_lib.reporting.artefacts import table
from mineral_lib.reporting.contrasts import NAN, ends_text, frame_part, percent, points, resampling
from mineral_lib.reporting.summary import WEIGHTS_WORDS, row_name, unseen_text
from mineral_lib.reporting.tables import MISSING
from mineral_lib.reporting.words import columns_of
from mineral_lib.study import Study

PROTOCOL_WORDS = {
    "grouped": "by specimen (grouped)",
    "photo": "by photograph (photo)",
    "paper": "augment, pool, split (paper)",
    "authors": "multiplied, 80:20 by image (authors)",
}
NEIGHBOUR = "1-nearest neighbour, frozen features"


@table("leakage_splits")
def table_splits(study: Study) -> tuple[pd.DataFrame, str]:
    """Sizes of the splits and how many test samples have a sibling in the training set, counted from the files."""
    rows, parts = [], []
    for protocol in PROTOCOL_WORDS:
        split = study.split(protocol)
        if split is not None:
            sizes = split["split"].value_counts().reindex(SPLITS, fill_value=0)
            leak = count_leak(split)["test"]
            rows.append({"protocol": protocol, **sizes, **leak, "status": "counted"})
            parts.append(f"{protocol} {percent(leak['same_group_share'])}")
        elif protocol in ("grouped", "paper"):
            rows.append({"protocol": protocol, "status": MISSING})
    frame = pd.DataFrame(rows, columns=list(columns_of("leakage_splits")))
    return frame, f"Test images with a relative in training: {', '.join(parts)}." if parts else ""


@table("leakage")
def table_leakage(study: Study) -> tuple[pd.DataFrame, str]:
    """The same classifier under every protocol: accuracy, interval, and the gap to the leak-free protocol."""
    rows = []
    for start, answers in (*_networks(study), *_neighbours(study)):
        outcomes = {
            protocol: {seed: _outcome(study, protocol, seed, part) for seed, part in parts.items()}
            for protocol, parts in answers.items()
        }
        rows += [start | _numbers(protocol, outcomes, study) for protocol in answers]
    names = ["row", "protocol", *columns_of("leakage"), "high", "gap_high", "gap_p", "seeds"]
    frame = pd.DataFrame(rows, columns=names)
    return frame, _read_leakage(frame, study)


# Name and labels of a classifier; by protocol and seed its test samples, with the columns specimen and correct.
Answers = tuple[dict[str, Any], dict[str, dict[int | None, pd.DataFrame]]]


def _networks(study: Study) -> Iterator[Answers]:
    """The trained networks; protocols under which one was not run have no seeds."""
    given = study.settings.leakage
    wanted = [("true", text) for text in given.runs] + [("shuffled", text) for text in given.shuffled_runs]
    for labels, text in wanted:
        model, weights = text.rsplit("-", 1)
        which = {"model": model, "weights": weights, "labels": labels}
        runs = {name: study.select(protocol=name, **which) for name in study.settings.split.protocols}
        network = row_name([run for found in runs.values() for run in found], model, study)
        yield (
            {"row": text, "network": f"{network}, {WEIGHTS_WORDS.get(weights, weights)}", "labels": labels},
            {
                name: {
                    run.seed: run.predictions().assign(correct=run.correct, epochs=len(run.history)) for run in found
                }
                for name, found in runs.items()
            },
        )


def _neighbours(study: Study) -> Iterator[Answers]:
    """The nearest neighbour on true and on shuffled labels; nothing before notebook 05 has run it."""
    if not study.paths.control.is_file():
        return
    text = {"sample_id": str, "specimen": str}
    control = study.read(study.paths.control, columns=["labels", "protocol"], numbers=["correct"], dtype=text)
    for labels in ("true", "shuffled"):
        parts = {str(name): part for name, part in control[control["labels"] == labels].groupby("protocol")}
        start = {"row": "nearest_neighbour", "network": NEIGHBOUR, "labels": labels}
        yield start, {name: {None: parts[name]} for name in study.settings.split.protocols if name in parts}


def _outcome(study: Study, protocol: str, seed: int | None, samples: pd.DataFrame) -> pd.DataFrame:
    """Test samples with the column related (1: train holds a relative, 0, or NaN without a split)."""
    split, related = study.split(protocol, seed), NAN
    if split is not None:
        flags = relatives(split).set_index("sample_id")[list(RELATIONS)].any(axis=1)
        related = samples["sample_id"].map(flags.astype(float))
    return samples.assign(related=related)


def _numbers(protocol: str, outcomes: dict[str, dict[int | None, pd.DataFrame]], study: Study) -> dict[str, Any]:
    """Numbers of one row from the outcomes of every seed."""
    numbers = {"protocol": protocol, "protocol_words": PROTOCOL_WORDS[protocol], "status": MISSING}
    seeds = outcomes[protocol]
    if not seeds:
        return numbers
    together = pd.concat(seeds.values())
    found, (low, high) = accuracy_over_seeds([frame_part(one) for one in seeds.values()], **resampling(study))
    by_relative = together.groupby("related")["correct"].mean()
    numbers |= {
        "test": len(together) // len(seeds),
        "related_share": together["related"].mean(),
        "accuracy": found.value,
        "low": low,
        "high": high,
        "seed_sd": found.seed_sd,
        "seeds": found.seeds,
        "status": "run",
        "with_relative": by_relative.get(1.0, NAN),
        "without_relative": by_relative.get(0.0, NAN),
        "epochs": together["epochs"].iloc[0] if "epochs" in together else NAN,
    }
    common = [seed for seed in seeds if seed in outcomes.get("grouped", {})]
    if protocol == "grouped" or not common:
        return numbers
    here, base = ([frame_part(outcomes[name][seed]) for seed in common] for name in (protocol, "grouped"))
    gap = estimate_gap(here, base, **resampling(study))
    low, high = gap.interval()
    return numbers | {"gap": gap.value, "gap_low": low, "gap_high": high, "gap_p": gap.p_value}


def _read_leakage(frame: pd.DataFrame, study: Study) -> str:
    """Sentence: what the paper's order adds to a network, and to a memory that is asked for labels drawn by lot."""
    parts, unseen = [], unseen_text(study)
    if (row := gap_row(frame, "true")) is not None:
        parts.append(
            f"{row['network']} names {percent(row['accuracy'])} right in the paper's order and "
            f"{percent(row['accuracy'] - row['gap'])} on {unseen}: {points(row['gap'])} points "
            f"({ends_text(row['gap_low'], row['gap_high'], int(row['seeds']))})"
        )
    if (row := gap_row(frame, "shuffled")) is not None:
        parts.append(
            f"of labels drawn by lot a nearest neighbour names {percent(row['accuracy'])} right in the paper's order "
            f"and {percent(row['accuracy'] - row['gap'])} on {unseen}"
        )
    words = "; ".join(parts)
    return f"{words[0].upper()}{words[1:]}." if words else ""


def gap_row(frame: pd.DataFrame, labels: str) -> pd.Series | None:
    """The row of ``table_leakage`` in the paper's order that is quoted, if its gap is known.

    Args:
        frame: Numbers of the table.
        labels: ``true``: the last trained network; ``shuffled``: the nearest neighbour on labels drawn by lot.
    """
    kind = frame["row"].eq("nearest_neighbour") == (labels == "shuffled")
    found = frame[kind & (frame["labels"] == labels) & (frame["protocol"] == "paper")].dropna(subset=["gap"])
    return None if found.empty else found.iloc[-1]
