"""The paper's printed numbers and the authors' own logs, as data.

They appear in tables and figures as reference columns only. ``resources/README.md`` states their sources.
"""

from functools import cache
from importlib.resources import files

import pandas as pd

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
