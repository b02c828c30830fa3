"""A sweep trains every run as a job; a job that is killed is submitted again and ends with the same files."""

import contextlib
import os
import re
import shutil
import signal
import threading
import time

import pytest
from checkout import ROOT
from cluster import Cluster, missing, wait
from launcher import digests

from mineral_lib.cli import main
from mineral_lib.compute.checkpoint import load_checkpoint
from mineral_lib.compute.schedule import sweep
from mineral_lib.errors import ParameterError, StageError
from mineral_lib.parameters import load_profile
from mineral_lib.paths import ROOT_VARIABLE
from mineral_lib.study import Study

pytest.importorskip("submitit")
NIGHTLY = os.environ.get("MINERAL_NIGHTLY") == "1"
# Two runs: one from scratch, one after a pre-training.
SMALL = [
    "comparison.models=[convnext_tiny]",
    "comparison.blocks=[fair_none]",
    "comparison.grey_runs=[]",
    "leakage.runs=[]",
    "ablation.rows=[convnext_tiny-scratch]",
    "split.protocols=[grouped]",
    "weights.formula.num_classes=4",
    "weights.formula.images_per_class=8",
    "train.epochs=8",
    "train.batch_size=10",
    "model.drop_path_rate=0.3",
    "train.select=last",
    "train.checkpoint_every_steps=2",
    "train.jobs=2",
]
VICTIM = "convnext_tiny-scratch-grouped-seed0"
OTHER = "eca_convnext_tiny-transfer-grouped-seed0"


def study(*changes):
    """The study of all tests."""
    return Study(load_profile("test", [*SMALL, *changes]))


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Root of an undisturbed sweep in this process, which becomes the cache of the others, and its output."""
    root, lines = tmp_path_factory.mktemp("reference"), []
    shutil.copytree(ROOT / "params", root / "params")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ROOT_VARIABLE, str(root))
        assert sweep(study(), executor="debug", say=lines.append) == 2
    return root, lines


@pytest.fixture
def root(study_root, monkeypatch):
    """A fresh root, whose jobs find this library."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return study_root


def run_files(root):
    """Digests of the files of all runs."""
    return {name: value for name, value in digests(root).items() if "/runs/" in name}


def during_training(root, steps, what, seconds=600.0):
    """In a thread: once the victim has saved after each of ``steps`` (of the whole run), do the next of ``what``."""
    problems = []

    def follow():
        path = root / "results/test/runs" / VICTIM / "checkpoints/last.pt"

        def reached(step):
            try:
                saved = load_checkpoint(path)
            except Exception:
                return False
            return saved["epoch"] * 8 + saved["step"] >= step

        try:
            for step, action in zip(steps, what, strict=True):
                wait(lambda step=step: reached(step), seconds, f"checkpoint of step {step}")
                action()
        except Exception as error:
            problems.append(error)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    return thread, problems


def victim(root):
    """Number of the process that holds the victim's run folder."""
    return int(re.match(r"process (\d+)", (root / "results/test/runs" / VICTIM / ".lock").read_text())[1])


def kill_victim(root):
    """SIGKILL for the victim."""
    os.kill(victim(root), signal.SIGKILL)


def while_paused(root, action):
    """Do something to the victim while it stands still: it would else be done before Slurm has answered."""
    number = victim(root)
    os.kill(number, signal.SIGSTOP)
    action()
    with contextlib.suppress(ProcessLookupError):
        os.kill(number, signal.SIGCONT)


def test_pretraining_comes_before_the_runs_that_need_it(reference):
    lines = reference[1]
    done = next(i for i, line in enumerate(lines) if line.startswith("pretrain-convnext_tiny: done"))
    assert done < lines.index(f"{OTHER}: starts")
    assert lines[0] == "test: 2 runs, 0 finished before, 2 to train after 1 pre-trainings"
    assert lines[-1] == "test: 2 trained, 0 reused, 0 failed"


