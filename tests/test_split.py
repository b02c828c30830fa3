"""Splits: disjoint, complete, grouped by specimen, independent of row order, as close to the ratios as groups allow."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mineral_lib.catalogue import minerals
from mineral_lib.data.index import build_index
from mineral_lib.data.split import SPLIT_COLUMNS, copy_factor, make_split, read_split, train_only_classes
from mineral_lib.errors import DataError
from mineral_lib.parameters import load_profile
from mineral_lib.storage import write_csv

QUICK = load_profile("quick")


def index_of(classes, roles=None):
    """An index from {class name: [photographs of each specimen]}."""
    rows = [
        {"image_id": f"{name}/{specimen}-{view}", "class_name": name, "label": label, "specimen": f"{name}/{specimen}",
         "role": (roles or {}).get(name, "full")}
        for label, (name, sizes) in enumerate(classes.items())
        for specimen, size in enumerate(sizes) for view in range(size)
    ]
    return pd.DataFrame(rows)


specimens = st.lists(st.integers(1, 9), min_size=1, max_size=15)
collections = st.lists(specimens, min_size=2, max_size=5).map(lambda sizes: {f"c{i}": s for i, s in enumerate(sizes)})


@settings(max_examples=60, derandomize=True, deadline=None)
@given(classes=collections.filter(lambda c: any(len(s) >= 3 for s in c.values())), seed=st.integers(0, 99))
def test_grouped_split_keeps_its_promises(classes, seed):
    index = index_of(classes)
    profile = QUICK.model_copy(update={"split": QUICK.split.model_copy(update={"seed": seed})})
    samples = make_split(index, "grouped", profile)
    assert list(samples.columns) == SPLIT_COLUMNS and sorted(samples["image_id"]) == sorted(index["image_id"])
    assert (samples["copy"] == 0).all() and (samples["sample_id"] == samples["image_id"]).all()
    assert (samples.groupby("specimen")["split"].nunique() == 1).all()
    for name, sizes in classes.items():
        parts = set(samples.loc[samples["class_name"] == name, "split"])
        assert parts == ({"train", "val", "test"} if len(sizes) >= 3 else {"train"})
    assert train_only_classes(samples) == [name for name, sizes in classes.items() if len(sizes) < 3]
    mixed = make_split(index.sample(frac=1, random_state=seed), "grouped", profile)
    assert mixed.equals(samples)


@settings(max_examples=40, derandomize=True, deadline=None)
@given(classes=collections.filter(lambda c: any(sum(s) >= 3 for s in c.values())), original=st.booleans())
def test_paper_split_keeps_its_promises(classes, original):
    augment = QUICK.augment.model_copy(update={"include_original": original})
    profile = QUICK.model_copy(update={"augment": augment})
    index = index_of(classes)
    samples = make_split(index, "paper", profile)
    assert samples["sample_id"].is_unique and len(samples) == 4 * len(index)
    copies = samples.groupby("image_id")["copy"].agg(lambda values: sorted(values))
    assert all(found == list(range(4) if original else range(1, 5)) for found in copies)
    for _, part in samples.groupby("label"):
        shares = part["split"].value_counts(normalize=True)
        assert np.abs(shares[["train", "val", "test"]] - [0.6, 0.2, 0.2]).max() <= 1 / len(part) + 1e-9
    assert make_split(index.sample(frac=1, random_state=3), "paper", profile).equals(samples)


@pytest.mark.parametrize("protocol", ["grouped", "paper"])
def test_seed_decides_the_split(protocol):
    index = index_of({"a": [2] * 30, "b": [1] * 40})
    other = QUICK.model_copy(update={"split": QUICK.split.model_copy(update={"seed": 1})})
    first = make_split(index, protocol, QUICK)
    assert first.equals(make_split(index, protocol, QUICK))
    assert not first.equals(make_split(index, protocol, other))


def test_ratios_are_met_at_full_size_and_other_ratios_are_obeyed():
    index = index_of({"a": [1] * 200, "b": [4] * 50})
    shares = make_split(index, "grouped", QUICK).groupby("class_name")["split"].value_counts(normalize=True)
    assert shares["a"].to_dict() == {"train": 0.6, "val": 0.2, "test": 0.2}
    other = QUICK.model_copy(update={"split": QUICK.split.model_copy(update={"ratios": (0.3, 0.1, 0.6)})})
    counts = make_split(index, "grouped", other)["split"].value_counts()
    assert counts.to_dict() == {"test": 240, "train": 120, "val": 40}


def test_a_new_class_leaves_the_others_where_they_were():
    classes = {"a": [3] * 10, "b": [2] * 12}
    before = make_split(index_of(classes), "grouped", QUICK).set_index("image_id")["split"]
    after = make_split(index_of({**classes, "c": [1] * 9}), "grouped", QUICK).set_index("image_id")["split"]
    assert after[before.index].equals(before)


def test_train_only_role_is_never_tested():
    index = index_of({"a": [1] * 10, "b": [1] * 10, "c": [1] * 10}, roles={"b": "train_only"})
    for protocol in ("grouped", "paper"):
        samples = make_split(index, protocol, QUICK)
        assert train_only_classes(samples) == ["b"]


def test_too_few_specimens_everywhere_is_an_error():
    with pytest.raises(DataError, match="no class has enough specimens"):
        make_split(index_of({"a": [9, 9], "b": [5]}), "grouped", QUICK)


def test_copy_factors_are_those_of_table_2():
    assert {m.slug: copy_factor(m.slug, QUICK.augment) for m in minerals()} == {m.slug: m.factor for m in minerals()}
    assert copy_factor("石英", QUICK.augment) == 5 and copy_factor("my rock", QUICK.augment) == 4
    assert copy_factor("quartz", QUICK.augment.model_copy(update={"offline_factor": 7})) == 7
    eighth = load_profile("quick", ["data.fraction=0.125"])
    counts = make_split(build_index(eighth).index, "paper", eighth)["class_name"].value_counts()
    assert counts["molybdenite"] == 8 * 35 and counts["quartz"] == 5 * 32


def test_split_survives_the_round_trip_through_csv(tmp_path):
    index = index_of({"NA": [2] * 5, "007": [1] * 5})
    index["specimen"] = index["specimen"].str.replace("/", "")
    for protocol in ("grouped", "paper"):
        samples = make_split(index, protocol, QUICK)
        again = read_split(write_csv(tmp_path / "split.csv", samples))
        assert again.to_dict("list") == samples.to_dict("list")
