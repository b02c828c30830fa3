"""The ladder: what each rung of recognition is worth on these photographs, from the commonest name to real weights."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mineral_lib.errors import WeightsError
from mineral_lib.evaluation.statistics import accuracy_interval
from mineral_lib.recognition.backbone import RANDOM, load_backbone
from mineral_lib.recognition.calibration import fit_temperature
from mineral_lib.recognition.features import COLOUR, Kind, network_kind
from mineral_lib.recognition.fine_tuning import fine_tune
from mineral_lib.recognition.linear import Choice, Linear, added, choose, fit_linear, score
from mineral_lib.recognition.recogniser import Photographs
from mineral_lib.study import Study

MAJORITY = "majority"
TOP = 3


@dataclass(frozen=True)
class Rung:
    """One way to recognise."""

    name: str  # for people
    kinds: tuple[Kind, ...]  # its features; none for the commonest class
    # What cross-validation chose; None for the commonest class, and where the network itself learned.
    choice: Choice | None
    linear: Linear | None  # the classifier on its features; None for the commonest class
    # Logits of the training, then validation photographs (N, C), by classifiers that have seen none of their specimen;
    # NaN where there is none.
    known: np.ndarray
    test: np.ndarray  # probabilities of the test photographs (T, C)
    seconds: float  # what choosing and fitting took, without the features


def rungs_of(backbones: Sequence[str], sizes_px: Sequence[int]) -> dict[str, tuple[Kind, ...]]:
    """Names and features of the rungs: colour, a random network, each backbone at one size, at all, and with colour.

    Several backbones are also taken together.
    """
    found: dict[str, tuple[Kind, ...]] = {
        "colour histogram": (COLOUR,),
        f"random network, {sizes_px[0]} px": (network_kind(load_backbone(RANDOM), sizes_px[0]),),
    }
    every: tuple[Kind, ...] = ()
    for backbone in backbones:
        sizes = load_backbone(backbone).sizes(sizes_px)
        alone = tuple(network_kind(load_backbone(backbone), size) for size in sizes)
        every += alone
        both = " and ".join(map(str, sizes))
        found[f"{backbone}, {sizes[0]} px"] = alone[:1]
        if len(alone) > 1:
            found[f"{backbone}, {both} px"] = alone
        found[f"{backbone}, {both} px, and colour"] = (*alone, COLOUR)
    if len(backbones) > 1:
        found[f"{' and '.join(backbones)}, all sizes"] = every
    return found


def climb(
    photographs: Photographs, num_classes: int, parts: dict[str, np.ndarray], rungs: dict[str, tuple[Kind, ...]]
) -> list[Rung]:
    """Fit every rung (see ``rungs_of``) on photographs with labels; ``parts``: rows of ``train``, ``val``, ``test``."""
    labels, both = photographs.labels, np.concatenate([parts["train"], parts["val"]])
    found = [_majority(labels[both], len(parts["test"]), num_classes)]
    needed = list(dict.fromkeys(kind for kinds in rungs.values() for kind in kinds))
    known = dict(zip(needed, photographs.features(needed), strict=True))
    for name, kinds in rungs.items():
        begin = time.perf_counter()
        features = np.hstack([known[kind] for kind in kinds])
        choice, logits = choose(features[both], labels[both], photographs.groups[both], num_classes)
        linear = fit_linear(features[both], labels[both], num_classes, choice)
        answers = linear.probabilities(features[parts["test"]])
        found.append(Rung(name, kinds, choice, linear, logits, answers, time.perf_counter() - begin))
    return found


def tuned_rungs(
    study: Study,
    photographs: Photographs,
    parts: dict[str, np.ndarray],
    rungs: Sequence[Rung],
    *,
    say: Callable[[str], None] = print,
) -> list[Rung]:
    """The fine-tuned network, alone and together with the best rung of ``climb`` that has real weights.

    It is trained twice: on the training photographs, which says what it is worth on the validation photographs, and on
    both, as every rung is fitted in the end. Together, the logits of both rungs are added, each divided by the
    temperature that suits it.

    ``parts`` are rows of ``train``, ``val`` and ``test``; the ``rungs`` were fitted on the first two. ``say`` receives
    a line an epoch.

    Raises:
        WeightsError: There is no such rung, no validation photograph, or its backbone cannot be fine-tuned.
    """
    real = [rung for rung in rungs if rung.kinds and rung.kinds[0].backbone and rung.kinds[0].backbone.name != RANDOM]
    if not real or not len(parts["val"]):
        raise WeightsError(f"there are no {'validation photographs' if real else 'weights to start from'}")
    begin, labels, rows = time.perf_counter(), photographs.labels, np.concatenate([parts["train"], parts["val"]])
    best = best_rung(real, labels[rows])
    kind = next(one for one in best.kinds if one.backbone)
    held = np.arange(len(rows)) >= len(parts["train"])
    every = photographs.features([kind])[0][rows]
    frozen = every[:, kind.pooled]  # the head reads no more
    choice, _ = choose(frozen[~held], labels[rows][~held], photographs.groups[rows][~held], len(study.classes))
    trained = []
    for learned, some in ((("train",), ~held), (("train", "val"), slice(None))):
        start = fit_linear(frozen[some], labels[rows][some], len(study.classes), choice)
        trained.append(fine_tune(study, kind.backbone, start, learned=learned, say=say))
    (judged, head), (tuned, linear) = trained
    seconds = time.perf_counter() - begin
    logits = np.where(held[:, None], head.logits(photographs.features([judged])[0][rows]), np.nan)
    temperatures = [fit_temperature(one[held], labels[parts["val"]]) for one in (best.known, logits)]

    def rung(name: str, kinds: tuple[Kind, ...], joined: Linear, known: np.ndarray) -> Rung:
        features = np.hstack(photographs.features([*kinds, tuned]))[parts["test"]]
        return Rung(name, (*kinds, tuned), None, joined, known, joined.probabilities(features), seconds)

    name, both = f"{kind.backbone.name}, fine-tuned, {tuned.size_px} px", added(best.linear, linear, *temperatures)
    # The network has seen all it could be compared with: frozen features tell what is unknown, so they come first.
    width, count = every.shape[1], len(study.classes)
    silent = Linear(np.zeros(width), np.ones(width), np.zeros((count, width)), np.zeros(count))
    return [
        rung(name, (kind,), added(silent, linear, 1.0, 1.0), logits),
        rung(f"{name}, with {best.name}", best.kinds, both, best.known / temperatures[0] + logits / temperatures[1]),
    ]


def _majority(labels: np.ndarray, asked: int, num_classes: int) -> Rung:
    """Always the commonest class, then the next: probabilities are the shares of the classes."""
    shares = np.bincount(labels, minlength=num_classes) / len(labels)
    logits = np.log(np.maximum(shares, np.finfo(float).tiny))
    return Rung(MAJORITY, (), None, None, np.tile(logits, (len(labels), 1)), np.tile(shares, (asked, 1)), 0.0)


def scores(
    probability: np.ndarray, labels: np.ndarray, groups: np.ndarray | None = None, **options: int
) -> dict[str, float]:
    """Accuracy, macro recall and share among the first three, fractions; NaN without photographs.

    Among the first three of two or three classes is everything, which says nothing: NaN too. From probabilities (N, C)
    and labels (N,); with specimens (N,) also ``low`` and ``high``, the 95 % interval of the accuracy, for which the
    ``options`` are, see ``statistics.accuracy_interval``.
    """
    interval = () if groups is None else ("low", "high")
    if not len(labels):
        return dict.fromkeys(("accuracy", "macro_recall", "top3", *interval), float("nan"))
    right = pd.Series(probability.argmax(1) == labels)
    first = np.argsort(-probability, axis=1, kind="stable")[:, :TOP]
    found = {
        "accuracy": float(right.mean()),
        "macro_recall": float(right.groupby(labels).mean().mean()),
        "top3": float((first == labels[:, None]).any(1).mean()) if probability.shape[1] > TOP else float("nan"),
    }
    return found | (dict(zip(interval, accuracy_interval(right, groups, **options), strict=True)) if interval else {})


def best_rung(rungs: Sequence[Rung], labels: np.ndarray) -> Rung:
    """The rung that scores best (``linear.score``), the first of equals; needs features.

    Two rungs are compared on the photographs of which both have answers: all of them where both were cross-validated,
    the validation photographs where one was fine-tuned. ``labels`` are of the training, then validation photographs.
    """
    first, *others = (rung for rung in rungs if rung.kinds)
    for rung in others:
        shared = (np.isfinite(rung.known) & np.isfinite(first.known)).any(1)
        if score(rung.known[shared], labels[shared]) > score(first.known[shared], labels[shared]):
            first = rung
    return first
