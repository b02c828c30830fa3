"""Where the evidence lies (paper 4.3), in numbers: heat maps against outlines, and answers on another ground."""

from collections.abc import Callable

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
from mineral_lib.reporting.run_checks import NOT_RUN
from mineral_lib.reporting.words import points, seeds_text
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
    groups = photographs.groupby(["model", "network", "start", "seed"], sort=False, dropna=False)
    names = groups.keys[1:]
    rows = [
        {**dict(zip(names, key[1:], strict=True)), "photographs": len(part), **measure(part)} for key, part in groups
    ]
    return pd.DataFrame(rows)


def _evidence_row(part: pd.DataFrame, study: Study) -> dict:
    ends = [accuracy_interval(*frame_part(part, name), **resampling(study)) for name in ("heat", "hottest")]
    return {
        "empty maps": int(part["empty"].sum()),
        "heat on specimen": part["heat"].mean(),
        "heat_low": ends[0][0],
        "specimen's area": part["area"].mean(),
        "hottest place on specimen": part["hottest"].mean(),
        "low": ends[1][0],
        "heat_high": ends[0][1],
        "high": ends[1][1],
    }


def _change(right: pd.DataFrame, ground: str, study: Study) -> Estimate:
    return _paired(right.assign(value=right[ground] - right["own"]), study)


def _ground_row(part: pd.DataFrame, study: Study) -> dict:
    changes = {name: _change(part, name, study) for name in GROUNDS[1:]}
    row = {name: part[name].mean() for name in GROUNDS}
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
    if mine.empty:
        return NO_RUN
    seeds = mine["seed"].nunique()
    words = (
        f"{mine['network'].iloc[0]} ({mine['start'].iloc[0]}): the hottest place is on the specimen in "
        f"{100 * mine['hottest'].mean():.1f} % of {len(mine):,} maps ({seeds_text(seeds)})."
    )
    if rivals:
        clear = [_direction(lead, level) for lead in rivals.values()]
        strongest = min(rivals, key=lambda name: rivals[name].value)
        words += (
            f" Of {len(clear)} other networks it is clearly above {clear.count(HOLDS)}, clearly below "
            f"{clear.count(FAILS)} and within noise of {clear.count(UNDECIDED)}; against the strongest, {strongest}: "
            f"{_interval_text(rivals[strongest], level)} ({100 * level:.0f} % interval over seeds and specimens, same "
            "photographs)."
        )
    if blind := _against(maps, maps[maps["model"] == BLIND], study):
        beside = {HOLDS: "clearly above", FAILS: "clearly below", UNDECIDED: "within noise of"}[_direction(blind)]
        words += f" It is {beside} a blind map of the picture's middle ({_interval_text(blind)})."
    return words if seeds >= MIN_SEEDS else f"{words} {FEW_SEEDS}"


def ground_sentence(right: pd.DataFrame, study: Study) -> str:
    """What another ground and a grey one do to the networks; the columns ``GROUNDS`` of ``right`` are 0 or 1."""
    mine = _run(right, PROPOSED)
    if mine.empty:
        return NO_RUN
    seeds = mine["seed"].nunique()
    swapped, grey = (_moves(_change(mine, name, study)) for name in GROUNDS[1:])
    runs = right.groupby(["model", "start", "seed"])[list(GROUNDS)].mean()
    changes = [runs[name] - runs["own"] for name in GROUNDS[1:]]
    ranges = [f"{points(change.min())} to {points(change.max())}" for change in changes]
    words = (
        f"{mine['network'].iloc[0]} ({mine['start'].iloc[0]}, {seeds_text(seeds)}): on another photograph's ground the "
        f"accuracy {swapped}, on a grey one it {grey}. Over all {len(runs)} runs: {ranges[0]} "
        f"points on another ground, {ranges[1]} on grey."
    )
    return words if seeds >= MIN_SEEDS else f"{words} {FEW_SEEDS}"


def _moves(change: Estimate) -> str:
    verb = {FAILS: "falls clearly", HOLDS: "rises clearly"}.get(_direction(change), "does not change beyond noise")
    return f"{verb} ({_interval_text(change)})"


def check_evidence(study: Study) -> tuple[str, str]:
    """Does the proposed network's evidence lie better on the mineral than that of every other network (paper 4.3)?

    Compared is how often the hottest place is on the specimen, on the same photographs. Fails if any other network is
    clearly better; holds only if it is clearly better than all; not decided with fewer than three seeds.
    """
    maps = read_measured(study, EVIDENCE_FILE)
    rivals, level = ({}, 0) if maps is None else _rivals(maps, study)
    if not rivals:
        return NOT_RUN, ""
    clear = {_direction(lead, level) for lead in rivals.values()}
    verdict = overall(clear)
    enough = min(lead.seeds for lead in rivals.values()) >= MIN_SEEDS
    return (verdict if enough else UNDECIDED), evidence_sentence(maps, study)


def check_evidence_kind(study: Study) -> tuple[str, str]:
    """Are the maps of the proposed network more on the mineral than a map that looks at nothing?

    Edges and colour of the mineral can be its evidence only if they are; more than that a map cannot show.
    """
    maps = read_measured(study, EVIDENCE_FILE)
    beside = None if maps is None else _against(maps, maps[maps["model"] == BLIND], study)
    if beside is None:
        return NOT_RUN, ""
    words = f"Against a blind map of the picture's middle: {_interval_text(beside)}."
    verdict = _direction(beside) if beside.seeds >= MIN_SEEDS else UNDECIDED
    return verdict, f"{words} No map of places tells edges from colour."


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
