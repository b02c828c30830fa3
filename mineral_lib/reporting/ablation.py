"""Table 5: attention and transfer, alone and together, with the interaction the paper does not compute."""

import pandas as pd

from mineral_lib.config import PROPOSED
from mineral_lib.paper import printed
from mineral_lib.reporting import notes
from mineral_lib.reporting.contrasts import (
    INTERVAL_NOTE,
    VERDICT_NOTE,
    Contrast,
    compare,
    contrasts,
    percent,
    points,
    seeds_text,
)
from mineral_lib.reporting.summary import NAN, WEIGHTS_WORDS, printed_fraction, row_name, summarise
from mineral_lib.reporting.tables import MISSING, Column, Table
from mineral_lib.study import Study
from mineral_lib.training.run import Run

BASE = "convnext_tiny"
CORNERS = {
    "base": (BASE, "scratch"),
    "eca": (PROPOSED, "scratch"),
    "transfer": (BASE, "transfer"),
    "both": (PROPOSED, "transfer"),
}
_COLUMNS_5 = {
    "network": Column("network"),
    "weights": Column("weights"),
    "parameters": Column("ours, parameters", "integer"),
    "paper_parameters_million": Column("paper, million", "number"),
    "size_mib": Column("ours, MiB", "number"),
    "paper_size_mib": Column("paper, 'M'", "number"),
    "accuracy": Column("ours, acc. %", "percent", 1),
    "low": Column("95 % interval", "percent", 1, until="high"),
    "seed_sd": Column("SD over seeds", "percent", 1),
    "paper_accuracy": Column("paper, acc. %", "percent"),
    "precision_macro": Column("ours, P %", "percent", 1),
    "paper_precision": Column("paper, P %", "percent"),
    "recall_macro": Column("ours, R %", "percent", 1),
    "paper_recall": Column("paper, R %", "percent"),
    "gain": Column("ours, gain", "points", 1),
    "gain_sd": Column("its SD over seeds", "percent", 1),
    "paper_gain": Column("paper, gain", "points"),
    "status": Column("runs"),
}


def table_5(study: Study) -> Table:
    """Table 5 with measured parameters and sizes, gains over the first row and their intervals."""
    base = study.select(model=BASE, weights="scratch")
    rows = []
    for text in study.settings.ablation.rows:
        model, _, weights = text.rpartition("-")
        found = study.select(model=model, weights=weights)
        gain = None if (model, weights) == CORNERS["base"] else compare(found, base, study)
        paper = {
            f"paper_{name}": printed_fraction(model, weights, name) for name in ("accuracy", "precision", "recall")
        }
        rows.append(
            {
                "row": text,
                "model": model,
                "network": row_name(found, model, study),
                "weights": WEIGHTS_WORDS[weights],
                **size_columns(found),
                "paper_parameters_million": _printed(text, "parameters_million"),
                "paper_size_mib": _printed(text, "size_mib"),
                **summarise(found, study),
                **paper,
                **_gain(gain),
                "paper_gain": paper["paper_accuracy"] - printed_fraction(BASE, "scratch", "accuracy")
                if (model, weights) != CORNERS["base"]
                else NAN,
            }
        )
    sentences = [
        notes.PARAMETER_COLUMN,
        notes.SIZE_COLUMN,
        notes.EXACT_TWO,
        notes.ECA_LOG,
        notes.AUTHORS_RATE,
        notes.LEAK,
        INTERVAL_NOTE,
        *notes.context_notes(study.settings),
    ]
    title = "Table 5. Effect of attention and transfer on ConvNeXt"
    frame = pd.DataFrame(rows)
    return Table("table_5_ablation", title, frame, _COLUMNS_5, sentences, finding=_best_row(frame))


def _gain(gain: Contrast | None) -> dict[str, float]:
    """The columns of a gain over the first row."""
    if gain is None:
        return dict.fromkeys(("gain", "gain_low", "gain_high", "gain_sd"), NAN)
    low, high = gain.estimate.interval()
    return {"gain": gain.estimate.value, "gain_low": low, "gain_high": high, "gain_sd": gain.estimate.seed_sd}


