"""Table 5: attention and transfer, alone and together, every start and every placement of the attention modules."""

import pandas as pd

from mineral_lib.config import PROPOSED
from mineral_lib.measurements.ablation import placement_costs
from mineral_lib.measurements.paper_networks import BASE
from mineral_lib.paper import printed
from mineral_lib.reporting.artefacts import Made, table
from mineral_lib.reporting.contrasts import NAN, Contrast, compare, contrast_row, contrasts, gain_columns
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


@table("table_5_ablation")
def table_5(study: Study) -> Made:
    """Table 5 with measured parameters and sizes, gains over the first row and their intervals."""
    base, base_paper = study.select(model=BASE, weights="scratch"), printed_columns(BASE, "scratch")["paper_accuracy"]
    rows = []
    for text in study.settings.ablation.rows:
        model, weights = text.rsplit("-", 1)
        (runs, start), paper = run_row(study, model, weights), printed_columns(model, weights)
        first = (model, weights) == CORNERS["base"]
        gain = None if first else compare(runs, base, study)
        row = {"row": text, **start, **size_columns(runs)}
        row |= {f"paper_{name}": printed("table_5", text, name) for name in ("parameters_million", "size_mib")}
        row |= summarise(runs, study) | paper | gain_columns(gain)
        row |= {"gain_sd": gain.estimate.seed_sd if gain else NAN}
        rows.append(row | {"paper_gain": NAN if first else paper["paper_accuracy"] - base_paper})
    frame = pd.DataFrame(rows)
    if frame["accuracy"].count() < 2:
        return frame, {}
    best = extremes(frame)["best"]
    return frame, {"best": best} | ({"none": "no row"} if pd.isna(best["gain"]) else {"gain": best})


def gains(study: Study) -> dict[str, Contrast]:
    """The contrasts of Table 5 that were run, by the names of ``GAINS``, corrected as one family."""
    rows = {corner: study.select(model=m, weights=w) for corner, (m, w) in CORNERS.items()}
    return contrasts(rows, GAINS, study)


@table("table_5_gains")
def table_5_gains(study: Study) -> Made:
    """Gains over scratch and given transfer, and the interaction: both together minus the sum of the single gains."""
    found = gains(study)
    paper = pd.DataFrame({corner: printed_columns(*row) for corner, row in CORNERS.items()})
    rows = []
    for name, signs in GAINS.items():
        printed_gain = sum(sign * paper[corner] for corner, sign in signs.items())
        rows.append({**contrast_row(found.get(name)), "gain": name, **printed_gain})
    known = [(what, found[name]) for name, what in words()["names"]["gain"].items() if name in found]
    return pd.DataFrame(rows), {
        "added": "; ".join(f"{what} {gain.text()}, {gain.status}" for what, gain in known) or None
    }


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
        gain, others = found.get(key), measured[key]
        line = {"model": key[0], "network": start["network"], "pictures": key[1], "start": start["weights"]}
        line |= summarise(runs, study) | {"against": name_of("weights", others[0][2]) if others else ""}
        line |= gain_columns(gain)
        lines.append(line | {"p_holm": gain.p_holm if gain else NAN, "gain_status": gain.status if gain else ""})
    frame = pd.DataFrame(lines)
    if not found:
        return frame, {}
    largest = max(found.values(), key=lambda one: one.estimate.value).text()
    decided = sum(not one.status.startswith("not decided") for one in found.values())
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
    """How far the gates of the trained modules (``evaluation.probe.gate_table``) are from a constant factor."""
    return gates, extremes(gates, "spread")
