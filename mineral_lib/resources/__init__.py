"""Data files of the library: classes, the paper's printed numbers, the authors' logs, words, the font subset."""

from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@cache
def load_yaml(name: str) -> Any:
    """The content of ``<name>.yaml``, read once and shared: nobody may change it."""
    return yaml.safe_load((files(__name__) / f"{name}.yaml").read_text(encoding="utf-8"))
