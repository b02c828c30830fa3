"""The comparison on real photographs: the split by source, and the sentences under its tables, on stand-in data."""

import sys

import numpy as np
import pandas as pd
import pytest
from checkout import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))

import real_photos
from real_learn import phrases
from real_rungs import NAMES, scaled
from real_splits import dominating_source, random_split, read_sources, shared_classes, source_split
from real_tables import correct, difference, parts, read_rungs, read_sources_table, table_rungs, verdict

from mineral_lib.evaluation.metrics import classification_metrics
from mineral_lib.evaluation.statistics import Estimate, estimate
from mineral_lib.storage import read_json


@pytest.fixture
def collection():
    """Source a: 40 photographs in each of the classes 0 and 1; b: 15 in each of 0 to 3 and 60 in 4; c: 6 everywhere."""
    counts = {("a", 0): 40, ("a", 1): 40, ("b", 4): 60} | {("b", k): 15 for k in range(4)}
    counts |= {("c", k): 6 for k in range(5)}
    rows = [(source, label) for (source, label), count in counts.items() for _ in range(count)]
    sources, labels = (np.array(column) for column in zip(*rows, strict=True))
    groups = np.array([f"g{i}" for i in range(len(rows))])
    groups[1] = groups[0]  # a pair within a
    groups[len(rows) - 30] = groups[2]  # a pair of a and c, both of class 0
    return sources, labels, groups


def test_the_dominating_source_is_not_simply_the_largest(collection):
    sources, labels, _ = collection
    assert (sources == "b").sum() > (sources == "a").sum()
    assert dominating_source(sources, labels) == "a"
    assert list(shared_classes(sources == "a", labels)) == [0, 1]
    with pytest.raises(ValueError, match="no source"):
        dominating_source(np.where(labels < 2, "a", "b"), labels)


@pytest.mark.parametrize("direction", ["from_source", "to_source"])
def test_one_side_is_trained_on_and_the_other_tested(collection, direction):
    sources, labels, groups = collection
    inside = sources == "a"
    split = source_split(inside, labels, groups, direction=direction, seed=3)
    assert set(labels[split != ""]) == {0, 1} and (split != "").sum() == (labels < 2).sum()
    assert set(inside[split == "test"]) == {direction == "to_source"}
    assert all(len(set(split[groups == group])) == 1 for group in groups)
    bridge = groups == groups[2]
    assert bridge.sum() == 2 and set(split[bridge]) <= {"train", "val"}
    share = (split == "val").sum() / np.isin(split, ["train", "val"]).sum()
    assert share == pytest.approx(0.25, abs=0.03)


def test_the_random_split_is_of_the_same_size_class_by_class(collection):
    sources, labels, groups = collection
    like = source_split(sources == "a", labels, groups, direction="from_source", seed=0)
    first, second = (random_split(like, labels, groups, seed=seed) for seed in (0, 1))
    for split in (first, second):
        table = pd.crosstab(labels[like != ""], split[like != ""])
        assert table.equals(pd.crosstab(labels[like != ""], like[like != ""]))
        assert all(len(set(split[groups == group])) == 1 for group in groups)
        assert set(sources[split == "test"]) == {"a", "b", "c"}
    assert (first != second).any()


def test_groups_are_not_cut_to_meet_a_size():
    labels, pairs = np.repeat([0, 1], 8), np.array([f"g{i // 2}" for i in range(16)])
    like = np.tile(["test"] * 3 + ["train"] * 5, 2)
    split = random_split(like, labels, pairs, seed=0)
    assert [((labels == label) & (split == "test")).sum() for label in (0, 1)] == [2, 2]
    assert all(len(set(split[pairs == pair])) == 1 for pair in pairs)


def test_sources_are_found_by_content(tmp_path):
    index = pd.DataFrame({"sha256": ["aa", "bb"]})
    path = tmp_path / "sources.csv"
    path.write_text("source,sha256\nx,bb\ny,aa\nz,cc\n")
    assert list(read_sources(path, index)) == ["y", "x"]
    path.write_text("source,sha256\nx,bb\n")
    with pytest.raises(ValueError, match="no source for 1 of 2"):
        read_sources(path, index)


