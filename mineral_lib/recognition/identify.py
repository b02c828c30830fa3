"""``mineral identify``: names for photographs by a recogniser that somebody keeps as one file.

Files and folders that somebody asks about are listed, and each photograph is decoded once.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mineral_lib.catalogue import find_mineral
from mineral_lib.errors import DataError, StudyError, printable
from mineral_lib.notation import line
from mineral_lib.photos import list_files, read_photo
from mineral_lib.recognition import hand_tests
from mineral_lib.recognition.features import Kind, compute
from mineral_lib.recognition.names import both_names, slugs_of
from mineral_lib.recognition.recogniser import Answer, Recogniser

TOP = 5
JOBS = 2  # decoding threads
SENTENCES = {
    "none": "looks like none of the {count} it knows; of these the likeliest: {names}",
    "one": "{names}",
    "few": "one of: {names}",
    "group": "a mineral of the group {group}, perhaps one of: {names}",
    "unsure": "not decided; likeliest: {names}",
}
UNDECIDED = ("few", "group", "unsure")
NEXT = "    check next: {name} ({bits:.1f} bits expected); answer with --{name}: {answers}"


@dataclass(frozen=True)
class Identified:
    """Answers for photographs, and what became of each file."""

    answers: list[Answer]  # one a specimen
    skipped: dict[str, str]  # file and reason of what could not be read
    classes: list[str]  # class names of the recogniser
    tests: dict[str, str] = field(default_factory=dict)  # hand tests that were answered: property and answer

    @cached_property
    def next_tests(self) -> list[tuple[str, float] | None]:
        """For each specimen that is not decided, the hand test that tells most, and its bits; None for the others."""
        left, slugs = [name for name in hand_tests.PROPERTIES if name not in self.tests], slugs_of(self.classes)
        return [
            hand_tests.best_test(answer.probability, slugs, left) if answer.level in UNDECIDED else None
            for answer in self.answers
        ]

    def records(self) -> list[dict[str, Any]]:
        """One record a specimen: photographs, level, set, likeliest classes, next test; then what was skipped.

        The set is what it can be if it is one of the classes, at the level ``none`` too: its promise counts all.
        """
        rows = [
            {
                "photographs": [printable(name) for name in answer.names],
                "level": answer.level,
                "says": sentence(answer, self.classes),
                "set": [self.classes[label] for label in answer.inside.tolist()],
                "group": answer.group if answer.level == "group" else "",
                "answers": [self._likely(answer, label) for label in likeliest(answer)],
            }
            | ({"next_test": test[0], "next_test_bits": round(test[1], 4)} if test else {})
            for answer, test in zip(self.answers, self.next_tests, strict=True)
        ]
        return rows + [
            {"photographs": [printable(name)], "level": "skipped", "reason": printable(reason)}
            for name, reason in self.skipped.items()
        ]

    def _likely(self, answer: Answer, label: int) -> dict[str, Any]:
        row = {"class": self.classes[label], "probability": round(float(answer.probability[label]), 4)}
        mineral = find_mineral(self.classes[label])
        return row | ({"english": mineral.english, "chinese": mineral.chinese} if mineral else {})

    def frame(self) -> pd.DataFrame:
        """The records as a table: lists joined, ``answer_1`` to ``answer_5`` and what belongs to each in columns."""
        rows = []
        for record in self.records():
            answers = record.pop("answers", [])
            row = {key: ", ".join(value) if isinstance(value, list) else value for key, value in record.items()}
            for place, one in enumerate(answers, 1):
                row |= {f"answer_{place}" if key == "class" else f"{key}_{place}": one[key] for key in one}
            rows.append(row)
        likely = range(1, min(TOP, len(self.classes)) + 1)
        about = [f"{key}_{place}" for place in likely for key in ("answer", "probability", "english", "chinese")]
        always = ["photographs", "level", "says", "set", "group", *about, "next_test", "next_test_bits", "reason"]
        return pd.DataFrame(rows, columns=always)  # the same ones whatever is found

    def _of_tests(self) -> list[str]:
        """What a person should know of the hand tests that were answered."""
        slugs, lines = slugs_of(self.classes), []
        if self.tests and len(self.answers) > 1:
            lines.append(f"The hand tests were taken to be those of all {len(self.answers)} specimens.")
        for name in self.tests:
            silent = np.isnan(hand_tests.likelihoods(name, slugs)).all(1)
            if silent.any():
                names = ", ".join(line(self.classes[place]) for place in np.flatnonzero(silent))
                lines.append(f"--{name} says nothing of {names}: the catalogue has no value for that name.")
        return lines

    def to_json(self) -> str:
        """All answers as JSON."""
        return json.dumps(self.records(), ensure_ascii=False, indent=1)

    def to_csv(self) -> str:
        """All answers as CSV, one row a specimen or skipped file."""
        return self.frame().to_csv(index=False, lineterminator="\n")

    def to_text(self) -> str:
        """All answers for people."""
        lines = []
        for answer, test in zip(self.answers, self.next_tests, strict=True):
            names = ", ".join(map(line, answer.names))
            lines += [f"{names}: {sentence(answer, self.classes)}"]
            lines += [
                f"    {100 * answer.probability[label]:5.1f} %  {both_names(self.classes[label])}"
                for label in likeliest(answer)
            ]
            if test is not None:
                name, bits = test
                lines.append(NEXT.format(name=name, bits=bits, answers=" | ".join(hand_tests.ANSWERS[name])))
        lines += [f"{line(name)}: skipped: {line(reason)}" for name, reason in self.skipped.items()]
        lines += self._of_tests()
        return "\n".join(lines)


def list_photographs(places: Sequence[Path | str]) -> tuple[list[Path], dict[str, str]]:
    """Photographs and all photographs below folders; what is given by name is a candidate whatever it is called.

    Returns:
        Candidates, each once, in the order given, those of a folder by name; and files of folders that cannot be
        photographs for another reason than their kind, with that reason.

    Raises:
        DataError: A folder cannot be listed, or there is nothing to read.
    """
    found: dict[Path, Path] = {}
    skipped: dict[str, str] = {}
    for place in map(Path, places):
        if not place.is_dir():
            found.setdefault(place.resolve(), place)
            continue
        for file in list_files(place, loose=True):
            path = place / file.name
            if file.status == "used":
                found.setdefault(path.resolve(), path)
            elif file.status == "skipped":
                skipped[str(path)] = file.reason
    if not found and not skipped:
        where = ", ".join(map(str, places))
        raise DataError("no photographs", where=where, remedy="give photographs, or folders that hold some")
    return list(found.values()), skipped


def read_features(files: Sequence[Path], kinds: Sequence[Kind]) -> tuple[list[int], list[np.ndarray], dict[str, str]]:
    """Features of files that may be no photographs.

    Returns:
        Places of the files that could be read, ascending; their features, one array (N, D) float32 a kind, none
        without readable files; and the other files with the reason.
    """
    refused: dict[int, str] = {}

    def prepare(place: int) -> list:
        try:
            image = read_photo(files[place]).image
        except StudyError as error:
            refused[place] = error.what
            return [None] * len(kinds)
        return [kind.prepare(image) for kind in kinds]

    parts: list[list[np.ndarray]] = [[] for _ in kinds]
    for number, _, rows in compute(len(files), prepare, kinds, jobs=JOBS):
        parts[number].append(rows)
    read = [place for place in range(len(files)) if place not in refused]
    skipped = {str(files[place]): refused[place] for place in sorted(refused)}
    return read, [np.concatenate(one) for one in parts if one], skipped


def identify(
    recogniser: Recogniser,
    files: Sequence[Path],
    groups: Sequence[str] | None = None,
    *,
    answers: Mapping[str, str] | None = None,
) -> Identified:
    """Name the minerals on photographs; what cannot be read is skipped with its reason.

    Photographs of one specimen (``groups``; each its own if None) are one answer. The answers to hand tests, such as
    ``{"hardness": "3"}``, belong to all photographs and are taken into account before anything is decided; the promise
    of the sets is made for photographs alone.

    Raises:
        ParameterError: An answer that cannot be.
    """
    tests = dict(answers or {})
    for name, answer in tests.items():
        hand_tests.weights(name, answer)  # wrong answers are refused before photographs are read
    read, parts, skipped = read_features(files, recogniser.kinds)
    names = [str(files[row]) for row in read]
    specimens = np.array([groups[row] for row in read] if groups else names)
    found = recogniser.answer(parts, names, specimens) if read else []
    return Identified([_informed(one, recogniser, tests) for one in found], skipped, recogniser.classes, tests)


def _informed(answer: Answer, recogniser: Recogniser, tests: Mapping[str, str]) -> Answer:
    """The answer with the hand tests taken into account."""
    if not tests:
        return answer
    probability = hand_tests.update(answer.probability, slugs_of(recogniser.classes), tests)
    inside, group = recogniser.decide(probability[None])[0]
    return replace(answer, probability=probability, inside=inside, group=group)


def likeliest(answer: Answer) -> list[int]:
    """Labels by descending probability, five at most."""
    return np.argsort(-answer.probability, kind="stable")[:TOP].tolist()


def sentence(answer: Answer, classes: Sequence[str]) -> str:
    """What can be said about a specimen, in one sentence."""
    order = [label for label in likeliest(answer) if label in answer.inside] or likeliest(answer)
    names = ", ".join(both_names(classes[label]) for label in order)
    return SENTENCES[answer.level].format(names=names, group=answer.group, count=len(classes))
