"""Contestants in turn: each in a fresh process, all once before any runs again: other load hits all alike."""

import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
NETWORKS = {"convnext_tiny": "ConvNeXt-T", "compact": "compact ConvNeXt"}


def flags(**values: object) -> list[str]:
    """Options of a program: ``flags(px=64)`` is ``["--px", "64"]``."""
    return [word for name, value in values.items() for word in (f"--{name.replace('_', '-')}", str(value))]


@dataclass(frozen=True)
class Contestant:
    """One row of a table.

    Attributes:
        name: Who, in words.
        precision: ``fp32`` or ``bf16``.
        command: The process, without the options that all share.
    """

    name: str
    precision: str
    command: tuple[str, ...]


def contestants(peer_python: str, peer_dir: str | None) -> list[Contestant]:
    """This project in both precisions and every peer in what it can do on the device."""
    ours = (sys.executable, str(HERE / "train_ours.py"))
    peers = (peer_python, str(HERE / "train_peers.py"))
    sources = ("--peer-dir", str(Path(peer_dir).resolve())) if peer_dir else ()
    rows = [Contestant("this project", "bf16", ours), Contestant("this project", "fp32", ours)]
    if peer_dir:
        rows.append(Contestant("torchvision references", "fp32", (*peers, "torchvision", *sources)))
        rows.append(Contestant("timm train.py", "bf16", (*peers, "timm", *sources)))
    rows += [
        Contestant("fastai Learner.fit", "fp32", (*peers, "fastai")),
        Contestant("naive loop", "fp32", (*peers, "naive")),
    ]
    return rows


def run_child(command: list[str], threads: int) -> dict:
    """The figures of one process (the last line it prints), or ``error``."""
    paths = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        return {"error": lines[-1][:200]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def in_turn(rows: list[Contestant], shared: list[str], *, repeats: int, threads: int) -> dict[Contestant, list[dict]]:
    """Figures of every contestant, ``repeats`` of each; one that fails is not tried again."""
    found: dict[Contestant, list[dict]] = {row: [] for row in rows}
    for turn in range(repeats):
        for row in rows:
            if any("error" in figures for figures in found[row]):
                continue
            options = [*shared, "--precision", row.precision, "--threads", str(threads)]
            found[row].append(run_child([*row.command, *options], threads))
            print(f"turn {turn + 1}: {row.name} {row.precision}: {found[row][-1]}", file=sys.stderr, flush=True)
    return found


def median(figures: list[dict], key: str) -> float:
    """Median of a figure over the repetitions; single values and lists alike."""
    return statistics.median(values(figures, key))


def values(figures: list[dict], key: str) -> list[float]:
    """All values of a figure over the repetitions."""
    found: list[float] = []
    for one in figures:
        found += one[key] if isinstance(one[key], list) else [one[key]]
    return found


def spread(numbers: list[float]) -> str:
    """Median and range in words."""
    return f"{statistics.median(numbers):.1f} ({min(numbers):.1f} to {max(numbers):.1f})"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
