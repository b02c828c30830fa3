"""Where the attention modules sit, and what their gates have learned."""

import pandas as pd

from mineral_lib.config import PROPOSED
from mineral_lib.reporting import notes
from mineral_lib.reporting.ablation import size_columns
from mineral_lib.reporting.contrasts import INTERVAL_NOTE, percent, seeds_text
from mineral_lib.reporting.summary import WEIGHTS_WORDS, summarise
from mineral_lib.reporting.tables import Column, Table
from mineral_lib.study import Study

_COLUMNS_PLACEMENT = {
    "placement": Column("ECA placement"),
    "weights": Column("weights"),
    "parameters": Column("parameters", "integer"),
    "accuracy": Column("acc. %", "percent", 1),
    "low": Column("95 % interval", "percent", 1, until="high"),
    "seed_sd": Column("SD over seeds", "percent", 1),
    "precision_macro": Column("P %", "percent", 1),
    "recall_macro": Column("R %", "percent", 1),
    "status": Column("runs"),
}


def table_placements(study: Study) -> Table:
    """Sensitivity to where the ECA modules sit, which the paper leaves open."""
    rows = []
    for placement in dict.fromkeys([study.settings.model.eca_placement, *study.settings.ablation.placements]):
        for weights in ("scratch", "transfer"):
            found = study.select(model=PROPOSED, weights=weights, placement=placement)
            rows.append(
                {
                    "placement": placement,
                    "weights": WEIGHTS_WORDS[weights],
                    **size_columns(found),
                    **summarise(found, study),
                }
            )
    sentences = [notes.PLACEMENT, INTERVAL_NOTE, *notes.context_notes(study.settings)]
    title, frame = "Where the attention modules sit", pd.DataFrame(rows)
    return Table("table_5_placements", title, frame, _COLUMNS_PLACEMENT, sentences, finding=_read_placements(frame))


def _read_placements(frame: pd.DataFrame) -> str:
    """Sentence: the most and the least accurate placement, transfer only if both starts were run."""
    run = frame.dropna(subset=["accuracy"])
    start = WEIGHTS_WORDS["transfer"] if (run["weights"] == WEIGHTS_WORDS["transfer"]).sum() > 1 else None
    run = run if start is None else run[run["weights"] == start]
    if len(run) < 2:
        return ""
    best, least = (run.loc[place] for place in (run["accuracy"].idxmax(), run["accuracy"].idxmin()))
    overlap = "overlap" if least["high"] >= best["low"] else "do not overlap"
    return (
        f"From {percent(least['accuracy'])} ({least['placement']}, {least['weights']}) to {percent(best['accuracy'])} "
        f"({best['placement']}, {best['weights']}), {seeds_text(int(best['seeds']))}; their intervals {overlap}."
    )


def read_gates(gates: pd.DataFrame) -> str:
    """Sentence: how far the gates of the trained modules are from a constant factor.

    Args:
        gates: ``training.probing.gate_table``.
    """
    if gates.empty:
        return ""
    most, least = (gates.loc[place] for place in (gates["spread"].idxmax(), gates["spread"].idxmin()))
    return (
        f"Over the channels the gates spread (standard deviation) by {least['spread']:.3f} (module {least['module']}, "
        f"{least['start']}) to {most['spread']:.3f} (module {most['module']}, {most['start']}); a constant gate has 0."
    )
