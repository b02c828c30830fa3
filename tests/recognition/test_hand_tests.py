"""Hand tests: the table, Bayes, the next test, the simulation, and what identify makes of them."""

import csv
from importlib.resources import files

import numpy as np
import pytest
from PIL import Image
from scipy.special import softmax

from mineral_lib.catalogue import minerals
from mineral_lib.errors import ParameterError
from mineral_lib.recognition import hand_tests
from mineral_lib.recognition.features import COLOUR
from mineral_lib.recognition.identify import Identified, identify
from mineral_lib.recognition.names import groups_of
from mineral_lib.recognition.recogniser import Answer

SLUGS = [mineral.slug for mineral in minerals()]
ABSENT = {"fe_mo_ore"}  # nobody knows which mineral it is
GROUPS = {"sulphide": 12, "oxide": 8, "carbonate": 3, "halide": 1, "silicate": 1, "": 1}


def even(count: int) -> np.ndarray:
    return np.full(count, 1 / count)


def test_every_mineral_has_every_property_with_a_source():
    assert set(hand_tests.hand_tests()) == set(SLUGS) - ABSENT
    for properties in hand_tests.hand_tests().values():
        assert tuple(properties) == hand_tests.PROPERTIES
        assert all(shares.sum() == pytest.approx(1) and (shares >= 0).all() for shares in properties.values())
    text = (files("mineral_lib.resources") / "hand_tests.csv").read_text(encoding="utf-8")
    assert all(len(row["source"]) > 20 for row in csv.DictReader(text.splitlines()))


def test_groups_of_the_catalogue():
    groups = groups_of(SLUGS)
    assert {name: groups.count(name) for name in set(groups)} == GROUPS
    assert groups_of(["my own class", "fluorite"]) == ["", "halide"]


@pytest.mark.parametrize("name", hand_tests.PROPERTIES)
def test_likelihoods_are_probabilities_and_rule_nothing_out(name):
    found = hand_tests.likelihoods(name, SLUGS)
    known = [slug not in ABSENT for slug in SLUGS]
    assert found.shape == (26, len(hand_tests.ANSWERS[name]))
    assert np.isnan(found[~np.array(known)]).all()
    assert found[known].sum(1) == pytest.approx(1)
    assert (found[known] > 0).all()


@pytest.mark.parametrize(
    ("classes", "name", "answer", "first"),
    [
        (["pyrite", "chalcopyrite"], "hardness", "knife", "chalcopyrite"),
        (["chalcopyrite", "pyrite"], "hardness", "6.5", "pyrite"),
        (["quartz", "calcite"], "acid", "fizzes", "calcite"),
        (["hematite", "magnetite"], "magnetism", "strong", "magnetite"),
        (["cinnabar", "realgar"], "streak", "Orange ", "realgar"),
        (["stibnite", "galena"], "density", "7.5", "galena"),
        (["sphalerite", "pyrolusite"], "lustre", "metallic", "pyrolusite"),
    ],
)
def test_an_answer_that_fits_one_candidate_moves_it_to_the_front(classes, name, answer, first):
    before = np.array([0.6, 0.4])
    after = hand_tests.update(before, classes, {name: answer})
    assert after.sum() == pytest.approx(1)
    assert classes[after.argmax()] == first
    assert after.min() > 0.001  # one wrong answer does not rule the truth out


def test_right_answers_outweigh_a_wrong_one():
    answers = {"magnetism": "strong", "hardness": "6", "streak": "black", "lustre": "metallic"}  # pyrite, but the first
    known = [slug for slug in SLUGS if slug not in ABSENT]
    assert hand_tests.update(even(25), known, answers)[known.index("pyrite")] > 1 / 25


def test_a_number_reaches_to_its_neighbours():
    assert hand_tests.weights("hardness", "3") == pytest.approx([0, 0.5, 0.5, 0, 0])
    assert hand_tests.weights("hardness", "4.2") == pytest.approx([0, 0, 1, 0, 0])
    assert hand_tests.weights("density", "4") == pytest.approx([0, 0.5, 0.5, 0, 0, 0])


