"""Reporting: tables, figures and the report, all made from the files of finished runs (no torch here).

Start with ``load_runs`` and ``write_report``; single tables and figures live in the modules named after them.
"""

from mineral_lib.reporting.records import RunRecord, load_runs, select_runs
from mineral_lib.reporting.style import Drawing, apply_style, save_figure
from mineral_lib.reporting.tables import Table, save_table

__all__ = [
    "Drawing",
    "RunRecord",
    "Table",
    "apply_style",
    "load_runs",
    "save_figure",
    "save_table",
    "select_runs",
]
