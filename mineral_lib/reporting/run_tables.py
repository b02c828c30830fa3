"""All tables and figures that come from finished runs alone, made and saved in one go."""

from pathlib import Path

import pandas as pd

from mineral_lib.config import PROPOSED, Settings
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
from mineral_lib.reporting.claims import all_claims, table_claims
from mineral_lib.reporting.headline import chance_level
from mineral_lib.reporting.records import RunRecord, load_runs
from mineral_lib.reporting.summary import NAN, main_runs
from mineral_lib.reporting.tables import Column, Table
from mineral_lib.storage import ResultPaths


def proposed_run(runs: list[RunRecord], settings: Settings) -> RunRecord | None:
    """The run Figure 5 shows: the proposed network, pretrained if that was run, else from scratch, else
    any.
    """
    for weights in ("transfer", "scratch"):
        found = main_runs(runs, settings, model=PROPOSED, weights=weights)
        if found:
            return found[0]
    grouped = [run for run in runs if run.protocol == "grouped"]
    return grouped[0] if grouped else None


def build_tables(runs: list[RunRecord], settings: Settings, paths: ResultPaths) -> dict[str, Table]:
    """Every table that needs no network in memory, by name (Table 1 comes from the notebook that builds the
    network).
    """
    tables = [
        comparison.table_4(runs, settings, paths),
        comparison.pairwise(runs, settings),
        ablation.table_5(runs, settings),
        ablation.table_5_gains(runs, settings),
        convergence.table_6(runs, settings),
        convergence.section_4_1(runs, settings),
        leakage.table_splits(paths),
        leakage.table_leakage(runs, settings, paths),
        table_claims(all_claims(runs, settings, paths)),
        table_runs(runs),
        recipe_table.table_recipe(settings, runs),
    ]
    tables += filter(None, [evidence.table_evidence(settings, paths), grounds.table_grounds(settings, paths)])
    if settings.ablation.placements:
        tables.append(placements.table_placements(runs, settings))
    if starts_table := starts.table_starts(runs, settings):
        tables.append(starts_table)
    if paths.costs.is_file():
        tables.append(cost.table_costs(paths, runs))
    if paths.index.is_file():
        tables.append(setup_tables.table_2(paths, settings))
    run = proposed_run(runs, settings)
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


def table_runs(runs: list[RunRecord]) -> Table:
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
            for run in runs
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


def write_tables(settings: Settings, paths: ResultPaths) -> list[Path]:
    """Build and save all tables from the run folders; return the files."""
    tables = build_tables(load_runs(paths), settings, paths)
    return [path for table in tables.values() for path in table.save(paths.tables_dir)]


def write_figures(settings: Settings, paths: ResultPaths) -> list[Path]:
    """Draw and save the figures that come from run folders (Figures 4 and 5, bars of Tables 2 and 4);
    return the files.
    """
    runs, language = load_runs(paths), settings.report.language
    drawings = {
        "figure_4_curves": curves.draw_figure_4(runs, settings),
        "figure_4_authors_curves": curves.draw_authors_curves(settings),
        "table_2_counts_paper": counts.draw_class_counts(counts.printed_counts(), language=language),
    }
    if settings.leakage.runs:
        gap, chance = leakage.table_leakage(runs, settings, paths), chance_level(paths)
        drawings["leakage_gap"] = leak_figure.draw_leakage(gap, chance=chance)
    if paths.costs.is_file() and settings.report.cost_sizes_px:
        drawings["cost_scaling"] = cost_figure.draw_scaling(cost.read_costs(paths))
    table_4 = comparison.table_4(runs, settings, paths)
    drawings |= {
        f"table_4_accuracy_{block}": counts.draw_accuracies(table_4, block) for block in settings.comparison.blocks
    }
    if paths.index.is_file():
        ours = counts.our_counts(setup_tables.table_2(paths, settings))
        drawings["table_2_counts_ours"] = counts.draw_class_counts(ours, language=language)
    run = proposed_run(runs, settings)
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
        for path in drawing.save(paths.figures_dir / name, dpi=settings.report.dpi)
    ]
