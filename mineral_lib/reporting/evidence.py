"""Where the evidence lies (paper 4.3): Grad-CAM maps against the outlines of the specimens, in numbers."""

from pathlib import Path

import pandas as pd

from mineral_lib.config import PROPOSED
from mineral_lib.evaluation.statistics import accuracy_interval
from mineral_lib.reporting.contrasts import FAILS, FEW_SEEDS, HOLDS, MIN_SEEDS, UNDECIDED, Paired, paired, seeds_text
from mineral_lib.reporting.run_checks import NOT_RUN
from mineral_lib.reporting.tables import Column, Table
from mineral_lib.study import Study
from mineral_lib.training.specs import block_weights

# References that look at nothing, as ``model`` in the file of photographs.
BLIND, AREA = "blind_centre", "area"
COLUMNS = {
    "network": Column("network"),
    "start": Column("start"),
    "seed": Column("seed", "integer"),
    "photographs": Column("photographs", "integer"),
    "empty maps": Column("empty maps", "integer"),
    "heat on specimen": Column("heat on specimen %", "percent", 1),
    "heat_low": Column("95 % interval", "percent", 1, until="heat_high"),
    "specimen's area": Column("specimen's area %", "percent", 1),
    "hottest place on specimen": Column("hottest place on specimen %", "percent", 1),
    "low": Column("95 % interval", "percent", 1, until="high"),
}
HOW_TO_READ = (
    "All test photographs count; an empty map has nothing on the specimen, and where several pixels are equally hot "
    "the share of them on the specimen counts. The blind centre map is the same for every photograph: heat on the "
    "inner half of each side, hottest in the very middle. A place drawn by lot is on the specimen as often as its area "
    "says. Intervals resample whole specimens."
)


def evidence_file(study: Study) -> Path:
    """What each map shows: a row a run and photograph, and a row a reference and photograph."""
    return study.paths.root / "grad_cam_photographs.csv"


def read_evidence(study: Study) -> pd.DataFrame | None:
    """The measured maps, or None before notebook 07 has measured them."""
    if not evidence_file(study).is_file():
        return None
    text = dict.fromkeys(["model", "network", "start", "image_id", "specimen"], str)
    return pd.read_csv(
        evidence_file(study), dtype=text | {"seed": "Int64"}, keep_default_na=False, na_values={"seed": [""]}
    )


def table_evidence(study: Study) -> Table | None:
    """A row a run and reference; None before notebook 07 has measured, and for photographs of a folder."""
    maps = read_evidence(study) if study.settings.data.source == "synthetic" else None
    if maps is None:
        return None
    groups = maps.groupby(["model", "network", "start", "seed"], sort=False, dropna=False)
    rows = [_row(dict(zip(groups.keys, key, strict=True)), part, study) for key, part in groups]
    frame = pd.DataFrame(rows, columns=[*COLUMNS, "heat_high", "high"])
    notes = [evidence_sentence(maps, study), HOW_TO_READ]
    return Table("grad_cam_evidence", "Grad-CAM: evidence on the specimen", frame, COLUMNS, notes)


def _row(key: dict, part: pd.DataFrame, study: Study) -> dict:
    ends = {
        name: accuracy_interval(
            part[name].to_numpy(float),
            part["specimen"].to_numpy(str),
            resamples=study.settings.report.bootstrap,
            seed=study.settings.report.seed,
        )
        for name in ("heat", "hottest")
    }
    return {
        **{name: key[name] for name in ("network", "start", "seed")},
        "photographs": len(part),
        "empty maps": int(part["empty"].sum()),
        "heat on specimen": part["heat"].mean(),
        "heat_low": ends["heat"][0],
        "heat_high": ends["heat"][1],
        "specimen's area": part["area"].mean(),
        "hottest place on specimen": part["hottest"].mean(),
        "low": ends["hottest"][0],
        "high": ends["hottest"][1],
    }


def _run(maps: pd.DataFrame, model: str, block: str) -> pd.DataFrame:
    return maps[(maps["model"] == model) & (maps["start"] == block_weights(model, block))]


