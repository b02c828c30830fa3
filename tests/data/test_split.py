"""Splits: disjoint, complete, groups whole, independent of order and process, as near the ratios as groups allow."""

import os
import subprocess
import sys

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
PROTOCOLS = ["grouped", "photo", "paper", "authors"]


def index_of(classes, roles=None):
    """An index from {class name: [photographs of each specimen]}."""
    rows = [
        {
            "image_id": f"{name}/{specimen}-{view}",
            "class_name": name,
            "label": label,
            "specimen": f"{name}/{specimen}",
            "group": f"{name}/{specimen}",
            "role": (roles or {}).get(name, "full"),
        }
        for label, (name, sizes) in enumerate(classes.items())
        for specimen, size in enumerate(sizes)
        for view in range(size)
    ]
    return pd.DataFrame(rows)


def split_of(index, protocol, profile):
    return make_split(index, protocol, profile.split, profile.augment)


def with_split(**changes):
    return QUICK.model_copy(update={"split": QUICK.split.model_copy(update=changes)})


specimens = st.lists(st.integers(1, 9), min_size=1, max_size=15)
collections = st.lists(specimens, min_size=2, max_size=5).map(lambda sizes: {f"c{i}": s for i, s in enumerate(sizes)})


@st.composite
def indexes_with_groups(draw):
    """An index in which any photographs may have been joined to groups, also across classes."""
    index = index_of(draw(collections))
    links = draw(st.lists(st.tuples(*[st.integers(0, len(index) - 1)] * 2), max_size=8))
    for one, other in links:
        old, new = index.loc[[one, other], "group"]
        index["group"] = index["group"].where(index["group"] != old, new)
    return index


@settings(max_examples=60, derandomize=True, deadline=None)
@given(index=indexes_with_groups(), seed=st.integers(0, 99), assignment=st.sampled_from(["balanced", "hash"]))
def test_groups_never_straddle(index, seed, assignment):
    profile = with_split(seed=seed, assignment=assignment)
    try:
        samples = split_of(index, "grouped", profile)
    except DataError as error:
        assert "no class has enough specimens" in str(error)
        return
    assert list(samples.columns) == SPLIT_COLUMNS
    assert sorted(samples["image_id"]) == sorted(index["image_id"])  # each photograph used, and in one part only
    assert (samples["copy"] == 0).all() and (samples["sample_id"] == samples["image_id"]).all()
    assert (samples.groupby("group")["split"].nunique() == 1).all()
    assert split_of(index.sample(frac=1, random_state=seed), "grouped", profile).equals(samples)
    if assignment == "balanced":
        several = index["group"].map(index.groupby("group")["class_name"].nunique()) > 1
        for _, rows in index.groupby("class_name"):
            alone = rows.loc[~several, "group"].nunique()
            full = alone >= 2 and rows["group"].nunique() >= 3
            parts = set(samples.loc[samples["image_id"].isin(rows["image_id"]), "split"])
            assert parts == ({"train", "val", "test"} if full else {"train"})
            assert (rows["class_name"].iloc[0] in train_only_classes(samples)) != full
        conflicting = samples["image_id"].isin(index.loc[several, "image_id"])
        assert set(samples.loc[conflicting, "split"]) <= {"train"}


def test_groups_with_contradicting_labels_are_trained_on_but_never_tested():
    index = index_of({"a": [1] * 8, "b": [2] * 6})
    shared = index["specimen"].str.match(r"[ab]/[0-5]")
    index.loc[shared, "group"] = index.loc[shared, "specimen"].str[2:]  # a/0 and b/0 are one group, and so on
    samples = split_of(index, "grouped", QUICK)
    parts = samples.groupby("group")["split"].agg(set)
    assert all(parts[str(number)] == {"train"} for number in range(6))
    assert set(samples.loc[samples["class_name"] == "b", "split"]) == {"train"}  # its other images are in these groups
    assert set(samples.loc[samples["class_name"] == "a", "split"]) == {"train", "val", "test"}


