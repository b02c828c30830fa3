"""Saving what a notebook shows: tables, figures and data frames, each to its place among the results."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from mineral_lib.reporting.artefacts import declared
from mineral_lib.reporting.style import Drawing
from mineral_lib.reporting.tables import Table

if TYPE_CHECKING:
    from mineral_lib.study import Study


def named(study: "Study", thing: Any, name: str = "", **options: Any) -> Any:
    """A data frame as the ``Table`` that ``words.yaml`` (or ``options``) says, a drawing with a name; else ``thing``.

    Args:
        study: Whose parameters stand in some notes.
        thing: What is shown.
        name: Name of a data frame, or of a drawing without one.
        **options: For a data frame that has no words there: ``title``, ``notes``, ``finding``.
    """
    if isinstance(thing, Drawing):
        return replace(thing, name=name or thing.name)
    if not isinstance(thing, pd.DataFrame):
        return thing
    return Table(name, frame=thing, **options) if "title" in options else declared(study, name, thing, **options)


def save(study: "Study", thing: Table | Drawing | Path | None) -> list[Path]:
    """Save a table or figure under its name and return the paths; those of a finished file, and of None, as they are."""
    if isinstance(thing, Drawing):
        return thing.save(study.paths.figures_dir / thing.name, dpi=study.settings.report.dpi)
    if isinstance(thing, Table):
        return thing.save(study.paths.tables_dir)
    return [] if thing is None else [thing]
