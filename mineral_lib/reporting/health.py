"""The health report of a photo folder: what became of every file, what deserves a look, and who resembles whom."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from mineral_lib.catalogue import display_name
from mineral_lib.data.split import FEW_TEST_PHOTOGRAPHS, SPLITS, train_only_classes
from mineral_lib.notation import isolated, line
from mineral_lib.photos import SAME_BYTES, SAME_PIXELS
from mineral_lib.reporting.artefacts import table
from mineral_lib.reporting.plates import Fonts, Tile, draw_sheet, in_rows
from mineral_lib.reporting.style import Drawing, styled
from mineral_lib.study import Study


def health_rows(files: pd.DataFrame, duplicates: pd.DataFrame) -> pd.DataFrame:
    """Every file found as used, skipped or ignored, by reason; then the warnings and the duplicates.

    Args:
        files: One row a file, as the scan gives it (file, status, reason, warnings).
        duplicates: Pairs of files that show the same, as ``build_index`` gives them.
    """
    rows = []
    for status, part in files.groupby("status"):
        rows.append((status, "all files", len(part), ""))
        rows += _count_kinds(status, part, "reason")
    single = files[files["status"] == "used"].assign(warning=files["warnings"].fillna("").str.split("; "))
    single = single.explode("warning")
    rows += _count_kinds("look", single, "warning")
    for (kind, conflict), part in duplicates.groupby(["kind", "conflict"]):
        # Near pairs of two classes may be two specimens that look alike, or one stone with both minerals.
        meaning = "a label is wrong" if kind in (SAME_BYTES, SAME_PIXELS) else "look whether they show the same"
        words = f"pairs: {kind}" + (f", in different classes ({meaning})" if conflict == "yes" else "")
        rows.append(("look", words, len(part), " = ".join(isolated(part[f"file_{one}"].iloc[0]) for one in "ab")))
    return pd.DataFrame(rows, columns=["status", "what", "files", "example"])


def _count_kinds(status: str, files: pd.DataFrame, column: str) -> list[tuple[str, str, int, str]]:
    """Equal reasons together, with the first file of each; no reason is none."""
    given = files[files[column] != ""]
    kinds = given.groupby(given[column].map(_kind))
    return [(status, kind, len(same), same["file"].iloc[0]) for kind, same in kinds]


def _kind(reason: str) -> str:
    """A reason without what is particular to one file, so that equal reasons count together."""
    for word in (" with ", " as ", " (", ";", ":"):
        reason = reason.split(word)[0]
    return " ".join(word for word in reason.split() if not word.isdigit())


@table("{whose}health", whose=("", "own_photos_"), measured=True)
def table_health(study: Study, rows: pd.DataFrame, whose: str) -> tuple[pd.DataFrame, str, dict[str, str]]:
    """The health of a photo folder.

    Args:
        study: The study.
        rows: ``health_rows``; read from the saved table if not given.
        whose: Empty for the photographs of the study, ``own_photos_`` for another folder.
    """
    counts = rows[rows["what"] == "all files"].set_index("status")["files"]
    sums = " + ".join(f"{counts.get(name, 0)} {name}" for name in ("used", "skipped", "ignored"))
    return rows, "", {"files": f"{counts.sum()} files found = {sums}."}


@table("folder_classes", measured=True)
def table_folder_classes(study: Study, rows: pd.DataFrame) -> pd.DataFrame:
    """The classes of a photo folder that stay, see ``class_rows``."""
    return rows


def class_rows(index: pd.DataFrame, samples: pd.DataFrame, language: str = "en") -> pd.DataFrame:
    """Photographs, specimens, groups and the grouped split of every class that stays.

    Args:
        index: The table of photographs.
        samples: The grouped split.
        language: Language of the class names.
    """
    untested, rows = set(train_only_classes(samples)), []
    for name, part in index.groupby("class_name", sort=False):
        counts = samples.loc[samples["class_name"] == name, "split"].value_counts()
        few = "few test photographs" if counts.get("test", 0) < FEW_TEST_PHOTOGRAPHS else ""
        rows.append(
            {
                "class": display_name(name, language),
                "photographs": len(part),
                "specimens": part["specimen"].nunique(),
                "groups": part["group"].nunique(),
                **{split: counts.get(split, 0) for split in SPLITS},
                "remark": "trained on, never tested" if name in untested else few,
            }
        )
    return pd.DataFrame(rows)


def suspicious(files: pd.DataFrame, duplicates: pd.DataFrame, *, limit: int = 24) -> pd.DataFrame:
    """Readable photographs that deserve a look, columns file and why; conflicts of labels first.

    Args:
        files: One row a file, as the scan gives it.
        duplicates: Pairs of files that show the same.
        limit: Most photographs wanted; the kinds take turns.
    """
    conflicts = duplicates[duplicates["conflict"] == "yes"]
    pairs = [conflicts[["file_a", "file_b"]], conflicts[["file_b", "file_a"]]]
    rows = [(one, f"like {other}", "conflict") for part in pairs for one, other in part.itertuples(index=False)]
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
    tiles = [
        Tile(read(row.file), "\n".join(line(part) for part in row.file.split("/", 1)), line(row.why))
        for row in suspects.itertuples()
    ]
    rows = in_rows(tiles, columns)
    figure = draw_sheet(rows, 30 * columns, 38 * len(rows) + 4, pads=(0.01, 0.02), fonts=Fonts(title=(5, 2)))
    return Drawing(figure, suspects, name="suspicious_photographs")
