"""What was published: the paper's printed numbers and statements, the authors' own logs and code, as data.

They appear in tables and figures as reference columns, and in the ledger as what is judged. ``resources/README.md``
states their sources.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import pandas as pd

from mineral_lib.catalogue import Mineral, minerals

# Which logged run of the authors corresponds to which of our runs (model, weights).
AUTHORS_RUNS = {
    ("vgg19", "scratch"): "VGG",
    ("googlenet", "scratch"): "GoogLeNet",
    ("resnet50", "scratch"): "ResNet50",
    ("resnext50", "scratch"): "ResNeXt50",
    ("convnext_tiny", "scratch"): "ConvNeXt-T, from scratch",
    ("convnext_tiny", "transfer"): "ConvNeXt-T, ImageNet",
    ("eca_convnext_tiny", "scratch"): "ECA-ConvNeXt-T, from scratch",
    ("eca_convnext_tiny", "transfer"): "ECA-ConvNeXt-T, ImageNet",
}


@dataclass(frozen=True)
class Paper:
    """The paper, logs and code; ``Paper.published()`` as they are, others for tests of the rules.

    ``paper["table_1/head/outputs"]`` is a number or statement by item, row and quantity,
    ``paper["table_4/accuracy_percent"]`` a printed column by row, in the printed order.
    """

    entries: Mapping[str, float | str]  # numbers and statements by ``item/row/quantity``
    minerals: tuple[Mineral, ...]  # the rows of Table 2
    logs: pd.DataFrame  # per-epoch accuracy (percent) and loss of the authors' nine logged runs (column ``run``)
    code: pd.DataFrame  # how the authors' public code trains each network, one row a network (column ``model``)

    @classmethod
    @cache
    def published(cls) -> "Paper":
        """Everything as it was published."""
        entries: dict[str, float | str] = {}
        for name in ("paper_numbers.csv", "paper_statements.csv"):
            entries |= {f"{item}/{row}/{quantity}": value for item, row, quantity, value in _resource(name).to_numpy()}
        return cls(entries, minerals(), _resource("authors_training_logs.csv"), _resource("authors_code.csv"))

    def __getitem__(self, key: str) -> Any:
        """One entry, or a column."""
        if key in self.entries:
            return self.entries[key]
        item, quantity = key.split("/")
        keys = [name.split("/") for name in self.entries]
        return pd.Series({row: self.entries[f"{i}/{row}/{q}"] for i, row, q in keys if (i, q) == (item, quantity)})

    def log(self, model: str, weights: str) -> pd.DataFrame:
        """The authors' log of one of our runs, empty if they published none."""
        return self.logs[self.logs["run"] == AUTHORS_RUNS.get((model, weights))].reset_index(drop=True)

    @property
    def photographs(self) -> int:
        """Photographs of Table 2 before augmentation."""
        return sum(mineral.original for mineral in self.minerals)

    @property
    def images(self) -> int:
        """Images of Table 2 after augmentation."""
        return sum(mineral.augmented for mineral in self.minerals)

    @cached_property
    def best_logged(self) -> pd.Series:
        """Best validation accuracy (percent) within the printed number of epochs, by ``model-weights``."""
        logs = self.logs[self.logs["epoch"] <= self["section_3.3/recipe/epochs"]]
        best = logs.groupby("run")["val_accuracy_percent"].max()
        return pd.Series({"-".join(run): best[name] for run, name in AUTHORS_RUNS.items()})


def _resource(name: str) -> pd.DataFrame:
    with (files("mineral_lib.resources") / name).open(encoding="utf-8") as handle:
        return pd.read_csv(handle)


def printed(item: str, row: str, quantity: str) -> float | None:
    """One printed number, for example ``printed("table_4", "vgg19", "accuracy_percent")``; None if not printed."""
    return Paper.published().entries.get(f"{item}/{row}/{quantity}")
