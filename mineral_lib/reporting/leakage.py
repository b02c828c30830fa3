"""What a protocol does to a test result: leak counts, the gap to the leak-free protocol, the random-label control."""

from typing import Any

import pandas as pd

from mineral_lib.data import split as data_split
from mineral_lib.data.audit import RELATIONS, count_leak, relatives
from mineral_lib.evaluation.statistics import Part, accuracy_over_seeds, estimate_gap
from mineral_lib.reporting.artefacts import table
from mineral_lib.reporting.contrasts import NAN, ends_text, percent, points, resampling
from mineral_lib.reporting.summary import run_row, unseen_text
from mineral_lib.reporting.tables import MISSING, Table
from mineral_lib.reporting.words import columns_of
from mineral_lib.study import Study

PROTOCOL_WORDS = {
    "grouped": "by specimen (grouped)",
    "photo": "by photograph (photo)",
    "paper": "augment, pool, split (paper)",
    "authors": "multiplied, 80:20 by image (authors)",
}
NEIGHBOUR = "1-nearest neighbour, frozen features"


def read_split(study: Study, protocol: str, seed: int | None = None) -> pd.DataFrame | None:
    """The split of a protocol (that of a seed, where seeds have their own), or None if it was not made."""
    own = study.paths.splits_dir / f"{protocol}-seed{seed}.csv"
    path = own if own.is_file() else study.paths.splits_dir / f"{protocol}.csv"
    return data_split.read_split(path) if path.is_file() else None


@table("leakage_splits")
def table_splits(study: Study) -> tuple[pd.DataFrame, str]:
    """Sizes of the splits and how many test samples have a sibling in the training set, counted from the files."""
    rows, parts = [], []
    for protocol in PROTOCOL_WORDS:
        split = read_split(study, protocol)
        if split is not None:
            sizes = split["split"].value_counts().reindex(data_split.SPLITS, fill_value=0)
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
    rows, leakage = [], study.settings.leakage
    for labels, texts in (("true", leakage.runs), ("shuffled", leakage.shuffled_runs)):
        for text in texts:
            rows += _network_rows(text, labels, study)
    for labels in ("true", "shuffled"):
        rows += _neighbour_rows(labels, study)
    names = ["row", "protocol", *columns_of("leakage"), "high", "gap_high", "gap_p", "seeds"]
    frame = pd.DataFrame(rows, columns=names)
    return frame, _read_leakage(frame, study)


def _network_rows(text: str, labels: str, study: Study) -> list[dict[str, Any]]:
    """One trained network under every protocol."""
    outcomes, rows = {}, []
    for protocol in study.settings.split.protocols:
        runs, start = run_row(study, *text.rsplit("-", 1), protocol=protocol, labels=labels)
        samples = {run.seed: run.predictions().assign(correct=run.correct) for run in runs}
        outcomes[protocol] = {seed: _outcome(part, protocol, study, seed) for seed, part in samples.items()}
        row = {"row": text, "network": f"{start['network']}, {start['weights']}", "labels": labels}
        row |= {"epochs": len(runs[0].history)} if runs else {}
        rows.append(row | _numbers(protocol, outcomes, study))
    return rows


def _neighbour_rows(labels: str, study: Study) -> list[dict[str, Any]]:
    """The nearest neighbour under every protocol; no rows before notebook 05 has run it."""
    if not study.paths.control.is_file():
        return []
    text = {"sample_id": str, "specimen": str}
    control = pd.read_csv(study.paths.control, dtype=text, keep_default_na=False).query("labels == @labels")
    outcomes = {str(name): {0: _outcome(part, str(name), study)} for name, part in control.groupby("protocol")}
    start = {"row": "nearest_neighbour", "network": NEIGHBOUR, "labels": labels}
    return [start | _numbers(name, outcomes, study) for name in study.settings.split.protocols if name in outcomes]


def _outcome(samples: pd.DataFrame, protocol: str, study: Study, seed: int | None = None) -> pd.DataFrame:
    """Columns specimen, correct and related (1: train holds a relative, 0, or NaN without a split) of test samples."""
    split = read_split(study, protocol, seed)
    related = NAN
    if split is not None:
        flags = relatives(split).set_index("sample_id")[list(RELATIONS)].any(axis=1)
        related = samples["sample_id"].map(flags.astype(float))
    return samples[["specimen", "correct"]].assign(related=related)


def _part(outcome: pd.DataFrame) -> Part:
    return outcome["correct"].to_numpy(dtype=float), outcome["specimen"].to_numpy(dtype=str)


def _numbers(protocol: str, outcomes: dict[str, dict[int, pd.DataFrame]], study: Study) -> dict[str, Any]:
    """Numbers of one row from the outcomes of every seed."""
    numbers = {"protocol": protocol, "protocol_words": PROTOCOL_WORDS[protocol], "status": MISSING}
    seeds = outcomes[protocol]
    if not seeds:
        return numbers
    together = pd.concat(seeds.values())
    found, (low, high) = accuracy_over_seeds([_part(one) for one in seeds.values()], **resampling(study))
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
    }
    common = [seed for seed in seeds if seed in outcomes.get("grouped", {})]
    if protocol == "grouped" or not common:
        return numbers
    here, base = ([_part(outcomes[name][seed]) for seed in common] for name in (protocol, "grouped"))
    gap = estimate_gap(here, base, **resampling(study))
    low, high = gap.interval()
    return numbers | {"gap": gap.value, "gap_low": low, "gap_high": high, "gap_p": gap.p_value}


def _read_leakage(frame: pd.DataFrame, study: Study) -> str:
    """Sentence: what the paper's order adds to a network, and to a memory that is asked for labels drawn by lot."""
    parts, unseen = [], unseen_text(study)
    if (row := _gap_row(frame, "true", neighbour=False)) is not None:
        parts.append(
            f"{row['network']} names {percent(row['accuracy'])} right in the paper's order and "
            f"{percent(row['accuracy'] - row['gap'])} on {unseen}: {points(row['gap'])} points "
            f"({ends_text(row['gap_low'], row['gap_high'], int(row['seeds']))})"
        )
    if (row := _gap_row(frame, "shuffled", neighbour=True)) is not None:
        parts.append(
            f"of labels drawn by lot a nearest neighbour names {percent(row['accuracy'])} right in the paper's order "
            f"and {percent(row['accuracy'] - row['gap'])} on {unseen}"
        )
    words = "; ".join(parts)
    return f"{words[0].upper()}{words[1:]}." if words else ""


def _gap_row(frame: pd.DataFrame, labels: str, *, neighbour: bool) -> pd.Series | None:
    """The last row of a kind in the paper's order whose gap is known."""
    kind = frame["row"].eq("nearest_neighbour") == neighbour
    found = frame[kind & (frame["labels"] == labels) & (frame["protocol"] == "paper")].dropna(subset=["gap"])
    return None if found.empty else found.iloc[-1]


def control_gap(table: Table) -> pd.Series | None:
    """The row of the nearest neighbour on labels drawn by lot in the paper's order, if it was run."""
    return _gap_row(table.frame, "shuffled", neighbour=True)


def leakage_gap(table: Table) -> pd.Series | None:
    """The row of the last trained network on true labels in the paper's order, if its gap is known."""
    return _gap_row(table.frame, "true", neighbour=False)
