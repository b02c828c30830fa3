"""``mineral check PHOTOS``, before any training: what became of every file, what deserves a look, who is like whom."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from mineral_lib.catalogue import display_name
from mineral_lib.config import Settings
from mineral_lib.data.index import build_index, photo_folder
from mineral_lib.data.split import FEW_TEST_PHOTOGRAPHS, SPLITS, make_split, train_only_classes
from mineral_lib.notation import isolated, line
from mineral_lib.photos import (
    SAME_BYTES,
    SAME_PIXELS,
    list_files,
    proposal_note,
    propose_specimens,
    read_photo,
    wrong_level,
)
from mineral_lib.recognition.outputs import output_folder
from mineral_lib.reporting.artefacts import Made, declared, table
from mineral_lib.reporting.plates import Fonts, Tile, draw_sheet, in_rows
from mineral_lib.reporting.style import Drawing, styled
from mineral_lib.storage import write_csv
from mineral_lib.study import Study

SPECIMENS = "specimens.csv"


def check_photos(settings: Settings, *, out: Path | None = None, say: Callable[[str], None] = print) -> str:
    """Scan a photo folder (``data.source: folder``) and return what was found as text.

    With ``out``, the tables of files, duplicates, classes and proposed specimens and the plate of suspicious ones
    are written there, and with ``data.same_scenes`` crops, turns and mirror images are looked for; without, nothing
    but the record of the scan below ``results/cache``. ``say`` receives, before anything is read, that the class
    folders lie a level too high; the scan may fail for that reason.

    Raises:
        ParameterError: ``out`` is a file.
        DataError: The folder cannot be used, or ``out`` lies in it.
    """
    if out:
        output_folder(out, [photo_folder(settings.data)])
    study = Study(settings)
    data = settings.data.model_copy(update={"same_scenes": settings.data.same_scenes and out is not None})
    found = list_files(photo_folder(data))
    if error := wrong_level(photo_folder(data), found):
        say(f"* look: {error}\n")
    scan = build_index(data, cache_dir=study.paths.cache_dir, found=found)
    samples = make_split(scan.index, "grouped", settings.split, settings.augment)
    health = table_health(study, health_rows(scan.files, scan.duplicates), whose="")
    classes = class_rows(scan.index, samples, settings.report.language)
    tables = [health, declared(study, "folder_classes", classes)]
    if out:
        for table in tables:
            table.save(out)
        write_csv(out / "files.csv", scan.files)
        write_csv(out / "duplicates.csv", scan.duplicates)
        if plate := suspect_plate(settings, scan.files, scan.duplicates):
            plate.save(out / plate.name, dpi=settings.report.dpi)
    notes = [*scan.notes, *_specimens(settings, scan.index, out)]
    notes = "\n".join(f"* {note}" for note in notes)
    return "\n\n".join(filter(None, [*(table.to_text() for table in tables), notes]))


def _specimens(settings: Settings, index: pd.DataFrame, out: Path | None) -> list[str]:
    """What names and times say about specimens, if nobody has said it; the table is written below ``out``."""
    if settings.data.specimen_from != "file":
        return []
    proposed = propose_specimens(photo_folder(settings.data), index)
    note = proposal_note(proposed)
    if not note:
        return []
    if out is None:
        return [f"{note} With --out, a table is written that you can correct and give back."]
    path = write_csv(out / SPECIMENS, proposed.drop(columns="how"))
    answer = " ".join(f"--set {shlex.quote(one)}" for one in ("data.specimen_from=csv", f"data.metadata_csv={path}"))
    return [f"{note} Correct the column specimen of {path} and say: {answer}"]


def suspect_plate(settings: Settings, files: pd.DataFrame, duplicates: pd.DataFrame) -> Drawing | None:
    """The plate of the photographs that deserve a look; None if there are none. The tables are those of the scan."""
    suspects = suspicious(files, duplicates)
    if suspects.empty:
        return None
    root = photo_folder(settings.data)
    return draw_suspects(suspects, lambda name: read_photo(root / name).pixels)


def health_rows(files: pd.DataFrame, duplicates: pd.DataFrame) -> pd.DataFrame:
    """Every file found by what became of it and why, then warnings and duplicates, from the two tables of a scan."""
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
    return " ".join(re.sub(r"\b\d+(?= )(?! bit)", "", reason).split())


@table("{whose}health", whose=("", "own_photos_"), measured=True)
def table_health(study: Study, rows: pd.DataFrame, whose: str) -> Made:
    """The health of a photo folder, see ``health_rows``; ``whose`` is ``own_photos_`` for another than the study's."""
    counts = rows[rows["what"] == "all files"].set_index("status")["files"]
    sums = " + ".join(f"{counts.get(name, 0)} {name}" for name in ("used", "skipped", "ignored"))
    return rows, {"files": f"{counts.sum()} files found = {sums}."}


def class_rows(index: pd.DataFrame, samples: pd.DataFrame, language: str = "en") -> pd.DataFrame:
    """Photographs, specimens, groups and grouped split (``samples``) of every class of an index, a row each."""
    frame = class_counts(index, samples)
    frame.insert(0, "class", [display_name(name, language) for name in frame.index])
    few = np.where(frame["test"] < FEW_TEST_PHOTOGRAPHS, "few test photographs", "")
    frame["remark"] = np.where(frame.index.isin(train_only_classes(samples)), "trained on, never tested", few)
    return frame.reset_index(drop=True)


def class_counts(index: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """The numbers of ``class_rows`` by the name of the class."""
    counts = pd.crosstab(samples["class_name"], samples["split"])
    photographs = index.groupby("class_name", sort=False)
    sizes = {"photographs": ("specimen", "size"), "specimens": ("specimen", "nunique"), "groups": ("group", "nunique")}
    return photographs.agg(**sizes).join(counts.reindex(photographs.groups, columns=SPLITS, fill_value=0))


def suspicious(files: pd.DataFrame, duplicates: pd.DataFrame, *, limit: int = 24) -> pd.DataFrame:
    """Readable photographs that deserve a look, columns file and why; conflicts of labels first.

    At most ``limit``, of all kinds in turn, from the two tables of a scan.
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
def draw_suspects(suspects: pd.DataFrame, read: Callable[[str], np.ndarray]) -> Drawing:
    """Plate of suspicious photographs (file, why); ``read`` gives the pixels (H, W, 3) uint8 of a file name."""
    columns = min(6, max(len(suspects), 1))
    tiles = [
        Tile(read(row.file), "\n".join(line(part) for part in row.file.split("/", 1)), line(row.why))
        for row in suspects.itertuples()
    ]
    rows = in_rows(tiles, columns)
    figure = draw_sheet(rows, 30 * columns, 38 * len(rows) + 4, pads=(0.01, 0.02), fonts=Fonts(title=(5, 2)))
    return Drawing(figure, suspects, name="suspicious_photographs")
