"""What to check by hand: hardness, streak, lustre, density, magnetism and acid as evidence beside a photograph.

``resources/hand_tests.csv`` says what each mineral shows, with its source. One answer in ten is taken to be wrong, so
no answer rules a mineral out. The next test is the one whose answer is expected to tell most (Lindley 1956).
"""

import contextlib
import csv
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

import numpy as np

from mineral_lib.errors import ParameterError
from mineral_lib.runtime import derive_seed

WRONG = 0.1  # share of wrong answers
ANSWERS = {
    "hardness": ("fingernail", "copper", "knife", "quartz", "nothing"),  # the softest tool that scratches the specimen
    "streak": ("white", "grey", "black", "brown", "yellow", "orange", "red", "green", "blue"),
    "lustre": ("metallic", "submetallic", "nonmetallic"),
    "density": ("below 3", "3 to 4", "4 to 5", "5 to 6", "6 to 7", "above 7"),  # g/cm3
    "magnetism": ("none", "weak", "strong"),
    "acid": ("none", "fizzes", "fizzes powdered"),  # cold and dilute hydrochloric acid
}
PROPERTIES = tuple(ANSWERS)
EDGES = {"hardness": (2.5, 3, 5.5, 7), "density": (3, 4, 5, 6, 7)}  # between the answers
BLUR = {"hardness": 0.25, "density": 0.1}  # a mineral's range is known no better
REACH = {"hardness": 0.5, "density": 0.2}  # a number that somebody measured is good to this much
LIMITS = {"hardness": (1, 10), "density": (1, 25)}


@cache
def hand_tests() -> dict[str, dict[str, np.ndarray]]:
    """How often a mineral gives each answer: slug, then property, then shares in the order of ``ANSWERS``, sum 1."""
    text = (files("mineral_lib.resources") / "hand_tests.csv").read_text(encoding="utf-8")
    table: dict[str, dict[str, np.ndarray]] = {}
    for row in csv.DictReader(text.splitlines()):
        table.setdefault(row["slug"], {})[row["property"]] = _shares(row["property"], row["value"])
    return table


def _shares(name: str, value: str) -> np.ndarray:
    """Shares of answers by a range (``5.5-6``) or by words, the usual one first; of two, it comes twice as often."""
    if name in EDGES:
        low, high = map(float, value.split("-"))
        return _overlap(name, low - BLUR[name], high + BLUR[name])
    words, shares = value.split("|"), np.zeros(len(ANSWERS[name]))
    for place, word in enumerate(words):
        shares[ANSWERS[name].index(word)] = len(words) - place
    return shares / shares.sum()


def _overlap(name: str, low: float, high: float) -> np.ndarray:
    """Share of a range that falls to each answer."""
    edges = np.array([-np.inf, *EDGES[name], np.inf])
    inside = np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, None)
    return inside / inside.sum()


def likelihoods(name: str, classes: Sequence[str], wrong: float = WRONG) -> np.ndarray:
    """Probability of each answer if a class is true, shape (C, A); NaN for classes whose answers are not known.

    Wrong answers, a share from 0 to 1, fall on those that the mineral does not give.
    """
    known = hand_tests()
    rows = [known.get(one, {}).get(name, np.full(len(ANSWERS[name]), np.nan)) for one in classes]
    shares = np.array(rows).reshape(len(classes), -1)
    other = shares == 0
    count = other.sum(1, keepdims=True)
    return np.where(count > 0, (1 - wrong) * shares + wrong * other / np.maximum(count, 1), shares)


def weights(name: str, answer: str) -> np.ndarray:
    """How an answer falls on the possible ones, shape (A,), sum 1: a word on one, a number on those within reach.

    Raises:
        ParameterError: No such property, or an answer that it cannot have.
    """
    if name not in ANSWERS:
        raise ParameterError(f"no test '{name}'", where="answers", remedy=f"use one of: {', '.join(PROPERTIES)}")
    word = str(answer).strip().lower().replace("_", " ")
    if word in ANSWERS[name]:
        return (np.array(ANSWERS[name]) == word).astype(float)
    remedy = f"answer with one of: {', '.join(ANSWERS[name])}"
    if name in EDGES:
        low, high = LIMITS[name]
        remedy += f", or a number from {low} to {high}"
        with contextlib.suppress(ValueError):
            if low <= float(word) <= high:
                return _overlap(name, float(word) - REACH[name], float(word) + REACH[name])
    raise ParameterError(f"'{answer}' is no possible answer", where=f"--{name}", remedy=remedy)


