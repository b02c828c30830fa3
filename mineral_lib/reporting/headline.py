"""The report's first box: what was run, on what, and the few numbers that matter."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from mineral_lib.config import PROPOSED
from mineral_lib.reporting.ablation import gains
from mineral_lib.reporting.comparison import best_baseline, chance_level, lead
from mineral_lib.reporting.contrasts import FAILS, HOLDS, MIN_SEEDS, UNDECIDED, estimate_text
from mineral_lib.reporting.leakage import gap_row, table_leakage
from mineral_lib.reporting.summary import row_name, summarise, unseen_text
from mineral_lib.reporting.words import ends_text, percent, points, seeds_text, words
from mineral_lib.study import Study


class Fact(NamedTuple):
    """One number of the headline box: what it is, its text, and how sure it is or what to compare it with."""

    name: str
    value: str = "not run"
    detail: str = ""


ANSWERS = {HOLDS: "yes", FAILS: "no, it harms", UNDECIDED: UNDECIDED}


def describe_data(study: Study) -> str:
    """One sentence on the photographs, counted from the index; a second one where the seeds decide nothing."""
    if not study.paths.index.is_file():
        return "No index of photographs was found."
    index = study.read(study.paths.index, columns=["specimen", "class_name"], dtype=str)
    kind = "generated images" if study.settings.data.source == "synthetic" else "photographs of the given folder"
    specimens = index.loc[index["specimen"] != "", "specimen"].nunique()
    of = f" of {specimens:,} specimens" if specimens else ""
    minerals = index["class_name"].nunique()
    words = f"{len(index):,} {kind}{of}, {minerals} minerals, {study.settings.data.image_size_px} px."
    seeds = len(study.settings.train.seeds)
    if seeds >= MIN_SEEDS:
        return words
    return f"{words} {seeds_text(seeds).capitalize()}, {study.settings.train.epochs} epochs: a demonstration."


def facts(study: Study) -> list[Fact]:
    """The numbers of the headline box, in reading order."""
    runs = study.select(model=PROPOSED, weights="transfer")
    numbers = summarise(runs, study)
    name = f"{row_name(runs, PROPOSED, study)}: accuracy on {unseen_text(study)}"
    sure = f"{_interval(numbers)}, {seeds_text(numbers['seeds'])}"
    found = [Fact(name, percent(numbers["accuracy"]), sure) if runs else Fact(name)]
    if rival := best_baseline(study):
        ahead = lead(runs, rival, study)
        more = f"; network minus baseline {estimate_text(ahead)}" if ahead else ""
        detail = f"{rival['network']}; {_interval(rival)}{more}"
        found.append(Fact("Best simple baseline", percent(rival["accuracy"]), detail))
    if (chance := chance_level(study)) is not None:
        found.append(Fact("Chance", percent(chance), "always naming the commonest mineral"))
    known = gains(study)
    for question, key in words()["questions"].items():
        gain = known.get(key)
        found.append(Fact(question, ANSWERS[gain.verdict], gain.text()) if gain else Fact(question))
    return found + _leak(study)


def _interval(row: Mapping[str, Any]) -> str:
    return f"95 % interval {100 * row['low']:.1f} to {100 * row['high']:.1f} %"


def _leak(study: Study) -> list[Fact]:
    frame = table_leakage(study).frame
    row, control = gap_row(frame, "true"), gap_row(frame, "shuffled")
    found = [Fact("Leakage gap", detail="the same network under the paper's order")]
    if row is not None:
        ends = ends_text(row["gap_low"], row["gap_high"], int(row["seeds"]))
        words = f"{ends}; {row['network']}: {percent(row['accuracy'])} in the paper's order (augment, then split)"
        found = [Fact("Leakage gap", f"{points(row['gap'])} points", words)]
    if control is not None:
        unseen = f"{percent(control['accuracy'] - control['gap'])} on {unseen_text(study)}"
        words = f"named right in the paper's order by a nearest neighbour; {unseen}"
        found.append(Fact("Labels drawn by lot", percent(control["accuracy"]), words))
    return found