@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    classes=collections,
    seed=st.integers(0, 99),
    added=st.integers(0, 4),
    view=st.integers(10, 12),
    protocol=st.sampled_from(["grouped", "photo", "authors"]),
)
def test_under_hash_a_new_photograph_moves_no_other(classes, seed, added, view, protocol):
    profile = with_split(seed=seed, assignment="hash")
    index = index_of(classes)
    name = list(classes)[added % len(classes)]
    # A further view of the first specimen, or the first of a new one.
    specimen = f"{name}/0" if added % 2 else f"{name}/new"
    new = index[index["class_name"] == name].head(1).assign(image_id=f"{specimen}-{view}")
    new["specimen"] = new["group"] = specimen
    try:
        before = split_of(index, protocol, profile)
        after = split_of(pd.concat([index, new]), protocol, profile)
    except DataError:
        return
    assert after[after["image_id"] != f"{specimen}-{view}"].reset_index(drop=True).equals(before)
    if protocol == "grouped" and added % 2:
        mate = after.loc[after["image_id"] == f"{specimen}-0", "split"]
        assert after.loc[after["image_id"] == f"{specimen}-{view}", "split"].tolist() == mate.tolist()


def test_hash_meets_the_ratios_on_average_and_differs_by_seed():
    index = index_of({"a": [1] * 3000, "b": [2] * 1500})
    samples = split_of(index, "grouped", with_split(assignment="hash"))
    shares = samples["split"].value_counts(normalize=True)
    assert np.abs(shares[["train", "val", "test"]] - [0.6, 0.2, 0.2]).max() < 0.02
    other = split_of(index, "grouped", with_split(assignment="hash", seed=1))
    assert 0.4 < (samples["split"] != other["split"]).mean() < 0.7
    authors = split_of(index, "authors", with_split(assignment="hash")).query("split != 'val'")
    assert (authors["split"] == "test").mean() == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize("assignment", ["balanced", "hash"])
def test_the_split_is_the_same_in_another_process(assignment):
    code = (
        "import test_split as t; index = t.index_of({'a': [2] * 9, 'b': [1] * 20}); "
        f"profile = t.with_split(assignment='{assignment}'); "
        "print([t.split_of(index, name, profile).to_csv() for name in t.PROTOCOLS])"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=os.path.dirname(__file__),
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "random")
    ]
    assert runs[0] == runs[1] and "test" in runs[0]


def test_photo_protocol_ignores_specimens():
    index = index_of({"a": [5] * 6, "b": [3] * 10})
    samples = split_of(index, "photo", QUICK)
    assert sorted(samples["image_id"]) == sorted(index["image_id"])
    assert (samples.groupby("specimen")["split"].nunique() > 1).any()
    assert samples["split"].value_counts().to_dict() == {"train": 36, "val": 12, "test": 12}


def test_authors_protocol_splits_the_multiplied_images_80_to_20_and_reports_what_chose_the_epoch():
    index = index_of({"a": [2] * 10, "b": [1] * 30, "quartz": [1, 1], "d": [1]}, roles={"d": "train_only"})
    samples = split_of(index, "authors", QUICK)
    train, val, test = (samples[samples["split"] == part] for part in ("train", "val", "test"))
    assert val.drop(columns="split").reset_index(drop=True).equals(test.drop(columns="split").reset_index(drop=True))
    assert not set(train["sample_id"]) & set(test["sample_id"])
    assert len(train) + len(test) == 4 * 51 + 5 * 2  # Table 2: quartz has a fifth image
    assert test["class_name"].value_counts().to_dict() == {"b": 24, "a": 16, "quartz": 2}
    assert test["image_id"].isin(train["image_id"]).mean() > 0.9  # siblings on both sides
    assert train_only_classes(samples) == ["d"]
    assert samples.equals(samples.sort_values(["label", "image_id", "copy"], kind="stable"))


