"""``mineral identify``: names for photographs by a recogniser that somebody keeps as one file."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from mineral_lib.catalogue import minerals
from mineral_lib.errors import DataError, StudyError
from mineral_lib.recognition import conformal, hand_tests
from mineral_lib.recognition.recogniser import Answer, Photographs, Recogniser

TOP = 5
SENTENCES = {
    "none": "not one of the {count} it knows",
    "one": "{names}",
    "few": "one of: {names}",
    "group": "a mineral of the group {group}, perhaps one of: {names}",
    "unsure": "not decided; likeliest: {names}",
}
UNDECIDED = ("few", "group", "unsure")
NEXT = "    check next: {name} ({bits:.1f} bits expected); answer with --{name}: {answers}"


@dataclass(frozen=True)
class Identified:
    """Answers for photographs, and what became of each file.

    Attributes:
        answers: One a specimen.
        skipped: File and reason of what could not be read.
        classes: Class names of the recogniser.
        groups: Mineral group of each class, empty where unknown.
        tests: Hand tests that were answered: property and answer.
    """

    answers: list[Answer]
    skipped: dict[str, str]
    classes: list[str]
    groups: list[str]
    tests: dict[str, str] = field(default_factory=dict)

    @cached_property
    def next_tests(self) -> list[tuple[str, float] | None]:
        """For each specimen that is not decided, the hand test that tells most, and its bits; None for the others."""
        left = [name for name in hand_tests.PROPERTIES if name not in self.tests]
        return [
            hand_tests.best_test(answer.probability, self.classes, left)
            if answer.level(self.groups) in UNDECIDED
            else None
            for answer in self.answers
        ]

    def frame(self) -> pd.DataFrame:
        """One row a specimen: photographs, level, set, likeliest classes, next test; then what was skipped."""
        rows = [
            _row(answer, self.classes, self.groups) | _next_row(test)
            for answer, test in zip(self.answers, self.next_tests, strict=True)
        ]
        rows += [{"photographs": name, "level": "skipped", "reason": reason} for name, reason in self.skipped.items()]
        return pd.DataFrame(rows)

    def to_json(self) -> str:
        """All answers as JSON."""
        return json.dumps(self.frame().replace({np.nan: None}).to_dict("records"), ensure_ascii=False, indent=1)

    def to_text(self) -> str:
        """All answers for people."""
        lines = []
        for answer, test in zip(self.answers, self.next_tests, strict=True):
            lines += [f"{_photographs(answer)}: {sentence(answer, self.classes, self.groups)}"]
            lines += [
                f"    {100 * answer.probability[label]:5.1f} %  {both_names(self.classes[label])}"
                for label in likeliest(answer)
            ]
            if test is not None:
                name, bits = test
                lines.append(NEXT.format(name=name, bits=bits, answers=" | ".join(hand_tests.ANSWERS[name])))
        lines += [f"{name}: skipped: {reason}" for name, reason in self.skipped.items()]
        return "\n".join(lines)


def identify(
    recogniser: Recogniser,
    files: Sequence[Path],
    groups: Sequence[str] | None = None,
    *,
    answers: Mapping[str, str] | None = None,
    jobs: int = 2,
    cache_dir: Path | None = None,
) -> Identified:
    """Name the minerals on photographs; what cannot be read is skipped with its reason.

    Args:
        recogniser: The recogniser.
        files: Photographs.
        groups: Specimen of each; photographs of one specimen are one answer. Each its own if None.
        answers: Answers to hand tests, for example ``{"hardness": "3"}``; they belong to all photographs and are
            taken into account before anything is decided. The promise of the sets is made for photographs alone.
        jobs: Decoding threads.
        cache_dir: Where features are kept; nowhere if not given.

    Raises:
        DataError: Not one photograph can be read.
        ParameterError: An answer that cannot be.
    """
    from mineral_lib.photos import read_photo

    tests = dict(answers or {})
    for name, answer in tests.items():
        hand_tests.weights(name, answer)  # wrong answers are refused before photographs are read
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
    found = [_informed(answer, recogniser, tests) for answer in recogniser.answer(photographs)]
    return Identified(found, skipped, recogniser.classes, groups_of(recogniser.classes), tests)


def _informed(answer: Answer, recogniser: Recogniser, tests: Mapping[str, str]) -> Answer:
    """The answer with the hand tests taken into account."""
    if not tests:
        return answer
    probability = hand_tests.update(answer.probability, recogniser.classes, tests)
    inside = conformal.sets(probability[None], recogniser.least)[0]
    return replace(answer, probability=probability, inside=np.flatnonzero(inside))


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


def _next_row(test: tuple[str, float] | None) -> dict[str, Any]:
    return {"next_test": test[0], "next_test_bits": round(test[1], 4)} if test else {}


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