def sure(value):
    return Estimate(value, 5, 0.01, 0.01, 0.005)


def unsure(value):
    return Estimate(value, 5, 0.10, 0.05, 0.04)


def test_the_sentence_names_the_best_rung_and_says_what_is_decided():
    accuracies = {"colour_histogram": 0.38, "compact": 0.36, "squeezenet_224": 0.48}
    text = read_rungs(accuracies, {"compact": unsure(-0.02), "squeezenet_224": sure(0.10)})
    head, best, compact = text.removesuffix(".").split("; ")
    assert head == f"Highest accuracy: {NAMES['squeezenet_224']}, 48.0 %"
    assert best.startswith(f"against the colour histogram (38.0 %), {NAMES['squeezenet_224']}: +10.0 points")
    assert best.endswith(", decided, above")
    assert compact.startswith(NAMES["compact"]) and compact.endswith(", not decided")
    text = read_rungs(accuracies, {"compact": sure(-0.08), "squeezenet_224": unsure(0.10)})
    assert text.endswith("decided, below.") and ", not decided; " in text
    alone = read_rungs({"colour_histogram": 0.5, "compact": 0.4}, {"compact": unsure(-0.1)})
    assert alone.startswith(f"Highest accuracy: {NAMES['colour_histogram']}, 50.0 %; ") and alone.count(";") == 1


def test_two_seeds_decide_nothing():
    assert verdict(Estimate(0.3, 2, 0.001, 0.001, 0.001), 1e-6) == "not decided"
    assert verdict(Estimate(0.3, 5, 0.001, 0.001, 0.001), 1e-6) == "decided, above"


def test_the_sentence_on_sources_has_both_directions():
    rows = pd.DataFrame(
        {
            "rung": "squeezenet_224",
            "direction": ["from_source", "to_source"],
            "accuracy": [0.63, 0.70],
            "random_accuracy": [0.76, 0.71],
        }
    )
    text = read_sources_table(
        rows, {"from_source": sure(-0.13), "to_source": unsure(-0.01)}, {"classes": 4, "photographs": 334}
    )
    first, second = text.split("; ")
    assert "63.0 %" in first and "76.0 %" in first and first.endswith("decided, below")
    assert "70.0 %" in second and second.endswith("not decided.")


@pytest.fixture
def predictions():
    """Three rungs, five seeds, 60 photographs of three unequal classes; two rungs are right at 40 and 90 %."""
    rng, frames = np.random.default_rng(0), []
    classes = np.repeat(["x", "y", "z"], [40, 15, 5])
    for rung, rate in (("majority", 0), ("colour_histogram", 0.4), ("squeezenet_224", 0.9)):
        for seed in range(5):
            wrong = np.where(classes == "x", "y", "x")
            named = np.full(60, "x") if rung == "majority" else np.where(rng.random(60) < rate, classes, wrong)
            photo = [f"{seed}-{i}" for i in range(60)]
            frames.append(
                pd.DataFrame(
                    {
                        "photo": photo,
                        "group": photo,
                        "class": classes,
                        "rung": rung,
                        "seed": seed,
                        "predicted": named,
                        "probability": 1.0,
                    }
                )
            )
    return pd.concat(frames, ignore_index=True)


def test_the_table_is_made_from_the_predictions(predictions):
    table = table_rungs(predictions)
    rows = table.frame.set_index("rung")
    assert rows.loc["majority", "accuracy"] == pytest.approx(2 / 3)
    assert rows.loc["majority", "recall_macro"] == pytest.approx(1 / 3)
    chosen = predictions[predictions["rung"] == "squeezenet_224"]
    codes = {name: code for code, name in enumerate("xyz")}
    recalls = [
        classification_metrics(part["class"].map(codes), part["predicted"].map(codes), 3)["recall_macro"]
        for _, part in chosen.groupby("seed")
    ]
    assert rows.loc["squeezenet_224", "recall_macro"] == pytest.approx(np.mean(recalls))
    assert rows.loc["squeezenet_224", "recall_sd"] == pytest.approx(np.std(recalls, ddof=1))
    found = estimate(parts(chosen, correct))
    assert rows.loc["squeezenet_224", "low"] <= found.interval()[0] + 1e-9
    assert rows.loc["squeezenet_224", "status"] == "decided, above" and pd.isna(rows.loc["majority", "status"])
    assert table.finding.startswith(f"Highest accuracy: {NAMES['squeezenet_224']}")


