"""Where the evidence lies and what the ground is worth: tables, sentences and the verdict on section 4.3."""

import numpy as np
import pandas as pd
import pytest

from mineral_lib.data import pixels
from mineral_lib.data.index import build_index, specimen_keys
from mineral_lib.errors import DataError
from mineral_lib.measurements import evidence_study
from mineral_lib.measurements.evidence_study import BLIND, EVIDENCE_FILE, GROUNDS_FILE
from mineral_lib.parameters import load_profile
from mineral_lib.paths import ResultPaths
from mineral_lib.reporting.artefacts import ARTEFACTS
from mineral_lib.reporting.claims import judge
from mineral_lib.reporting.contrasts import FAILS, HOLDS, UNDECIDED
from mineral_lib.reporting.evidence import check_evidence, check_evidence_kind, table_evidence, table_grounds
from mineral_lib.reporting.run_checks import NOTHING
from mineral_lib.storage import write_csv
from mineral_lib.study import Study

MODELS = "comparison.models=[resnet50, convnext_tiny, eca_convnext_tiny]"
SETTINGS = load_profile("quick", [MODELS, "report.bootstrap=400"])
COUNT, VIEWS = 80, 2
PROPOSED, OTHERS = ("eca_convnext_tiny", "transfer"), (("resnet50", "scratch"), ("convnext_tiny", "scratch"))


@pytest.fixture
def paths(tmp_path):
    return ResultPaths(tmp_path / "results" / "quick")


def photographs(model: str, start: str, seed: int | None, **columns) -> pd.DataFrame:
    names = [f"s{number // VIEWS:02d}" for number in range(COUNT)]
    ids = [f"i{number:02d}" for number in range(COUNT)]
    known = {"model": model, "network": model.upper(), "start": start, "seed": seed, "image_id": ids, "specimen": names}
    return pd.DataFrame(known | columns)


def hits(share: float, shift: int = 0) -> np.ndarray:
    """So many ones, spread over all specimens."""
    return np.roll((np.arange(COUNT) * 37 % COUNT < round(share * COUNT)).astype(float), shift)


def write_maps(paths, shares: dict, seeds=(0, 1, 2), blind: float = 0.95) -> None:
    """A file of measured maps: the share of photographs whose hottest place is on the specimen, a run each."""
    parts = [photographs(BLIND, "", None, area=0.4, empty=False, heat=0.9, hottest=hits(blind))]
    for (model, start), share in shares.items():
        for place, seed in enumerate(seeds):
            share_now = share[place] if isinstance(share, tuple) else share
            found = hits(share_now, 3 * seed)
            parts.append(photographs(model, start, seed, area=0.4, empty=found == 0, heat=found / 2, hottest=found))
    frame = pd.concat(parts).astype({"seed": "Int64"})
    write_csv(paths.root / EVIDENCE_FILE, frame)


@pytest.mark.parametrize(
    ("mine", "others", "seeds", "verdict"),
    [
        (0.9, (0.5, 0.4), (0, 1, 2), HOLDS),
        (0.9, (0.5, 0.4), (0, 1), UNDECIDED),  # too few seeds
        (0.9, (0.5, 0.89), (0, 1, 2), UNDECIDED),  # one of them within noise
        (0.4, (0.1, 0.9), (0, 1, 2), FAILS),
        ((0.95, 0.95, 0.45), (0.5, 0.4), (0, 1, 2), UNDECIDED),  # clear together, but not in the third seed
        ((0.8, 0.5, 0.8), (0.1, (0.3, 0.6, 0.3)), (0, 1, 2), UNDECIDED),  # seeds are compared with their like
    ],
)
def test_verdict_on_the_evidence(paths, mine, others, seeds, verdict):
    write_maps(paths, {PROPOSED: mine} | dict(zip(OTHERS, others, strict=True)), seeds)
    assert check_evidence(Study(SETTINGS, paths))[0] == verdict


