"""What a protocol does to a test result: leak counts, the gap to the leak-free protocol, the random-label control."""

from typing import Any

import pandas as pd

from mineral_lib.config import Settings
from mineral_lib.data import split as data_split
from mineral_lib.data.audit import RELATIONS, count_leak, relatives
from mineral_lib.evaluation.statistics import accuracy_interval, independent_difference
from mineral_lib.reporting import notes
from mineral_lib.reporting.records import WEIGHTS_WORDS, RunRecord, row_name
from mineral_lib.reporting.summary import NAN, main_runs
from mineral_lib.reporting.tables import MISSING, Column, Table
from mineral_lib.storage import ResultPaths


def read_split(paths: ResultPaths, protocol: str) -> pd.DataFrame | None:
    """The split file of a protocol, or None if it was not made."""
    path = paths.splits_dir / f"{protocol}.csv"
    return data_split.read_split(path) if path.is_file() else None


_COLUMNS_SPLITS = {
    "protocol": Column("protocol"),
    "train": Column("train", "integer"),
    "val": Column("validation", "integer"),
    "test": Column("test", "integer"),
    "same_photo": Column("test images with a copy in train", "integer"),
    "same_photo_share": Column("share %", "percent", 1),
    "same_specimen": Column("with the specimen in train", "integer"),
    "same_specimen_share": Column("share %", "percent", 1),
    "same_group": Column("with a near duplicate or specimen mate in train", "integer"),
    "same_group_share": Column("share %", "percent", 1),
    "status": Column("status"),
}


def table_splits(paths: ResultPaths) -> Table:
    """Sizes of the splits and how many test samples have a sibling in the training set, counted from the
    files."""
    rows = []
    for protocol in ("grouped", "photo", "paper", "authors"):
        split = read_split(paths, protocol)
        if split is None:
            if protocol not in ("grouped", "paper"):
                continue
            names = list(_COLUMNS_SPLITS)[1:-1]
            rows.append({"protocol": protocol} | dict.fromkeys(names, NAN) | {"status": MISSING})
            continue
        leak = count_leak(split)["test"]
        sizes = {part: int((split["split"] == part).sum()) for part in ("train", "val", "test")}
        rows.append(
            {
                "protocol": protocol,
                **sizes,
                **{name: leak[name] for name in _COLUMNS_SPLITS if name in leak},
                "status": "counted",
            }
        )
    return Table(
        "leakage_splits",
        "Siblings of test photographs in the training set",
        pd.DataFrame(rows),
        _COLUMNS_SPLITS,
        [notes.LEAK],
    )


PROTOCOL_WORDS = {
    "grouped": "by specimen (grouped)",
    "photo": "by photograph (photo)",
    "paper": "augment, pool, split (paper)",
    "authors": "multiplied, 80:20 by image (authors)",
}
NEIGHBOUR = "1-nearest neighbour, frozen features"
_COLUMNS_LEAK = {
    "network": Column("classifier"),
    "labels": Column("labels"),
    "protocol_words": Column("split"),
    "test": Column("test images", "integer"),
    "related_share": Column("with a relative in train %", "percent", 1),
    "accuracy": Column("acc. %", "percent", 1),
    "low": Column("95 % interval", "percent", 1, until="high"),
    "gap": Column("gap to grouped, points", "points", 1),
    "gap_low": Column("95 % interval", "points", 1, until="gap_high"),
    "with_relative": Column("acc. with relative %", "percent", 1),
    "without_relative": Column("acc. without %", "percent", 1),
    "epochs": Column("epochs", "integer"),
    "status": Column("status"),
}
_SENTENCES = [
    notes.LEAK,
    notes.INTERVAL,
    "A relative is a copy of the same photograph, another photograph of the same specimen or a near duplicate. The "
    "test sets of the protocols differ, so the gap also holds that difference; the columns with and without a "
    "relative compare within one run.",
    "Shuffled labels are drawn by lot for whole specimens: nobody can predict them for a new specimen, so every "
    "point above chance comes from relatives in the training part. The nearest neighbour remembers all training "
    "images at once; a network needs many epochs to.",
    "Under authors the test images also chose the epoch, as in the authors' code.",
]


def table_leakage(runs: list[RunRecord], settings: Settings, paths: ResultPaths) -> Table:
    """The same classifier under every protocol: accuracy, interval, and the gap to the leak-free protocol."""
    splits = {name: read_split(paths, name) for name in settings.split.protocols}
    splits = {name: split for name, split in splits.items() if split is not None}
    rows = []
    for labels, texts in (("true", settings.leakage.runs), ("shuffled", settings.leakage.shuffled_runs)):
        for text in texts:
            rows += _rows(text, labels, runs, splits, settings)
    for labels in ("true", "shuffled"):
        rows += _neighbour_rows(labels, splits, settings, paths)
    sentences = [*_SENTENCES, *notes.context_notes(settings)]
    frame = pd.DataFrame(rows, columns=["row", "protocol", *_COLUMNS_LEAK, "high", "gap_high"])
    return Table("leakage", "Leakage: the same classifier under every protocol", frame, _COLUMNS_LEAK, sentences)


