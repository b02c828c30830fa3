"""Reproducible study of mineral recognition from photographs with an ECA-ConvNeXt network.

Re-creates Li et al., "Intelligent mineral image recognition based on improved ConvNeXt network",
Geological Bulletin of China 43(7), 2024, doi 10.12097/gbc.2022.08.005.
"""

import importlib
import sys
import warnings
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any

__version__ = "0.1.0"
# The public face: what notebooks need, and the module each name is defined in.
_ROOMS = {
    "Eca": "models.eca",
    "Loop": "training.engine",
    "ParameterError": "errors",
    "Run": "training.run",
    "Study": "study",
    "StudyError": "errors",
    "accept_parameters": "injected",
    "augment_photo": "data.augment",
    "load_profile": "parameters",
    "make_split": "data.split",
    "minerals": "catalogue",
    "open_study": "study",
    "train_one_epoch": "training.engine",
}
__all__ = list(_ROOMS)

# Of a progress bar that timm's download library would draw in a notebook; it prints this machine's path into the page.
warnings.filterwarnings("ignore", message="IProgress not found")


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: a misspelt parameter is answered before torch is imported."""
    if name in _ROOMS:
        return getattr(importlib.import_module(f"mineral_lib.{_ROOMS[name]}"), name)
    raise AttributeError(f"module 'mineral_lib' has no attribute {name!r}")


class _NetworksForTimm:
    """Registers our networks with timm once somebody imports it, so that ``timm.create_model`` knows them.

    timm asks nobody for plug-ins, and importing it here would take seconds and torch. So this stands before the
    finders of modules, and lets timm's import end with that of ``mineral_lib.models``.
    """

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """What Python asks of a finder of modules; answers for timm only."""
        spec = PathFinder.find_spec(name, path, target) if name == "timm" else None
        if spec and spec.loader:
            run = spec.loader.exec_module
            spec.loader.exec_module = lambda timm: (run(timm), importlib.import_module("mineral_lib.models"))
        return spec


if "timm" in sys.modules:
    importlib.import_module("mineral_lib.models")
else:
    sys.meta_path.insert(0, _NetworksForTimm)
