"""Fixtures of the reporting tests: an empty profile, and one with the four corners of Table 5."""

import pytest
from tiny_runs import write_run

from mineral_lib.parameters import load_profile
from mineral_lib.paths import ResultPaths
from mineral_lib.study import Study


@pytest.fixture
def paths(tmp_path):
    found = ResultPaths(tmp_path / "results" / "tiny")
    found.root.mkdir(parents=True)
    return found


@pytest.fixture
def settings():
    models = "comparison.models=[resnet50, convnext_tiny, eca_convnext_tiny]"
    leakage = "leakage.runs=[convnext_tiny-scratch, eca_convnext_tiny-transfer]"
    return load_profile("quick", ["report.bootstrap=200", models, leakage])


@pytest.fixture
def study(settings, paths):
    """Reads what a test has written when it is first asked for its runs."""
    return Study(settings, paths)


@pytest.fixture
def four_corners(paths):
    write_run(paths, "convnext_tiny", "scratch", wrong=range(12))  # 12 of 24 right
    write_run(paths, "eca_convnext_tiny", "scratch", wrong=range(9), parameters=1018)  # 15
    write_run(paths, "convnext_tiny", "transfer", wrong=range(6))  # 18
    write_run(paths, "eca_convnext_tiny", "transfer", wrong=range(1), parameters=1018)  # 23
    return paths
