"""Tables and figures: each is declared once, where it is made; its words stand in ``resources/words.yaml``.

A declared function takes the study. A table's function returns its frame, or frame and finding; a figure's function a
``Drawing``, or drawing and finding; both return None where the profile has nothing to show. Notebooks call the
function and show what comes back, the report iterates over ``ARTEFACTS``.
"""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from mineral_lib.reporting.style import Drawing, apply_style
from mineral_lib.reporting.tables import Table
from mineral_lib.reporting.words import columns_of, notes_of, words

if TYPE_CHECKING:
    from mineral_lib.study import Study

ARTEFACTS: dict[str, Callable[["Study"], Table | Drawing | None]] = {}


def table(name: str) -> Callable:
    """Declare the function that makes a table from finished runs or saved measurements."""

    def declare(function: Callable) -> Callable:
        @functools.wraps(function)
        def make(study: "Study") -> Table | None:
            made = function(study)
            frame, finding = made if isinstance(made, tuple) else (made, "")
            return None if frame is None else declared(study, name, frame, finding=finding)

        ARTEFACTS[name] = make
        return make

    return declare


def figure(name: str) -> Callable:
    """Declare the function that draws a figure; it runs in the house style."""

    def declare(function: Callable) -> Callable:
        @functools.wraps(function)
        def make(study: "Study") -> Drawing | None:
            with apply_style():
                made = function(study)
            drawing, finding = made if isinstance(made, tuple) else (made, "")
            return None if drawing is None else replace(drawing, name=name, finding=finding)

        ARTEFACTS[name] = make
        return make

    return declare


def declared(study: "Study", name: str, frame: pd.DataFrame, *, finding: str = "", suffix: str = "") -> Table:
    """A frame with the title, columns and notes that ``words.yaml`` has for ``name``.

    Args:
        study: Its parameters stand in some notes.
        name: Name in ``words.yaml``.
        frame: The numbers.
        finding: What came out, one sentence made from the numbers.
        suffix: Joined to the name where there is one table a run.
    """
    title: Any = words()["artefacts"][name]["title"]
    return Table(name + suffix, title, frame, columns_of(name), notes_of(name, study.settings), finding)
