"""Saving what a notebook shows: tables, figures and data frames, each to its place among the results."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mineral_lib.reporting.style import Drawing
from mineral_lib.reporting.tables import Table, save_table

if TYPE_CHECKING:
    from mineral_lib.study import Study


def save(study: "Study", thing: Any, name: str = "", **options: Any) -> list[Path]:
    """Save a ``Table``, ``Drawing``, data frame or finished file, and return the paths; nothing for None."""
    if thing is None:
        return []
    if isinstance(thing, Path):
        return [thing]
    if isinstance(thing, Table):
        return thing.save(study.paths.tables_dir)
    if isinstance(thing, Drawing):
        return thing.save(study.paths.figures_dir / name, dpi=study.settings.report.dpi)
    return save_table(thing, study.paths.tables_dir / name, title=options.pop("title"), **options)
