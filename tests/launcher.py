"""Runs a tiny training again and again in forked children that are killed where the test says.

Started as a program by ``test_kill_points.py``. It imports the library once; each line of its input is a task
(JSON), each answer a line with how the child ended. A child is a process of its own: a kill is a real kill.

A task names ``root`` (the project root of the run), ``changes`` (of parameters) and ``kill``: nothing, or one of
``["operation", k]``: SIGKILL just before the k-th file operation below the root,
``["write", k]``: from the k-th opening on, the process dies by SIGXFSZ inside the first write beyond 700 bytes,
``["step", k]`` / ``["before step", k]``: SIGKILL right after / before the k-th optimizer step,
``["file size", k]``: no file may grow beyond 100 kB after the k-th step (the error of a full disk, unprivileged),
``["memory", k]``: hardly any memory is left after the k-th step,
``["loader", k]``: its loader processes are killed after the k-th step.

With ``disk``, the results lie on a disk of their own (a tmpfs that only this process sees) and something happens to it
after the given step: ``["full", k]`` fills it, ``["read-only", k]`` makes it read-only. Training fails; then the disk
is mended and training starts again. The report holds the error, what was on the disk, and the digests at the end.
"""

import contextlib
import hashlib
import json
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

from disks import PAD, fill, make_read_only, make_writable, private_disk
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from mineral_lib.compute.checkpoint import load_checkpoint
from mineral_lib.errors import StudyError
from mineral_lib.parameters import load_profile
from mineral_lib.paths import ROOT_VARIABLE
from mineral_lib.study import Study

CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.link", "os.rmdir", "os.truncate")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
TORN_BYTES = 700
HOG: list[bytes] = []


def operation(event: str, arguments: tuple, root: str) -> str | None:
    """Name of a file operation below ``root`` that changes something, else None."""
    if event == "open":
        path, _, flags = arguments
        changes = isinstance(flags, int) and bool(flags & WRITING)
    else:
        path, changes = arguments[0] if arguments else None, event in CHANGES
    if not changes or not isinstance(path, str | os.PathLike) or not os.fspath(path).startswith(root):
        return None
    return f"{event} {os.path.relpath(path, root)}"


def arm(root: str, kill: list | None, seen: list[str]) -> None:
    """Prepare the death of this process."""
    kind, number = kill or ("nothing", 0)
    steps = [0]

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def on_event(event: str, arguments: tuple) -> None:
        name = operation(event, arguments, root)
        if name is None:
            return
        seen.append(name)
        if kind == "operation" and len(seen) == number:
            die()
        if kind == "write" and event == "open" and len(seen) >= number:
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_FSIZE, (TORN_BYTES, TORN_BYTES))

    def before(*_: object) -> None:
        if kind == "before step" and steps[0] + 1 == number:
            die()

    def after(*_: object) -> None:
        steps[0] += 1
        if steps[0] != number:
            return
        if kind == "step":
            die()
        if kind == "loader":
            for process in multiprocessing.active_children():
                process.kill()
        if kind == "file size":
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
        if kind == "memory":
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize(),) * 2)
            for size in (2**power for power in range(26, 15, -1)):  # what the process has, but does not use
                with contextlib.suppress(MemoryError):
                    while True:
                        HOG.append(bytes(size))

    sys.addaudithook(on_event)
    register_optimizer_step_pre_hook(before)
    register_optimizer_step_post_hook(after)


def train(task: dict) -> None:
    """The training itself."""
    study = Study(load_profile("test", task["changes"]))
    study.train([study.run("convnext_tiny")], say=lambda line: None)


def child(task: dict, report: int) -> None:
    """Train, and write the file operations seen to ``report``."""
    os.environ[ROOT_VARIABLE] = task["root"]
    if task.get("disk"):
        os.write(report, json.dumps(train_on_a_bad_disk(task, *task["disk"])).encode())
        return
    seen: list[str] = []
    arm(task["root"], task["kill"], seen)
    train(task)
    os.write(report, json.dumps(list(seen)).encode())


def train_on_a_bad_disk(task: dict, fault: str, step: int) -> dict:
    """Train on a disk that fails after a step, check what is there, mend the disk, train on."""
    results, steps = Path(task["root"]) / "results", [0]
    private_disk(results, megabytes=100)

    def after(*_: object) -> None:
        steps[0] += 1
        if steps[0] == step and fault == "full":
            fill(results, leave=200_000)
        elif steps[0] == step:
            make_read_only(folder)

    folder = results
    if step:
        folder = results / "test/runs/convnext_tiny-scratch-grouped-seed0/checkpoints"
        handle = register_optimizer_step_post_hook(after)
    else:
        make_read_only(folder)
    begin = time.monotonic()
    try:
        train(task)
        return {"error": None}
    except StudyError as problem:
        error = {"error": str(problem), "code": problem.exit_code, "seconds": time.monotonic() - begin}
    found = {path.name: load_checkpoint(path)["epoch"] for path in results.rglob("*.pt")}
    left = [path.name for path in results.rglob("*.partial-*")]
    if fault == "full":
        (results / PAD).unlink()
    else:
        make_writable(folder)
    if step:
        handle.remove()
    train(task)
    return error | {"checkpoints": found, "partials": left, "digests": digests(Path(task["root"]))}


def digests(root: Path) -> dict[str, str]:
    """SHA-256 of every file that must be the same in every run; only the manifest holds times."""
    found = [path for path in (root / "results").rglob("*") if path.is_file() and path.name != "manifest.json"]
    files = sorted(path for path in found if path.parent.name != "checked")  # holds times and places
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def warm_up(task: dict) -> None:
    """Train once in a folder of its own, so that no child imports or sets up anything first: half of its time."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(Path(task["root"]) / "params", Path(folder) / "params")
        os.environ[ROOT_VARIABLE] = folder
        train(task | {"changes": [*task["changes"], "train.epochs=1"]})
    assert threading.active_count() == 1  # else a fork would not be safe


def main() -> None:
    """Answer tasks until the input ends."""
    warm, answers = False, sys.stdout
    sys.stdout = sys.stderr  # what a training says is no answer
    for line in sys.stdin:
        task = json.loads(line)
        report = Path(task["report"])
        if not warm:
            warm_up(task)
            warm = True
        process = os.fork()
        if process == 0:
            code = 1
            with contextlib.suppress(BaseException):
                try:
                    child(task, os.open(report, os.O_WRONLY | os.O_CREAT | os.O_TRUNC))
                    code = 0
                except BaseException:
                    report.write_text(traceback.format_exc())
            os._exit(code)
        status = os.waitpid(process, 0)[1]
        print(json.dumps({"pid": process, "code": os.waitstatus_to_exitcode(status)}), file=answers, flush=True)


if __name__ == "__main__":
    main()