def _rows(
    text: str, labels: str, runs: list[RunRecord], splits: dict[str, pd.DataFrame], settings: Settings
) -> list[dict[str, Any]]:
    """One trained network under every protocol."""
    model, _, weights = text.rpartition("-")
    outcomes, rows = {}, []
    for protocol in settings.split.protocols:
        found = main_runs(runs, settings, model=model, weights=weights, protocol=protocol, labels=labels)
        if found:
            outcomes[protocol] = pd.concat(
                [run.predictions[["sample_id", "specimen"]].assign(correct=run.correct) for run in found]
            )
        name = f"{row_name(found, model, settings)}, {WEIGHTS_WORDS[weights]}"
        start = {"row": text, "network": name, "labels": labels, "protocol": protocol}
        epochs = {"epochs": len(found[0].history)} if found else {}
        rows.append(start | epochs | _numbers(protocol, outcomes, splits, settings))
    return rows


def _neighbour_rows(
    labels: str, splits: dict[str, pd.DataFrame], settings: Settings, paths: ResultPaths
) -> list[dict[str, Any]]:
    """The nearest neighbour under every protocol; no rows before notebook 05 has run it."""
    if not paths.control.is_file():
        return []
    text = {"sample_id": str, "specimen": str}
    control = pd.read_csv(paths.control, dtype=text, keep_default_na=False).query("labels == @labels")
    outcomes = {str(name): part for name, part in control.groupby("protocol")}
    start = {"row": "nearest_neighbour", "network": NEIGHBOUR, "labels": labels}
    return [
        start | {"protocol": name} | _numbers(name, outcomes, splits, settings)
        for name in settings.split.protocols
        if name in outcomes
    ]


def _numbers(
    protocol: str, outcomes: dict[str, pd.DataFrame], splits: dict[str, pd.DataFrame], settings: Settings
) -> dict[str, Any]:
    """Numbers of one row from the outcome of every test sample (columns sample_id, specimen, correct)."""
    words = {"protocol_words": PROTOCOL_WORDS[protocol]}
    if protocol not in outcomes or protocol not in splits:
        return words | {"status": MISSING}
    part, options = outcomes[protocol], {"resamples": settings.report.bootstrap, "seed": settings.report.seed}
    flags = relatives(splits[protocol])
    flags["related"] = flags[list(RELATIONS)].any(axis=1)
    related = part["sample_id"].map(flags.set_index("sample_id")["related"])
    correct, specimens = part["correct"].to_numpy(dtype=float), part["specimen"].to_numpy(dtype=str)
    low, high = accuracy_interval(correct, specimens, **options)
    numbers = words | {
        "test": len(flags), "related_share": float(flags["related"].mean()), "accuracy": float(correct.mean()),
        "low": low, "high": high, "status": "run",
        **{name: float(correct[related.eq(value)].mean()) if related.eq(value).any() else NAN
           for name, value in (("with_relative", True), ("without_relative", False))},
    }  # fmt: skip
    if protocol == "grouped" or "grouped" not in outcomes:
        return numbers
    base = outcomes["grouped"]
    base = (base["correct"].to_numpy(dtype=float), base["specimen"].to_numpy(dtype=str))
    gap_low, gap_high = independent_difference((correct, specimens), base, **options)
    return numbers | {"gap": numbers["accuracy"] - base[0].mean(), "gap_low": gap_low, "gap_high": gap_high}


def control_gap(table: Table, protocol: str = "paper") -> pd.Series | None:
    """The row of the nearest neighbour on labels drawn by lot under a protocol, if it was run."""
    frame = table.frame.dropna(subset=["gap"])
    row = frame[
        (frame["row"] == "nearest_neighbour") & (frame["labels"] == "shuffled") & (frame["protocol"] == protocol)
    ]
    return None if row.empty else row.iloc[0]


def leakage_gap(table: Table, protocol: str = "paper") -> pd.Series | None:
    """The row of the last trained network on true labels under a protocol, if its gap is known."""
    frame = table.frame
    found = frame[(frame["labels"] == "true") & (frame["protocol"] == protocol) & (frame["row"] != "nearest_neighbour")]
    found = found.dropna(subset=["gap"])
    return None if found.empty else found.iloc[-1]
