"""Tables and figures: each is declared once, where it is made; its words stand in ``resources/words.yaml``.

How to declare (``cost.py`` and ``leakage.py`` are the models to follow):

* **A table of the study.** ``@table("recipe")`` above a function of the study that returns its frame, or
  ``(frame, values)``; None where the profile has nothing to show. The decorated function returns a ``Table`` with
  title, columns, notes and finding (what came out) of ``words.yaml``. ``values`` fill ``{placeholders}`` of these, see
  ``words.sentence``; without any there is no finding. A note ``$name`` stands for the sentence, or list of sentences,
  ``values["name"]``.
* **A table of a run.** ``@table("per_class_{run}")`` above a function of the run: ``table_per_class(run)`` is named
  ``per_class_<name of the run>``. The report makes it for the proposed run and for every run whose table was saved.
* **A family.** ``@figure("figure_5_confusion_{form}", form=("paper", "standard"))`` above a function of the study (or
  run) and ``form``: one artefact a value. Call it with the keyword: ``draw_confusion(study, form="paper")``.
* **A table measured by a notebook.** ``@table("eca_gates", measured=True)`` above a function of the study and the
  measured frame. The notebook calls ``table_gates(study, frame)`` and saves; the report calls ``table_gates(study)``,
  which reads the saved CSV (None where there is none). Whatever is said about the frame is computed from its columns.
  A measured table with nothing to compute needs no function: an entry in ``words.yaml``, and
  ``study.save(frame, "linear_probe")``.
* **A figure.** ``@figure("leakage_gap")`` above a function of the study that returns a ``Drawing``, or
  ``(drawing, values)``, or None; it runs in the house style and gets its name and finding.
* **A figure that needs a network or photographs in memory** is not declared: its function is ``@styled``, takes what
  it needs and names its drawing itself, ``Drawing(figure, frame, "figure_2_eca_module")``. Its title and reading aid
  stand in ``words.yaml``; the report takes the saved files.

Both ``Table`` and ``Drawing`` carry ``name`` and ``finding`` and show themselves in a notebook, so everywhere
``study.save(table_placements(study))`` is all. Other positional and keyword arguments reach the function unchanged.
Title: ``title`` of ``words.yaml``; ``heading``, where there is one, is the same with placeholders for a finished
table. Columns: ``{title, kind, decimals, absent, until, optional}``, see ``Column``; without ``columns`` all are shown.
"""

import functools
import importlib
import itertools
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from mineral_lib import reporting
from mineral_lib.reporting.style import Drawing, apply_style
from mineral_lib.reporting.summary import proposed_run
from mineral_lib.reporting.tables import Table
from mineral_lib.reporting.words import columns_of, entry, notes_of, sentence
from mineral_lib.study import Study
from mineral_lib.training.run import Run

Made = tuple[pd.DataFrame, Mapping[str, Any]]  # the frame of a table, and the values for its words
# By name, families written out; a name with "{run}" is called with a run, every other one with the study.
ARTEFACTS: dict[str, Callable[..., Table | Drawing | None]] = {}
MEASURED: dict[str, Callable[..., Table | None]] = {}


def table(name: str, *, measured: bool = False, **family: tuple[str, ...]) -> Callable:
    """Declare the function that makes a table, see the head of this file.

    ``name`` may hold ``{run}`` and the keywords of a ``family``, which has the values of each.
    """

    def declare(function: Callable) -> Callable:
        @functools.wraps(function)
        def make(subject: Study | Run, *given: Any, **options: Any) -> Table | None:
            study, values = (subject.study, {"run": subject}) if isinstance(subject, Run) else (subject, {})
            file_name, key = name.format(run=getattr(subject, "name", ""), **options), _key(name, options)
            if measured and not given:
                given = (read_saved(study, file_name, key),)
            made = None if measured and given[0] is None else function(subject, *given, **options)
            if made is None:
                return None
            frame, found = made if isinstance(made, tuple) else (made, {})
            return declared(study, file_name, frame, finding=_finding(key, found), key=key, **values, **found)

        return _register(MEASURED if measured else ARTEFACTS, name, family, make)

    return declare


