"""All tables and figures that come from finished runs alone, made and saved in one go."""

from dataclasses import replace

from mineral_lib.reporting import cost, cost_figure, evidence, grounds, recipe_table, setup_tables
from mineral_lib.reporting.artefacts import save
from mineral_lib.reporting.style import Drawing
from mineral_lib.reporting.summary import proposed_run
from mineral_lib.reporting.tables import Table
from mineral_lib.study import Study


def undeclared(study: Study) -> dict[str, list[Table | Drawing]]:
    """Transitional: the tables and figures whose modules do not declare them yet, saved."""
    tables = [recipe_table.table_recipe(study)]
    tables += filter(None, [evidence.table_evidence(study), grounds.table_grounds(study)])
    if study.paths.costs.is_file():
        tables.append(cost.table_costs(study))
    if study.paths.index.is_file():
        tables.append(setup_tables.table_2(study))
    if run := proposed_run(study):
        tables.append(setup_tables.table_3(run))
    found: dict[str, list[Table | Drawing]] = {table.name: [table] for table in tables}
    if study.paths.costs.is_file() and study.settings.report.cost_sizes_px:
        found["cost_scaling"] = [replace(cost_figure.draw_scaling(cost.read_costs(study)), name="cost_scaling")]
    for things in found.values():
        for thing in things:
            save(study, thing)
    return found
