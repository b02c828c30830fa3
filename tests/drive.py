"""Drives ``launcher.py``: starts tiny trainings in processes that meet a real fault."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from checkout import ROOT
from launcher import digests
from psutil import pid_exists
from torch.optim.optimizer import register_optimizer_step_post_hook

__all__ = ["RUN", "STEPS", "TINY", "Launcher", "digests", "on_step"]

# 78 photographs of 32 px, 3 epochs of 8 steps; drop path makes random numbers matter to the last step.
STEPS = 24
TINY = [
    "comparison.models=[convnext_tiny, eca_convnext_tiny]",
    "leakage.runs=[]",
    "train.jobs=1",
    "split.protocols=[grouped]",
    "train.epochs=3",
    "train.batch_size=10",
    "model.drop_path_rate=0.3",
    "train.select=last",
    "train.checkpoint_every_steps=4",
]
RUN = "results/test/runs/convnext_tiny-scratch-grouped-seed0"


def on_step(number: int, action):
    """Call ``action`` after the n-th optimizer step; returns what takes it back."""
    count = [0]

    def hook(*_):
        count[0] += 1
        if count[0] == number:
            action()

    return register_optimizer_step_post_hook(hook)


class Launcher:
    """Trains in fresh roots below a folder and says how it ended."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, str(Path(__file__).with_name("launcher.py"))]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def close(self) -> None:
        """End the launcher."""
        self.process.stdin.close()
        self.process.wait()

    def fresh_root(self) -> Path:
        """A new project root with the parameter files."""
        self.count += 1
        root = self.folder / f"root{self.count}"
        shutil.copytree(ROOT / "params", root / "params")
        return root

    def train(
        self, root: Path, kill: list | None = None, disk: list | None = None, changes: tuple[str, ...] = ()
    ) -> dict:
        """Train below ``root``; how the process ended, and what it reported."""
        report = self.folder / "report"
        report.unlink(missing_ok=True)
        task = {"root": str(root), "changes": [*TINY, *changes], "kill": kill, "disk": disk, "report": str(report)}
        self.process.stdin.write(json.dumps(task) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert not pid_exists(answer["pid"])
        return answer | {"report": report.read_text() if report.exists() else ""}
