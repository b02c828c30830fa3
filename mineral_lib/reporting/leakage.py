"""What a protocol does to a test result: leak counts, the gap to the leak-free protocol, the random-label control."""

from typing import Any

import pandas as pd

from mineral_lib.data import split as data_split
from mineral_lib.data.audit import RELATIONS, count_leak, relatives
from mineral_lib.evaluation.statistics import Part, accuracy_over_seeds, estimate_gap
from mineral_lib.reporting import notes
from mineral_lib.reporting.contrasts import INTERVAL_NOTE, percent, points, seeds_text
from mineral_lib.reporting.summary import NAN, WEIGHTS_WORDS, row_name, unseen_text
from mineral_lib.reporting.tables import MISSING, Column, Table
from mineral_lib.study import Study


def read_split(study: Study, protocol: str, seed: int | None = None) -> pd.DataFrame | None:
    """The split of a protocol (that of a seed, where seeds have their own), or None if it was not made."""
    own = study.paths.splits_dir / f"{protocol}-seed{seed}.csv"
    path = own if own.is_file() else study.paths.splits_dir / f"{protocol}.csv"
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


def table_splits(study: Study) -> Table:
    """Sizes of the splits and how many test samples have a sibling in the training set, counted from the
    files.
    """
    rows = []
    for protocol in ("grouped", "photo", "paper", "authors"):
        split = read_split(study, protocol)
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
    title, frame = "Siblings of test photographs in the training set", pd.DataFrame(rows)
    return Table("leakage_splits", title, frame, _COLUMNS_SPLITS, [notes.LEAK], finding=_read_splits(frame))


def _read_splits(frame: pd.DataFrame) -> str:
    """Sentence: which protocols leak, and how much."""
    parts = [
        f"{row.protocol} {percent(row.same_group_share)}" for row in frame[frame["status"] == "counted"].itertuples()
    ]
    return f"Test images with a relative in training: {', '.join(parts)}." if parts else ""


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
    "seed_sd": Column("SD over seeds", "percent", 1),
    "gap": Column("gap to grouped, points", "points", 1),
    "gap_low": Column("95 % interval", "points", 1, until="gap_high"),
    "with_relative": Column("acc. with relative %", "percent", 1),
    "without_relative": Column("acc. without %", "percent", 1),
    "epochs": Column("epochs", "integer"),
    "status": Column("status"),
}
_SENTENCES = [
    notes.LEAK,
    INTERVAL_NOTE,
    "A relative is a copy of the same photograph, another photograph of the same specimen or a near duplicate. The "
    "test sets of the protocols differ, so the gap also holds that difference; the columns with and without a "
    "relative compare within one run.",
    "Shuffled labels are drawn by lot for whole specimens: nobody can predict them for a new specimen, so every "
    "point above chance comes from relatives in the training part. The nearest neighbour remembers all training "
    "images at once; a network needs many epochs to.",
    "Under authors the test images also chose the epoch, as in the authors' code.",
]


def table_leakage(study: Study) -> Table:
    """The same classifier under every protocol: accuracy, interval, and the gap to the leak-free protocol."""
    rows = []
    for labels, texts in (("true", study.settings.leakage.runs), ("shuffled", study.settings.leakage.shuffled_runs)):
        for text in texts:
            rows += _rows(text, labels, study)
    for labels in ("true", "shuffled"):
        rows += _neighbour_rows(labels, study)
    sentences = [*_SENTENCES, *notes.context_notes(study.settings)]
    frame = pd.DataFrame(rows, columns=["row", "protocol", *_COLUMNS_LEAK, "high", "gap_high", "gap_p", "seeds"])
    title = "Leakage: the same classifier under every protocol"
    return Table("leakage", title, frame, _COLUMNS_LEAK, sentences, finding=read_leakage(frame, study))