def test_own_names_keep_their_probability():
    after = hand_tests.update(np.array([0.5, 0.3, 0.2]), ["my own class", "calcite", "quartz"], {"acid": "fizzes"})
    assert after[0] == 0.5
    assert after[1] > 0.4
    nothing_known = hand_tests.update(even(2), ["mine", "yours"], {"acid": "fizzes"})
    assert nothing_known.tolist() == [0.5, 0.5]
    assert hand_tests.best_test(even(2), ["mine", "yours"]) is None


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"hardness": "soft"}, "fingernail, copper, knife, quartz, nothing, or a number from 1 to 10"),
        ({"hardness": "11"}, "a number from 1 to 10"),
        ({"density": "nan"}, "a number from 1 to 25"),
        ({"streak": "purple"}, "white, grey, black"),
        ({"smell": "garlic"}, "hardness, streak, lustre, density, magnetism, acid"),
    ],
)
def test_an_impossible_answer_is_refused_with_the_possible_ones(answers, words):
    with pytest.raises(ParameterError, match=words):
        hand_tests.update(even(2), ["pyrite", "galena"], answers)


def test_the_best_test_is_the_one_that_separates():
    assert hand_tests.information(even(2), ["malachite", "azurite"], "acid") == 0  # both fizz
    name, bits = hand_tests.best_test(even(2), ["malachite", "azurite"])
    assert name == "streak"
    assert 0.4 < bits < 1
    assert hand_tests.best_test(even(2), ["malachite", "azurite"], ["acid", "lustre"]) is None
    assert hand_tests.best_test(np.array([1.0, 0.0]), ["malachite", "azurite"]) is None
    assert hand_tests.best_test(even(2), ["malachite", "azurite"], []) is None
    assert hand_tests.information(np.tile(even(26), (4, 1)), SLUGS, "streak").shape == (4,)


def made_up(count: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated probabilities that are right about every second time, and the true labels."""
    generator = np.random.default_rng(1)
    labels = generator.integers(0, 26, count)
    logits = generator.normal(0, 1, (count, 26))
    logits[np.arange(count), labels] += 2
    return softmax(2 * logits, axis=1), labels  # the noise is normal and the true class 2 higher


def test_simulation_rises_and_is_reproducible():
    probability, labels = made_up()
    before = probability.copy()
    found = hand_tests.simulate(probability, labels, SLUGS, tests=3, seed=5)
    assert found.tolist() == hand_tests.simulate(probability, labels, SLUGS, tests=3, seed=5).tolist()
    assert found.tolist() != hand_tests.simulate(probability, labels, SLUGS, tests=3, seed=6).tolist()
    assert (probability == before).all()
    assert (np.diff(found) > 0.02).all()
    without = hand_tests.simulate(probability, labels, SLUGS, wrong=0.0)
    assert without[0] == found[0]
    assert without[3] > found[3]
    assert len(hand_tests.simulate(probability, labels, SLUGS, tests=9)) == 7  # there are six


class Made:
    """A recogniser that is sure of nothing."""

    classes = ("pyrite", "chalcopyrite", "galena", "calcite", "quartz")
    kinds = (COLOUR,)
    least = 0.15

    def decide(self, probability):
        return [(np.flatnonzero(row >= self.least), "") for row in probability]

    def answer(self, parts, names, groups):
        return [Answer([name], even(5), np.arange(5), "", False) for name in names]


@pytest.fixture
def photograph(tmp_path):
    Image.new("RGB", (64, 64), "grey").save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_identify_names_the_next_test_and_takes_the_answer(photograph):
    first = identify(Made(), [photograph])
    name, bits = first.next_tests[0]
    assert first.frame().loc[0, ["level", "next_test"]].tolist() == ["unsure", name]
    assert f"check next: {name} ({bits:.1f} bits expected)" in first.to_text()
    assert f'"next_test": "{name}"' in first.to_json()

    then = identify(Made(), [photograph], answers={"acid": "fizzes", "streak": "white"})
    assert then.answers[0].level == "one"
    assert then.classes[then.answers[0].inside[0]] == "calcite"
    assert then.next_tests == [None]
    assert "check next" not in then.to_text()

    asked = identify(Made(), [photograph], answers={name: hand_tests.ANSWERS[name][0]})
    assert asked.next_tests[0] is None or asked.next_tests[0][0] != name


def test_identify_refuses_an_impossible_answer_before_it_reads(tmp_path):
    with pytest.raises(ParameterError, match="fizzes powdered"):
        identify(Made(), [tmp_path / "missing.png"], answers={"acid": "boils"})


def test_decided_specimens_get_no_test():
    strange = Answer(["a"], even(5), np.arange(5), "", True)
    decided = Answer(["b"], even(5), np.array([2]), "sulphide", False)
    assert Identified([strange, decided], {}, list(Made.classes)).next_tests == [None, None]