def _best_row(frame: pd.DataFrame) -> str:
    """Sentence: the most accurate row and its distance to the first."""
    run = frame.dropna(subset=["accuracy"])
    if len(run) < 2:
        return ""
    best = run.loc[run["accuracy"].idxmax()]
    words = f"Highest accuracy: {best['network']}, {best['weights']}, {percent(best['accuracy'])}"
    if pd.isna(best["gain"]):
        return f"{words}; no row gains on it."
    ends = f"{points(best['gain_low'])} to {points(best['gain_high'])}"
    return f"{words}, {points(best['gain'])} points on the first row ({ends}, {seeds_text(int(best['seeds']))})."


def size_columns(runs: list[Run]) -> dict[str, float]:
    """Parameters, size on disk and multiply-adds of a row, from its first run's manifest."""
    manifest = runs[0].manifest if runs else {}
    return {name: manifest.get(name, NAN) for name in ("parameters", "size_mib", "gmacs")}


def _printed(row: str, quantity: str) -> float:
    value = printed("table_5", row, quantity)
    return NAN if value is None else value


# The contrasts of Table 5, judged together. The paper's "further" is a gain given transfer, not over scratch.
GAINS = {
    "ECA alone": {"eca": 1, "base": -1},
    "ECA given transfer": {"both": 1, "transfer": -1},
    "transfer alone": {"transfer": 1, "base": -1},
    "both together": {"both": 1, "base": -1},
    "interaction (both − sum)": {"both": 1, "eca": -1, "transfer": -1, "base": 1},
}
QUESTIONS = {
    "ECA alone": "attention from scratch",
    "ECA given transfer": "attention given transfer (both against transfer alone)",
    "transfer alone": "transfer",
}
_COLUMNS_GAINS = {
    "gain": Column("contrast"),
    "accuracy": Column("ours, acc.", "points", 1),
    "low": Column("95 % interval", "points", 1, until="high"),
    "seed_sd": Column("SD over seeds", "percent", 1),
    "p_value": Column("p", "p"),
    "p_holm": Column("p, Holm", "p"),
    "precision": Column("ours, P", "points", 1),
    "recall": Column("ours, R", "points", 1),
    "paper_accuracy": Column("paper, acc.", "points"),
    "paper_precision": Column("paper, P", "points"),
    "paper_recall": Column("paper, R", "points"),
    "status": Column("status"),
}


def gains(study: Study) -> dict[str, Contrast]:
    """The contrasts of Table 5 that were run, by the names of ``GAINS``, corrected as one family."""
    rows = {corner: study.select(model=m, weights=w) for corner, (m, w) in CORNERS.items()}
    return contrasts(rows, GAINS, study)


def table_5_gains(study: Study) -> Table:
    """Gains in percentage points, over scratch and given transfer, and the interaction: both together minus the sum
    of the two single gains.
    """
    found = gains(study)
    absent = dict.fromkeys([*_COLUMNS_GAINS, "high"], NAN) | {"status": MISSING}
    rows = [
        {**(found[name].row() if name in found else absent), "gain": name, **_paper_contrast(signs)}
        for name, signs in GAINS.items()
    ]
    sentences = [
        notes.EXACT_TWO,
        "Percentage points. 'Alone' and 'both together' are over ConvNeXt from scratch; 'ECA given transfer' is both "
        "against transfer alone, which is what raising it further means. A negative interaction means that the two do "
        "less together than their sum: each already does part of the other's work, or both come near the ceiling.",
        VERDICT_NOTE,
        INTERVAL_NOTE,
        *notes.context_notes(study.settings),
    ]
    title = "Gains of attention and transfer, and their interaction"
    return Table("table_5_gains", title, pd.DataFrame(rows), _COLUMNS_GAINS, sentences, finding=read_gains(found))


def read_gains(found: dict[str, Contrast]) -> str:
    """Sentence: what attention and transfer add, each with interval, seeds and what may be concluded."""
    known = {words: found[name] for name, words in QUESTIONS.items() if name in found}
    parts = [f"{words} {gain.text()}, {gain.status}" for words, gain in known.items()]
    return f"What is added: {'; '.join(parts)}." if parts else ""


def _paper_contrast(signs: dict[str, int]) -> dict[str, float]:
    return {
        f"paper_{name}": sum(sign * printed_fraction(*CORNERS[corner], name) for corner, sign in signs.items())
        for name in ("accuracy", "precision", "recall")
    }
