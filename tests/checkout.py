"""This checkout: where it is, its command line, and the changes that make a profile tiny."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TINY = [
    "comparison.models=[convnext_tiny, eca_convnext_tiny]",
    "leakage.runs=[]",
    "train.jobs=1",
    "weights.formula.num_classes=4",
    "weights.formula.images_per_class=8",
]


def nothing(line: str) -> None:
    """Says nothing."""


def mineral(*arguments: str, **options) -> subprocess.CompletedProcess:
    """The command line, as a user calls it."""
    return subprocess.run(
        [sys.executable, "-m", "mineral_lib", *arguments], cwd=ROOT, capture_output=True, text=True, **options
    )
