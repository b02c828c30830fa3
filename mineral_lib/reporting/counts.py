"""How many photographs stand behind the numbers of a class: words for axes and tables, and Table 2 as bars."""

import numpy as np
import pandas as pd

from mineral_lib.catalogue import display_name, minerals
from mineral_lib.notation import caption
from mineral_lib.reporting.artefacts import figure
from mineral_lib.reporting.confusion import support_label, support_text
from mineral_lib.reporting.setup_tables import table_2
from mineral_lib.reporting.style import MUTED, PAGE_MM, Drawing, new_figure, styled
from mineral_lib.reporting.words import label
from mineral_lib.study import Study


@figure("table_2_counts_paper")
def draw_printed_counts(study: Study) -> Drawing:
    """Table 2 as printed: original photographs and images after augmentation."""
    rows = [(mineral.slug, mineral.original, float(mineral.augmented)) for mineral in minerals()]
    frame = pd.DataFrame(rows, columns=["class_name", "original", "augmented"])
    return draw_class_counts(frame, language=study.settings.report.language)


@figure("table_2_counts_ours")
def draw_our_counts(study: Study) -> Drawing | None:
    """The photographs of this profile, and the images of the paper's order; None before they were scanned."""
    table = table_2(study)
    if table is None:
        return None
    frame = table.frame.query("class_name != '' and photographs > 0").rename(columns={"photographs": "original"})
    names = ["original", "augmented", "test", "train"]
    frame = frame[["class_name", *names]].astype(dict.fromkeys(names, float)).reset_index(drop=True)
    return draw_class_counts(frame, language=study.settings.report.language)


@styled
def draw_class_counts(frame: pd.DataFrame, *, language: str = "en") -> Drawing:
    """Photographs a class as bars.

    Args:
        frame: Columns class_name, original, augmented (augmented may be NaN), and test and train where the
            photographs are split.
        language: Language of the class names.
    """
    sheet = new_figure(PAGE_MM, 14 + 3.7 * len(frame))
    axes, places = sheet.subplots(), np.arange(len(frame))
    for name, colour in (("augmented", "#c9d7e6"), ("original", "#0072b2")):
        axes.barh(places, frame[name].fillna(0), height=0.74, color=colour, label=label(name, language))
    split = "test" in frame
    for place, row in frame.iterrows():
        words = f"  {row['original']:,.0f}" + ("" if np.isnan(row["augmented"]) else f" → {row['augmented']:,.0f}")
        words += f"   {support_text(row['test'], row['train'])}" if split and frame["test"].notna().any() else ""
        end = np.nanmax([row["original"], row["augmented"]])
        axes.text(end, place, words, va="center", fontsize=6, color=MUTED)
    axes.set_yticks(places, [caption(display_name(name, language)) for name in frame["class_name"]])
    axes.invert_yaxis()
    axes.margins(x=0.2 if split else 0.12, y=0.012)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(support_label(language) if split else label("count", language))
    sheet.legend(loc="outside upper left", ncols=2)
    return Drawing(sheet, frame)
