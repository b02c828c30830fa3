"""The paper's printed numbers and the authors' own logs, as data.

They appear in tables and figures as reference columns, and in the ledger as what is judged. ``resources/README.md``
states their sources.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

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


def _resource(name: str) -> pd.DataFrame:
    with (files("mineral_lib.resources") / name).open(encoding="utf-8") as handle:
        return pd.read_csv(handle)


@cache
def printed_numbers() -> pd.DataFrame:
    """Numbers printed in the paper: columns ``item`` (table or section), ``row``, ``quantity``, ``value``."""
    return _resource("paper_numbers.csv")


def printed(item: str, row: str, quantity: str) -> float | None:
    """One printed number, for example ``printed("table_4", "vgg19", "accuracy_percent")``; None if not printed."""
    table = printed_numbers()
    found = table[(table["item"] == item) & (table["row"] == row) & (table["quantity"] == quantity)]
    return None if found.empty else float(found["value"].iloc[0])


@cache
def authors_logs() -> pd.DataFrame:
    """Per-epoch accuracy (percent) and loss of the authors' nine logged runs."""
    return _resource("authors_training_logs.csv")


def authors_history(model: str, weights: str) -> pd.DataFrame:
    """The authors' log of one run (columns as in ``authors_logs``), empty when they published none.

    Args:
        model: Paper name of the network, for example ``resnet50``.
        weights: ``scratch`` or ``transfer``.
    """
    logs = authors_logs()
    return logs[logs["run"] == AUTHORS_RUNS.get((model, weights))].reset_index(drop=True)


def authors_best_validation(model: str, weights: str) -> float | None:
    """Best-epoch validation accuracy (percent) in the authors' log, or None.

    Within 0.01 these are the figures the paper calls *test* accuracy for five of six networks.
    """
    history = authors_history(model, weights)
    return None if history.empty else float(history["val_accuracy_percent"].max())


@cache
def statements() -> pd.DataFrame:
    """What the paper states in words: columns ``item``, ``row``, ``quantity``, ``text``."""
    return _resource("paper_statements.csv")


@cache
def authors_code() -> pd.DataFrame:
    """How the authors' public code trains each network, one row a network (column ``model``)."""
    return _resource("authors_code.csv")


@dataclass(frozen=True)
class Paper:
    """Everything the rules about the paper itself are applied to; see ``Paper.published``.

    Attributes:
        numbers: As ``printed_numbers``.
        statements: As ``statements``.
        minerals: The rows of Table 2.
        logs: As ``authors_logs``.
        code: As ``authors_code``.
    """

    numbers: pd.DataFrame
    statements: pd.DataFrame
    minerals: tuple[Mineral, ...]
    logs: pd.DataFrame
    code: pd.DataFrame

    @classmethod
    def published(cls) -> "Paper":
        """The paper, logs and code as they were published."""
        return cls(printed_numbers(), statements(), minerals(), authors_logs(), authors_code())

    def number(self, item: str, row: str, quantity: str) -> float:
        """One printed number."""
        return float(self._find(self.numbers, item, row, quantity)["value"])

    def statement(self, item: str, row: str, quantity: str) -> str:
        """One statement."""
        return str(self._find(self.statements, item, row, quantity)["text"])

    def rows(self, item: str, quantity: str) -> pd.Series:
        """A column of a printed table: values by row, in the printed order."""
        found = self.numbers[(self.numbers["item"] == item) & (self.numbers["quantity"] == quantity)]
        return found.set_index("row")["value"]

    def log(self, model: str, weights: str) -> pd.DataFrame:
        """The authors' log of one of our runs."""
        return self.logs[self.logs["run"] == AUTHORS_RUNS[model, weights]]

    @staticmethod
    def _find(table: pd.DataFrame, item: str, row: str, quantity: str) -> pd.Series:
        return table[(table["item"] == item) & (table["row"] == row) & (table["quantity"] == quantity)].iloc[0]
