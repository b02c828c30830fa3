"""Where the evidence lies (paper 4.3), in numbers: heat maps against outlines, and answers on another ground."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pandas as pd

from mineral_lib.config import PROPOSED
from mineral_lib.evaluation.statistics import Estimate, accuracy_interval, estimate
from mineral_lib.measurements.evidence_study import (
    BLIND,
    EVIDENCE_FILE,
    GROUNDS,
    GROUNDS_FILE,
    MOST_ON_GROUNDS,
    read_measured,
)
from mineral_lib.reporting.artefacts import Made, table
from mineral_lib.reporting.contrasts import (
    FAILS,
    FEW_SEEDS,
    HOLDS,
    MIN_SEEDS,
    UNDECIDED,
    frame_part,
    overall,
    resampling,
)
from mineral_lib.reporting.run_checks import NOTHING, Verdict
from mineral_lib.reporting.words import entry, points, sentence
from mineral_lib.study import Study
from mineral_lib.training.specs import block_weights

NO_RUN = "The proposed network was not run."


@table("grad_cam_evidence")
def table_evidence(study: Study) -> Made | None:
    """How much of each map lies on the specimen: a row a run and reference that looks at nothing.

    None before notebook 07 has measured, and for photographs of a folder.
    """
    maps = read_measured(study, EVIDENCE_FILE)
    if maps is None:
        return None
    return _by_run(maps, lambda part: _evidence_row(part, study)), {"sentence": evidence_sentence(maps, study)}


@table("ground_test")
def table_grounds(study: Study) -> Made | None:
    """What every run answers about the same specimens on their own, on another and on a grey ground.

    None before notebook 07 has asked, and for photographs of a folder.
    """
    answers = read_measured(study, GROUNDS_FILE)
    if answers is None:
        return None
    right = answers.assign(**{name: (answers[name] == answers["label"]).astype(float) for name in GROUNDS})
    frame = _by_run(right, lambda part: _ground_row(part, study))
    return frame, {"sentence": ground_sentence(right, study), "most": f"{MOST_ON_GROUNDS}"}


def _by_run(photographs: pd.DataFrame, measure: Callable[[pd.DataFrame], dict]) -> pd.DataFrame:
    """A row a run (or reference) from a row a run and photograph."""
    names = ["network", "start", "seed"]
    groups = photographs.groupby(["model", *names], sort=False, dropna=False)
    return pd.DataFrame([{**part[names].iloc[0], "photographs": len(part), **measure(part)} for _, part in groups])


def _evidence_row(part: pd.DataFrame, study: Study) -> dict[str, Any]:
    (heat_low, heat_high), (low, high) = (
        accuracy_interval(*frame_part(part, name), **resampling(study)) for name in ("heat", "hottest")
    )
    return {
        "empty maps": int(part["empty"].sum()),
        "heat on specimen": part["heat"].mean(),
        "heat_low": heat_low,
        "specimen's area": part["area"].mean(),
        "hottest place on specimen": part["hottest"].mean(),
        "low": low,
        "heat_high": heat_high,
        "high": high,
    }


def _change(right: pd.DataFrame, ground: str, study: Study) -> Estimate:
    return _paired(right.assign(value=right[ground] - right["own"]), study)


def _ground_row(part: pd.DataFrame, study: Study) -> dict[str, float]:
    row = part[list(GROUNDS)].mean().to_dict()
    changes = {name: _change(part, name, study) for name in GROUNDS[1:]}
    for name, change in changes.items():
        row |= {f"{name}_change": change.value, f"{name}_low": change.interval()[0]}
    return row | {f"{name}_high": change.interval()[1] for name, change in changes.items()}


def _run(rows: pd.DataFrame, model: str) -> pd.DataFrame:
    """The photographs of a network as the paper's tables read: only the proposed one is pretrained."""
    return rows[(rows["model"] == model) & (rows["start"] == block_weights(model, "as_read"))]


def _against(maps: pd.DataFrame, other: pd.DataFrame, study: Study) -> Estimate | None:
    """The proposed network minus another on the same photographs; a reference without seeds meets every seed."""
    keys = ["image_id"] if other["seed"].isna().all() else ["seed", "image_id"]
    both = _run(maps, PROPOSED).merge(other[[*keys, "hottest"]], on=keys, suffixes=("", "_other"))
    if both.empty:
        return None
    return _paired(both.assign(value=both["hottest"] - both["hottest_other"]), study)


def _rivals(maps: pd.DataFrame, study: Study) -> tuple[dict[str, Estimate], float]:
    """Differences to every other network, and the level of their intervals (95 % for all together)."""
    others = [_run(maps, model) for model in study.settings.comparison.models if model != PROPOSED]
    found = {rows["network"].iloc[0]: _against(maps, rows, study) for rows in others if len(rows)}
    return {name: lead for name, lead in found.items() if lead}, 1 - 0.05 / max(1, len(found))


