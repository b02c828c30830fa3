"""Table 4: the six networks side by side, and paired tests of the proposed one against each other."""

import pandas as pd
from statsmodels.stats.multitest import multipletests

from mineral_lib.config import PROPOSED, Settings
from mineral_lib.paper import authors_best_validation
from mineral_lib.reporting import notes
from mineral_lib.reporting.records import WEIGHTS_WORDS, RunRecord, row_name
from mineral_lib.reporting.summary import (
    BLOCKS,
    NAN,
    compare,
    main_runs,
    printed_fraction,
    summarise,
    weights_in_block,
)
from mineral_lib.reporting.tables import MISSING, Column, Table

_COLUMNS_4 = {
    "block": Column("block"),
    "network": Column("network"),
    "weights": Column("weights"),
    "paper_accuracy": Column("paper, acc. %", "percent"),
    "authors_best_val": Column("authors' log, best val. %", "percent"),
    "accuracy": Column("ours, acc. %", "percent", 1),
    "low": Column("95 % interval", "percent", 1, until="high"),
    "difference": Column("ours − paper", "points", 1),
    "paper_precision": Column("paper, P %", "percent"),
    "precision_macro": Column("ours, P %", "percent", 1),
    "paper_recall": Column("paper, R %", "percent"),
    "recall_macro": Column("ours, R %", "percent", 1),
    "last_accuracy": Column("last epoch, acc. %", "percent", 1),
    "status": Column("runs"),
}


def table_4(runs: list[RunRecord], settings: Settings) -> Table:
    """Table 4 in up to three blocks of starting weights: paper, authors' log and ours on the grouped test
    set."""
    rows = [
        _row(runs, settings, block=block, model=model)
        for block in settings.comparison.blocks
        for model in settings.comparison.models
    ]
    sentences = [
        notes.LEAK,
        notes.PAPER_TEST_IS_VALIDATION,
        notes.MIXED_WEIGHTS,
        notes.AUTHORS_RATE,
        notes.ECA_LOG,
        notes.VGG_LOG,
        notes.AVERAGING,
        notes.INTERVAL,
        notes.PAPER_NOISE,
        f"Ours: grouped protocol, epoch chosen by '{settings.train.select}' on the validation set, tested "
        "once; the last "
        "epoch stands beside it because the paper does not say which it tests.",
        *notes.context_notes(settings),
    ]
    return Table(
        "table_4_comparison",
        "Table 4. Test evaluation of each network",
        pd.DataFrame(rows),
        _COLUMNS_4,
        sentences,
    )


def _row(runs: list[RunRecord], settings: Settings, *, block: str, model: str) -> dict[str, object]:
    weights = weights_in_block(model, block)
    found = main_runs(runs, settings, model=model, weights=weights)
    numbers = summarise(found, settings)
    paper = {
        f"paper_{name}": printed_fraction(model, weights, name)
        for name in ("accuracy", "precision", "recall")
    }
    best = authors_best_validation(model, weights)
    return {
        "block": block,
        "model": model,
        "network": row_name(found, model, settings),
        "weights": WEIGHTS_WORDS[weights],
        **paper,
        "authors_best_val": NAN if best is None else best / 100,
        **numbers,
        "difference": numbers["accuracy"] - paper["paper_accuracy"],
    }


_COLUMNS_PAIRS = {
    "block": Column("block"),
    "network": Column("proposed model against"),
    "weights": Column("weights"),
    "difference": Column("difference, points", "points", 1),
    "low": Column("95 % interval", "points", 1, until="high"),
    "only_proposed": Column("only proposed right", "integer"),
    "only_other": Column("only other right", "integer"),
    "p_value": Column("McNemar p", "p"),
    "p_holm": Column("p, Holm", "p"),
    "status": Column("status"),
}


def pairwise(runs: list[RunRecord], settings: Settings) -> Table:
    """The proposed network against each other one on the same photographs: difference, interval, exact
    McNemar test."""
    rows = []
    for block in settings.comparison.blocks:
        start = weights_in_block(PROPOSED, block)
        proposed = main_runs(runs, settings, model=PROPOSED, weights=start)
        for model in settings.comparison.models:
            if model != PROPOSED:
                weights = weights_in_block(model, block)
                other = main_runs(runs, settings, model=model, weights=weights)
                rows.append(
                    {
                        "block": block,
                        "model": model,
                        "network": row_name(other, model, settings),
                        "weights": f"{WEIGHTS_WORDS[start]} against {WEIGHTS_WORDS[weights]}",
                        **_pair(proposed, other, settings),
                    }
                )
    frame = pd.DataFrame(rows)
    if not frame.empty:
        frame["p_holm"] = frame.groupby("block", sort=False)["p_value"].transform(_holm)
    sentences = [notes.PAIRED, notes.MIXED_WEIGHTS, notes.INTERVAL, *notes.context_notes(settings)]
    title = "Is the proposed model better on the same photographs?"
    return Table("table_4_pairwise", title, frame, _COLUMNS_PAIRS, sentences)


def _pair(proposed: list[RunRecord], other: list[RunRecord], settings: Settings) -> dict[str, object]:
    found = compare(proposed, other, settings)
    if found is None:
        names = ("difference", "low", "high", "only_proposed", "only_other", "p_value")
        return dict.fromkeys(names, NAN) | {"status": MISSING}
    verdict = "clear" if found.clear else "within noise"
    return {
        "difference": found.value,
        "low": found.low,
        "high": found.high,
        "only_proposed": found.only_a,
        "only_other": found.only_b,
        "p_value": found.p_value,
        "status": verdict,
    }


def _holm(values: pd.Series) -> pd.Series:
    known = values.dropna()
    if known.empty:
        return values
    return pd.Series(multipletests(known, method="holm")[1], index=known.index).reindex(values.index)


def block_title(block: str) -> str:
    """A block of Table 4 in words."""
    return BLOCKS[block]
