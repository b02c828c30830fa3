"""What a network starts from: random weights of either scheme, colour statistics, transfer."""

from collections.abc import Mapping

import pandas as pd

from mineral_lib.config import PROPOSED
from mineral_lib.reporting import notes
from mineral_lib.reporting.ablation import BASE
from mineral_lib.reporting.contrasts import INTERVAL_NOTE, VERDICT_NOTE, Contrast, contrasts
from mineral_lib.reporting.summary import NAN, WEIGHTS_WORDS, row_name, summarise
from mineral_lib.reporting.tables import Column, Table
from mineral_lib.study import Study
from mineral_lib.training.run import Run

# Each start with those it is measured by, the first that was run; transferred weights have the fast scheme.
MEASURED_BY = {
    "scratch_library": (),
    "scratch": ("scratch_library",),
    "scratch_fast": ("scratch_library", "scratch"),
    "colour": ("scratch_fast", "scratch"),
    "transfer": ("scratch_fast", "scratch"),
}
Key = tuple[str, str, str]  # network, pictures, start
_COLUMNS = {
    "network": Column("network"),
    "pictures": Column("pictures"),
    "start": Column("start"),
    "accuracy": Column("acc. %", "percent", 1),
    "low": Column("95 % interval", "percent", 1, until="high"),
    "seed_sd": Column("SD over seeds", "percent", 1),
    "recall_macro": Column("R %", "percent", 1),
    "against": Column("compared with"),
    "gain": Column("gain", "points", 1),
    "gain_low": Column("95 % interval", "points", 1, until="gain_high"),
    "p_holm": Column("p, Holm", "p"),
    "gain_status": Column("verdict"),
    "status": Column("runs"),
}


def table_starts(study: Study) -> Table | None:
    """The two ConvNeXts under every start that was run, on colour and on grey pictures; None without a control start.

    A gain of learned weights is over random ones of the same scheme; all gains are judged together.
    """
    rows = {
        (model, pictures, start): found
        for model in (BASE, PROPOSED)
        for pictures in ("colour", "grey")
        for start in MEASURED_BY
        if (found := study.select(model=model, weights=start, pictures=pictures))
    }
    if not {start for _, _, start in rows} - {"scratch", "transfer"}:
        return None
    others = {key: other for key in rows if (other := _compared_with(key, rows))}
    found = contrasts(rows, {key: {key: 1, other: -1} for key, other in others.items()}, study)
    frame = pd.DataFrame(
        [
            {
                "model": key[0],
                "network": row_name(records, key[0], study),
                "pictures": key[1],
                "start": WEIGHTS_WORDS[key[2]],
                **summarise(records, study),
                "against": WEIGHTS_WORDS[others[key][2]] if key in others else "",
                **_gain(found.get(key)),
            }
            for key, records in rows.items()
        ]
    )
    sentences = [
        f"'From scratch' has the scheme of the profile ({study.settings.model.init_scheme}), transferred weights have the "
        "fast one. What transfer gains over random weights of its own scheme is what it has learned.",
        VERDICT_NOTE,
        INTERVAL_NOTE,
        *notes.context_notes(study.settings),
    ]
    title, finding = "What a start is worth", _read_starts(frame, found)
    return Table("table_5_starts", title, frame, _COLUMNS, sentences, finding=finding)


def _compared_with(key: Key, rows: Mapping[Key, list[Run]]) -> Key | None:
    """The random start that another start of the same network and pictures is measured by; None for the first."""
    model, pictures, start = key
    for other in MEASURED_BY[start]:
        if (model, pictures, other) in rows:
            return model, pictures, other
    return None


def _gain(gain: Contrast | None) -> dict[str, float | str]:
    if gain is None:
        return dict.fromkeys(("gain", "gain_low", "gain_high", "p_holm"), NAN) | {"gain_status": ""}
    low, high = gain.estimate.interval()
    return {
        "gain": gain.estimate.value,
        "gain_low": low,
        "gain_high": high,
        "p_holm": gain.p_holm,
        "gain_status": gain.status,
    }


def _read_starts(frame: pd.DataFrame, found: Mapping[Key, Contrast]) -> str:
    """Sentence: the largest gain of a start, and how many of all are decided."""
    if not found:
        return ""
    row = frame.loc[frame["gain"].idxmax()]
    gain = max(found.values(), key=lambda one: one.estimate.value)
    decided = sum(not one.status.startswith("not decided") for one in found.values())
    return (
        f"Largest gain of a start: {row['start']} against {row['against']} ({row['network']}, {row['pictures']} "
        f"pictures), {gain.text()}; {decided} of {len(found)} gains are decided."
    )