def evidence_sentence(maps: pd.DataFrame, study: Study) -> str:
    """What the maps of the proposed network show beside the others and beside the blind map."""
    mine, (rivals, level) = _run(maps, PROPOSED), _rivals(maps, study)
    values: dict[str, Any] = {"maps": len(mine), "hottest": mine["hottest"].mean()}
    if rivals:
        clear = Counter(_direction(lead, level) for lead in rivals.values())
        strongest = min(rivals, key=lambda name: rivals[name].value)
        values |= {"rivals": len(rivals), "above": clear[HOLDS], "below": clear[FAILS], "within": clear[UNDECIDED]}
        values |= {"strongest": strongest, "lead": _interval_text(rivals[strongest], level), "level": 100 * level}
    if blind := _against(maps, maps[maps["model"] == BLIND], study):
        beside = {HOLDS: "clearly above", FAILS: "clearly below", UNDECIDED: "within noise of"}[_direction(blind)]
        values |= {"beside": beside, "blind": _interval_text(blind)}
    return _sentence("grad_cam_evidence", mine, values)


def ground_sentence(right: pd.DataFrame, study: Study) -> str:
    """What another ground and a grey one do to the networks; the columns ``GROUNDS`` of ``right`` are 0 or 1."""
    mine = _run(right, PROPOSED)
    runs = right.groupby(["model", "start", "seed"])[list(GROUNDS)].mean()
    values: dict[str, Any] = {"runs": len(runs)}
    for name in GROUNDS[1:] if len(mine) else ():
        change, changes = _change(mine, name, study), runs[name] - runs["own"]
        verb = {FAILS: "falls clearly", HOLDS: "rises clearly", UNDECIDED: "does not change beyond noise"}
        values[name] = f"{verb[_direction(change)]} ({_interval_text(change)})"
        values[f"{name}_range"] = " to ".join(dict.fromkeys([points(changes.min()), points(changes.max())]))
    return _sentence("ground_test", mine, values)


def _sentence(table: str, mine: pd.DataFrame, values: dict[str, Any]) -> str:
    """What a table says of the proposed network, in the words of ``words.yaml``."""
    if mine.empty:
        return NO_RUN
    seeds = mine["seed"].nunique()
    few = FEW_SEEDS if seeds < MIN_SEEDS else None
    return sentence(entry(table)["sentence"], {"mine": mine.iloc[0], "seeds": seeds, "few": few, **values})


def check_evidence(study: Study) -> Verdict:
    """Does the proposed network's evidence lie better on the mineral than that of every other network (paper 4.3)?

    Compared is how often the hottest place is on the specimen, on the same photographs. Fails if any other network is
    clearly better; holds only if it is clearly better than all; not decided with fewer than three seeds.
    """
    maps = read_measured(study, EVIDENCE_FILE)
    rivals, level = ({}, 0) if maps is None else _rivals(maps, study)
    if not rivals:
        return NOTHING
    verdict = overall({_direction(lead, level) for lead in rivals.values()})
    enough = min(lead.seeds for lead in rivals.values()) >= MIN_SEEDS
    return (verdict if enough else UNDECIDED), {"words": evidence_sentence(maps, study)}


def check_evidence_kind(study: Study) -> Verdict:
    """Are the maps of the proposed network more on the mineral than a map that looks at nothing?

    Edges and colour of the mineral can be its evidence only if they are; more than that a map cannot show.
    """
    maps = read_measured(study, EVIDENCE_FILE)
    beside = None if maps is None else _against(maps, maps[maps["model"] == BLIND], study)
    if beside is None:
        return NOTHING
    return _direction(beside) if beside.seeds >= MIN_SEEDS else UNDECIDED, {"blind": _interval_text(beside)}


def _paired(differences: pd.DataFrame, study: Study) -> Estimate:
    """Mean of differences over seeds and specimens; ``differences`` has a row a seed and photograph, and ``value``."""
    return estimate([frame_part(rows, "value") for _, rows in differences.groupby("seed")], **resampling(study))


def _direction(found: Estimate, level: float = 0.95) -> str:
    """``holds here`` if the interval lies above zero, ``does not hold here`` below, else ``not decided here``."""
    low, high = found.interval(level)
    return HOLDS if low > 0 else FAILS if high < 0 else UNDECIDED


def _interval_text(found: Estimate, level: float = 0.95) -> str:
    """Value and interval in percentage points."""
    low, high = found.interval(level)
    return f"{points(found.value)} points, {points(low)} to {points(high)}"
