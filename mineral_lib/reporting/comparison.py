"""Table 4: the six networks side by side, and paired tests of the proposed one against each other."""

import pandas as pd

from mineral_lib.config import PROPOSED
from mineral_lib.evaluation.statistics import mcnemar
from mineral_lib.paper import authors_best_validation
from mineral_lib.reporting import notes
from mineral_lib.reporting.baselines import baseline_rows, best_baseline, lead, read_baselines
from mineral_lib.reporting.contrasts import (
    INTERVAL_NOTE,
    VERDICT_NOTE,
    Contrast,
    contrasts,
    paired_sets,
    percent,
    seeds_text,
)
from mineral_lib.reporting.summary import (
    NAN,
    WEIGHTS_WORDS,
    block_runs,
    printed_fraction,
    row_name,
    summarise,
    weights_in_block,
)
from mineral_lib.reporting.tables import MISSING, Column, Table
from mineral_lib.study import Study
from mineral_lib.training.run import Run

_COLUMNS_4 = {
    "block": Column("block"),
    "network": Column("network"),
    "weights": Column("weights"),
    "paper_accuracy": Column("paper, acc. %", "percent"),
    "authors_best_val": Column("authors' log, best val. %", "percent"),
    "accuracy": Column("ours, acc. %", "percent", 1),
    "low": Column("95 % interval", "percent", 1, until="high"),
    "seed_sd": Column("SD over seeds", "percent", 1),
    "difference": Column("ours − paper", "points", 1),
    "paper_precision": Column("paper, P %", "percent"),
    "precision_macro": Column("ours, P %", "percent", 1),
    "paper_recall": Column("paper, R %", "percent"),
    "recall_macro": Column("ours, R %", "percent", 1),
    "last_accuracy": Column("last epoch, acc. %", "percent", 1),
    "status": Column("runs"),
}


BASELINES_NOTE = (
    "Block baselines: always naming the commonest training class, which is what chance means in this study; logistic "
    "regression on the square roots of an 8 × 8 × 8 RGB histogram; the nearest training photograph by thumbnails; all "
    "fitted on the training part of the same split. A network on grey pictures sees no colour at all."
)


def table_4(study: Study) -> Table:
    """Table 4 in up to three blocks of starting weights (paper, authors' log and ours on the grouped test set), and
    the baselines below.

    Args:
        study: The study.
    """
    rows = [
        _row(study, block=block, model=model)
        for block in study.settings.comparison.blocks
        for model in study.settings.comparison.models
    ]
    rows += baseline_rows(read_baselines(study), study)
    sentences = [
        notes.LEAK,
        notes.PAPER_TEST_IS_VALIDATION,
        notes.MIXED_WEIGHTS,
        notes.AUTHORS_RATE,
        notes.ECA_LOG,
        notes.VGG_LOG,
        notes.AVERAGING,
        BASELINES_NOTE,
        INTERVAL_NOTE,
        notes.PAPER_NOISE,
        f"Ours: grouped protocol, epoch chosen by '{study.settings.train.select}' on the validation set, tested "
        "once; the last epoch stands beside it because the paper does not say which it tests.",
        *notes.context_notes(study.settings),
    ]
    title, finding = "Table 4. Test evaluation of each network", against_baselines(study)
    return Table("table_4_comparison", title, pd.DataFrame(rows), _COLUMNS_4, sentences, finding=finding)


def against_baselines(study: Study) -> str:
    """Sentence: does the most accurate network beat the most accurate baseline, by how much, how surely?"""
    rows = {
        (model, weights_in_block(model, block)): found
        for block in study.settings.comparison.blocks
        for model, found in block_runs(study, block).items()
    }
    if not rows:
        return ""
    numbers = {key: summarise(found, study) for key, found in rows.items()}
    best = max(numbers, key=lambda key: numbers[key]["accuracy"])
    low, high = percent(numbers[best]["low"]).removesuffix(" %"), percent(numbers[best]["high"])
    words = (
        f"Most accurate network: {row_name(rows[best], best[0], study)}, {WEIGHTS_WORDS[best[1]]}, "
        f"{percent(numbers[best]['accuracy'])} ({low} to {high}, {seeds_text(int(numbers[best]['seeds']))})"
    )
    rival = best_baseline(read_baselines(study))
    found = lead(rows[best], rival, study) if rival else None
    if found is None:
        return f"{words}."
    # The best of so many networks was picked by this very accuracy, so its p counts so many times (Bonferroni).
    contrast = Contrast(found, NAN, NAN, p_holm=min(1.0, found.p_value * len(rows)))
    return (
        f"{words}; best baseline: {rival.title}, {percent(rival.accuracy.value)}; network minus "
        f"baseline {contrast.text()}: {contrast.status}."
    )


