"""What the paper's order (augment, pool, split) does to a test result: leak counts and the gap."""

import numpy as np
import pandas as pd

from mineral_lib.config import Settings
from mineral_lib.data import split as data_split
from mineral_lib.data.audit import count_leak, relatives
from mineral_lib.reporting import notes
from mineral_lib.reporting.records import WEIGHTS_WORDS, RunRecord, row_name
from mineral_lib.reporting.summary import NAN, main_runs, summarise
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


_COLUMNS_LEAK = {
    "network": Column("network"),
    "weights": Column("weights"),
    "grouped_accuracy": Column("grouped, acc. %", "percent", 1),
    "grouped_low": Column("95 % interval", "percent", 1, until="grouped_high"),
    "paper_accuracy": Column("paper's order, acc. %", "percent", 1),
    "paper_low": Column("95 % interval", "percent", 1, until="paper_high"),
    "gap": Column("gap, points", "points", 1),
    "with_sibling": Column("with copy in train %", "percent", 1),
    "without_sibling": Column("without %", "percent", 1),
    "grouped_epochs": Column("epochs grouped", "integer"),
    "paper_epochs": Column("epochs paper's order", "integer"),
    "status": Column("status"),
}


def table_leakage(runs: list[RunRecord], settings: Settings, paths: ResultPaths) -> Table:
    """The same network under both protocols: accuracy, interval and the gap the leak brings."""
    split = read_split(paths, "paper")
    rows = []
    for text in settings.comparison.paper_protocol_runs:
        model, _, weights = text.rpartition("-")
        pair = {
            p: main_runs(runs, settings, model=model, weights=weights, protocol=p)
            for p in ("grouped", "paper")
        }
        row = {
            "row": text,
            "network": row_name(pair["grouped"] or pair["paper"], model, settings),
            "weights": WEIGHTS_WORDS[weights],
        }
        for protocol, found in pair.items():
            numbers = summarise(found, settings)
            row |= {f"{protocol}_{name}": numbers[name] for name in ("accuracy", "low", "high")}
            row[f"{protocol}_epochs"] = len(found[0].history) if found else NAN
        absent = [protocol for protocol, found in pair.items() if not found]
        rows.append(
            row
            | _by_sibling(pair["paper"], split)
            | {
                "gap": row["paper_accuracy"] - row["grouped_accuracy"],
                "status": MISSING
                if len(absent) == 2
                else f"{absent[0]}: {MISSING}"
                if absent
                else "both protocols run",
            }
        )
    sentences = [
        notes.LEAK,
        notes.INTERVAL,
        "The two test sets differ (whole specimens against pooled copies) and so do the epochs: one epoch "
        "in the paper's "
        "order has several times the images. The gap therefore bounds the leak from what was run, it does "
        "not isolate it; "
        "the columns with and without a copy in the training set compare within one run.",
        *notes.context_notes(settings),
    ]
    return Table(
        "leakage",
        "Leakage: the same network under both protocols",
        pd.DataFrame(rows),
        _COLUMNS_LEAK,
        sentences,
    )


def _by_sibling(runs: list[RunRecord], split: pd.DataFrame | None) -> dict[str, float]:
    if not runs or split is None:
        return {"with_sibling": NAN, "without_sibling": NAN}
    flags = relatives(split).set_index("sample_id")["same_photo"]
    has = np.concatenate([run.predictions["sample_id"].map(flags).to_numpy(dtype=float) for run in runs])
    correct = np.concatenate([run.correct for run in runs])
    return {
        "with_sibling": float(correct[has == 1].mean()) if (has == 1).any() else NAN,
        "without_sibling": float(correct[has == 0].mean()) if (has == 0).any() else NAN,
    }
