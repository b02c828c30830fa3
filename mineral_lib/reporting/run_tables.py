"""All tables and figures that come from finished runs alone, made and saved in one go."""

from pathlib import Path

import pandas as pd

from mineral_lib.config import PROPOSED
from mineral_lib.reporting import (
    ablation,
    comparison,
    confusion,
    convergence,
    cost,
    cost_figure,
    counts,
    curves,
    evidence,
    grounds,
    leak_figure,
    leakage,
    placements,
    recipe_table,
    setup_tables,
    starts,
)
from mineral_lib.reporting.claims import table_claims
from mineral_lib.reporting.summary import NAN
from mineral_lib.reporting.tables import Column, Table
from mineral_lib.study import Study
from mineral_lib.training.run import Run


def proposed_run(study: Study) -> Run | None:
    """The run Figure 5 shows: the proposed network, pretrained if that was run, else from scratch, else
    any.
    """
    for weights in ("transfer", "scratch"):
        found = study.select(model=PROPOSED, weights=weights)
        if found:
            return found[0]
    grouped = [run for run in study.runs if run.protocol == "grouped"]
    return grouped[0] if grouped else None


def build_tables(study: Study) -> dict[str, Table]:
    """Every table that needs no network in memory, by name (Table 1 comes from the notebook that builds the
    network).
    """
    tables = [
        comparison.table_4(study),
        comparison.pairwise(study),
        ablation.table_5(study),
        ablation.table_5_gains(study),
        convergence.table_6(study),
        convergence.section_4_1(study),
        leakage.table_splits(study),
        leakage.table_leakage(study),
        table_claims(study),
        table_runs(study),
        recipe_table.table_recipe(study),
    ]
    tables += filter(None, [evidence.table_evidence(study), grounds.table_grounds(study)])
    if placement_table := placements.table_placements(study):
        tables.append(placement_table)
    if starts_table := starts.table_starts(study):
        tables.append(starts_table)
    if study.paths.costs.is_file():
        tables.append(cost.table_costs(study))
    if study.paths.index.is_file():
        tables.append(setup_tables.table_2(study))
    run = proposed_run(study)
    if run:
        tables += [setup_tables.table_3(run), confusion.table_per_class(run), confusion.table_confused(run)]
    return {table.name: table for table in tables}


# Tables with timings: the only ones that differ when the same study is made again on the same machine.
TIMED_TABLES = ("runs", "costs")

_COLUMNS_RUNS = {
    "run": Column("run"),
    "epochs": Column("epochs", "integer"),
    "best_epoch": Column("selected epoch", "integer"),
    "num_test": Column("test images", "integer"),
    "accuracy": Column("test acc. %", "percent", 1),
    "parameters": Column("parameters", "integer"),
    "gmacs": Column("GMACs", "number", 3),
    "seconds": Column("seconds", "number", 0),
    "images_per_second": Column("images/s", "number", 0),
    "device": Column("device"),
    "weights_note": Column("starting weights"),
}


def table_runs(study: Study) -> Table:
    """Every finished run with its cost."""
    frame = pd.DataFrame(
        [
            {
                "run": run.name,
                "epochs": len(run.history),
                "best_epoch": run.metrics.get("best_epoch", NAN),
                "num_test": run.metrics.get("num_test", NAN),
                "accuracy": run.accuracy,
                **{
                    name: run.manifest.get(name)
                    for name in (
                        "parameters",
                        "gmacs",
                        "seconds",
                        "images_per_second",
                        "device",
                        "weights_note",
                    )
                },
            }
            for run in study.runs
        ],
        columns=list(_COLUMNS_RUNS),
    )
    return Table(
        "runs",
        "Finished runs",
        frame,
        _COLUMNS_RUNS,
        ["Seconds are of the whole run on the machine named below."],
    )


def write_tables(study: Study) -> list[Path]:
    """Build and save all tables from the run folders; return the files."""
    tables = build_tables(study)
    return [path for table in tables.values() for path in table.save(study.paths.tables_dir)]


def write_figures(study: Study) -> list[Path]:
    """Draw and save the figures that come from run folders (Figures 4 and 5, bars of Tables 2 and 4);
    return the files.
    """
    language = study.settings.report.language
    drawings = {
        "figure_4_curves": curves.draw_figure_4(study),
        "figure_4_authors_curves": curves.draw_authors_curves(study),
        "table_2_counts_paper": counts.draw_class_counts(counts.printed_counts(), language=language),
    }
    if leak := leak_figure.draw_leakage(study):
        drawings["leakage_gap"] = leak
    if study.paths.costs.is_file() and study.settings.report.cost_sizes_px:
        drawings["cost_scaling"] = cost_figure.draw_scaling(cost.read_costs(study))
    table_4 = comparison.table_4(study)
    drawings |= {
        f"table_4_accuracy_{block}": counts.draw_accuracies(table_4, block)
        for block in study.settings.comparison.blocks
    }
    if study.paths.index.is_file():
        ours = counts.our_counts(setup_tables.table_2(study))
        drawings["table_2_counts_ours"] = counts.draw_class_counts(ours, language=language)
    run = proposed_run(study)
    if run:
        matrix, title = confusion.run_confusion(run), f"{run.display_name}, {run.weights}, test set"
        for name, draw in (
            ("paper", confusion.draw_confusion_paper),
            ("standard", confusion.draw_confusion_standard),
        ):
            drawings[f"figure_5_confusion_{name}"] = draw(matrix, run.classes, title=title, language=language)
    return [
        path
        for name, drawing in drawings.items()
        for path in drawing.save(study.paths.figures_dir / name, dpi=study.settings.report.dpi)
    ]
