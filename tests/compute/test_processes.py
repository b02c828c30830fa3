"""Kernels, loader processes and second signals: what is told once and twice, shared, and left behind."""

import errno
import json
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from multiprocessing import util

import pytest
import torch

from mineral_lib.compute import schedule
from mineral_lib.compute.executors import Here
from mineral_lib.compute.processes import process_context
from mineral_lib.errors import BusyError, StorageError
from mineral_lib.kernel import stoppable_kernel
from mineral_lib.pipeline import _save_whole
from mineral_lib.stopping import graceful_stop
from mineral_lib.study import Study


def test_the_second_signal_is_handed_on_and_the_third_leaves_at_once():
    """So that a kernel told twice ends in order, and the chain with it, without a traceback."""
    for number in (signal.SIGINT, signal.SIGTERM):
        told = []
        with pytest.raises(KeyboardInterrupt), graceful_stop(told.append):
            for _ in range(3):
                signal.raise_signal(number)
        assert told == [number, number]


def test_the_kernel_is_that_of_this_interpreter(tmp_path, monkeypatch):
    """Case F22: whatever is registered under the name, or nothing at all."""
    spec = {"argv": ["/usr/bin/other", "-f", "{connection_file}"], "display_name": "Python 3", "language": "python"}
    (tmp_path / "kernels" / "python3").mkdir(parents=True)
    (tmp_path / "kernels" / "python3" / "kernel.json").write_text(json.dumps(spec))
    for path in (tmp_path, tmp_path / "none"):
        monkeypatch.setenv("JUPYTER_PATH", str(path))
        monkeypatch.setenv("JUPYTER_DATA_DIR", str(path))
        with stoppable_kernel("notebook") as options:
            kernel = options["kernel_manager_class"](kernel_name="python3")
        assert kernel.kernel_spec.argv[0] == sys.executable


def test_the_copy_of_a_notebook_is_written_whole(tmp_path, monkeypatch):
    from papermill.iorw import papermill_io

    _save_whole("results")
    monkeypatch.chdir(tmp_path)
    papermill_io.write("old", "results/test/notebooks/a.failed.ipynb")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        papermill_io.write("new", "results/test/notebooks/a.failed.ipynb")
    assert [path.read_text() for path in tmp_path.rglob("*.ipynb")] == ["old"]
    assert not list(tmp_path.rglob("*.partial-*"))


class SharedRun:
    """A run that another process trains until it has been tried three times."""

    name, pretraining, saved_at, tries = "run", None, 0, 0

    @property
    def is_finished(self):
        return self.tries > 3

    def train(self, *, say):
        self.tries += 1
        if not self.is_finished:
            raise BusyError("active")


def test_two_notebooks_that_want_the_same_run_share_it(monkeypatch):
    """The second waits for what the first is training, and says so once."""
    monkeypatch.setattr(schedule, "BUSY_S", 0.01)
    run, said = SharedRun(), []
    work = schedule.Schedule([run], Here(said.append), said.append)
    work.run(1)
    assert run.tries == 4 and work.done == 1 and not work.failed
    assert len(said) == 1 and "another process is at it" in said[0]


def test_a_killed_loader_and_a_long_temporary_folder_leave_nothing(tiny, tmp_path, monkeypatch):
    """Case F28: batches travel through pipes, so neither sockets nor shared memory are needed."""
    long = tmp_path / ("scratch-of-a-cluster-job" * 5)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    monkeypatch.delitem(multiprocessing.current_process()._config, "tempdir", raising=False)
    study = Study(tiny.model_copy(update={"train": tiny.train.model_copy(update={"num_workers": 1})}))
    loader = study.run("convnext_tiny").loaders()["train"]
    loader.timeout = 30
    plain = Study(tiny).run("convnext_tiny").loaders()["train"]
    for batch, same in zip(loader, plain, strict=True):
        assert all(torch.equal(*parts) for parts in zip(batch, same, strict=True))
    batches = iter(loader)
    next(batches)
    with pytest.raises(RuntimeError, match=r"killed|exited"):
        for process in multiprocessing.active_children():
            process.kill()
        list(batches)
        time.sleep(10)  # its death is told by a signal
    assert not list(long.iterdir())
    assert len(os.fsencode(tempfile.gettempdir())) > 107
    process_context("mineral_lib.storage")
    assert len(os.fsencode(util.get_temp_dir())) < 80
    assert tempfile.gettempdir() == str(long)