def test_finished_runs_are_reused_and_only_the_missing_one_is_trained(reference, root):
    shutil.copytree(reference[0] / "results", root / "results")
    lines = []
    assert sweep(study(), executor="debug", say=lines.append) == 0
    assert lines == [
        "test: 2 runs, 2 finished before, 0 to train after 0 pre-trainings",
        "test: 0 trained, 2 reused, 0 failed",
    ]
    shutil.rmtree(root / "results/test/runs" / VICTIM)
    assert sweep(study(), executor="debug", say=lines.append) == 1
    assert run_files(root) == run_files(reference[0])


def test_a_killed_local_job_is_submitted_again_and_ends_the_same(reference, root):
    lines = []
    thread, problems = during_training(root, [6], [lambda: kill_victim(root)])
    assert sweep(study(), say=lines.append) == 2
    thread.join()
    assert not problems
    assert f"{VICTIM}: the job was killed; submitted again, goes on from its checkpoint" in lines
    assert run_files(root) == run_files(reference[0])
    manifest = (root / "results/test/runs" / VICTIM / "manifest.json").read_text()
    assert "resumed after" in manifest


def test_a_job_that_fails_is_reported_and_the_others_are_trained(reference, root):
    shutil.copytree(reference[0] / "results/cache", root / "results/cache")
    lines = []
    with pytest.raises(StageError) as error:
        sweep(study("train.overrides={convnext_tiny: {lr: 1.0e+30}}"), executor="debug", say=lines.append)
    assert VICTIM in str(error.value) and "not finite" in str(error.value)
    assert f"{OTHER}: done" in "\n".join(lines) and lines[-1] == "test: 1 trained, 0 reused, 1 failed"


def test_wrong_options_are_refused_before_any_work(root, monkeypatch, capsys):
    assert main(["sweep", "--profile", "test", "--jobs", "0"]) == 2
    assert main(["sweep", "--profile", "test", "--slurm", "partition=gpu"]) == 2
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["sweep", "--profile", "test", "--executor", "slurm"]) == 6
    assert "srun" in capsys.readouterr().err
    assert not (root / "results/test/runs").exists()


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A Slurm of our own, which the commands of this process find."""
    if not NIGHTLY:
        pytest.skip("a real Slurm is started with MINERAL_NIGHTLY=1 only")
    if missing():
        pytest.skip(missing())
    (tmp_path / "slurm").mkdir()
    cluster = Cluster(tmp_path / "slurm")
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    yield cluster
    cluster.close()


def test_slurm_killed_announced_and_a_dead_node(reference, root, cluster):
    """One run meets scancel --signal=KILL, then the warning before a time limit, then a node that dies."""
    lines = []

    def job():
        rows = [row.split() for row in cluster.ask("squeue", "-h", "-t", "R", "-o", "%i %j").splitlines()]
        return next(number for number, name in rows if name.endswith(VICTIM))

    def dead_node():
        cluster.kill_node()
        cluster.ask("scontrol", "update", f"nodename={cluster.host}", "state=down", "reason=power")
        time.sleep(2)
        cluster.start_node()
        wait(lambda: "idle" in cluster.ask("sinfo", "-h", "-o", "%T"), 120, "node after its restart")

    faults = [
        lambda: cluster.ask("scancel", "--signal=KILL", job()),
        lambda: cluster.ask("scancel", "--signal=USR2", job()),
        dead_node,
    ]
    paused = [lambda fault=fault: while_paused(root, fault) for fault in faults]
    thread, problems = during_training(root, [2, 16, 32], paused)
    assert (
        sweep(
            study(),
            executor="slurm",
            slurm=("partition=all", "time=5"),
            say=lambda line: (lines.append(line), print(line, flush=True)),
        )
        == 2
    )
    thread.join()
    assert not problems
    assert f"{VICTIM}: the job was killed; submitted again, goes on from its checkpoint" in lines
    notes = (root / "results/test/runs" / VICTIM / "manifest.json").read_text()
    assert notes.count("resumed after") == 3, notes
    assert run_files(root) == run_files(reference[0])


def test_slurm_refuses_a_wrong_option(root, cluster):
    with pytest.raises(StageError, match="partition"):
        sweep(study(), executor="slurm", slurm=("partition=nowhere",))
    with pytest.raises(ParameterError, match="whole minutes"):
        sweep(study(), executor="slurm", slurm=("time=1:00:00",))
