"""What a network starts from: random weights of either scheme, colour statistics, transfer."""

import pandas as pd

from mineral_lib.config import PROPOSED
from mineral_lib.reporting.ablation import BASE
from mineral_lib.reporting.artefacts import table
from mineral_lib.reporting.contrasts import NAN, contrasts, gain_columns
from mineral_lib.reporting.summary import WEIGHTS_WORDS, run_row, summarise
from mineral_lib.study import Study

# Each start with those it is measured by, the first that was run; transferred weights have the fast scheme.
MEASURED_BY = {
    "scratch_library": (),
    "scratch": ("scratch_library",),
    "scratch_fast": ("scratch_library", "scratch"),
    "colour": ("scratch_fast", "scratch"),
    "transfer": ("scratch_fast", "scratch"),
}


@table("table_5_starts")
def table_starts(study: Study) -> tuple[pd.DataFrame, str] | None:
    """The two ConvNeXts under every start that was run, on colour and on grey pictures; None without a control start.

    A gain of learned weights is over random ones of the same scheme; all gains are judged together.
    """
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
        line |= summarise(runs, study) | {"against": WEIGHTS_WORDS[others[0][2]] if others else ""}
        line |= gain_columns(gain)
        lines.append(line | {"p_holm": gain.p_holm if gain else NAN, "gain_status": gain.status if gain else ""})
    frame = pd.DataFrame(lines)
    if not found:
        return frame, ""
    row = frame.loc[frame["gain"].idxmax()]
    gain = max(found.values(), key=lambda one: one.estimate.value)
    decided = sum(not one.status.startswith("not decided") for one in found.values())
    return frame, (
        f"Largest gain of a start: {row['start']} against {row['against']} ({row['network']}, {row['pictures']} "
        f"pictures), {gain.text()}; {decided} of {len(found)} gains are decided."
    )
