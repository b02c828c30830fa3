"""The catalogue against the paper's own sums."""

import pytest

from mineral_lib.catalogue import class_key, display_name, find_mineral, minerals
from mineral_lib.paper import Paper, printed


def test_table_2_adds_up():
    table = minerals()
    assert [mineral.number for mineral in table] == list(range(1, 27))
    assert sum(mineral.original for mineral in table) == 8081
    assert sum(mineral.augmented for mineral in table) == 34576
    factors = [mineral.factor for mineral in table]
    assert (factors.count(4), factors.count(5), factors.count(8)) == (22, 2, 2)
    assert all(mineral.original * mineral.factor == mineral.augmented for mineral in table)


def test_names_are_found_in_both_languages():
    assert find_mineral("石英").number == find_mineral("Quartz").number == 23
    assert find_mineral("Fe-Mo ore").number == 24
    assert find_mineral("ferrimolybdite") is None  # the paper does not say what no. 24 is
    assert display_name("quartz", "zh") == "石英"
    assert display_name("my own class") == "my own class"


def test_reference_numbers():
    assert printed("table_4", "eca_convnext_tiny", "accuracy_percent") == 98.58
    assert printed("table_4", "no such row", "accuracy_percent") is None
    for weights, best in (("transfer", 98.582), ("scratch", 86.1525)):
        assert Paper.published().log("eca_convnext_tiny", weights)["val_accuracy_percent"].max() == pytest.approx(best)
    assert len(Paper.published().log("resnet50", "scratch")) == 200
    assert Paper.published().log("resnet50", "transfer").empty


@pytest.mark.parametrize(
    "one, other",
    [
        ("Blue Agate", "blue-agate "),
        ("ЯШМА", "яшма"),
        ("straße", "STRASSE"),
        ("ｊａｄｅ", "Jade"),
        ("opal\u200e", "opal"),
    ],
)
def test_spellings_of_one_name_are_one_class(one, other):
    assert class_key(one) == class_key(other)


def test_other_names_are_other_classes():
    names = ["1", "10", "01", "café", "cafe", "नील", "नाल", "ガ", "カ", "-", "_", "📷", "📷📷", "agate", "agates"]
    assert len({class_key(name) for name in names if name not in "-_"}) == len(names) - 2
    assert class_key("Quartz ") == class_key("石英") == "quartz" and class_key("-") and class_key("_")
