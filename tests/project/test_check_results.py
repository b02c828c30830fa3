"""Damage to finished results: found before it is used, named with its remedy, never an error of Python's own."""

import json
import os
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from checkout import ROOT, TINY
from folders import folder_profile, picture

from mineral_lib import digests
from mineral_lib.check_results import check_results
from mineral_lib.cli import main
from mineral_lib.data.prepare import prepare
from mineral_lib.digests import FILES, write_record
from mineral_lib.errors import StorageError
from mineral_lib.manifest import keep_reference, write_manifest, write_outputs
from mineral_lib.parameters import load_profile
from mineral_lib.paths import ROOT_VARIABLE, ResultPaths
from mineral_lib.pipeline import _is_current
from mineral_lib.recognition.features import FeatureCache
from mineral_lib.storage import write_bytes, write_csv, write_text
from mineral_lib.study import Study

NOTEBOOK, KEY = "04_train", "the key"
RUN = "runs/convnext_tiny-transfer-grouped-seed0"
RUN_JSON = [f"{RUN}/{name}.json" for name in ("config", "metrics", "manifest")]
RUN_CSV = [f"{RUN}/{name}.csv" for name in ("history", "predictions", "predictions_val")]
DATA = ["index.csv", "scan.csv", "duplicates.csv", "splits/grouped.csv"]
OTHER_CSV = ["baselines.csv", "tables/numbers.csv"]
OTHER_JSON = ["data.json", "runs/study.json", f"stages/{NOTEBOOK}.json", f"stages/{NOTEBOOK}.key.json"]
OTHER_JSON += ["manifest.json", "outputs.json", "recogniser/manifest.json", "recogniser/trust.json"]
BINARY = [f"{RUN}/weights.safetensors", "figures/curves.png", "recogniser/recogniser.safetensors"]
TEXT = ["report.html"]
CACHE = ["../cache/source/*/weights.safetensors", "../cache/source/*/manifest.json"]


def flip(data: bytes) -> bytes:
    """One bit of the byte in the middle."""
    return data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]


def digit(data: bytes) -> bytes:
    """Another last digit of the last number."""
    place = max(match.start() for match in re.finditer(rb"\d", data))
    return data[:place] + (b"3" if data[place : place + 1] != b"3" else b"4") + data[place + 1 :]


