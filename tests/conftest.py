"""Shared fixtures: a tiny profile whose results go to a temporary root, and the whole chain, run once a session."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mineral_lib.parameters import load_profile
from mineral_lib.storage import ROOT_VARIABLE

ROOT = Path(__file__).resolve().parents[1]
# A background job of a shell inherits an ignored Ctrl-C, and so would every program the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
TINY = [
    "comparison.models=[convnext_tiny, eca_convnext_tiny]",
    "leakage.runs=[]",
    "train.jobs=1",
    "weights.formula.num_classes=4",
    "weights.formula.images_per_class=8",
]


@pytest.fixture
def study_root(tmp_path, monkeypatch):
    """An empty project root with the real parameter files; results and caches are written there."""
    shutil.copytree(ROOT / "params", tmp_path / "params")
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    return tmp_path


@pytest.fixture
def tiny(study_root):
    """Settings of the test profile, reduced to two networks."""
    return load_profile("test", TINY)


def mineral(*arguments: str, **options) -> subprocess.CompletedProcess:
    """The command line, as a user calls it."""
    return subprocess.run(
        [sys.executable, "-m", "mineral_lib", *arguments], cwd=ROOT, capture_output=True, text=True, **options
    )


@pytest.fixture(scope="session")
def chain():
    """The chain on the test profile, from nothing; shared by all tests that read its results."""
    mineral("clean", "--profile", "test")
    done = mineral("reproduce", "--profile", "test")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done
