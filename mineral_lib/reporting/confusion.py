"""Figure 5: the confusion matrix in the paper's and the standard orientation, and what it says class by
class.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mineral_lib.catalogue import display_name, find_mineral
from mineral_lib.evaluation.metrics import confusion
from mineral_lib.evaluation.per_class import per_class
from mineral_lib.reporting.class_findings import read_classes, read_confusion
from mineral_lib.reporting.labels import label
from mineral_lib.reporting.style import INK, PAPER, Drawing, new_figure, styled
from mineral_lib.reporting.support import FEW_NOTE, WILSON_NOTE, few_mark, support_label, support_text
from mineral_lib.reporting.tables import Column, Table
from mineral_lib.training.run import Run


@dataclass(frozen=True)
class Confusion:
    """A confusion matrix with the photographs behind it.

    Attributes:
        counts: Test photographs, shape (C, C), rows true, columns predicted.
        trained: Training photographs of each class, shape (C,), float; None or NaN where not known.
    """

    counts: np.ndarray
    trained: np.ndarray | None = None

    @property
    def support(self) -> list[str]:
        """Test and training photographs of each class as text."""
        trained = np.full(len(self.counts), np.nan) if self.trained is None else self.trained
        return [support_text(*pair) for pair in zip(self.counts.sum(axis=1), trained, strict=True)]


def rates(counts: np.ndarray) -> np.ndarray:
    """Counts as shares of the true class (each row sums to 1); a class without test photographs is NaN."""
    totals = counts.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(totals > 0, counts / totals, np.nan)


def matrix_frame(matrix: Confusion, classes: list[str]) -> pd.DataFrame:
    """The matrix as tidy rows: true, predicted, count, rate, and the photographs of the true class."""
    counts, share, places = matrix.counts, rates(matrix.counts), range(len(classes))
    trained = np.full(len(classes), np.nan) if matrix.trained is None else matrix.trained
    return pd.DataFrame(
        [
            {
                "true": classes[i],
                "predicted": classes[j],
                "count": int(counts[i, j]),
                "rate": share[i, j],
                "test_photographs": int(counts[i].sum()),
                "train_photographs": trained[i],
            }
            for i in places
            for j in places
        ]
    )


def run_confusion(run: Run) -> Confusion:
    """The matrix of a run's test predictions."""
    counts = confusion(run.predictions()["label"], run.predictions()["predicted"], len(run.classes))
    return Confusion(counts, run.train_photographs)


def class_number(name: str, position: int) -> str:
    """Number on the axes of Figure 5: that of Table 2, or the position for other classes."""
    mineral = find_mineral(name)
    return str(mineral.number if mineral else position + 1)


@styled
def draw_confusion_paper(matrix: Confusion, classes: list[str], *, title: str = "", language: str = "en") -> Drawing:
    """Figure 5 as the paper draws it: x = true class, y = predicted class, numbers of Table 2, colour = rate.

    Above each column stand the test and training photographs of its class.

    Args:
        matrix: Counts, see ``run_confusion``.
        classes: Class names in label order.
        title: Heading, for example the network.
        language: Language of the axis labels.
    """
    size = _size(len(classes), 116)
    figure = new_figure(size, size)
    axes = figure.subplots()
    names = [class_number(name, i) for i, name in enumerate(classes)]
    _matrix(figure, axes, rates(matrix.counts).T, language)
    axes.set_xticks(range(len(classes)), names)
    axes.set_yticks(range(len(classes)), names)
    font = 5.4 if len(classes) > 10 else 7
    axes.tick_params(labelsize=font)
    above = axes.secondary_xaxis("top")
    above.set_xticks(range(len(classes)), matrix.support, rotation=90, fontsize=font * 0.9)
    above.tick_params(length=0)
    above.spines["top"].set_visible(False)
    above.set_xlabel(support_label(language), fontsize=font)
    axes.set_xlabel(label("true", language))
    axes.set_ylabel(label("predicted", language))
    axes.set_title(title)
    return Drawing(figure, matrix_frame(matrix, classes))


@styled
def draw_confusion_standard(matrix: Confusion, classes: list[str], *, title: str = "", language: str = "en") -> Drawing:
    """The confusion matrix as usual today: rows = true class, columns = predicted class, class names on
    both axes; beside each true class its test and training photographs.
    """
    size = _size(len(classes), 174)
    figure = new_figure(size, size * 0.9)
    axes = figure.subplots()
    _matrix(figure, axes, rates(matrix.counts), language)
    names = [display_name(name, language) for name in classes]
    rows = [f"{name}  {support}" for name, support in zip(names, matrix.support, strict=True)]
    axes.set_xticks(range(len(classes)), names, rotation=60, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(classes)), rows)
    axes.set_xlabel(label("predicted", language))
    axes.set_ylabel(f"{label('true', language)}\n{support_label(language)}")
    axes.set_title(title)
    return Drawing(figure, matrix_frame(matrix, classes))


