"""Table 5: attention and transfer, alone and together, with the interaction the paper does not compute."""

import pandas as pd

from mineral_lib.config import PROPOSED
from mineral_lib.paper import printed
from mineral_lib.reporting.artefacts import table
from mineral_lib.reporting.contrasts import (
    NAN,
    Contrast,
    compare,
    contrast_row,
    contrasts,
    ends_text,
    gain_columns,
    percent,
    points,
)
from mineral_lib.reporting.summary import printed_columns, run_row, size_columns, summarise
from mineral_lib.study import Study

BASE = "convnext_tiny"
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
QUESTIONS = {
    "ECA alone": "attention from scratch",
    "ECA given transfer": "attention given transfer (both against transfer alone)",
    "transfer alone": "transfer",
}


@table("table_5_ablation")
def table_5(study: Study) -> tuple[pd.DataFrame, str]:
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
    return frame, _best_row(frame)


def _best_row(frame: pd.DataFrame) -> str:
    """Sentence: the most accurate row and its distance to the first."""
    run = frame.dropna(subset=["accuracy"])
    if len(run) < 2:
        return ""
    best = run.loc[run["accuracy"].idxmax()]
    words = f"Highest accuracy: {best['network']}, {best['weights']}, {percent(best['accuracy'])}"
    if pd.isna(best["gain"]):
        return f"{words}; no row gains on it."
    ends = ends_text(best["gain_low"], best["gain_high"], int(best["seeds"]))
    return f"{words}, {points(best['gain'])} points on the first row ({ends})."


def gains(study: Study) -> dict[str, Contrast]:
    """The contrasts of Table 5 that were run, by the names of ``GAINS``, corrected as one family."""
    rows = {corner: study.select(model=m, weights=w) for corner, (m, w) in CORNERS.items()}
    return contrasts(rows, GAINS, study)


@table("table_5_gains")
def table_5_gains(study: Study) -> tuple[pd.DataFrame, str]:
    """Gains over scratch and given transfer, and the interaction: both together minus the sum of the single gains."""
    found = gains(study)
    paper = pd.DataFrame({corner: printed_columns(*row) for corner, row in CORNERS.items()})
    rows = []
    for name, signs in GAINS.items():
        printed_gain = sum(sign * paper[corner] for corner, sign in signs.items())
        rows.append({**contrast_row(found.get(name)), "gain": name, **printed_gain})
    return pd.DataFrame(rows), _read_gains(found)


def _read_gains(found: dict[str, Contrast]) -> str:
    """Sentence: what attention and transfer add, each with interval, seeds and what may be concluded."""
    known = {words: found[name] for name, words in QUESTIONS.items() if name in found}
    parts = [f"{words} {gain.text()}, {gain.status}" for words, gain in known.items()]
    return f"What is added: {'; '.join(parts)}." if parts else ""