def update(probability: np.ndarray, classes: Sequence[str], answers: Mapping[str, str]) -> np.ndarray:
    """Probabilities (C,) or (N, C) after answers, by property (Bayes; tests taken as independent).

    Classes that are not known keep theirs.

    Raises:
        ParameterError: An answer that cannot be.
    """
    after = np.asarray(probability, float)
    for name, answer in answers.items():
        given = weights(name, answer)
        after = _bayes(after, likelihoods(name, classes) @ given)
    return after


def _bayes(before: np.ndarray, likelihood: np.ndarray) -> np.ndarray:
    """Share the probability of the known classes anew; ``likelihood`` (C,) or (N, C) is NaN for the others."""
    known = np.isfinite(likelihood)
    joint = before * np.where(known, likelihood, 0)
    held, total = (before * known).sum(-1, keepdims=True), joint.sum(-1, keepdims=True)
    return np.where(known & (total > 0), joint * held / np.where(total > 0, total, 1), before)


def information(probability: np.ndarray, classes: Sequence[str], name: str) -> np.ndarray:
    """Bits that a test is expected to tell about the class: the mutual information of class and answer.

    Shape (...,) for probabilities (..., C), 0 or more; 0 if all likely classes give the same answers.
    """
    likelihood = likelihoods(name, classes)
    known = np.isfinite(likelihood).all(1)
    likely, likelihood = np.asarray(probability, float)[..., known], likelihood[known]
    held = likely.sum(-1, keepdims=True)
    likely = likely / np.where(held > 0, held, 1)
    bits = _entropy(likely @ likelihood) - likely @ _entropy(likelihood)
    return np.clip(bits * held[..., 0], 0, None).round(12)


def _entropy(shares: np.ndarray) -> np.ndarray:
    return -(shares * np.log2(np.where(shares > 0, shares, 1))).sum(-1)


def best_test(
    probability: np.ndarray, classes: Sequence[str], properties: Sequence[str] = PROPERTIES
) -> tuple[str, float] | None:
    """The test of those still open that is expected to tell most, and how many bits; None if none can tell anything.

    ``probability`` (C,) is that of each class.
    """
    bits = {name: float(information(probability, classes, name)) for name in properties}
    best = max(bits, key=bits.__getitem__, default="")
    return (best, bits[best]) if best and bits[best] > 0 else None


def simulate(
    probability: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    *,
    tests: int = 3,
    wrong: float = WRONG,
    seed: int = 0,
) -> np.ndarray:
    """Accuracy after 0, 1, ... tests, if the best test is asked each time and the true mineral answers.

    From probabilities before any test (N, C) and true classes (N,) to fractions (tests + 1,). A share of the answers
    is ``wrong``. Specimens whose true class is not known to ``hand_tests`` give none; their probabilities stay.
    """
    after, rows = np.array(probability, float), np.arange(len(labels))
    drawn = np.random.default_rng(derive_seed("hand tests", seed)).random((len(rows), len(PROPERTIES)))
    closed = np.zeros(drawn.shape, bool)
    accuracy = [(after.argmax(1) == labels).mean()]
    for _ in range(min(tests, len(PROPERTIES))):
        bits = np.stack([information(after, classes, name) for name in PROPERTIES], axis=1)
        asked = np.where(closed, -1.0, bits).argmax(1)
        closed[rows, asked] = True
        for place, name in enumerate(PROPERTIES):
            given = likelihoods(name, classes, wrong)[labels]
            mine = rows[(asked == place) & np.isfinite(given).all(1)]
            answer = (given[mine].cumsum(1) < drawn[mine, place, None]).sum(1).clip(max=given.shape[1] - 1)
            after[mine] = _bayes(after[mine], likelihoods(name, classes).T[answer])
        accuracy.append((after.argmax(1) == labels).mean())
    return np.array(accuracy)