def _size(count: int, full_mm: float) -> float:
    return min(full_mm, 90 + 4.6 * count)


def _matrix(figure, axes, share: np.ndarray, language: str) -> None:
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="equal")
    axes.grid(False)
    axes.set_xticks(np.arange(len(share) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(share) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="#eef1f4", linewidth=0.4)
    axes.tick_params(which="both", length=0)
    font = 7 if len(share) <= 10 else 4.6
    for (row, column), value in np.ndenumerate(share):
        if np.isfinite(value) and value >= 0.005:
            axes.text(
                column,
                row,
                f"{100 * value:.0f}",
                ha="center",
                va="center",
                fontsize=font,
                color=PAPER if value > 0.55 else INK,
            )
    bar = figure.colorbar(image, ax=axes, shrink=0.6, pad=0.02, aspect=30, ticks=[0, 0.25, 0.5, 0.75, 1])
    bar.ax.set_yticklabels(["0", "25", "50", "75", "100 %"])
    bar.set_label(label("rate", language))
    bar.outline.set_visible(False)


_COLUMNS_CLASS = {
    "number": Column("no."),
    "mineral": Column("mineral"),
    "chinese": Column("Chinese"),
    "precision": Column("precision %", "percent", 1),
    "recall": Column("recall %", "percent", 1),
    "recall_low": Column("recall, 95 % interval", "percent", 1, until="recall_high"),
    "f1": Column("F1 %", "percent", 1),
    "support": Column("test photographs", "integer"),
    "specimens": Column("test specimens", "integer"),
    "trained": Column("training photographs", "integer"),
    "few": Column("few"),
}


def table_per_class(run: Run) -> Table:
    """Precision, recall with interval, F1 and the photographs of every class; a class without test photographs
    shows dashes.
    """
    predictions = run.predictions()
    frame = per_class(
        predictions["label"], predictions["predicted"], len(run.classes), specimens=predictions["specimen"]
    )
    names = {
        "number": [class_number(name, i) for i, name in enumerate(run.classes)],
        "class_name": run.classes,
        "mineral": [display_name(name, "en") for name in run.classes],
        "chinese": [m.chinese if (m := find_mineral(name)) else "" for name in run.classes],
    }
    frame = pd.concat([pd.DataFrame(names), frame], axis=1)
    frame["trained"], frame["few"] = run.train_photographs, frame["support"].map(few_mark)
    return Table(
        f"per_class_{run.name}",
        f"Each mineral: {run.display_name}, {run.weights}, {run.protocol} protocol",
        frame,
        _COLUMNS_CLASS,
        ["With few test photographs of a class one of them moves its recall by many points.", WILSON_NOTE, FEW_NOTE],
        finding=read_classes(frame),
    )


_COLUMNS_CONFUSED = {
    "true": Column("true mineral"),
    "predicted": Column("taken for"),
    "count": Column("photographs", "integer"),
    "rate": Column("share of the true class %", "percent", 1),
    "specimens": Column("specimens", "integer"),
    "support": Column("test photographs of the true mineral", "integer"),
    "trained": Column("training photographs of it", "integer"),
    "few": Column("few"),
}


def table_confused(run: Run, top: int = 12) -> Table:
    """The most frequent confusions, with the number of specimens behind them."""
    wrong = run.predictions()[run.predictions()["label"] != run.predictions()["predicted"]]
    support = run.predictions()["label"].value_counts()
    pairs = wrong.groupby(["label", "predicted"]).agg(count=("label", "size"), specimens=("specimen", "nunique"))
    pairs = pairs.reset_index()
    pairs["rate"] = pairs["count"] / pairs["label"].map(support)
    pairs = pairs.sort_values(["count", "rate", "label"], ascending=[False, False, True]).head(top)
    frame = pd.DataFrame(
        {
            "true": [display_name(run.classes[i]) for i in pairs["label"]],
            "predicted": [display_name(run.classes[i]) for i in pairs["predicted"]],
            "count": pairs["count"].to_numpy(),
            "rate": pairs["rate"].to_numpy(),
            "specimens": pairs["specimens"].to_numpy(),
            "support": pairs["label"].map(support).to_numpy(),
            "trained": run.train_photographs[pairs["label"].to_numpy(int)],
        }
    )
    frame["few"] = frame["support"].map(few_mark)
    sentence = (
        "The paper names one class: pyrite, 94 % right, the rest taken for arsenopyrite, calcite, "
        "chalcopyrite, sphalerite."
    )
    return Table(
        f"confused_{run.name}",
        f"Most frequent confusions: {run.display_name}, {run.weights}",
        frame,
        _COLUMNS_CONFUSED,
        [sentence, FEW_NOTE],
        finding=read_confusion(run),
    )