@settings(max_examples=40, derandomize=True, deadline=None)
@given(classes=collections.filter(lambda c: any(sum(s) >= 3 for s in c.values())), original=st.booleans())
def test_paper_split_keeps_its_promises(classes, original):
    augment = QUICK.augment.model_copy(update={"include_original": original})
    profile = QUICK.model_copy(update={"augment": augment})
    index = index_of(classes)
    samples = split_of(index, "paper", profile)
    assert samples["sample_id"].is_unique and len(samples) == 4 * len(index)
    copies = samples.groupby("image_id")["copy"].agg(lambda values: sorted(values))
    assert all(found == list(range(4) if original else range(1, 5)) for found in copies)
    for _, part in samples.groupby("label"):
        shares = part["split"].value_counts(normalize=True)
        assert np.abs(shares[["train", "val", "test"]] - [0.6, 0.2, 0.2]).max() <= 1 / len(part) + 1e-9
    assert split_of(index.sample(frac=1, random_state=3), "paper", profile).equals(samples)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_seed_decides_the_split(protocol):
    index = index_of({"a": [2] * 30, "b": [1] * 40})
    first = split_of(index, protocol, QUICK)
    assert first.equals(split_of(index, protocol, QUICK))
    assert not first.equals(split_of(index, protocol, with_split(seed=1)))


def test_ratios_are_met_at_full_size_and_other_ratios_are_obeyed():
    index = index_of({"a": [1] * 200, "b": [4] * 50})
    shares = split_of(index, "grouped", QUICK).groupby("class_name")["split"].value_counts(normalize=True)
    assert shares["a"].to_dict() == {"train": 0.6, "val": 0.2, "test": 0.2}
    counts = split_of(index, "grouped", with_split(ratios=(0.3, 0.1, 0.6)))["split"].value_counts()
    assert counts.to_dict() == {"test": 240, "train": 120, "val": 40}


def test_a_new_class_leaves_the_others_where_they_were():
    classes = {"a": [3] * 10, "b": [2] * 12}
    before = split_of(index_of(classes), "grouped", QUICK).set_index("image_id")["split"]
    after = split_of(index_of({**classes, "c": [1] * 9}), "grouped", QUICK).set_index("image_id")["split"]
    assert after[before.index].equals(before)


def test_train_only_role_is_never_tested():
    index = index_of({"a": [1] * 60, "b": [1] * 60, "c": [1] * 60}, roles={"b": "train_only"})
    for protocol in PROTOCOLS:
        for profile in (QUICK, with_split(assignment="hash")):
            assert train_only_classes(split_of(index, protocol, profile)) == ["b"]


def test_too_few_specimens_everywhere_is_an_error():
    with pytest.raises(DataError, match="no class has enough specimens"):
        split_of(index_of({"a": [9, 9], "b": [5]}), "grouped", QUICK)


def test_copy_factors_are_those_of_table_2():
    assert {m.slug: copy_factor(m.slug, QUICK.augment) for m in minerals()} == {m.slug: m.factor for m in minerals()}
    assert copy_factor("石英", QUICK.augment) == 5 and copy_factor("my rock", QUICK.augment) == 4
    assert copy_factor("quartz", QUICK.augment.model_copy(update={"offline_factor": 7})) == 7
    eighth = load_profile("quick", ["data.fraction=0.125"])
    counts = split_of(build_index(eighth.data).index, "paper", eighth)["class_name"].value_counts()
    assert counts["molybdenite"] == 8 * 35 and counts["quartz"] == 5 * 32


def test_split_survives_the_round_trip_through_csv(tmp_path):
    index = index_of({"NA": [2] * 5, "007": [1] * 5})
    index["specimen"] = index["group"] = index["specimen"].str.replace("/", "")
    for protocol in PROTOCOLS:
        samples = split_of(index, protocol, QUICK)
        write_csv(tmp_path / f"{protocol}.csv", samples)
        again = read_split(tmp_path, protocol)
        assert again.to_dict("list") == samples.to_dict("list")
    write_csv(tmp_path / "grouped-seed1.csv", samples)  # the split of a seed that has its own
    assert read_split(tmp_path, "grouped", 1).equals(again) and len(read_split(tmp_path, "grouped", 2)) == 15
    assert read_split(tmp_path, "none") is None
