"""Table 4: the six networks side by side, paired tests of the proposed one against each other, and the baselines."""

from typing import Any

import numpy as np
import pandas as pd

from mineral_lib.config import PROPOSED
from mineral_lib.data.split import read_split
from mineral_lib.evaluation.metrics import classification_metrics, commonest_label
from mineral_lib.evaluation.statistics import Estimate, estimate, mcnemar
from mineral_lib.reporting.artefacts import Made, figure, table
from mineral_lib.reporting.contrasts import (
    NAN,
    contrast_rows,
    contrasts,
    estimate_text,
    frame_part,
    paired_sets,
    part_of,
    resampling,
    status,
)
from mineral_lib.reporting.curves import authors_curve
from mineral_lib.reporting.style import FAINT, INK, MUTED, PAGE_MM, Drawing, network_style, new_figure
from mineral_lib.reporting.summary import (
    accuracy_columns,
    extremes,
    printed_columns,
    row_name,
    run_row,
    status_text,
    summarise,
)
from mineral_lib.reporting.tables import MISSING
from mineral_lib.reporting.words import name_of
from mineral_lib.study import Study
from mineral_lib.training.run import Run
from mineral_lib.training.specs import block_weights

BLOCKS = ("as_read", "fair_none", "fair_all")


@table("table_4_comparison")
def table_4(study: Study) -> Made:
    """Table 4 in blocks of starting weights: paper, authors' log and ours (grouped test set); the baselines below."""
    networks = [row for block in study.settings.comparison.blocks for row in _rows(study, block)]
    return pd.DataFrame(networks + baseline_rows(study)), _best_network(pd.DataFrame(networks), study)


def _rows(study: Study, block: str) -> list[dict[str, Any]]:
    rows = []
    for model in study.settings.comparison.models:
        weights = block_weights(model, block)
        runs, start = run_row(study, model, weights)
        best = authors_curve(model, weights)["val_accuracy"].max()
        row = {"block": block, **start, **printed_columns(model, weights), "authors_best_val": best}
        row |= summarise(runs, study)
        rows.append(row | {"difference": row["accuracy"] - row["paper_accuracy"]})
    return rows


def _best_network(frame: pd.DataFrame, study: Study) -> dict[str, Any]:
    """Does the most accurate network beat the most accurate baseline, by how much, how surely?"""
    networks = frame.dropna(subset=["accuracy"]).drop_duplicates(["model", "weights"])
    if networks.empty:
        return {}
    best, rival = extremes(networks)["best"], best_baseline(study)
    runs = study.select(model=best["model"], weights=block_weights(best["model"], best["block"]))
    found = lead(runs, rival, study) if rival else None
    if found is None:
        return {"best": best}
    # The best of so many networks was picked by this very accuracy, so its p counts so many times (Bonferroni).
    decided = status(found, min(1.0, found.p_value * len(networks)))
    return {"best": best, "rival": rival, "difference": estimate_text(found), "status": decided}


@table("table_4_pairwise")
def pairwise(study: Study) -> Made:
    """The proposed network against each other one on the same photographs.

    Difference and interval over seeds and specimens, Holm's correction within a block, and McNemar's exact test of the
    first seed.
    """
    rows, parts = [], []
    for block in study.settings.comparison.blocks:
        runs, found = leads(study, block)
        others = contrast_rows(found, [model for model in runs if model != PROPOSED]).to_dict("index")
        pairs = [_pair(study, block, model, runs, numbers) for model, numbers in others.items()]
        verdicts = [row["status"] for row in pairs if row["status"] != MISSING]
        above, below = verdicts.count("above zero"), verdicts.count("below zero")
        rest = len(verdicts) - above - below
        if verdicts:
            parts.append(f"{block}: better than {above}, worse than {below}, not decided against {rest}")
        rows += pairs
    return pd.DataFrame(rows), {"blocks": "; ".join(parts) or None}


def leads(study: Study, block: str) -> tuple[dict[str, list[Run]], pd.DataFrame]:
    """The runs of every network of a block, and the proposed network minus each other one (see ``contrasts``)."""
    models = [PROPOSED, *(model for model in study.settings.comparison.models if model != PROPOSED)]
    rows = {model: study.select(model=model, weights=block_weights(model, block)) for model in models}
    return rows, contrasts(rows, {model: {PROPOSED: 1, model: -1} for model in models[1:]}, study)


def _pair(study: Study, block: str, model: str, runs: dict[str, list[Run]], numbers: dict[str, Any]) -> dict[str, Any]:
    names = {"block": block, "model": model, "network": row_name(runs[model], model, study)}
    weights = (name_of("weights", block_weights(name, block)) for name in (PROPOSED, model))
    names |= {"weights": " against ".join(weights), "difference": numbers["accuracy"]}
    tests = dict.fromkeys(("only_proposed", "only_other", "mcnemar_p"), NAN)
    if numbers["status"] != MISSING:
        first, second = paired_sets([runs[PROPOSED], runs[model]])[0]
        tests = dict(zip(tests, mcnemar(first.correct, second.correct).values(), strict=True))
    return names | numbers | tests