def _rows(text: str, labels: str, study: Study) -> list[dict[str, Any]]:
    """One trained network under every protocol."""
    model, _, weights = text.rpartition("-")
    outcomes, rows = {}, []
    for protocol in study.settings.split.protocols:
        found = study.select(model=model, weights=weights, protocol=protocol, labels=labels)
        if found:
            outcomes[protocol] = {
                run.seed: _outcome(run.predictions().assign(correct=run.correct), protocol, study, run.seed)
                for run in found
            }
        name = f"{row_name(found, model, study)}, {WEIGHTS_WORDS.get(weights, weights)}"
        start = {"row": text, "network": name, "labels": labels, "protocol": protocol}
        epochs = {"epochs": len(found[0].history)} if found else {}
        rows.append(start | epochs | _numbers(protocol, outcomes, study))
    return rows


def _neighbour_rows(labels: str, study: Study) -> list[dict[str, Any]]:
    """The nearest neighbour under every protocol; no rows before notebook 05 has run it."""
    if not study.paths.control.is_file():
        return []
    text = {"sample_id": str, "specimen": str}
    control = pd.read_csv(study.paths.control, dtype=text, keep_default_na=False).query("labels == @labels")
    outcomes = {str(name): {0: _outcome(part, str(name), study)} for name, part in control.groupby("protocol")}
    start = {"row": "nearest_neighbour", "network": NEIGHBOUR, "labels": labels}
    return [
        start | {"protocol": name} | _numbers(name, outcomes, study)
        for name in study.settings.split.protocols
        if name in outcomes
    ]


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
    words = {"protocol_words": PROTOCOL_WORDS[protocol]}
    if protocol not in outcomes:
        return words | {"status": MISSING}
    options = {"resamples": study.settings.report.bootstrap, "seed": study.settings.report.seed}
    seeds = outcomes[protocol]
    together = pd.concat(seeds.values())
    found, (low, high) = accuracy_over_seeds([_part(one) for one in seeds.values()], **options)
    by_relative = together.groupby("related")["correct"].mean()
    numbers = words | {
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
    gap = estimate_gap(here, base, **options)
    gap_low, gap_high = gap.interval()
    return numbers | {"gap": gap.value, "gap_low": gap_low, "gap_high": gap_high, "gap_p": gap.p_value}


def read_leakage(frame: pd.DataFrame, study: Study) -> str:
    """Sentence: what the paper's order adds to a network, and to a memory that is asked for labels drawn by lot."""
    parts, unseen = [], unseen_text(study)
    if (row := _gap_row(frame, "true", neighbour=False)) is not None:
        ends = f"{points(row['gap_low'])} to {points(row['gap_high'])}, {seeds_text(int(row['seeds']))}"
        parts.append(
            f"{row['network']} names {percent(row['accuracy'])} right in the paper's order and "
            f"{percent(row['accuracy'] - row['gap'])} on {unseen}: {points(row['gap'])} points ({ends})"
        )
    if (row := _gap_row(frame, "shuffled", neighbour=True)) is not None:
        parts.append(
            f"of labels drawn by lot a nearest neighbour names {percent(row['accuracy'])} right in the paper's order "
            f"and {percent(row['accuracy'] - row['gap'])} on {unseen}"
        )
    words = "; ".join(parts)
    return f"{words[0].upper()}{words[1:]}." if words else ""


def _gap_row(frame: pd.DataFrame, labels: str, *, neighbour: bool, protocol: str = "paper") -> pd.Series | None:
    """The last row of a kind under a protocol whose gap is known."""
    kind = frame["row"].eq("nearest_neighbour") == neighbour
    found = frame[kind & (frame["labels"] == labels) & (frame["protocol"] == protocol)].dropna(subset=["gap"])
    return None if found.empty else found.iloc[-1]


def control_gap(table: Table) -> pd.Series | None:
    """The row of the nearest neighbour on labels drawn by lot in the paper's order, if it was run."""
    return _gap_row(table.frame, "shuffled", neighbour=True)


def leakage_gap(table: Table) -> pd.Series | None:
    """The row of the last trained network on true labels in the paper's order, if its gap is known."""
    return _gap_row(table.frame, "true", neighbour=False)
