"""What the ground is worth: the same specimens on their own, on another and on a grey ground, asked of every run."""

from pathlib import Path

import pandas as pd

from mineral_lib.config import PROPOSED
from mineral_lib.reporting.contrasts import FAILS, FEW_SEEDS, HOLDS, MIN_SEEDS, Paired, paired, points, seeds_text
from mineral_lib.reporting.tables import Column, Table
from mineral_lib.study import Study
from mineral_lib.training.specs import block_weights

GROUNDS = ("own", "swapped", "grey")
MOST_ON_GROUNDS = 500  # photographs of a test set that are rendered on other grounds
COLUMNS = {
    "network": Column("network"),
    "start": Column("start"),
    "seed": Column("seed", "integer"),
    "photographs": Column("photographs", "integer"),
    "own": Column("acc. on its own ground %", "percent", 1),
    "swapped": Column("on another %", "percent", 1),
    "grey": Column("on grey %", "percent", 1),
    "swapped_change": Column("another − own, points", "points", 1),
    "swapped_low": Column("95 % interval", "points", 1, until="swapped_high"),
    "grey_change": Column("grey − own, points", "points", 1),
    "grey_low": Column("95 % interval", "points", 1, until="grey_high"),
}
HOW_TO_READ = (
    "Every photograph is rendered again with nothing changed but the ground: once with that of another photograph, "
    "once with plain grey. What an answer loses by it was read from the ground. Plain grey never occurs in training, "
    "so that loss also holds the surprise. Of more than "
    f"{MOST_ON_GROUNDS} test photographs a fixed part is used: whole specimens, all classes alike. Intervals resample "
    "whole specimens."
)


def grounds_file(study: Study) -> Path:
    """What was answered on each ground: a row a run and photograph, labels in the columns ``GROUNDS``."""
    return study.paths.root / "ground_answers.csv"


def table_grounds(study: Study) -> Table | None:
    """A row a run; None before notebook 07 has asked, and for photographs of a folder."""
    if study.settings.data.source != "synthetic" or not grounds_file(study).is_file():
        return None
    text = dict.fromkeys(["model", "network", "start", "image_id", "specimen"], str)
    answers = pd.read_csv(grounds_file(study), dtype=text, keep_default_na=False)
    right = answers.assign(**{name: (answers[name] == answers["label"]).astype(float) for name in GROUNDS})
    groups = right.groupby(["model", "network", "start", "seed"], sort=False)
    rows = [_row(dict(zip(groups.keys, key, strict=True)), part, study) for key, part in groups]
    ends = [f"{name}_high" for name in GROUNDS[1:]]
    frame = pd.DataFrame(rows, columns=[*COLUMNS, *ends])
    notes = [ground_sentence(right, study), HOW_TO_READ]
    return Table("ground_test", "The same specimens on another ground", frame, COLUMNS, notes)


def _change(right: pd.DataFrame, ground: str, study: Study) -> Paired:
    return paired(right.assign(value=right[ground] - right["own"]), study)


def _row(key: dict, part: pd.DataFrame, study: Study) -> dict:
    row = {name: key[name] for name in ("network", "start", "seed")} | {"photographs": len(part)}
    row |= {name: part[name].mean() for name in GROUNDS}
    for name in GROUNDS[1:]:
        change = _change(part, name, study)
        row |= {f"{name}_change": change.value, f"{name}_low": change.low, f"{name}_high": change.high}
    return row


def ground_sentence(right: pd.DataFrame, study: Study, block: str = "as_read") -> str:
    """What another ground and a grey one do to the proposed network, and to all runs.

    Args:
        right: A row a run and photograph; the columns ``GROUNDS`` say whether the answer is right (0 or 1).
        study: The study.
        block: Block of Table 4 that says from which weights the proposed network starts.
    """
    mine = right[(right["model"] == PROPOSED) & (right["start"] == block_weights(PROPOSED, block))]
    if mine.empty:
        return "The proposed network was not run."
    seeds = mine["seed"].nunique()
    swapped, grey = (_change(mine, name, study) for name in GROUNDS[1:])
    runs = right.groupby(["model", "start", "seed"])[list(GROUNDS)].mean()
    ranges = [_range(runs[name] - runs["own"]) for name in GROUNDS[1:]]
    words = (
        f"{mine['network'].iloc[0]} ({mine['start'].iloc[0]}, {seeds_text(seeds)}): on another photograph's ground the "
        f"accuracy {_moves(swapped)}, on a grey one it {_moves(grey)}. Over all {len(runs)} runs: {ranges[0]} "
        f"points on another ground, {ranges[1]} on grey."
    )
    return words if seeds >= MIN_SEEDS else f"{words} {FEW_SEEDS}"


def _moves(change: Paired) -> str:
    verb = {FAILS: "falls clearly", HOLDS: "rises clearly"}.get(change.direction, "does not change beyond noise")
    return f"{verb} ({change.words})"


def _range(values: pd.Series) -> str:
    return f"{points(values.min())} to {points(values.max())}"
