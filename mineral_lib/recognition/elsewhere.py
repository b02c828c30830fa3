"""``mineral evaluate``: what a recogniser is worth on a folder that it was not made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mineral_lib.config import Settings
from mineral_lib.data.index import build_index, photo_folder
from mineral_lib.errors import DataError
from mineral_lib.notation import line
from mineral_lib.paths import ResultPaths
from mineral_lib.recognition.ladder import scores
from mineral_lib.recognition.names import USED, both_names, match_names, update_names
from mineral_lib.recognition.recogniser import SEEN_DIGITS, Photographs, Recogniser
from mineral_lib.recognition.trust import judge_photographs
from mineral_lib.storage import write_csv, write_json

MOST_CONFUSIONS = 10
OWN = ("seen", "judged")  # of a model card: the photographs it was made from, and those of its own test
HOW = {
    "catalogue": "matched by the catalogue",
    "given": "matched by the table of names",
    "proposed": "PROPOSED, not used",
    "unknown": "not known to the recogniser",
}


@dataclass(frozen=True)
class Elsewhere:
    """What was found."""

    folder: str  # name of the folder
    names: pd.DataFrame  # one match a class folder, see ``names.match_names``
    # Photographs: ``known`` (judged), ``unknown`` (of classes it does not know), ``seen`` (it was made from them) and
    # ``judged`` (its own test), both left out, ``skipped`` (could not be used).
    counts: dict[str, int]
    # Of the photographs of unknown classes, how many it called *not one of these*; the same for known ones.
    refused: dict[str, int]
    here: dict[str, float]  # accuracy with interval, macro recall, top three on known photographs; empty without any
    # The same as the recogniser states them for its own test photographs; empty if it states none.
    there: dict[str, float]
    specimens: dict[str, Any]  # what its answers for specimens of known classes are worth, see ``trust.judge_answers``
    predictions: pd.DataFrame  # one row a photograph that was asked: path, class, predicted, probability, specimen

    @property
    def fall(self) -> dict[str, float] | None:
        """How far accuracy falls, ``low`` and ``high`` of its 95 % interval; both sets of specimens are independent."""
        if not self.here or not self.there:
            return None
        fall = self.there["accuracy"] - self.here["accuracy"]
        # Half-widths are added as squares (Zou and Donner 2008).
        up = np.hypot(self.there["high"] - self.there["accuracy"], self.here["accuracy"] - self.here["low"])
        down = np.hypot(self.there["accuracy"] - self.there["low"], self.here["high"] - self.here["accuracy"])
        return {"fall": fall, "low": fall - float(down), "high": fall + float(up)}

    @property
    def confusions(self) -> list[dict[str, Any]]:
        """The most frequent mistakes on known photographs: true ``class``, ``predicted``, ``photographs``."""
        known = self.predictions[self.predictions["class"] != ""]
        counts = known[known["class"] != known["predicted"]].groupby(["class", "predicted"]).size()
        counts = counts.sort_values(ascending=False, kind="stable").head(MOST_CONFUSIONS)
        return counts.reset_index(name="photographs").to_dict("records")

    def save(self, folder: Path) -> str:
        """Write ``predictions.csv``, ``evaluation.json`` and ``names.csv``; returns what was kept of the last.

        Raises:
            DataError: ``names.csv`` is there and no table.
        """
        write_csv(folder / "predictions.csv", self.predictions)
        numbers = ("folder", "counts", "refused", "here", "there", "specimens", "fall", "confusions")
        write_json(folder / "evaluation.json", {name: getattr(self, name) for name in numbers})
        return update_names(folder / "names.csv", self.names)

    def to_text(self) -> str:
        """What was found, for people."""
        counts, specimens = self.counts, self.specimens
        lines = [
            f"{self.folder}: {counts['known']} photographs of classes it knows, {counts['unknown']} of others, "
            f"{counts['seen']} that it was made from and {counts['judged']} of its own test (both left out), "
            f"{counts['skipped']} that cannot be used"
        ]
        if self.here:
            recall = _share(self.here["macro_recall"])
            lines.append(f"accuracy here:            {_percent(self.here)} (mean recall {recall})")
        lines.append(f"accuracy on its own test: {_percent(self.there) if self.there else 'not stated'}")
        if self.fall:
            fall, low, high = (f"{100 * value:+.1f}" for value in self.fall.values())
            lines.append(f"fall:                     {fall} points (95 % interval {low} to {high})")
        if specimens:
            one = specimens["one"]
            lines.append(
                f"sets of {specimens['specimens']} specimens: {_share(specimens['coverage'])} hold the truth, "
                f"{specimens['set_size']:.1f} minerals on average"
                + (f"; one name for {one['specimens']}, right in {_share(one['accuracy'])}" if one else "")
            )
        for key, words in (("known", "of classes it knows"), ("unknown", "of other classes")):
            if counts[key]:
                lines.append(f"not one of these: {self.refused[key]} of {counts[key]} photographs {words}")
        confusions = [
            f"  {one['photographs']:4d}  {both_names(one['class'])} taken for {both_names(one['predicted'])}"
            for one in self.confusions
        ]
        lines += ["most frequent confusions:", *confusions] if confusions else []
        for how, words in HOW.items():
            rows = self.names.loc[self.names["how"] == how, ["folder", "class"]].itertuples(index=False)
            if found := [" = ".join(map(line, filter(None, row))) for row in rows]:
                lines.append(f"{words}: {', '.join(found)}")
        return "\n".join(lines)


def evaluate_elsewhere(
    recogniser: Recogniser, settings: Settings, *, given: Mapping[str, str] | None = None
) -> Elsewhere:
    """Judge a recogniser on the folder of a profile; photographs that it was made from, or judged on, are left out.

    ``given``: folder and class by somebody's word, see ``names``.

    Raises:
        DataError: The folder cannot be used, or holds nothing that the recogniser was not made from.
    """
    root, cache_dir = photo_folder(settings.data), ResultPaths.of(settings.profile).cache_dir
    scan = build_index(settings.data, cache_dir=cache_dir)
    names = match_names(scan.classes, recogniser.classes, given)
    index = scan.index
    own = {name: index["sha256"].str[:SEEN_DIGITS].isin(_digests(recogniser.about, name)) for name in OWN}
    counts = {name: int(known.sum()) for name, known in own.items()}
    counts["skipped"] = int((scan.files["status"] == "skipped").sum())
    index = index[~np.logical_or(*own.values())].reset_index(drop=True)
    if index.empty:
        remedy = "give a folder with other photographs"
        raise DataError("it was made from, or judged on, all of these photographs", where=str(root), remedy=remedy)
    used = names[names["how"].isin(USED)].set_index("folder")["class"].map(recogniser.classes.index)
    index["label"] = index["class_name"].map(used).fillna(-1).astype(int)
    photographs = Photographs(root, index, cache_dir, settings.train.jobs)
    labels, parts = photographs.labels, photographs.features(recogniser.kinds)
    probability, known = recogniser.probabilities(parts), labels >= 0
    strange = recogniser.strangeness(parts, probability) > recogniser.familiarity.limit
    both = {"known": known, "unknown": ~known}
    counts |= {name: int(some.sum()) for name, some in both.items()}
    refused = {name: int(strange[some].sum()) for name, some in both.items()}
    here, specimens = {}, {}
    if known.any():
        options = {"resamples": settings.report.bootstrap, "seed": settings.report.seed}
        judged = photographs.some(known)
        here = scores(probability[known], judged.labels, judged.groups, **options)
        specimens = judge_photographs(recogniser, judged, **options)
    predictions = pd.DataFrame(
        {
            "path": index["path"],
            "class": [recogniser.classes[label] if label >= 0 else "" for label in labels],
            "predicted": [recogniser.classes[label] for label in probability.argmax(1)],
            "probability": probability.max(1),
            "strange": strange,
            "specimen": index["specimen"],
        }
    )
    return Elsewhere(root.name, names, counts, refused, here, _stated(recogniser.about), specimens, predictions)


def _digests(about: Mapping[str, Any], name: str) -> set[str]:
    found = about.get(name)
    return {one for one in found if isinstance(one, str)} if isinstance(found, list) else set()


def _stated(about: Mapping[str, Any]) -> dict[str, float]:
    """What the recogniser states about its own test, if these are numbers."""
    test, names = about.get("test"), ("accuracy", "low", "high")
    found = {name: test[name] for name in names if isinstance(test, dict) and isinstance(test.get(name), int | float)}
    usable = len(found) == len(names) and all(0 <= value <= 1 for value in found.values())
    return {name: float(value) for name, value in found.items()} if usable else {}


def _percent(found: Mapping[str, float]) -> str:
    return f"{_share(found['accuracy'])} (95 % interval {_share(found['low'])} to {_share(found['high'])})"


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"
