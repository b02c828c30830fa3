"""Figure 5: the confusion matrix in the paper's and the standard orientation, and what it says class by
class."""

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_fscore_support

from mineral_lib.catalogue import display_name, find_mineral
from mineral_lib.evaluation.metrics import confusion
from mineral_lib.reporting.labels import label
from mineral_lib.reporting.records import RunRecord
from mineral_lib.reporting.style import INK, PAPER, Drawing, new_figure, styled
from mineral_lib.reporting.tables import Column, Table


def rates(counts: np.ndarray) -> np.ndarray:
    """Counts as shares of the true class (each row sums to 1); a class without test photographs is NaN."""
    totals = counts.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(totals > 0, counts / totals, np.nan)


def matrix_frame(counts: np.ndarray, classes: list[str]) -> pd.DataFrame:
    """The matrix as tidy rows: true, predicted, count, rate."""
    share = rates(counts)
    return pd.DataFrame(
        [
            {"true": classes[i], "predicted": classes[j], "count": int(counts[i, j]), "rate": share[i, j]}
            for i in range(len(classes))
            for j in range(len(classes))
        ]
    )


def run_confusion(run: RunRecord) -> np.ndarray:
    """Counts of a run's test predictions, rows true, columns predicted."""
    return confusion(run.predictions["label"], run.predictions["predicted"], len(run.classes))


def class_number(name: str, position: int) -> str:
    """Number on the axes of Figure 5: that of Table 2, or the position for other classes."""
    mineral = find_mineral(name)
    return str(mineral.number if mineral else position + 1)


@styled
def draw_confusion_paper(
    counts: np.ndarray, classes: list[str], *, title: str = "", language: str = "en"
) -> Drawing:
    """Figure 5 as the paper draws it: x = true class, y = predicted class, numbers of Table 2, colour = rate.

    Args:
        counts: Shape (C, C), rows true, columns predicted.
        classes: Class names in label order.
        title: Heading, for example the network.
        language: Language of the axis labels.
    """
    size = _size(len(classes), 116)
    figure = new_figure(size, size * 0.93)
    axes = figure.subplots()
    names = [class_number(name, i) for i, name in enumerate(classes)]
    _matrix(figure, axes, rates(counts).T, language)
    axes.set_xticks(range(len(classes)), names)
    axes.set_yticks(range(len(classes)), names)
    axes.tick_params(labelsize=5.4 if len(classes) > 10 else 7)
    axes.set_xlabel(label("true", language))
    axes.set_ylabel(label("predicted", language))
    axes.set_title(title)
    return Drawing(figure, matrix_frame(counts, classes))


@styled
def draw_confusion_standard(
    counts: np.ndarray, classes: list[str], *, title: str = "", language: str = "en"
) -> Drawing:
    """The confusion matrix as usual today: rows = true class, columns = predicted class, class names on
    both axes."""
    size = _size(len(classes), 174)
    figure = new_figure(size, size * 0.9)
    axes = figure.subplots()
    _matrix(figure, axes, rates(counts), language)
    names = [display_name(name, language) for name in classes]
    axes.set_xticks(range(len(classes)), names, rotation=60, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(classes)), names)
    axes.set_xlabel(label("predicted", language))
    axes.set_ylabel(label("true", language))
    axes.set_title(title)
    return Drawing(figure, matrix_frame(counts, classes))


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
    "f1": Column("F1 %", "percent", 1),
    "support": Column("test photographs", "integer"),
}


def table_per_class(run: RunRecord) -> Table:
    """Precision, recall, F1 and number of test photographs of every class; a class without any shows
    dashes."""
    labels, predicted = run.predictions["label"], run.predictions["predicted"]
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, predicted, labels=range(len(run.classes)), zero_division=0
    )
    frame = pd.DataFrame(
        {
            "number": [class_number(name, i) for i, name in enumerate(run.classes)],
            "class_name": run.classes,
            "mineral": [display_name(name, "en") for name in run.classes],
            "chinese": [m.chinese if (m := find_mineral(name)) else "" for name in run.classes],
            "precision": precision,
            "recall": recall,
            "f1": f1,
            "support": support,
        }
    )
    frame.loc[frame["support"] == 0, ["recall", "f1"]] = np.nan
    return Table(
        f"per_class_{run.name}",
        f"Each mineral: {run.display_name}, {run.weights}, {run.protocol} protocol",
        frame,
        _COLUMNS_CLASS,
        ["With few test photographs of a class one of them moves its recall by many points."],
    )


_COLUMNS_CONFUSED = {
    "true": Column("true mineral"),
    "predicted": Column("taken for"),
    "count": Column("photographs", "integer"),
    "rate": Column("share of the true class %", "percent", 1),
    "specimens": Column("specimens", "integer"),
}


def table_confused(run: RunRecord, top: int = 12) -> Table:
    """The most frequent confusions, with the number of specimens behind them."""
    wrong = run.predictions[run.predictions["label"] != run.predictions["predicted"]]
    support = run.predictions["label"].value_counts()
    pairs = wrong.groupby(["label", "predicted"]).agg(
        count=("label", "size"), specimens=("specimen", "nunique")
    )
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
        }
    )
    sentence = (
        "The paper names one class: pyrite, 94 % right, the rest taken for arsenopyrite, calcite, "
        "chalcopyrite, sphalerite."
    )
    return Table(
        f"confused_{run.name}",
        f"Most frequent confusions: {run.display_name}, {run.weights}",
        frame,
        _COLUMNS_CONFUSED,
        [sentence],
    )