@pytest.mark.parametrize(
    ("mine", "seeds", "verdict"),
    [(0.9, (0, 1, 2), HOLDS), (0.1, (0, 1, 2), FAILS), (0.5, (0, 1, 2), UNDECIDED), (0.9, (0, 1), UNDECIDED)],
)
def test_evidence_is_judged_beside_a_blind_map(paths, mine, seeds, verdict):
    assert check_evidence_kind(Study(SETTINGS, paths)) == NOTHING
    write_maps(paths, {PROPOSED: mine}, seeds, blind=0.5)
    assert check_evidence_kind(Study(SETTINGS, paths))[0] == verdict


def test_no_verdict_without_maps_or_rivals(paths):
    assert check_evidence(Study(SETTINGS, paths)) == NOTHING
    write_maps(paths, {PROPOSED: 0.5})
    assert check_evidence(Study(SETTINGS, paths)) == NOTHING
    folder = SETTINGS.model_copy(update={"data": SETTINGS.data.model_copy(update={"source": "folder"})})
    write_maps(paths, {PROPOSED: 0.9, OTHERS[0]: 0.1})
    assert check_evidence(Study(folder, paths)) == NOTHING and table_evidence(Study(folder, paths)) is None


def test_the_sentence_says_what_the_numbers_say(paths):
    write_maps(paths, {PROPOSED: 0.5, OTHERS[0]: 0.1, OTHERS[1]: 0.9}, seeds=(0,))
    words = judge("evidence", Study(SETTINGS, paths))[1]
    assert "in 50.0 % of 80 maps (one seed)" in words
    assert "clearly above 1, clearly below 1 and within noise of 0" in words
    assert "strongest, CONVNEXT_TINY: −40.0 points" in words and "98 % interval" in words
    assert "clearly below a blind map" in words and "(−45.0 points" in words and "fewer than three seeds" in words
    write_maps(paths, {PROPOSED: 0.96, OTHERS[0]: 0.9, OTHERS[1]: 0.9}, blind=0.2)
    words = judge("evidence", Study(SETTINGS, paths))[1]
    assert "clearly above a blind map" in words and "of 240 maps (three seeds)" in words and "fewer" not in words
    write_maps(paths, {PROPOSED: 0.5, OTHERS[0]: 0.9}, blind=0.5)
    assert "within noise of a blind map" in judge("evidence", Study(SETTINGS, paths))[1]


def test_evidence_table_counts_empty_maps_as_zero(paths):
    write_maps(paths, {PROPOSED: 0.5, OTHERS[0]: 0.25}, seeds=(0, 7))
    table = table_evidence(Study(SETTINGS, paths))
    frame = table.frame.set_index(["network", "seed"])
    row = frame.loc[("RESNET50", 7)]
    assert row["photographs"] == COUNT and row["empty maps"] == 60
    assert row["hottest place on specimen"] == 0.25 and row["heat on specimen"] == 0.125
    assert row["low"] < 0.25 < row["high"] and row["heat_low"] < 0.125 < row["heat_high"]
    assert len(frame) == 5 and pd.isna(table.frame["seed"].iloc[0]) and table.frame["low"].iloc[0] < 0.95
    assert table.notes[0] == judge("evidence", Study(SETTINGS, paths))[1]
    assert "RESNET50" in table.to_text() and "95.0" in table.to_text()


def write_answers(paths, runs: dict, seeds=(0, 1, 2)) -> None:
    """A file of answers: the share that is right on the own, the other and the grey ground, a run each."""
    parts = []
    for (model, start), shares in runs.items():
        right = [(1 - hits(share)).astype(int) for share in shares]  # label 0, any other answer is wrong
        parts += [
            photographs(model, start, seed, label=0, own=right[0], swapped=right[1], grey=right[2]) for seed in seeds
        ]
    write_csv(paths.root / GROUNDS_FILE, pd.concat(parts))