def _row(study: Study, *, block: str, model: str) -> dict[str, object]:
    weights = weights_in_block(model, block)
    found = study.select(model=model, weights=weights)
    numbers = summarise(found, study)
    paper = {f"paper_{name}": printed_fraction(model, weights, name) for name in ("accuracy", "precision", "recall")}
    best = authors_best_validation(model, weights)
    return {
        "block": block,
        "model": model,
        "network": row_name(found, model, study),
        "weights": WEIGHTS_WORDS[weights],
        **paper,
        "authors_best_val": NAN if best is None else best / 100,
        **numbers,
        "difference": numbers["accuracy"] - paper["paper_accuracy"],
    }


_COLUMNS_PAIRS = {
    "block": Column("block"),
    "network": Column("proposed model against"),
    "weights": Column("weights"),
    "difference": Column("difference, points", "points", 1),
    "low": Column("95 % interval", "points", 1, until="high"),
    "seed_sd": Column("SD over seeds", "percent", 1),
    "p_value": Column("p", "p"),
    "p_holm": Column("p, Holm", "p"),
    "only_proposed": Column("only proposed right", "integer"),
    "only_other": Column("only other right", "integer"),
    "mcnemar_p": Column("McNemar p", "p"),
    "status": Column("status"),
}


def pairwise(study: Study) -> Table:
    """The proposed network against each other one on the same photographs: difference and interval over seeds and
    specimens, Holm's correction within a block, and McNemar's exact test of the first seed.
    """
    rows, found = [], {}
    for block in study.settings.comparison.blocks:
        start = weights_in_block(PROPOSED, block)
        for model, (other, contrast) in leads(study, block).items():
            found[block, model] = contrast
            weights = weights_in_block(model, block)
            proposed = study.select(model=PROPOSED, weights=start)
            rows.append(
                {
                    "block": block,
                    "model": model,
                    "network": row_name(other, model, study),
                    "weights": f"{WEIGHTS_WORDS[start]} against {WEIGHTS_WORDS[weights]}",
                    **_pair(proposed, other, contrast),
                }
            )
    sentences = [notes.PAIRED, VERDICT_NOTE, notes.MIXED_WEIGHTS, INTERVAL_NOTE, *notes.context_notes(study.settings)]
    title, finding = "Is the proposed model better on the same photographs?", _count_words(found)
    return Table("table_4_pairwise", title, pd.DataFrame(rows), _COLUMNS_PAIRS, sentences, finding=finding)


def leads(study: Study, block: str) -> dict[str, tuple[list[Run], Contrast | None]]:
    """For every other network of a block: its runs, and the proposed network minus it (None if not run)."""
    rows = {
        model: study.select(model=model, weights=weights_in_block(model, block))
        for model in {*study.settings.comparison.models, PROPOSED}
    }
    others = [model for model in study.settings.comparison.models if model != PROPOSED]
    found = contrasts(rows, {model: {PROPOSED: 1, model: -1} for model in others}, study)
    return {model: (rows[model], found.get(model)) for model in others}


def _pair(proposed: list[Run], other: list[Run], contrast: Contrast | None) -> dict[str, float | int | str]:
    if contrast is None:
        return dict.fromkeys(list(_COLUMNS_PAIRS)[3:-1], NAN) | {"high": NAN, "status": MISSING}
    first, second = paired_sets([proposed, other])[0]
    test = mcnemar(first.correct, second.correct)
    return {
        "difference": contrast.estimate.value,
        **contrast.row(),
        "only_proposed": test["only_a"],
        "only_other": test["only_b"],
        "mcnemar_p": test["p_value"],
    }


def _count_words(found: dict[tuple[str, str], Contrast | None]) -> str:
    """Sentence: over how many networks the lead is decided, by block."""
    parts = []
    for block in dict.fromkeys(block for block, _ in found):
        known = [one for (name, _), one in found.items() if name == block and one]
        if known:
            above, below = (sum(one.status == words for one in known) for words in ("above zero", "below zero"))
            open_ = len(known) - above - below
            parts.append(f"{block}: better than {above}, worse than {below}, not decided against {open_}")
    return f"The proposed network beside the others, {'; '.join(parts)}." if parts else ""
