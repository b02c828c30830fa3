"""Bars beside the tables: photographs a class (Table 2), and accuracy with interval of every network (Table
4).
"""

import numpy as np
import pandas as pd

from mineral_lib.catalogue import display_name, minerals
from mineral_lib.reporting.labels import label
from mineral_lib.reporting.style import FAINT, INK, MUTED, PAGE_MM, Drawing, network_style, new_figure, styled
from mineral_lib.reporting.support import support_label, support_text
from mineral_lib.reporting.tables import MISSING, Table


@styled
def draw_class_counts(frame: pd.DataFrame, *, language: str = "en") -> Drawing:
    """Table 2 as bars: original photographs and images after augmentation.

    Args:
        frame: Columns class_name, original, augmented (augmented may be NaN), and test and train where the
            photographs are split.
        language: Language of the class names.
    """
    figure = new_figure(PAGE_MM, 14 + 3.7 * len(frame))
    axes = figure.subplots()
    places = np.arange(len(frame))
    axes.barh(places, frame["augmented"].fillna(0), height=0.74, color="#c9d7e6", label=label("augmented", language))
    axes.barh(places, frame["original"], height=0.74, color="#0072b2", label=label("original", language))
    for place, (original, augmented, supports) in enumerate(
        zip(frame["original"], frame["augmented"], _supports(frame), strict=True)
    ):
        words = f"{original:,.0f}" if np.isnan(augmented) else f"{original:,.0f} → {augmented:,.0f}"
        words += supports
        axes.text(np.nanmax([original, augmented]), place, f"  {words}", va="center", fontsize=6, color=MUTED)
    axes.set_yticks(places, [display_name(name, language) for name in frame["class_name"]])
    axes.invert_yaxis()
    axes.margins(x=0.2 if "test" in frame else 0.12, y=0.012)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(support_label(language) if "test" in frame else label("count", language))
    figure.legend(loc="outside upper left", ncols=2)
    return Drawing(figure, frame)


def _supports(frame: pd.DataFrame) -> list[str]:
    if "test" not in frame or frame["test"].isna().all():
        return [""] * len(frame)
    return [f"   {support_text(test, train)}" for test, train in zip(frame["test"], frame["train"], strict=True)]


def printed_counts() -> pd.DataFrame:
    """Table 2 as printed: class_name, original, augmented."""
    return pd.DataFrame(
        [
            {"class_name": mineral.slug, "original": mineral.original, "augmented": float(mineral.augmented)}
            for mineral in minerals()
        ]
    )


def our_counts(table_2: Table) -> pd.DataFrame:
    """Our photographs a class from ``setup_tables.table_2``: class_name, original, augmented, test, train."""
    frame = table_2.frame[table_2.frame["class_name"] != ""]
    frame = frame[frame["photographs"] > 0]
    return pd.DataFrame(
        {
            "class_name": frame["class_name"],
            "original": frame["photographs"].astype(float),
            "augmented": frame["augmented"].astype(float),
            "test": frame["test"].astype(float),
            "train": frame["train"].astype(float),
        }
    ).reset_index(drop=True)


@styled
def draw_accuracies(table_4: Table, block: str) -> Drawing:
    """One block of Table 4: our test accuracy with its 95 % interval, the paper's figure as a hollow mark."""
    frame = table_4.frame[table_4.frame["block"] == block].reset_index(drop=True)
    figure = new_figure(PAGE_MM, 20 + 7 * len(frame))
    axes = figure.subplots()
    for place, row in frame.iterrows():
        colour = network_style(row["model"])["color"]
        axes.axhline(place, color=FAINT, linewidth=0.5, zorder=0)
        axes.plot(
            100 * row["paper_accuracy"],
            place,
            "D",
            markerfacecolor="none",
            markeredgecolor=MUTED,
            markersize=4.2,
            label="printed in the paper (other photographs)" if place == 0 else None,
        )
        if row["status"] == MISSING:
            axes.text(1, place, MISSING, va="center", fontsize=6.5, color=MUTED, backgroundcolor="white")
            continue
        axes.plot(
            [100 * row["low"], 100 * row["high"]],
            [place, place],
            color=colour,
            linewidth=3.4,
            alpha=0.35,
            solid_capstyle="butt",
        )
        axes.plot(100 * row["accuracy"], place, "o", color=colour, markersize=5)
        axes.text(
            100 * row["accuracy"],
            place - 0.3,
            f"{100 * row['accuracy']:.1f}",
            ha="center",
            va="bottom",
            fontsize=6.4,
        )
    names = [f"{network}, {weights}" for network, weights in zip(frame["network"], frame["weights"], strict=True)]
    axes.plot([], [], "o-", color=INK, markersize=5, linewidth=3, label="ours with 95 % interval")
    axes.set_yticks(range(len(frame)), names)
    axes.set_ylim(len(frame) - 0.4, -0.8)
    axes.set_xlim(0, 101)
    axes.set_xlabel("Test accuracy (%), grouped protocol")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    figure.legend(loc="outside lower center", ncols=2)
    return Drawing(figure, frame)