def test_ground_table(paths):
    write_answers(paths, {PROPOSED: (0.8, 0.8, 0.2), OTHERS[0]: (0.5, 0.4, 0.25)})
    table = table_grounds(Study(SETTINGS, paths))
    row = table.frame.iloc[0]
    assert [row["own"], row["swapped"], row["grey"]] == pytest.approx([0.8, 0.8, 0.2])
    assert row["swapped_low"] == row["swapped_change"] == row["swapped_high"] == 0
    assert row["grey_low"] < row["grey_change"] < row["grey_high"] < 0 and row["grey_change"] == pytest.approx(-0.6)
    words = table.notes[0]
    assert words.startswith("ECA_CONVNEXT_TINY (transfer, three seeds)") and "fewer" not in words
    assert "accuracy does not change beyond noise (+0.0 points" in words
    assert "on a grey one it falls clearly (−60.0 points" in words
    assert "Over all 6 runs: −10.0 to +0.0 points on another ground, −60.0 to −25.0 on grey" in words


def test_ground_sentence_knows_falls_rises_and_few_seeds(paths):
    write_answers(paths, {PROPOSED: (0.5, 0.2, 0.9)}, seeds=(0,))
    words = table_grounds(Study(SETTINGS, paths)).notes[0]
    assert "accuracy falls clearly (−30.0 points" in words and "it rises clearly (+40.0 points" in words
    assert "fewer than three seeds" in words
    write_answers(paths, {OTHERS[0]: (0.5, 0.2, 0.9)})
    assert table_grounds(Study(SETTINGS, paths)).notes[0] == "The proposed network was not run."


def test_the_report_has_both_once_they_were_measured(paths):
    study = Study(SETTINGS, paths)
    made = [ARTEFACTS[name] for name in ("grad_cam_evidence", "ground_test")]
    assert [make(study) for make in made] == [None, None]
    write_maps(paths, {PROPOSED: 0.5})
    write_answers(paths, {PROPOSED: (0.5, 0.2, 0.9)})
    assert [len(make(study).frame) for make in made] == [4, 3]


def test_whole_specimens_of_all_classes_alike():
    labels = np.repeat([0, 1, 2], [20, 8, 2])
    test = pd.DataFrame({"label": labels, "specimen": [f"{k}-{n // 2}" for n, k in enumerate(labels)]})
    kept = evidence_study.whole_specimens(test, 11)
    assert kept["label"].value_counts().to_dict() == {0: 4, 1: 4, 2: 2}
    assert (kept.groupby("specimen").size() == 2).all()
    assert len(evidence_study.whole_specimens(test, 30)) == 30


def test_evidence_runs_are_those_of_tables_4_and_5():
    more = load_profile("quick", [MODELS, "train.seeds=[0, 1]", "ablation.placements=[post_block]"])
    names = [spec.name for spec in evidence_study.evidence_runs(Study(more))]
    assert len(names) == len(set(names)) == 10 and not any("post_block" in name for name in names)
    assert "convnext_tiny-transfer-grouped-seed1" in names and "resnet50-scratch-grouped-seed0" in names
    folder = more.model_copy(update={"data": more.data.model_copy(update={"source": "folder"})})
    assert evidence_study.evidence_runs(Study(folder)) == []


def test_pixels_on_another_ground_are_rendered_once(tiny, tmp_path, monkeypatch):
    calls = []

    def photographs(keys, *, image_size, seed, jobs, ground):
        calls.append((ground, list(keys)))
        made = np.zeros((len(keys), image_size, image_size, 3), np.uint8)
        made[:, 0, 0, 0], made[:, 0, 0, 1] = [key[2] for key in keys], len(ground)
        return made, made[..., 0] > 0

    monkeypatch.setattr(pixels, "photographs", photographs)
    monkeypatch.setattr(pixels, "_cache_dir", lambda: tmp_path)
    index = build_index(tiny.data).index.iloc[[5, 0, 7]]
    first, again = (pixels.load_on_ground(index, tiny.data, "grey") for _ in range(2))
    assert calls == [("grey", specimen_keys(index))] and np.array_equal(first, again)
    assert first[:, 0, 0, 0].tolist() == index["view"].tolist() and (first[:, 0, 0, 1] == 4).all()
    other = pixels.load_on_ground(index, tiny.data, "swapped")
    assert len(calls) == 2 and (other[:, 0, 0, 1] == 7).all()
    folder = tiny.model_copy(update={"data": tiny.data.model_copy(update={"source": "folder"})})
    with pytest.raises(DataError):
        pixels.load_on_ground(index, folder.data, "grey")
