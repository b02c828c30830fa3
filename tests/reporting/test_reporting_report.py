"""Verdicts on the claims and the report, on the tiny runs of ``tiny_runs``."""

import re
import subprocess
import sys

import pytest
from tiny_runs import write_photographs, write_run

from mineral_lib.reporting.claims import judge, table_claims
from mineral_lib.reporting.contrasts import FAILS, HOLDS, UNDECIDED
from mineral_lib.reporting.report import write_report
from mineral_lib.reporting.run_checks import NOT_RUN, UNTESTABLE
from mineral_lib.study import Study


def test_verdicts_without_a_gain(four_corners, settings):
    study = Study(settings, four_corners)
    verdict, words = judge("best", study)
    assert verdict == UNDECIDED and words.endswith("one seed).") and "Better than 0 of 1" in words
    assert judge("training", study)[0] == NOT_RUN
    assert "18 parameters" in judge("cheap", study)[1]


def test_claims_without_any_run_are_open(paths, settings):
    found = set(table_claims(Study(settings, paths)).frame["verdict"])
    assert {NOT_RUN, UNTESTABLE} <= found
    assert not found & {HOLDS, FAILS, UNDECIDED}


@pytest.mark.parametrize("with_runs", [True, False])
def test_report_is_self_contained(paths, settings, with_runs):
    if with_runs:
        write_photographs(paths)
        write_run(paths, "convnext_tiny", "scratch", wrong=range(12))
        write_run(paths, "eca_convnext_tiny", "transfer", wrong=range(1))
    page = write_report(Study(settings, paths)).read_text()
    assert not re.findall(r"<(?:script|link|iframe)", page)
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!data:|#)""", page) and not re.findall(r"url\((?!data:)", page)
    assert len(page) < 10_000_000 and "(compact)" in page and "Not made in this profile" in page
    assert ("95.8 %" in page) == with_runs
    assert ("Most accurate network: eca_convnext_tiny" in page) == with_runs  # the finding of Table 4
    assert ("From 50.0 %" in page) == with_runs  # the finding of its figure


def test_reporting_does_not_import_pyplot():
    # The other tests of a session may have imported it, so a fresh interpreter is asked.
    code = "import sys, mineral_lib.reporting.report\nsys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