def test_rungs_on_other_photographs_are_not_compared(predictions):
    a, b = (predictions[predictions["rung"] == name] for name in ("squeezenet_224", "colour_histogram"))
    shuffled = b.sample(frac=1, random_state=0)
    assert difference(a, shuffled).value == pytest.approx(correct(a).mean() - correct(b).mean())
    with pytest.raises(ValueError, match="same photographs"):
        difference(a, b.assign(photo=b["photo"] + "x"))


def test_scaling_learns_from_the_training_rows_only():
    rng = np.random.default_rng(0)
    features, train = rng.normal(5, 3, (50, 8)), np.arange(50) < 30
    moved = np.where(train[:, None], features, features + 100)
    assert np.allclose(scaled(features, train)[train], scaled(moved, train)[train])
    assert (scaled(features, train)[train] ** 2).sum(1).mean() == pytest.approx(1)


def test_a_finished_rung_is_read_and_not_computed_again(tmp_path, monkeypatch):
    class Photographs:
        calls, seeds = 0, [0]

        def key(self, rung, split, seed):
            return f"{rung}{split.tolist()}{seed}".replace(" ", "").replace("'", "")[-12:]

        def predict(self, rung, split, seed):
            self.calls += 1
            return pd.DataFrame(
                {
                    "photo": ["00e5"],
                    "group": ["00e5"],
                    "class": ["null"],
                    "rung": [rung],
                    "seed": [seed],
                    "predicted": ["null"],
                    "probability": [np.nan],
                }
            )

    monkeypatch.setenv("MINERAL_STUDY_ROOT", str(tmp_path))
    photographs, split = Photographs(), np.array(["train", "test"])
    first = real_photos.Work(photographs, tmp_path, list(NAMES)).rung("majority", "grouped", split, 0)
    again = real_photos.Work(photographs, tmp_path, list(NAMES))
    pd.testing.assert_frame_equal(again.rung("majority", "grouped", split, 0), first)
    assert photographs.calls == 1 and not again.fresh and first.loc[0, ["photo", "class"]].tolist() == ["00e5", "null"]
    again.rung("majority", "grouped", split[::-1], 0)
    assert photographs.calls == 2


def test_the_readme_quotes_the_ablation_as_it_was_measured():
    gains = pd.read_csv(ROOT / "results/reference/real_ablation/tables/gains.csv").set_index("name")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (quoted,) = (line for line in readme.splitlines() if "results/reference/real_ablation" in line)
    for name, row in gains.drop(index="attention changes what transfer is worth").iterrows():
        value, low, high = (f"{100 * row[key]:+.1f}".replace("-", "−") for key in ("gap", "low", "high"))
        assert value in quoted and f"{low} to {high}, {row['is']}" in quoted, name


def test_the_readme_says_of_one_recogniser_what_was_recorded():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    missing = [one for one in phrases(read_json(ROOT / "results/reference/real_learn/about.json")) if one not in readme]
    assert not missing


def test_the_readme_quotes_the_real_networks_as_they_were_run():
    folder, readme = ROOT / "results/reference/standard_small/tables", (ROOT / "README.md").read_text(encoding="utf-8")
    (quoted,) = (line for line in readme.splitlines() if line.startswith("The *real* networks"))
    gains = pd.read_csv(folder / "table_5_gains.csv").set_index("gain")
    for name in ("ECA alone", "ECA given transfer", "transfer alone"):
        row = [f"{100 * gains.loc[name, key]:+.1f}".replace("-", "−") for key in ("accuracy", "low", "high")]
        assert row[0] in quoted and f"({row[1]} to {row[2]})" in quoted, name
    rows = pd.read_csv(folder / "table_4_comparison.csv")
    rows = rows[(rows["block"] == "as_read") | (rows["model"] == "colour_histogram")].dropna(subset="accuracy")
    assert len(rows) == 6 and all(f"{100 * one:.1f}" in quoted for one in rows["accuracy"])