def figure(name: str, **family: tuple[str, ...]) -> Callable:
    """Declare the function that draws a figure; it runs in the house style, see the head of this file."""

    def declare(function: Callable) -> Callable:
        @functools.wraps(function)
        def make(subject: Study | Run, *given: Any, **options: Any) -> Drawing | None:
            with apply_style():
                made = function(subject, *given, **options)
            if made is None:
                return None
            drawing, found = made if isinstance(made, tuple) else (made, {})
            key = _key(name, options)
            return replace(drawing, name=key, finding=_finding(key, found) or drawing.finding)

        return _register(ARTEFACTS, name, family, make)

    return declare


def _register(registry: dict[str, Callable], name: str, family: dict[str, tuple[str, ...]], make: Callable) -> Callable:
    for values in itertools.product(*family.values()):
        options = dict(zip(family, values, strict=True))
        registry[_key(name, options)] = functools.partial(make, **options) if options else make
    return make


def _key(name: str, options: dict[str, Any]) -> str:
    """Name in ``words.yaml``: the family's values filled in, ``{run}`` left."""
    return name.format(run="{run}", **options)


def _finding(key: str, values: Mapping[str, Any]) -> str:
    return sentence(entry(key).get("finding", ""), values) if values else ""


def declared(
    study: Study, name: str, frame: pd.DataFrame, *, finding: str = "", key: str | None = None, **values: Any
) -> Table:
    """A frame with its words of ``words.yaml``, where it is ``key`` or ``name``; ``values`` fill placeholders."""
    key = key or name
    about, notes = entry(key), notes_of(key, study.settings, values)
    heading = about.get("heading", about["title"]).format_map(values)
    return Table(name, heading, frame, columns_of(key, frame), notes, finding)


def make_artefacts(study: Study) -> dict[str, list[Table | Drawing]]:
    """Make every declared table and figure anew, but measured ones, and save it; what there is by its name."""
    for module in pkgutil.iter_modules(reporting.__path__, "mineral_lib.reporting."):
        importlib.import_module(module.name)  # a module declares its tables and figures when it is imported
    found = {}
    for name, make in ARTEFACTS.items():
        subjects = _shown_runs(study, name) if "{run}" in name else [study]
        found[name] = [thing for thing in map(make, subjects) if thing is not None]
        for thing in found[name]:
            save(study, thing)
    return found


def _shown_runs(study: Study, name: str) -> list[Run]:
    """The proposed network's run, and every run whose table somebody saved."""
    proposed, folder = proposed_run(study), study.paths.tables_dir
    return [run for run in study.runs if run == proposed or (folder / f"{name.format(run=run.name)}.csv").is_file()]


def saved_table(study: Study, name: str) -> Table | None:
    """A table from its saved numbers, measured by a notebook or made by the user; None where it was not saved."""
    if name in MEASURED:
        return MEASURED[name](study)
    frame = read_saved(study, name)
    return None if frame is None else declared(study, name, frame)


def read_saved(study: Study, name: str, key: str | None = None) -> pd.DataFrame | None:
    """The numbers of a saved table; None where it was not saved. Empty cells of text are empty, others NaN.

    What ``words.yaml`` calls text under ``key`` (or ``name``) stays text, also names like 007.
    """
    path = study.paths.tables_dir / f"{name}.csv"
    if not path.is_file():
        return None
    columns = columns_of(key or name) or {}
    texts = {column: str for column, how in columns.items() if how.kind == "text"}
    frame = study.read(path, dtype=texts, na_values=[""])
    texts = frame.select_dtypes(exclude="number").columns
    return frame.fillna(dict.fromkeys(texts, ""))


def named(study: Study, thing: Any, name: str = "", **options: Any) -> Any:
    """A data frame as the ``Table`` that ``words.yaml`` says, a drawing with a name; else ``thing`` as it is.

    For a data frame that has no words there, ``options`` are ``title``, ``notes`` and ``finding``.
    """
    if isinstance(thing, Drawing):
        return replace(thing, name=name or thing.name)
    if not isinstance(thing, pd.DataFrame):
        return thing
    return Table(name, frame=thing, **options) if "title" in options else declared(study, name, thing, **options)


def save(study: Study, thing: Table | Drawing | Path | None) -> list[Path]:
    """Save a table or figure under its name and return the paths: of a finished file its own, of None none."""
    if isinstance(thing, Drawing):
        return thing.save(study.paths.figures_dir / thing.name, dpi=study.settings.report.dpi)
    if isinstance(thing, Table):
        return thing.save(study.paths.tables_dir)
    return [] if thing is None else [thing]
