"""Table 5: attention and transfer, alone and together, every start and every placement of the attention modules."""

import pandas as pd

from mineral_lib.config import PROPOSED
from mineral_lib.measurements.ablation import placement_costs
from mineral_lib.measurements.paper_networks import BASE
from mineral_lib.paper import printed
from mineral_lib.reporting.artefacts import Made, table
from mineral_lib.reporting.contrasts import UNDECIDED, contrast_rows, contrasts, estimate_text
from mineral_lib.reporting.summary import extremes, printed_columns, run_row, size_columns, summarise
from mineral_lib.reporting.words import name_of, words
from mineral_lib.study import Study

CORNERS = {
    "base": (BASE, "scratch"),
    "eca": (PROPOSED, "scratch"),
    "transfer": (BASE, "transfer"),
    "both": (PROPOSED, "transfer"),
}
# The contrasts of Table 5, judged together. The paper's "further" is a gain given transfer, not over scratch.
GAINS = {
    "ECA alone": {"eca": 1, "base": -1},
    "ECA given transfer": {"both": 1, "transfer": -1},
    "transfer alone": {"transfer": 1, "base": -1},
    "both together": {"both": 1, "base": -1},
    "interaction (both − sum)": {"both": 1, "eca": -1, "transfer": -1, "base": 1},
}
# A contrast's columns beside a row's own numbers.
GAIN = {"accuracy": "gain", "low": "gain_low", "high": "gain_high", "seed_sd": "gain_sd"}


@table("table_5_ablation")
def table_5(study: Study) -> Made:
    """Table 5 with measured parameters and sizes, gains over the first row and their intervals."""
    first, rows = "-".join(CORNERS["base"]), []
    found = {first: study.select(*CORNERS["base"])}
    for text in study.settings.ablation.rows:
        model, weights = text.rsplit("-", 1)
        runs, start = run_row(study, model, weights)
        row = {"row": text, **start, **size_columns(runs)}
        row |= {f"paper_{name}": printed("table_5", text, name) for name in ("parameters_million", "size_mib")}
        rows.append(row | summarise(runs, study) | printed_columns(model, weights))
        found[text] = runs
    gained = contrasts(found, {text: {text: 1, first: -1} for text in found if text != first}, study)
    frame = pd.DataFrame(rows).join(gained.rename(columns=GAIN)[list(GAIN.values())], on="row")
    above = frame["paper_accuracy"] - printed_columns(*CORNERS["base"])["paper_accuracy"]
    frame["paper_gain"] = above.where(frame["row"] != first)
    if frame["accuracy"].count() < 2:
        return frame, {}
    best = extremes(frame)["best"]
    return frame, {"best": best} | ({"none": "no row"} if pd.isna(best["gain"]) else {"gain": best})


def gains(study: Study) -> pd.DataFrame:
    """The contrasts of Table 5 that were run (see ``contrasts``), by the names of ``GAINS``, judged together."""
    rows = {corner: study.select(model=m, weights=w) for corner, (m, w) in CORNERS.items()}
    return contrasts(rows, GAINS, study)


@table("table_5_gains")
def table_5_gains(study: Study) -> Made:
    """Gains over scratch and given transfer, and the interaction: both together minus the sum of the single gains."""
    found = gains(study)
    paper = pd.DataFrame({corner: printed_columns(*row) for corner, row in CORNERS.items()})
    printed_gains = {name: sum(sign * paper[corner] for corner, sign in signs.items()) for name, signs in GAINS.items()}
    frame = contrast_rows(found, GAINS).assign(gain=list(GAINS)).join(pd.DataFrame(printed_gains).T)
    known = [(what, found.loc[name]) for name, what in words()["names"]["gain"].items() if name in found.index]
    added = "; ".join(f"{what} {estimate_text(row['estimate'])}, {row['status']}" for what, row in known)
    return frame.reset_index(drop=True), {"added": added or None}


# Each start with those it is measured by, the first that was run; transferred weights have the fast scheme.
MEASURED_BY = {
    "scratch_library": (),
    "scratch": ("scratch_library",),
    "scratch_fast": ("scratch_library", "scratch"),
    "colour": ("scratch_fast", "scratch"),
    "transfer": ("scratch_fast", "scratch"),
}


@table("table_5_starts")
def table_starts(study: Study) -> Made | None:
    """Two ConvNeXts under every start, gains over random weights of the same scheme; None without a control start."""
    keys = [(model, pictures, w) for model in (BASE, PROPOSED) for pictures in ("colour", "grey") for w in MEASURED_BY]
    rows = {(model, pictures, w): run_row(study, model, w, pictures=pictures) for model, pictures, w in keys}
    rows = {key: row for key, row in rows.items() if row[0]}
    if not {weights for *_, weights in rows} - {"scratch", "transfer"}:
        return None
    measured = {key: [(*key[:2], other) for other in MEASURED_BY[key[2]] if (*key[:2], other) in rows] for key in rows}
    family = {key: {key: 1, others[0]: -1} for key, others in measured.items() if others}
    found = contrasts({key: runs for key, (runs, _) in rows.items()}, family, study)
    lines = []
    for key, (runs, start) in rows.items():
        others = measured[key]
        line = {"model": key[0], "network": start["network"], "pictures": key[1], "start": start["weights"]}
        lines.append(line | summarise(runs, study) | {"against": name_of("weights", others[0][2]) if others else ""})
    gained = found.rename(columns=GAIN | {"status": "gain_status"}).reindex(pd.Index(list(rows), tupleize_cols=False))
    gained = gained[["gain", "gain_low", "gain_high", "p_holm", "gain_status"]].fillna({"gain_status": ""})
    frame = pd.DataFrame(lines).join(gained.reset_index(drop=True))
    if found.empty:
        return frame, {}
    largest = estimate_text(found["estimate"].iloc[found["accuracy"].argmax()])
    decided = (found["verdict"] != UNDECIDED).sum()
    return frame, {"row": extremes(frame, "gain")["best"], "gain": largest, "decided": decided, "gains": len(found)}


@table("table_5_placements")
def table_placements(study: Study) -> Made:
    """Sensitivity to where the ECA modules sit, which the paper leaves open."""
    rows = []
    for placement in dict.fromkeys([study.settings.model.eca_placement, *study.settings.ablation.placements]):
        for weights in ("scratch", "transfer"):
            runs, start = run_row(study, PROPOSED, weights, placement=placement)
            row = {"placement": placement, "weights": start["weights"], **size_columns(runs)}
            rows.append(row | summarise(runs, study))
    frame = pd.DataFrame(rows)
    run = frame.dropna(subset=["accuracy"])
    transfer = run[run["weights"] == name_of("weights", "transfer")]
    run = transfer if len(transfer) > 1 else run
    if run["placement"].nunique() < 2:
        return frame, {}
    found = extremes(run)
    return frame, found | {"overlap": "overlap" if found["least"]["high"] >= found["best"]["low"] else "do not overlap"}


@table("eca_parameters")
def table_eca_parameters(study: Study) -> pd.DataFrame:
    """What the modules of each placement add to ConvNeXt-T: counted on networks built here."""
    return placement_costs(study.settings.model)


@table("eca_gates", measured=True)
def table_gates(study: Study, gates: pd.DataFrame) -> Made:
    """How far the gates of the trained modules (``measurements.placement.gate_table``) are from a constant factor."""
    return gates, extremes(gates, "spread")
