"""``mineral identify``: names for photographs by a recogniser that somebody keeps as one file."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from mineral_lib.catalogue import minerals
from mineral_lib.errors import DataError, StudyError
from mineral_lib.recognition.recogniser import Answer, Photographs, Recogniser

TOP = 5
SENTENCES = {
    "none": "not one of the {count} it knows",
    "one": "{names}",
    "few": "one of: {names}",
    "group": "a mineral of the group {group}, perhaps one of: {names}",
    "unsure": "not decided; likeliest: {names}",
}


@dataclass(frozen=True)
class Identified:
    """Answers for photographs, and what became of each file.

    Attributes:
        answers: One a specimen.
        skipped: File and reason of what could not be read.
        classes: Class names of the recogniser.
        groups: Mineral group of each class, empty where unknown.
    """

    answers: list[Answer]
    skipped: dict[str, str]
    classes: list[str]
    groups: list[str]

    def frame(self) -> pd.DataFrame:
        """One row a specimen: photographs, level, set, likeliest classes and probabilities; then what was skipped."""
        rows = [_row(answer, self.classes, self.groups) for answer in self.answers]
        rows += [{"photographs": name, "level": "skipped", "reason": reason} for name, reason in self.skipped.items()]
        return pd.DataFrame(rows)

    def to_json(self) -> str:
        """All answers as JSON."""
        return json.dumps(self.frame().replace({np.nan: None}).to_dict("records"), ensure_ascii=False, indent=1)

    def to_text(self) -> str:
        """All answers for people."""
        lines = []
        for answer in self.answers:
            lines += [f"{_photographs(answer)}: {sentence(answer, self.classes, self.groups)}"]
            lines += [
                f"    {100 * answer.probability[label]:5.1f} %  {both_names(self.classes[label])}"
                for label in likeliest(answer)
            ]
        lines += [f"{name}: skipped: {reason}" for name, reason in self.skipped.items()]
        return "\n".join(lines)


def identify(
    recogniser: Recogniser,
    files: Sequence[Path],
    groups: Sequence[str] | None = None,
    *,
    jobs: int = 2,
    cache_dir: Path | None = None,
) -> Identified:
    """Name the minerals on photographs; what cannot be read is skipped with its reason.

    Args:
        recogniser: The recogniser.
        files: Photographs.
        groups: Specimen of each; photographs of one specimen are one answer. Each its own if None.
        jobs: Decoding threads.
        cache_dir: Where features are kept; nowhere if not given.

    Raises:
        DataError: Not one photograph can be read.
    """
    from mineral_lib.photos import read_photo

    readable, digests, skipped, kept = [], [], {}, {}
    for place, file in enumerate(files):
        try:
            photo = read_photo(file)
        except StudyError as error:
            skipped[str(file)] = error.what
            continue
        kept[str(file)] = photo.image
        readable.append(place)
        digests.append(photo.sha256)
    if not readable:
        raise DataError("no photograph can be read", where=", ".join(map(str, files[:3])), remedy="give photographs")
    names = [str(files[place]) for place in readable]
    specimens = np.array([groups[place] if groups else names[row] for row, place in enumerate(readable)])
    unknown = np.full(len(names), -1)
    photographs = Photographs(names, digests, lambda name: _image(kept[name]), unknown, specimens, cache_dir, jobs)
    return Identified(recogniser.answer(photographs), skipped, recogniser.classes, groups_of(recogniser.classes))


def _image(pixels: Any) -> Image.Image:
    return pixels if isinstance(pixels, Image.Image) else Image.fromarray(np.asarray(pixels))


def specimen_of(file: Path) -> str:
    """A name for the specimen of a photograph: its folder."""
    return hashlib.sha256(str(file.parent).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def groups_of(classes: Sequence[str]) -> list[str]:
    """Mineral group of each class by the catalogue, empty for other names."""
    known = {mineral.slug: mineral.group for mineral in minerals()}
    return [known.get(name, "") for name in classes]


def both_names(class_name: str) -> str:
    """A class in English and Chinese where the catalogue knows it, else as it is."""
    known = {mineral.slug: mineral for mineral in minerals()}.get(class_name)
    return f"{known.english} {known.chinese}" if known else class_name


def likeliest(answer: Answer) -> list[int]:
    """Labels by descending probability, five at most."""
    return np.argsort(-answer.probability, kind="stable")[:TOP].tolist()


def sentence(answer: Answer, classes: Sequence[str], groups: Sequence[str]) -> str:
    """What can be said about a specimen, in one sentence."""
    level = answer.level(groups)
    order = [label for label in likeliest(answer) if label in answer.inside] or likeliest(answer)
    names = ", ".join(both_names(classes[label]) for label in order)
    group = groups[answer.inside[0]] if len(answer.inside) else ""
    return SENTENCES[level].format(names=names, group=group, count=len(classes))


def _photographs(answer: Answer) -> str:
    return ", ".join(answer.names)


def _row(answer: Answer, classes: Sequence[str], groups: Sequence[str]) -> dict[str, Any]:
    row = {
        "photographs": _photographs(answer),
        "level": answer.level(groups),
        "says": sentence(answer, classes, groups),
        "set": ", ".join(classes[label] for label in answer.inside),
    }
    for place, label in enumerate(likeliest(answer), 1):
        row |= {f"answer_{place}": classes[label], f"probability_{place}": round(float(answer.probability[label]), 4)}
    return row