DAMAGES = {
    "flip": flip,
    "cut": lambda data: data[: len(data) * 2 // 3],
    "empty": lambda data: b"",
    "gone": None,
    "nul": lambda data: data[: len(data) // 2] + bytes(16) + data[len(data) // 2 + 16 :],
    "digit": digit,
    "header": lambda data: b"x" + data,
    "type": lambda data: b"[5]\n",
    "empty object": lambda data: b"{}\n",
    "order": lambda data: re.sub(rb'"bornite",\s*"cinnabar"', b'"cinnabar", "bornite"', data),
}
PLAIN = ("flip", "cut", "empty", "gone", "nul")
CASES = [(name, how) for name in [*BINARY, *CACHE, *TEXT] for how in PLAIN]
CASES += [(name, how) for name in [*RUN_CSV, *DATA, *OTHER_CSV] for how in (*PLAIN, "digit", "header")]
CASES += [(name, how) for name in [*RUN_JSON, *OTHER_JSON] for how in (*PLAIN, "type", "empty object")]
CASES += [(f"{RUN}/config.json", "order"), ("data.json", "order")]
# A table without rows has no digit.
CASES = [case for case in CASES if case != ("duplicates.csv", "digit")]


def build(root) -> Study:
    """A study with one trained run, a table, a figure, a report and a recogniser, all of them recorded."""
    shutil.copytree(ROOT / "params", root / "params")
    study = Study(load_profile("test", [*TINY, "train.epochs=1"]))
    paths = study.paths
    study.train([study.run("convnext_tiny", "transfer")], say=lambda line: None)
    study.save(pd.DataFrame({"a": [1.5, 2.25]}), "numbers", title="Some numbers")
    answers = {"baseline": "majority", "seed": 0, "image_id": ["a", "b"], "specimen": "s", "label": 0, "predicted": 1}
    study.save(write_csv(paths.baselines, pd.DataFrame(answers)))
    study.save(write_bytes(paths.figures_dir / "curves.png", os.urandom(500)))
    study.save(write_text(paths.report, "<h1>A report</h1>\n" * 9))
    write_text(paths.params_dir / "test.yaml", (ROOT / "params/test.yaml").read_text())
    folder = paths.root / "recogniser"
    files = [write_text(folder / "trust.json", '{"temperature": 1.5}\n'), write_bytes(folder / "x", b"1")]
    files.append(write_bytes(folder / "recogniser.safetensors", os.urandom(500)))
    write_record(folder / "manifest.json", {"profile": "test"}, files)
    study.finish(NOTEBOOK)
    write_record(study.key_path(NOTEBOOK), {"key": KEY, "seconds": 1.0})
    write_manifest(study)
    write_outputs(study, {NOTEBOOK: 1.0})
    return study


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The study; whoever damages it puts it back."""
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("root")
        patch.setenv(ROOT_VARIABLE, str(root))
        yield build(root)


@pytest.fixture
def damage(recorded):
    """A function that damages a file of the study and returns its path; it is put back afterwards."""
    kept = {}

    def spoil(name: str, how: str):
        (path,) = recorded.paths.root.parent.glob(f"{recorded.paths.root.name}/{name}")
        path = path.resolve()
        kept[path] = path.read_bytes()
        path.unlink()
        if DAMAGES[how]:
            spoilt = DAMAGES[how](kept[path])
            assert spoilt != kept[path]
            path.write_bytes(spoilt)
        return path

    yield spoil
    for path, content in kept.items():
        path.write_bytes(content)


def fresh(study: Study) -> Study:
    """The study as another process opens it."""
    return Study(study.settings, study.paths)


def test_a_whole_study_is_whole(recorded):
    found = check_results(recorded.paths.root)
    assert not found.damages and not found.unknown and len(found.whole) > 25
    assert found.to_text().splitlines() == [f"test: {len(found.whole)} files whole, 0 damaged"]


def use(study: Study, *, weights: bool = False) -> str:
    """What a notebook does with finished results; what it was told. Other errors than ours fail the test."""
    said: list[str] = []

    def attempt(action):
        try:
            return action()
        except StorageError as error:
            said.append(str(error))
            return None

    for run in attempt(lambda: study.runs) or [study.run("convnext_tiny", "transfer")]:
        for action in (
            lambda run=run: (run.config, run.display_name, run.classes),
            lambda run=run: (run.metrics, run.accuracy),
            lambda run=run: run.manifest,
            lambda run=run: run.history,
            lambda run=run: (run.predictions(), run.correct),
            lambda run=run: run.predictions("val"),
            lambda run=run: run.network() if weights else None,
            lambda run=run: run.train_photographs,
        ):
            attempt(action)
    attempt(lambda: study.split("grouped"))
    attempt(lambda: study.read(study.paths.index, dtype=str))
    attempt(lambda: study.read(study.paths.baselines, columns=["baseline"], numbers=["label"]))
    attempt(lambda: study.read(study.paths.tables_dir / "numbers.csv"))
    return "\n".join(said)


USED = (RUN, "splits", "index", "baselines", "tables", "data")


@pytest.mark.parametrize(("name", "how"), CASES)
def test_every_damage_is_named_with_its_remedy_before_it_is_used(recorded, damage, capsys, name, how):
    path = damage(name, how)
    found = check_results(recorded.paths.root)
    said = [*found.damages] + [note.split()[0] for note in found.notes]
    assert path.name in {words.rpartition("/")[2] for words in said} and len(found.damages) <= 3
    assert all(what and remedy for what, remedy in found.damages.values())
    study, lines = fresh(recorded), []
    if name.startswith((RUN, "runs/", "tables", "figures", "baselines")):  # a rerun
        assert not _is_current(study, NOTEBOOK, KEY, lines.append) and path.name in "\n".join(lines)
    if name.startswith(RUN):
        run = study.run("convnext_tiny", "transfer")
        assert not run.is_finished and path.name in run.damage()
    if name.startswith(USED) and (name, how) != ("data.json", "gone"):  # a notebook
        said = use(study, weights=name.endswith(".safetensors")) + capsys.readouterr().out
        assert path.name in said
        if name.endswith(".safetensors"):  # tables do without
            assert said.count("What to do") == 1 and "tables and figures of the run do not need it" in said


def test_a_run_trained_once_more_is_no_damage(recorded, damage):
    again = recorded.run("convnext_tiny", "transfer").manifest | {"seconds": 99.5}
    path = damage(f"{RUN}/manifest.json", "flip")  # so that it is put back
    files = [path.with_name(name) for name in again.pop(FILES)]
    write_record(path, again, files)
    assert _is_current(fresh(recorded), NOTEBOOK, KEY, pytest.fail) and not check_results(recorded.paths.root).damages


@pytest.mark.parametrize("how", [*PLAIN, "type", "empty object"])
@pytest.mark.parametrize("name", [f"{NOTEBOOK}.json", f"{NOTEBOOK}.key.json"])
def test_a_damaged_stage_record_means_that_the_notebook_is_run_again(recorded, damage, name, how):
    damage(f"stages/{name}", how)
    lines: list[str] = []
    assert not _is_current(fresh(recorded), NOTEBOOK, KEY, lines.append)
    assert how == "gone" or "run again" in lines[0]


@pytest.mark.parametrize(("name", "how"), [case for case in CASES if case[0] in (*DATA, "data.json")])
def test_index_and_splits_are_made_again_and_the_same(recorded, damage, capsys, name, how):
    before = {one: (recorded.paths.root / one).read_bytes() for one in (*DATA, "data.json")}
    path = damage(name, how)
    found = prepare(recorded.settings)
    assert {one: (recorded.paths.root / one).read_bytes() for one in before} == before
    assert found.fingerprint == recorded.data.fingerprint and found.classes == recorded.classes
    assert path.name in capsys.readouterr().out


@pytest.mark.parametrize(("name", "how"), [case for case in CASES if case[0] in CACHE])
def test_damaged_pre_trained_weights_are_made_again_and_named(recorded, damage, monkeypatch, name, how):
    path, lines = damage(name, how), []
    source = recorded.run("convnext_tiny", "transfer").pretraining
    assert not source.is_finished
    monkeypatch.setattr(type(source), "_train", lambda self, say: say("trained"))
    source.train(say=lines.append)
    assert path.name in lines[0] and lines[1] == "trained"


def test_no_flipped_bit_of_kept_features_is_used(tmp_path):
    path, value = tmp_path / "features.npz", np.ones(8, np.float32)
    kept = FeatureCache(path)
    kept.rows["a digest"] = value
    kept.save()
    content = path.read_bytes()
    for place in range(0, len(content), 3):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        rows = FeatureCache(path).rows
        assert not rows or np.array_equal(rows["a digest"], value)


def test_a_copied_folder_is_checked_by_its_digests_once(recorded, tmp_path, monkeypatch):
    root = tmp_path / "copy"
    shutil.copytree(recorded.paths.root.parent.parent, root, copy_function=shutil.copyfile)
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    run = Study(recorded.settings).run("convnext_tiny", "transfer")
    seen: list[str] = []
    monkeypatch.setattr(digests, "file_digest", lambda path, real=digests.file_digest: seen.append(path) or real(path))
    assert run.is_finished and len(seen) >= 6
    seen.clear()
    assert run.is_finished and not seen
    assert not check_results(ResultPaths.of("test").root).damages and len(seen) > 25


def test_a_reference_vouches_for_what_was_kept(recorded, tmp_path, monkeypatch, capsys):
    root = tmp_path / "project"
    shutil.copytree(recorded.paths.root.parent.parent, root)
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    monkeypatch.setattr("mineral_lib.manifest.quoted", lambda study: "* a headline\n")
    folder = keep_reference("test")
    assert not check_results(folder).damages and not check_results(folder).unknown
    (run,) = Study(recorded.settings, ResultPaths(folder)).runs
    assert run.accuracy == recorded.run("convnext_tiny", "transfer").accuracy
    assert main(["check-results", str(folder)]) == 0 and main(["check-results", "--profile", "test"]) == 0
    path = folder / RUN / "history.csv"
    path.write_bytes(digit(path.read_bytes()))
    assert main(["check-results", str(folder)]) == 4 and main(["check-results"]) == 4
    captured = capsys.readouterr()
    assert f"git checkout -- results/reference/test/{RUN}/history.csv" in captured.out and "1 damage" in captured.err
    assert main(["check-results", str(tmp_path / "nothing")]) == 3
    original = root / "results/test" / RUN / "metrics.json"
    original.write_bytes(digit(original.read_bytes()))
    with pytest.raises(StorageError, match=r"metrics\.json"):
        keep_reference("test")


def test_photographs_are_compared_with_the_scan(study_root, tmp_path):
    photos = tmp_path / "photos"
    for number in range(4):
        for name in ("aa", "bb"):
            path = photos / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            picture(number + 10 * (name == "bb")).save(path)
    settings = folder_profile(photos)
    prepare(settings)
    paths = ResultPaths.of(settings.profile)
    write_text(paths.params_dir / "p.yaml", f"data: {{source: folder, folder: {json.dumps(str(photos))}}}\n")
    assert not check_results(paths.root).damages
    (photos / "aa/1.png").write_bytes(flip((photos / "aa/1.png").read_bytes()))
    (photos / "bb/2.png").unlink()
    words = {name: what for name, (what, _) in check_results(paths.root).damages.items()}
    assert set(words) == {"photograph aa/1.png", "photograph bb/2.png"} and words["photograph bb/2.png"] == "is missing"
    photos.rename(tmp_path / "elsewhere")
    found = check_results(paths.root)
    assert not found.damages and "the photographs are not here" in found.notes[0]
