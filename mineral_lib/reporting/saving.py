"""Saving what a notebook shows: tables, figures and data frames, each to its place among the results."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mineral_lib.reporting.artefacts import declared
from mineral_lib.reporting.style import Drawing
from mineral_lib.reporting.tables import Table

if TYPE_CHECKING:
    from mineral_lib.study import Study


def save(study: "Study", thing: Any, name: str = "", **options: Any) -> list[Path]:
    """Save a ``Table``, ``Drawing``, data frame or finished file, and return the paths; nothing for None.

    Args:
        study: Where to.
        thing: What; a table or drawing carries its name.
        name: Name of a data frame, or of a drawing without one; words of the frame are taken from ``words.yaml``.
        **options: For a data frame that has no words there: ``title``, ``notes``, ``finding``.
    """
    if thing is None:
        return []
    if isinstance(thing, Path):
        return [thing]
    if isinstance(thing, Drawing):
        return thing.save(study.paths.figures_dir / (name or thing.name), dpi=study.settings.report.dpi)
    if not isinstance(thing, Table):
        thing = (
            Table(name, options.pop("title"), thing, **options)
            if "title" in options
            else declared(study, name, thing, **options)
        )
    return thing.save(study.paths.tables_dir)
