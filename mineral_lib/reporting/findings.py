"""One sentence a result figure, made from the numbers it shows; tables carry theirs (``Table.finding``)."""

import pandas as pd

from mineral_lib.config import NETWORK_NAMES, PAPER_MODELS
from mineral_lib.paper import authors_history
from mineral_lib.reporting.class_findings import read_confusion
from mineral_lib.reporting.contrasts import percent
from mineral_lib.reporting.convergence import COMPARED_EPOCHS, run_label
from mineral_lib.reporting.curves import history_frame, runs_of_block
from mineral_lib.reporting.leakage import table_leakage
from mineral_lib.reporting.summary import block_runs, proposed_run, row_name, summarise, weights_in_block
from mineral_lib.study import Study


def figure_findings(study: Study) -> dict[str, str]:
    """The sentence of every result figure, by its name; empty where nothing was run."""
    found = {f"table_4_accuracy_{block}": read_block(study, block) for block in study.settings.comparison.blocks}
    found["figure_4_curves"] = read_curves(study)
    found["figure_4_authors_curves"] = read_authors_curves()
    if run := proposed_run(study):
        found |= {f"figure_5_confusion_{name}": read_confusion(run) for name in ("paper", "standard")}
    found["leakage_gap"] = table_leakage(study).finding
    return found


def read_block(study: Study, block: str) -> str:
    """Sentence: the most and the least accurate network of a block, and how many intervals hold the best accuracy."""
    rows = {row_name(found, model, study): summarise(found, study) for model, found in block_runs(study, block).items()}
    if len(rows) < 2:
        return ""
    order = sorted(rows, key=lambda name: rows[name]["accuracy"])
    best, least = order[-1], order[0]
    within = sum(rows[name]["high"] >= rows[best]["accuracy"] for name in order[:-1])
    return (
        f"From {percent(rows[least]['accuracy'])} ({least}) to {percent(rows[best]['accuracy'])} ({best}); the "
        f"intervals of {within} of the other {len(rows) - 1} reach the highest accuracy."
    )


def read_curves(study: Study) -> str:
    """Sentence: the highest validation accuracy of Figure 4 and when, and the widest distance to training."""
    frame = history_frame(runs_of_block(study))
    if frame.empty:
        return ""
    best = frame.loc[frame["val_accuracy"].idxmax()]
    last = frame.groupby(["model", "weights"], sort=False).last()
    gap = last["train_accuracy"] - last["val_accuracy"]
    model, weights = gap.idxmax()
    label = run_label([run for run in study.runs if run.model == model], model, weights, study)
    return (
        f"Highest validation accuracy: {best['network']}, {percent(best['val_accuracy'])} in epoch "
        f"{best['epoch']:.0f} of {frame['epoch'].max():.0f}; after the last epoch training is above validation by "
        f"{100 * gap.max():.1f} points at most ({label})."
    )


def read_authors_curves() -> str:
    """Sentence: the best validation accuracies of the logged runs that the figure shows."""
    logs = {NETWORK_NAMES[model]: authors_history(model, weights_in_block(model, "as_read")) for model in PAPER_MODELS}
    best = pd.Series({name: log["val_accuracy_percent"][:COMPARED_EPOCHS].max() for name, log in logs.items()})
    return (
        f"Best validation accuracy in the logs: {best.idxmax()} {best.max():.2f} %, lowest {best.idxmin()} "
        f"{best.min():.2f} %."
    )
