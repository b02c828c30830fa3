"""What breaks while training: disk, memory, other processes, signals. Every fault is real."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch
from checkout import ROOT, nothing
from disks import mounts_allowed
from drive import RUN, Launcher, digests, on_step
from psutil import pid_exists
from torch.optim.optimizer import register_optimizer_step_pre_hook

from mineral_lib.compute.checkpoint import load_checkpoint
from mineral_lib.errors import MemoryShortageError, StoppedError, StorageError
from mineral_lib.locks import LOCK_FILE, folder_lock
from mineral_lib.study import Study
from mineral_lib.training.engine import train_one_epoch
from mineral_lib.training.train_run import make_loop

NAME = "convnext_tiny-scratch-grouped-seed0"
NIGHTLY = os.environ.get("MINERAL_NIGHTLY") == "1"
needs_mounts = pytest.mark.skipif(not mounts_allowed(), reason="this user may not mount a disk of its own")


def run_of(settings):
    """The run of most tests."""
    return Study(settings).run("convnext_tiny")


@pytest.fixture(scope="module")
def launcher(tmp_path_factory):
    """One launcher for all tests."""
    launcher = Launcher(tmp_path_factory.mktemp("faults"))
    yield launcher
    launcher.close()


@pytest.fixture(scope="module")
def wanted(launcher):
    """Digests of an undisturbed run."""
    root = launcher.fresh_root()
    assert launcher.train(root)["code"] == 0
    return digests(root)


# ---------------------------------------------------------------- disk


@needs_mounts
@pytest.mark.parametrize(("fault", "reason"), [("full", "No space left on device"), ("read-only", "Read-only file")])
def test_a_bad_disk_in_the_middle_of_training_costs_nothing(launcher, wanted, fault, reason):
    answer = launcher.train(launcher.fresh_root(), disk=[fault, 13])
    assert answer["code"] == 0, answer["report"]
    report = json.loads(answer["report"])
    assert reason in report["error"] and "next.pt" in report["error"] and report["code"] == 4
    assert ("MB are free" in report["error"]) == (fault == "full")
    assert report["checkpoints"] == {"last.pt": 1, "previous.pt": 1, "best.pt": 1} and not report["partials"]
    assert report["digests"] == wanted


@needs_mounts
def test_a_read_only_folder_is_refused_before_any_work(launcher, wanted):
    report = json.loads(launcher.train(launcher.fresh_root(), disk=["read-only", 0])["report"])
    assert report["code"] == 4 and "Read-only file system" in report["error"] and report["seconds"] < 60
    assert report["digests"] == wanted


def test_a_file_that_may_not_grow_is_one_clear_error(launcher, wanted):
    """The same without the right to mount: a limit on the size of files, met in the middle of a write."""
    root = launcher.fresh_root()
    answer = launcher.train(root, kill=["file size", 9])
    assert answer["code"] == 1 and "StorageError" in answer["report"] and "File too large" in answer["report"]
    assert {load_checkpoint(path)["epoch"] for path in root.rglob("*.pt")} == {1, 0}
    assert not list(root.rglob("*.partial-*"))
    assert launcher.train(root)["code"] == 0 and digests(root) == wanted


# ---------------------------------------------------------------- other processes


def test_a_second_process_is_refused_and_told_who_is_active(tiny):
    folder = run_of(tiny).dir
    code = (
        "import sys, pathlib; from mineral_lib.locks import folder_lock\n"
        "with folder_lock(pathlib.Path(sys.argv[1]), 'run'): print('held', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(StorageError, match=rf"run {NAME} is active, process {other.pid}, since") as error:
            run_of(tiny).train(say=nothing)
        assert error.value.exit_code == 4
        other.kill()  # a lock dies with its process
    assert (folder / LOCK_FILE).exists()
    with folder_lock(folder, "run"):
        pass
    assert not (folder / LOCK_FILE).exists()


def test_files_of_dead_processes_are_cleaned_and_others_left(tiny):
    dead = subprocess.Popen(["true"])
    dead.wait()
    assert not pid_exists(dead.pid) and pid_exists(1)
    study = Study(tiny)
    paths = study.paths
    gone = [
        paths.runs_dir / f".a.csv.partial-{dead.pid}",
        paths.cache_dir / "x" / f".b.npy.partial-{dead.pid}",
        paths.root / f".runs.partial-{dead.pid}" / "c.csv",
    ]
    kept = [paths.root / ".d.csv.partial-1", paths.root / "e.partial", paths.root / ".f.partial-notes"]
    for path in gone + kept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
    study.train([], say=nothing)
    assert not any(path.exists() for path in gone) and all(path.exists() for path in kept)
    assert not gone[2].parent.exists()


# ---------------------------------------------------------------- signals


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_after_the_step_and_leaves_with_its_status(tiny, number, code):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    handle = on_step(4, lambda: signal.raise_signal(number))
    try:
        with pytest.raises(StoppedError, match="saved after step 1 of epoch 2") as error:
            Study(tiny).train([run_of(tiny)], say=nothing)
    finally:
        handle.remove()
    assert error.value.exit_code == code and "to go on" in error.value.remedy
    saved = load_checkpoint(run_of(tiny).dir / "checkpoints" / "last.pt")
    assert (saved["epoch"], saved["step"]) == (1, 1)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_the_second_ctrl_c_leaves_at_once(tiny):
    def twice() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    handle = on_step(4, twice)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_of(tiny).train(say=nothing)
    finally:
        handle.remove()
    saved = load_checkpoint(run_of(tiny).dir / "checkpoints" / "last.pt")
    assert (saved["epoch"], saved["step"]) == (1, 0)


CHAIN = ["--set", "train.epochs=60", "--set", "train.checkpoint_every_steps=0"]


@pytest.fixture
def short_chain(tmp_path):
    """A project root whose chain is notebook 04, without the linear probe that needs transferred weights."""
    for name in ("params", "mineral_lib"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "notebooks").mkdir()
    notebook = json.loads((ROOT / "notebooks" / "04_train.ipynb").read_text(encoding="utf-8"))
    (tmp_path / "notebooks" / "04_train.ipynb").write_text(json.dumps(notebook))
    return tmp_path


def begin_chain(root) -> subprocess.Popen:
    """Start the chain in a process group of its own and wait until two runs have finished an epoch."""
    environment = os.environ | {"MINERAL_STUDY_ROOT": str(root), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "mineral_lib", "reproduce", "--profile", "test", *CHAIN]
    process = subprocess.Popen(
        command,
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    seen = ""
    for line in process.stdout:
        seen += line
        if len({text.split(":")[0] for text in seen.splitlines() if ": epoch" in text and "pretrain" not in text}) > 1:
            return process
    raise AssertionError(seen + process.stderr.read())


def test_the_chain_hands_signals_on_and_leaves_no_process(short_chain):
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        process = begin_chain(short_chain)
        children = descendants(process.pid)
        assert len(children) >= 3  # kernel and two training processes
        os.kill(process.pid, number)
        _, errors = process.communicate(timeout=600)
        assert process.returncode == code, errors
        assert "To go on: python -m mineral_lib reproduce --profile test --set train.epochs=60" in errors
        assert "Traceback" not in errors
        deadline = time.monotonic() + 60
        while any(pid_exists(child) for child in children) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not any(pid_exists(child) for child in children)
        saved = [load_checkpoint(path) for path in short_chain.rglob("last.pt")]
        assert len(saved) >= 2 and sum(item["epoch"] >= 1 for item in saved) >= 2
        assert not list((short_chain / "results").rglob("*.partial-*"))
        assert not list((short_chain / "results").rglob(LOCK_FILE))
    assert any(item["notes"] for item in saved)  # the second start went on with the runs of the first


@pytest.mark.skipif(not NIGHTLY, reason="a minute; MINERAL_NIGHTLY=1")
def test_training_processes_save_and_end_when_the_chain_is_killed(short_chain):
    process = begin_chain(short_chain)
    children = descendants(process.pid)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 60
    while any(pid_exists(child) for child in children) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not any(pid_exists(child) for child in children)
    assert len([load_checkpoint(path) for path in short_chain.rglob("last.pt")]) == 2


def descendants(process: int) -> list[int]:
    """Numbers of the processes started by a process, and by those."""
    import psutil

    return [child.pid for child in psutil.Process(process).children(recursive=True)]


# ---------------------------------------------------------------- memory


def test_short_memory_is_explained(launcher, wanted):
    root = launcher.fresh_root()
    answer = launcher.train(root, kill=["memory", 10])
    assert answer["code"] == 1 and "MemoryShortageError" in answer["report"], answer
    assert "batches of 10 in 1 parts, 32 px" in answer["report"] and "train.accumulation_steps to 2" in answer["report"]
    assert load_checkpoint(root / RUN / "checkpoints" / "last.pt")["epoch"] == 1
    assert launcher.train(root)["code"] == 0 and digests(root) == wanted


def test_a_killed_loader_process_is_explained(launcher, wanted):
    root = launcher.fresh_root()
    answer = launcher.train(root, kill=["loader", 10], changes=("train.num_workers=1",))
    assert answer["code"] == 1 and "MemoryShortageError" in answer["report"], answer
    assert "a loader process died" in answer["report"] and "set train.num_workers to 0" in answer["report"]
    assert launcher.train(root)["code"] == 0 and digests(root) == wanted


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_short_memory_of_a_gpu_is_explained(tiny):
    free = torch.cuda.mem_get_info()[1]
    torch.cuda.set_per_process_memory_fraction(min(1.0, 4e6 / free))
    try:
        with pytest.raises(MemoryShortageError, match="the accelerator ran out of memory"):
            run_of(tiny).train(say=nothing)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


@pytest.mark.parametrize(("images", "parts"), [(32, 4), (33, 2), (5, 4), (3, 2)])
def test_accumulated_gradients_are_those_of_the_whole_batch(tiny, images, parts):
    """In double precision, for a network without batch normalisation; only the order of summation differs."""
    network, _ = run_of(tiny).fresh_network()
    batch = torch.randn(images, 3, 32, 32, dtype=torch.float64), torch.arange(images) % 5, torch.arange(images)
    found = []

    def look(optimizer, *_):
        found.append([p.grad.clone() for group in optimizer.param_groups for p in group["params"]])

    results, start = [], {key: value.double().clone() for key, value in network.state_dict().items()}
    for count in (1, parts):
        loop = make_loop(network.double(), tiny, lr=1e-3)
        loop.accumulate = count
        network.load_state_dict(start)
        handle = register_optimizer_step_pre_hook(look)
        loop.loss = lambda output, labels: torch.nn.functional.cross_entropy(output, labels)
        results.append(train_one_epoch(loop, [batch], epoch=1))
        handle.remove()
    assert len(found) == 2 and results[0] == pytest.approx(results[1], rel=1e-12)
    for whole, part in zip(*found, strict=True):
        torch.testing.assert_close(part, whole, rtol=1e-9, atol=1e-14)


def test_a_run_in_parts_trains_and_is_another_run(tiny):
    parts = tiny.model_copy(update={"train": tiny.train.model_copy(update={"accumulation_steps": 2})})
    run_of(tiny).train(say=nothing)
    lines: list[str] = []
    run_of(parts).train(say=lines.append)
    assert len(lines) == 2
