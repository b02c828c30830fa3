"""Where the attention modules sit, and what their gates have learned."""

import pandas as pd

from mineral_lib.config import PROPOSED
from mineral_lib.reporting.artefacts import table
from mineral_lib.reporting.contrasts import percent, seeds_text
from mineral_lib.reporting.summary import WEIGHTS_WORDS, run_row, size_columns, summarise
from mineral_lib.study import Study


@table("table_5_placements")
def table_placements(study: Study) -> tuple[pd.DataFrame, str]:
    """Sensitivity to where the ECA modules sit, which the paper leaves open."""
    rows = []
    for placement in dict.fromkeys([study.settings.model.eca_placement, *study.settings.ablation.placements]):
        for weights in ("scratch", "transfer"):
            runs, start = run_row(study, PROPOSED, weights, placement=placement)
            row = {"placement": placement, "weights": start["weights"], **size_columns(runs)}
            rows.append(row | summarise(runs, study))
    frame = pd.DataFrame(rows)
    return frame, _read_placements(frame)


def _read_placements(frame: pd.DataFrame) -> str:
    """Sentence: the most and the least accurate placement, of transfer runs if two of these were run."""
    run = frame.dropna(subset=["accuracy"])
    transfer = run[run["weights"] == WEIGHTS_WORDS["transfer"]]
    run = transfer if len(transfer) > 1 else run
    if run["placement"].nunique() < 2:
        return ""
    best, least = (run.loc[place] for place in (run["accuracy"].idxmax(), run["accuracy"].idxmin()))
    overlap = "overlap" if least["high"] >= best["low"] else "do not overlap"
    return (
        f"From {percent(least['accuracy'])} ({least['placement']}, {least['weights']}) to {percent(best['accuracy'])} "
        f"({best['placement']}, {best['weights']}), {seeds_text(int(best['seeds']))}; their intervals {overlap}."
    )


@table("eca_parameters")
def table_eca_parameters(study: Study) -> pd.DataFrame:
    """What the modules of each placement add to ConvNeXt-T: counted on networks built here."""
    from mineral_lib.models.placement import placement_costs  # needs torch, which reading results does not

    return placement_costs(study.settings.model)


@table("eca_gates", measured=True)
def table_gates(study: Study, gates: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """How far the gates of the trained modules are from a constant factor.

    Args:
        study: The study.
        gates: ``evaluation.probe.gate_table``.
    """
    if gates.empty:
        return gates, ""
    most, least = (gates.loc[place] for place in (gates["spread"].idxmax(), gates["spread"].idxmin()))
    return gates, (
        f"Over the channels the gates spread (standard deviation) by {least['spread']:.3f} (module {least['module']}, "
        f"{least['start']}) to {most['spread']:.3f} (module {most['module']}, {most['start']}); a constant gate has 0."
    )