@figure("table_4_accuracy_{block}", block=BLOCKS)
def draw_accuracies(study: Study, block: str) -> tuple[Drawing, dict[str, Any]] | None:
    """One block of Table 4: our test accuracy with its 95 % interval, the paper's figure as a hollow mark."""
    if block not in study.settings.comparison.blocks:
        return None
    frame = pd.DataFrame(_rows(study, block))
    sheet = new_figure(PAGE_MM, 20 + 7 * len(frame))
    axes = sheet.subplots()
    paper = {"marker": "D", "markerfacecolor": "none", "markeredgecolor": MUTED, "markersize": 4.2, "linestyle": ""}
    for place, row in frame.iterrows():
        colour, accuracy = network_style(row["model"])["color"], 100 * row["accuracy"]
        axes.axhline(place, color=FAINT, linewidth=0.5, zorder=0)
        printed = "printed in the paper (other photographs)" if place == 0 else None
        axes.plot(100 * row["paper_accuracy"], place, **paper, label=printed)
        if row["status"] == MISSING:
            axes.text(1, place, MISSING, va="center", fontsize=6.5, color=MUTED, backgroundcolor="white")
            continue
        interval = {"color": colour, "linewidth": 3.4, "alpha": 0.35, "solid_capstyle": "butt"}
        axes.plot([100 * row["low"], 100 * row["high"]], [place, place], **interval)
        axes.plot(accuracy, place, "o", color=colour, markersize=5)
        axes.text(accuracy, place - 0.3, f"{accuracy:.1f}", ha="center", va="bottom", fontsize=6.4)
    axes.plot([], [], "o-", color=INK, markersize=5, linewidth=3, label="ours with 95 % interval")
    axes.set_yticks(range(len(frame)), frame["network"] + ", " + frame["weights"])
    axes.set_ylim(len(frame) - 0.4, -0.8)
    axes.set_xlim(0, 101)
    axes.set_xlabel("Test accuracy (%), grouped protocol")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    sheet.legend(loc="outside lower center", ncols=2)
    return Drawing(sheet, frame), _range(frame)


def _range(frame: pd.DataFrame) -> dict[str, Any]:
    """The most and the least accurate network of a block, and how many intervals hold the best accuracy."""
    run = frame.dropna(subset=["accuracy"]).sort_values("accuracy", kind="stable")
    if len(run) < 2:
        return {}
    best, others = run.iloc[-1], run.iloc[:-1]
    within = (others["high"] >= best["accuracy"]).sum()
    return {"least": run.iloc[0], "best": best, "within": within, "others": len(others)}


BLOCK = "baselines"
BASELINES = ("majority", "colour_histogram", "nearest_neighbour")


def baseline_rows(study: Study) -> list[dict[str, Any]]:
    """Rows of Table 4: every baseline, then the networks that saw grey pictures."""
    rows = simple_rows(study)
    for text in study.settings.comparison.grey_runs:
        runs, start = run_row(study, *text.rsplit("-", 1), pictures="grey")
        start["network"] += " on grey pictures"
        rows.append({"block": BLOCK, **start, **summarise(runs, study)})
    return rows


def simple_rows(study: Study) -> list[dict[str, Any]]:
    """A row of Table 4 for each baseline of ``BASELINES``; none before notebook 05 has run them."""
    answers, rows = _answers(study), []
    for name in [name for name in BASELINES if name in set(answers["baseline"])]:
        parts = [part for _, part in answers[answers["baseline"] == name].groupby("seed")]
        known = len(study.runs[0].classes) if study.runs else int(answers[["label", "predicted"]].to_numpy().max()) + 1
        metrics = pd.DataFrame([classification_metrics(part["label"], part["predicted"], known) for part in parts])
        row = {"block": BLOCK, "model": name, "network": name_of("baseline", name), "weights": "none"}
        row |= accuracy_columns([frame_part(part) for part in parts], study)
        row |= {"last_accuracy": NAN, **metrics[["precision_macro", "recall_macro"]].mean()}
        rows.append(row | {"status": status_text(row["seeds"], "split")})
    return rows


def best_baseline(study: Study) -> dict[str, Any] | None:
    """The row of the most accurate baseline."""
    return max(simple_rows(study), key=lambda row: row["accuracy"], default=None)


def chance_level(study: Study) -> float | None:
    """Accuracy of always naming the commonest training class on the grouped test set, a mean over splits."""
    found = []
    for path in sorted(study.paths.splits_dir.glob("grouped*.csv")):
        split = read_split(path.parent, path.stem)
        train, test = (split.loc[split["split"] == part, "label"] for part in ("train", "test"))
        if len(train) and len(test):
            found.append(float((test == commonest_label(train)).mean()))
    return float(np.mean(found)) if found else None


def lead(runs: list[Run], baseline: dict[str, Any], study: Study) -> Estimate | None:
    """Accuracy of a network minus that of a baseline, over the seeds tested on photographs that the baseline saw."""
    answers, parts = _answers(study).query("baseline == @baseline['model']"), []
    splits = [part.set_index("image_id")["correct"] for _, part in answers.groupby("seed")]
    for run in runs:
        ids, (correct, specimens) = run.predictions()["image_id"], part_of(run)
        same = next((s for s in splits if len(s) == len(ids) and s.index.isin(ids).all()), None)
        if same is not None:
            parts.append((correct - same.loc[ids].to_numpy(), specimens))
    return estimate(parts, **resampling(study)) if parts else None


def _answers(study: Study) -> pd.DataFrame:
    """What the baselines answer, a row a baseline, seed and test photograph, see ``evaluation.controls``."""
    if not study.paths.baselines.is_file():
        return pd.DataFrame(columns=["baseline"])
    text = {"image_id": str, "specimen": str}
    table = study.read(study.paths.baselines, columns=["baseline", *text], numbers=["label", "predicted"], dtype=text)
    specimens = table["specimen"].where(table["specimen"] != "", table["image_id"])
    return table.assign(specimen=specimens, correct=(table["label"] == table["predicted"]).astype(float))