def _against(maps: pd.DataFrame, other: pd.DataFrame, block: str, study: Study, level: float) -> Paired | None:
    """The proposed network minus another on the same photographs; a reference without seeds meets every seed."""
    keys = ["image_id"] if other["seed"].isna().all() else ["seed", "image_id"]
    both = _run(maps, PROPOSED, block).merge(other[[*keys, "hottest"]], on=keys, suffixes=("", "_other"))
    if both.empty:
        return None
    return paired(both.assign(value=both["hottest"] - both["hottest_other"]), study, level=level)


def _rivals(maps: pd.DataFrame, study: Study, block: str) -> tuple[dict[str, Paired], float]:
    """Differences to every other network of a block, and the level of their intervals (95 % for all together)."""
    others = {model: _run(maps, model, block) for model in study.settings.comparison.models if model != PROPOSED}
    others = {model: rows for model, rows in others.items() if len(rows)}
    level = 1 - 0.05 / max(1, len(others))
    found = {rows["network"].iloc[0]: _against(maps, rows, block, study, level) for rows in others.values()}
    return {name: difference for name, difference in found.items() if difference}, level


def evidence_sentence(maps: pd.DataFrame, study: Study, block: str = "as_read") -> str:
    """What the maps of the proposed network show beside the others of a block and beside the blind map."""
    mine, (rivals, level) = _run(maps, PROPOSED, block), _rivals(maps, study, block)
    if mine.empty:
        return "The proposed network was not run."
    seeds = mine["seed"].nunique()
    words = (
        f"{mine['network'].iloc[0]} ({mine['start'].iloc[0]}): the hottest place is on the specimen in "
        f"{100 * mine['hottest'].mean():.1f} % of {len(mine):,} maps ({seeds_text(seeds)})."
    )
    if rivals:
        clear = [difference.direction for difference in rivals.values()]
        strongest = min(rivals, key=lambda name: rivals[name].value)
        words += (
            f" Of {len(clear)} other networks it is clearly above {clear.count(HOLDS)}, clearly below "
            f"{clear.count(FAILS)} and within noise of {clear.count(UNDECIDED)}; against the strongest, {strongest}: "
            f"{rivals[strongest].words} ({100 * level:.0f} % interval over seeds and specimens, same photographs)."
        )
    blind = _against(maps, maps[maps["model"] == BLIND], block, study, 0.95)
    if blind:
        beside = {HOLDS: "clearly above", FAILS: "clearly below", UNDECIDED: "within noise of"}[blind.direction]
        words += f" It is {beside} a blind map of the picture's middle ({blind.words})."
    return words if seeds >= MIN_SEEDS else f"{words} {FEW_SEEDS}"


def check_evidence(study: Study, block: str = "as_read") -> tuple[str, str]:
    """Does the proposed network's evidence lie better on the mineral than that of every other network (paper 4.3)?

    Compared is how often the hottest place is on the specimen, on the same photographs. Fails if any other network is
    clearly better; holds only if it is clearly better than all; not decided with fewer than three seeds.

    Returns:
        Verdict and the numbers behind it.
    """
    maps = read_evidence(study) if study.settings.data.source == "synthetic" else None
    rivals = {} if maps is None else _rivals(maps, study, block)[0]
    if not rivals:
        return NOT_RUN, ""
    clear = {difference.direction for difference in rivals.values()}
    verdict = FAILS if FAILS in clear else HOLDS if clear == {HOLDS} else UNDECIDED
    if min(difference.seeds for difference in rivals.values()) < MIN_SEEDS:
        verdict = UNDECIDED
    return verdict, evidence_sentence(maps, study, block)


def check_evidence_kind(study: Study, block: str = "as_read") -> tuple[str, str]:
    """Are the maps of the proposed network more on the mineral than a map that looks at nothing?

    Edges and colour of the mineral can be its evidence only if they are; more than that a map cannot show.

    Returns:
        Verdict and the numbers behind it.
    """
    maps = read_evidence(study) if study.settings.data.source == "synthetic" else None
    beside = None if maps is None else _against(maps, maps[maps["model"] == BLIND], block, study, 0.95)
    if beside is None:
        return NOT_RUN, ""
    words = f"Against a blind map of the picture's middle: {beside.words}. No map of places tells edges from colour."
    return (beside.direction if beside.seeds >= MIN_SEEDS else UNDECIDED), words
