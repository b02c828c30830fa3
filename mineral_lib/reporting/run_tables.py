"""All tables and figures that come from finished runs alone, made and saved in one go."""

import re
from dataclasses import replace

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
    leakage,
    recipe_table,
    setup_tables,
    starts,
)
from mineral_lib.reporting.artefacts import save
from mineral_lib.reporting.findings import figure_findings
from mineral_lib.reporting.style import Drawing
from mineral_lib.reporting.summary import proposed_run
from mineral_lib.reporting.tables import Table
from mineral_lib.study import Study


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
        recipe_table.table_recipe(study),
    ]
    tables += filter(None, [evidence.table_evidence(study), grounds.table_grounds(study)])
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


def undeclared(study: Study) -> dict[str, list[Table | Drawing]]:
    """Transitional: the tables and figures whose modules do not declare them yet, saved."""
    language = study.settings.report.language
    found = {name: [table] for name, table in build_tables(study).items()}
    drawings = {
        "figure_4_curves": curves.draw_figure_4(study),
        "figure_4_authors_curves": curves.draw_authors_curves(study),
        "table_2_counts_paper": counts.draw_class_counts(counts.printed_counts(), language=language),
    }
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
    sentences = figure_findings(study)
    for name, drawing in drawings.items():
        if drawing.name:
            continue
        found[name] = [replace(drawing, name=name, finding=sentences.get(name, ""))]
    found = {re.sub("^(per_class|confused)_.*", r"\1_{run}", name): things for name, things in found.items()}
    for things in found.values():
        for thing in things:
            save(study, thing)
    return found
