"""Killed at any moment and resumed, a run ends exactly as if nothing had happened.

Every file operation and every training step is a point at which a real child process is killed (SIGKILL; or SIGXFSZ in
the middle of a write). A dozen points in every test run, all of them with MINERAL_NIGHTLY=1.
"""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
import torch
from drive import RUN, STEPS, Launcher, digests

from mineral_lib.compute.checkpoint import load_checkpoint, save_checkpoint
from mineral_lib.locks import folder_lock
from mineral_lib.storage import PARTIAL

NIGHTLY = os.environ.get("MINERAL_NIGHTLY") == "1"


@pytest.fixture(scope="module")
def launcher(tmp_path_factory):
    """One launcher for all tests."""
    launcher = Launcher(tmp_path_factory.mktemp("killed"))
    yield launcher
    launcher.close()


@pytest.fixture(scope="module")
def reference(launcher):
    """Digests of all files of an undisturbed run, and its file operations in order."""
    root = launcher.fresh_root()
    answer = launcher.train(root)
    assert answer["code"] == 0, answer["report"]
    return digests(root), json.loads(answer["report"])


def check_after_kill(root: Path, wanted: dict[str, str]) -> None:
    """Every file that is not called partial is complete, and a run that reported a checkpoint has one."""
    for name, value in digests(root).items():
        if PARTIAL in name or name.endswith(".lock"):
            continue
        if name.endswith(".pt"):
            assert load_checkpoint(root / name)["config"]["classes"]
        else:
            assert wanted[name] == value, name
    for path in root.glob(f"{RUN}/manifest.json"):
        json.loads(path.read_text())
    with folder_lock(root / RUN, "the test"):  # a killed run leaves no lock
        pass


def check_resumed(launcher: Launcher, root: Path, wanted: dict[str, str]) -> None:
    """A second start ends with the files of the undisturbed run."""
    answer = launcher.train(root)
    assert answer["code"] == 0, answer["report"]
    assert digests(root) == wanted  # nothing else either: no partial file, no checkpoint, no lock


def survives(launcher: Launcher, kill: list, wanted: dict[str, str]) -> None:
    root = launcher.fresh_root()
    answer = launcher.train(root, kill)
    assert -answer["code"] == (signal.SIGXFSZ if kill[0] == "write" else signal.SIGKILL), (kill, answer)
    check_after_kill(root, wanted)
    check_resumed(launcher, root, wanted)
    shutil.rmtree(root)


def test_the_run_is_what_the_points_assume(reference):
    wanted, operations = reference
    assert f"{RUN}/weights.safetensors" in wanted and not any("checkpoint" in name for name in wanted)
    assert sum(name.startswith("os.rename") and name.endswith("/next.pt") for name in operations) == 3 * 3
    assert len(operations) > 100


def test_a_wrong_resume_differs(launcher, reference):
    """Else the tests below would prove nothing: random numbers, position in the epoch and optimizer all matter."""
    root = launcher.fresh_root()
    assert launcher.train(root, ["step", 13])["code"] == -signal.SIGKILL
    path = root / RUN / "checkpoints" / "last.pt"
    saved = load_checkpoint(path)
    assert (saved["epoch"], saved["step"]) == (1, 4)
    other = saved["generators"] | {"cpu": torch.Generator().manual_seed(1).get_state()}
    fresh = {"state": {}, "param_groups": saved["optimizer"]["param_groups"]}
    for change in ({"generators": other}, {"step": 0}, {"optimizer": fresh}):
        copy = launcher.fresh_root()
        shutil.copytree(root / "results", copy / "results")
        save_checkpoint(copy / RUN / "checkpoints" / "last.pt", saved | change)
        assert launcher.train(copy)["code"] == 0
        found = digests(copy)
        assert found.keys() == reference[0].keys()
        assert found[f"{RUN}/weights.safetensors"] != reference[0][f"{RUN}/weights.safetensors"], list(change)
    check_resumed(launcher, root, reference[0])


def points(operations: list[str]) -> list[list]:
    """All points of an undisturbed run."""
    every = [["operation", number] for number in range(1, len(operations) + 1)]
    # A file that is opened twice in a row is opened the second time to be brought to the disk: nothing is written.
    before = ["", *operations]
    every += [
        ["write", number]
        for number, name in enumerate(operations, 1)
        if name.startswith("open") and name != before[number - 1]
    ]
    every += [["step", number] for number in range(1, STEPS + 1)]
    return every


def chosen(operations: list[str]) -> list[list]:
    """A dozen of them: preparation, before, inside and after a save, at the very end, and in the clean-up."""
    saves = [n for n, name in enumerate(operations, 1) if name.startswith("open") and "next.pt" in name]
    middle, last = saves[len(saves) // 2], saves[-1]
    return [
        ["operation", 8],
        ["operation", middle + 1],
        ["operation", middle + 2],
        ["operation", middle + 4],
        ["operation", last + 3],
        ["operation", len(operations) - 12],
        ["operation", len(operations) - 1],
        ["write", middle],
        ["write", 5],
        ["step", 9],
        ["before step", 10],
        ["step", STEPS],
    ]


def test_killed_anywhere_and_resumed_is_the_same_run(launcher, reference):
    wanted, operations = reference
    selected = points(operations) if NIGHTLY else chosen(operations)
    failed = []
    for kill in selected:
        try:
            survives(launcher, kill, wanted)
            print(f"{kill}: resumed bit-identical", flush=True)
        except AssertionError as error:
            failed.append((kill, str(error)[:300]))
    print(f"killed and resumed bit-identical: {len(selected) - len(failed)} of {len(selected)}")
    assert not failed, failed


def test_killed_twice(launcher, reference):
    wanted, _operations = reference
    root = launcher.fresh_root()
    assert launcher.train(root, ["step", 7])["code"] == -signal.SIGKILL
    assert launcher.train(root, ["operation", 3])["code"] == -signal.SIGKILL  # in the clean-up or soon after
    assert launcher.train(root, ["step", 9])["code"] == -signal.SIGKILL
    check_after_kill(root, wanted)
    other = Launcher(root.parent)  # a process that shares nothing with the others
    check_resumed(other, root, wanted)
    other.close()
