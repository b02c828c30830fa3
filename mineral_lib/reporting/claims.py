"""What the paper claims and what the runs of this profile say about it; every verdict is computed."""

from collections.abc import Callable

import pandas as pd

from mineral_lib.config import Settings
from mineral_lib.reporting.records import RunRecord
from mineral_lib.reporting.tables import Column, Table
from mineral_lib.reporting.verdicts import (
    UNTESTABLE,
    Claim,
    check_best,
    check_cheap,
    check_classes,
    check_complexity,
    check_faster,
    check_gain,
    check_honest_split,
    check_training,
)
from mineral_lib.storage import ResultPaths

Check = Callable[[list[RunRecord], Settings, ResultPaths], tuple[str, str]]

# claim, where the paper makes it, and the check that returns verdict and evidence
CLAIMS: tuple[tuple[str, str, Check], ...] = (
    (
        "All six networks reach more than 90 % training accuracy.",
        "4.1",
        lambda runs, settings, paths: check_training(runs, settings),
    ),
    (
        "The proposed network converges faster than the other five.",
        "abstract, 4.1",
        lambda runs, settings, paths: check_faster(runs, settings, "as_read"),
    ),
    (
        "... also if all start from scratch (a fair comparison; not in the paper).",
        "ours",
        lambda runs, settings, paths: check_faster(runs, settings, "fair_none"),
    ),
    (
        "Most minerals are recognised in 97 % of cases or more.",
        "4.2.1, Figure 5",
        lambda runs, settings, paths: check_classes(runs, settings),
    ),
    (
        "The proposed network is the most accurate of the six.",
        "4.2.1, Table 4",
        lambda runs, settings, paths: check_best(runs, settings, "as_read"),
    ),
    (
        "... also if all start from scratch (a fair comparison; not in the paper).",
        "ours",
        lambda runs, settings, paths: check_best(runs, settings, "fair_none"),
    ),
    (
        "Accuracy grows with the complexity of the network.",
        "4.2.1",
        lambda runs, settings, paths: check_complexity(runs, settings),
    ),
    (
        "Channel attention alone raises accuracy (printed: by about 1 point).",
        "4.2.2, Table 5",
        lambda runs, settings, paths: check_gain(runs, settings, "ECA alone"),
    ),
    (
        "Transfer learning alone raises accuracy (printed: by about 1 point).",
        "4.2.2, Table 5",
        lambda runs, settings, paths: check_gain(runs, settings, "transfer alone"),
    ),
    (
        "Both together raise it further (printed: by about 2 points over the start).",
        "4.2.2, Table 5",
        lambda runs, settings, paths: check_gain(runs, settings, "both together"),
    ),
    (
        "Attention adds very few parameters.",
        "4.2.2, Table 5",
        lambda runs, settings, paths: check_cheap(runs, settings),
    ),
    (
        "Splitting after augmentation measures recognition of new specimens (implied by 3.2 and 3.3).",
        "3.2, 3.3",
        lambda runs, settings, paths: check_honest_split(runs, settings, paths),
    ),
    (
        "98.58 % accuracy, 98.62 % precision, 98.73 % recall on 26 minerals.",
        "abstract, Table 4",
        lambda runs, settings, paths: (
            UNTESTABLE,
            "The photographs are not public; the figures appear here as a reference column only.",
        ),
    ),
    (
        "The model generalises and suits field use.",
        "1, conclusion",
        lambda runs, settings, paths: (
            UNTESTABLE,
            "Needs photographs of other places and cameras; the paper has none and neither has this profile.",
        ),
    ),
)


def all_claims(runs: list[RunRecord], settings: Settings, paths: ResultPaths) -> list[Claim]:
    """Every claim that results could bear on, in the paper's order, with its computed verdict."""
    return [Claim(claim, source, *check(runs, settings, paths)) for claim, source, check in CLAIMS]


def table_claims(claims: list[Claim]) -> Table:
    """The claims as a table."""
    frame = pd.DataFrame([vars(claim) for claim in claims])
    columns = {
        "claim": Column("the paper's claim"),
        "source": Column("where"),
        "verdict": Column("verdict"),
        "evidence": Column("evidence in this profile"),
    }
    sentence = (
        "'holds here' and 'does not hold here' mean that a 95 % interval by specimen excludes zero, where "
        "an interval "
        "exists; 'not decided here' means within noise. All verdicts are about this profile's photographs "
        "and networks."
    )
    return Table("claims", "What holds and what does not", frame, columns, [sentence])
