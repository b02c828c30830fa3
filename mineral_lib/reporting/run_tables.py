"""All tables and figures that come from finished runs alone, made and saved in one go."""

from mineral_lib.reporting import evidence, grounds
from mineral_lib.reporting.artefacts import save
from mineral_lib.reporting.style import Drawing
from mineral_lib.reporting.tables import Table
from mineral_lib.study import Study


def undeclared(study: Study) -> dict[str, list[Table | Drawing]]:
    """Transitional: the tables and figures whose modules do not declare them yet, saved."""
    tables = filter(None, [evidence.table_evidence(study), grounds.table_grounds(study)])
    found: dict[str, list[Table | Drawing]] = {table.name: [table] for table in tables}
    for things in found.values():
        for thing in things:
            save(study, thing)
    return found
