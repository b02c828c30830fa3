"""Figure 5: the confusion matrix in the paper's and the standard orientation, and what it says class by class."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from mineral_lib.catalogue import display_name, find_mineral, minerals
from mineral_lib.data.split import FEW_TEST_PHOTOGRAPHS
from mineral_lib.evaluation import metrics
from mineral_lib.notation import caption, isolated
from mineral_lib.reporting.artefacts import Made, figure, table
from mineral_lib.reporting.style import Drawing, new_figure, styled
from mineral_lib.reporting.summary import extremes, proposed_run
from mineral_lib.reporting.words import label
from mineral_lib.study import Study
from mineral_lib.training.run import Run


def few_mark(support: float) -> str:
    """The mark of a class with fewer than ``FEW_TEST_PHOTOGRAPHS`` test photographs, else nothing."""
    return "†" if support < FEW_TEST_PHOTOGRAPHS else ""


def support_text(test: float, train: float) -> str:
    """Both numbers for the axis of a figure, for example ``3 / 12†``; a dash for what is not known."""
    return f"{test:.0f} / {'–' if np.isnan(train) else f'{train:.0f}'}{few_mark(test)}"


def support_label(language: str) -> str:
    """What ``support_text`` shows, in words."""
    return f"{label('count', language)} ({label('test', language)} / {label('train', language)})"


def run_confusion(run: Run) -> np.ndarray:
    """Test photographs of a run, shape (C, C): rows are true classes, columns predicted ones."""
    return metrics.confusion(run.predictions()["label"], run.predictions()["predicted"], len(run.classes))


def rates(counts: np.ndarray) -> np.ndarray:
    """Counts as shares of the true class (each row sums to 1); a class without test photographs is NaN."""
    totals = counts.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(totals > 0, counts / totals, np.nan)


def class_numbers(classes: Sequence[str]) -> list[str]:
    """Numbers on the axes of Figure 5: those of Table 2, then of the classes it does not have, from 27.

    A name that is a number is its own; no number stands twice.
    """
    known = [find_mineral(name) for name in classes]
    table_2 = {mineral.number for mineral in known if mineral}
    own = {name: int(name) for name in classes if name.isdecimal() and int(name) not in table_2}
    spare = (n for n in itertools.count(len(minerals()) + 1 if table_2 else 1) if n not in own.values())
    return [
        str(mineral.number) if mineral else name if name in own else str(next(spare))
        for name, mineral in zip(classes, known, strict=True)
    ]


@figure("figure_5_confusion_{form}", form=("paper", "standard"))
def draw_confusion(study: Study, form: str) -> tuple[Drawing, dict[str, Any]] | None:
    """Figure 5 of the proposed network in one of the two forms of ``draw_matrix``."""
    run = proposed_run(study)
    if run is None:
        return None
    options = {"title": f"{run.display_name}, {run.weights}, test set", "language": study.settings.report.language}
    drawing = draw_matrix(run_confusion(run), run.train_photographs, run.classes, form=form, **options)
    return drawing, _mistakes(run)


@styled
def draw_matrix(
    counts: np.ndarray,
    trained: np.ndarray,
    classes: list[str],
    *,
    form: str = "standard",
    title: str = "",
    language: str = "en",
) -> Drawing:
    """A confusion matrix, its shares as colours and numbers; beside each true class its photographs.

    Args:
        counts: Test photographs, see ``run_confusion``, shape (C, C).
        trained: Training photographs of each class, shape (C,), float; NaN where not known.
        classes: Class names in label order.
        form: ``paper`` (Figure 5: x = true class, y = predicted class, numbers of Table 2) or ``standard`` (rows = true
            class, columns = predicted class, class names on both axes).
        title: Heading.
        language: ``en``, ``zh`` or ``both``.
    """
    size = min(116 if form == "paper" else 174, 90 + 4.6 * len(classes))
    sheet = new_figure(size, size if form == "paper" else size * 0.9)
    axes, places, share = sheet.subplots(), np.arange(len(classes)) + 0.5, rates(counts)
    support = [support_text(*pair) for pair in zip(counts.sum(axis=1), trained, strict=True)]
    _shares(axes, share.T if form == "paper" else share, language)
    if form == "paper":
        names, font = class_numbers(classes), 5.4 if len(classes) > 10 else 7
        axes.set_xticks(places, names)
        axes.set_yticks(places, names)
        axes.tick_params(labelsize=font)
        above = axes.secondary_xaxis("top")
        above.set_xticks(places, support, rotation=90, fontsize=font * 0.9)
        above.tick_params(length=0)
        above.spines["top"].set_visible(False)
        above.set_xlabel(support_label(language), fontsize=font)
        axes.set(xlabel=label("true", language), ylabel=label("predicted", language))
    else:
        names = [caption(display_name(name, language)) for name in classes]
        axes.set_xticks(places, names, rotation=60, ha="right", rotation_mode="anchor")
        axes.set_yticks(places, [f"{name}  {photographs}" for name, photographs in zip(names, support, strict=True)])
        rows = f"{label('true', language)}\n{support_label(language)}"
        axes.set(xlabel=label("predicted", language), ylabel=rows)
    axes.set_title(title)
    true, predicted = (grid.ravel() for grid in np.indices(counts.shape))
    cells = {"true": np.take(classes, true), "predicted": np.take(classes, predicted)}
    photographs = {"test_photographs": counts.sum(axis=1)[true], "train_photographs": trained[true]}
    frame = pd.DataFrame(cells | {"count": counts.ravel(), "rate": share.ravel()} | photographs)
    return Drawing(sheet, frame)


def _shares(axes: Axes, share: np.ndarray, language: str) -> None:
    import seaborn  # brings matplotlib's global state along, which nothing here needs

    # Shares in percent; nothing where that is 0, or where a class has no photographs.
    words = np.where(np.nan_to_num(share) < 0.005, "", np.char.mod("%.0f", 100 * share))
    text = {"annot": words, "fmt": "", "annot_kws": {"fontsize": 7 if len(share) <= 10 else 4.6}}
    bar = {"label": label("rate", language), "shrink": 0.6, "pad": 0.02, "aspect": 30}
    bar |= {"ticks": [0, 0.25, 0.5, 0.75, 1], "format": PercentFormatter(1, symbol=" %")}
    lines = {"square": True, "linewidths": 0.4, "linecolor": "#eef1f4"}
    none = {"xticklabels": False, "yticklabels": False}
    seaborn.heatmap(share, vmin=0, vmax=1, cmap="Blues", cbar_kws=bar, ax=axes, **text, **lines, **none)
    axes.grid(False)
    axes.tick_params(length=0)


@table("per_class_{run}")
def table_per_class(run: Run) -> Made:
    """Precision, recall with interval, F1 and photographs of every class; without test photographs it shows dashes."""
    answers = run.predictions()
    numbers = metrics.per_class(answers["label"], answers["predicted"], len(run.classes), specimens=answers["specimen"])
    names = {
        "number": class_numbers(run.classes),
        "class_name": run.classes,
        "mineral": [display_name(name, "en") for name in run.classes],
        "chinese": [m.chinese if (m := find_mineral(name)) else "" for name in run.classes],
    }
    frame = pd.concat([pd.DataFrame(names), numbers], axis=1)
    frame["trained"], frame["few"] = run.train_photographs, frame["support"].map(few_mark)
    found = extremes(frame, "recall")
    if not found:
        return frame, {}
    names = {place: isolated(row["mineral"]) for place, row in found.items()}
    return frame, {"median": frame["recall"].median(), **found, "names": names}


@table("confused_{run}")
def table_confused(run: Run) -> Made:
    """The most frequent confusions, with the number of specimens behind them."""
    answers = run.predictions()
    support, wrong = answers["label"].value_counts(), answers[answers["label"] != answers["predicted"]]
    pairs = wrong.groupby(["label", "predicted"], as_index=False).agg(
        count=("label", "size"), specimens=("specimen", "nunique")
    )
    pairs["support"] = pairs["label"].map(support)
    pairs["rate"] = pairs["count"] / pairs["support"]
    pairs = pairs.sort_values(["count", "rate", "label"], ascending=[False, False, True]).head(12)
    names = pairs[["label", "predicted"]].map(lambda place: display_name(run.classes[place]))
    frame = names.rename(columns={"label": "true"}).join(pairs[["count", "rate", "specimens", "support"]])
    frame["trained"] = run.train_photographs[pairs["label"].to_numpy(int)]
    frame["few"] = frame["support"].map(few_mark)
    return frame, _mistakes(run)


def _mistakes(run: Run) -> dict[str, Any]:
    """How many test photographs are wrong, and the most frequent confusion."""
    answers = run.predictions()
    wrong = answers[answers["label"] != answers["predicted"]]
    if wrong.empty:
        return {"all": len(answers)}
    pairs = wrong.groupby(["label", "predicted"]).size()
    true, predicted = (isolated(display_name(run.classes[place], "en")) for place in pairs.idxmax())
    return {"wrong": len(wrong), "of": len(answers), "true": true, "predicted": predicted, "count": pairs.max()}
