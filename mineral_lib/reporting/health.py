"""The health report of a photo folder: what became of every file, what deserves a look, and who resembles whom."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from mineral_lib.catalogue import display_name
from mineral_lib.data.split import train_only_classes
from mineral_lib.photos import SAME_BYTES, SAME_PIXELS
from mineral_lib.reporting.artefacts import table
from mineral_lib.reporting.plates import bare, show
from mineral_lib.reporting.style import MUTED, Drawing, new_figure, styled
from mineral_lib.reporting.tables import Column, Table
from mineral_lib.reporting.words import columns_of, entry
from mineral_lib.study import Study

_COLUMNS_CLASSES = {
    "class": Column("class"),
    "photographs": Column("photographs", "integer"),
    "specimens": Column("specimens", "integer"),
    "groups": Column("groups", "integer"),
    "train": Column("train", "integer"),
    "val": Column("validation", "integer"),
    "test": Column("test", "integer"),
    "remark": Column("remark"),
}


def table_health(files: pd.DataFrame, duplicates: pd.DataFrame, *, name: str = "health") -> Table:
    """Every file found as used, skipped or ignored, by reason; then the warnings and the duplicates.

    Args:
        files: One row a file, as the scan gives it (file, status, reason, warnings).
        duplicates: Pairs of files that show the same, as ``build_index`` gives them.
        name: File name of the table.
    """
    rows = []
    for status, part in files.groupby("status"):
        rows.append((status, "all files", len(part), ""))
        rows += [
            (status, reason, len(same), same["file"].iloc[0])
            for reason, same in part[part["reason"] != ""].groupby(part["reason"].map(_kind))
        ]
    single = files.assign(warning=files["warnings"].str.split("; ")).explode("warning")
    single = single[(single["status"] == "used") & single["warning"].fillna("").ne("")]
    rows += [
        ("look", _kind(warning), len(part), part["file"].iloc[0])
        for warning, part in single.groupby(single["warning"].map(_kind))
    ]
    for (kind, conflict), part in duplicates.groupby(["kind", "conflict"]):
        # Near pairs of two classes may be two specimens that look alike, or one stone with both minerals.
        meaning = "a label is wrong" if kind in (SAME_BYTES, SAME_PIXELS) else "look whether they show the same"
        words = f"pairs: {kind}" + (f", in different classes ({meaning})" if conflict == "yes" else "")
        rows.append(("look", words, len(part), f"{part['file_a'].iloc[0]} = {part['file_b'].iloc[0]}"))
    frame = pd.DataFrame(rows, columns=["status", "what", "files", "example"])
    note = "A warning removes nothing; it says where a person should look."
    return Table(name, entry("health")["title"], frame, columns_of("health"), [_count_files(frame), note])


@table("{whose}health", whose=("", "own_photos_"), measured=True)
def saved_health(study: Study, frame: pd.DataFrame, whose: str) -> tuple[pd.DataFrame, str, dict[str, str]]:
    """The table of ``table_health`` as a notebook saved it; ``whose`` is ``own_photos_`` for another folder."""
    return frame, "", {"files": _count_files(frame)}


def _count_files(frame: pd.DataFrame) -> str:
    counts = frame[frame["what"] == "all files"].set_index("status")["files"]
    sums = " + ".join(f"{counts.get(name, 0)} {name}" for name in ("used", "skipped", "ignored"))
    return f"{counts.sum()} files found = {sums}."


def _kind(reason: str) -> str:
    """A reason without what is particular to one file, so that equal reasons count together."""
    for word in (" with ", " as ", " (", ";", ":"):
        reason = reason.split(word)[0]
    return " ".join(word for word in reason.split() if not word.isdigit())


def table_folder_classes(index: pd.DataFrame, samples: pd.DataFrame, language: str = "en") -> Table:
    """Photographs, specimens, groups and the grouped split of every class that stays.

    Args:
        index: The table of photographs.
        samples: The grouped split.
        language: Language of the class names.
    """
    untested, rows = set(train_only_classes(samples)), []
    for name, part in index.groupby("class_name", sort=False):
        counts = samples.loc[samples["class_name"] == name, "split"].value_counts()
        few = "trained on, never tested" if name in untested else "few test photographs" if counts["test"] < 5 else ""
        rows.append(
            {
                "class": display_name(name, language),
                "photographs": len(part),
                "specimens": part["specimen"].nunique(),
                "groups": part["group"].nunique(),
                **{split: counts.get(split, 0) for split in ("train", "val", "test")},
                "remark": few,
            }
        )
    note = "A group is a specimen together with its near duplicates; it never stands on both sides."
    return Table("folder_classes", "Classes of the photo folder", pd.DataFrame(rows), _COLUMNS_CLASSES, [note])


def suspicious(files: pd.DataFrame, duplicates: pd.DataFrame, *, limit: int = 24) -> pd.DataFrame:
    """Readable photographs that deserve a look, columns file and why; conflicts of labels first.

    Args:
        files: One row a file, as the scan gives it.
        duplicates: Pairs of files that show the same.
        limit: Most photographs wanted; the kinds take turns.
    """
    conflicts = duplicates[duplicates["conflict"] == "yes"]
    rows = [(row.file_a, f"like {row.file_b}", "conflict") for row in conflicts.itertuples()]
    rows += [(row.file_b, f"like {row.file_a}", "conflict") for row in conflicts.itertuples()]
    flagged = files[files["warnings"].fillna("").ne("") & (files["status"] == "used")]
    rows += [(row.file, row.warnings, _kind(row.warnings)) for row in flagged.itertuples()]
    frame = pd.DataFrame(rows, columns=["file", "why", "kind"]).drop_duplicates("file")
    frame["turn"] = frame.groupby("kind").cumcount()
    return frame.sort_values("turn", kind="stable").head(limit)[["file", "why"]].reset_index(drop=True)


@styled
def draw_suspects(suspects: pd.DataFrame, read: Callable[[str], np.ndarray], *, columns: int = 6) -> Drawing:
    """Plate of the suspicious photographs, each with its name and what is suspicious.

    Args:
        suspects: Columns file and why, see ``suspicious``.
        read: Gives the pixels (H, W, 3) uint8 of a file name.
        columns: Photographs a row.
    """
    columns = min(columns, max(len(suspects), 1))
    rows = max(1, -(-len(suspects) // columns))
    figure = new_figure(30 * columns, 38 * rows + 4)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.02, wspace=0, hspace=0)
    for place in axes:
        bare(place)
    for place, row in zip(axes, suspects.itertuples(), strict=False):
        show(place, read(row.file))
        name = "\n".join(_short(part) for part in row.file.split("/", 1))
        place.set_title(name, loc="center", fontsize=5, fontweight="normal", pad=2)
        place.set_xlabel(_short(row.why), fontsize=5, color=MUTED, labelpad=1)
    return Drawing(figure, suspects)


def _short(text: str, length: int = 26) -> str:
    return text if len(text) <= length else text[: length // 2 - 1] + "…" + text[-length // 2 :]
