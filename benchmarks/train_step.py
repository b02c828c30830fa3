"""Images per second of the bare training step, beside peers, and as a share of what the machine's matrix unit can do.

    python benchmarks/train_step.py --peer-python PEERS/bin/python --peer-dir SOURCES

One batch in memory, trained on again and again by the training loop of each contestant (its own ``train_one_epoch`` or
``Learner.fit``, metrics and all): same network, size, batch and threads, AdamW. Every measurement in a fresh process,
in turn. See ``benchmarks/README.md`` for the peers.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from photos import write_photos
from turns import NETWORKS, Contestant, contestants, flags, in_turn, median, spread, table, values

from results import append

CLASSES = 6  # torchvision's program counts the five best answers
PEAK = Contestant("matrix peak", "both", (sys.executable, str(Path(__file__).resolve()), "--peak"))


def matrix_peak(device: str, threads: int, side: int = 2048, seconds: float = 1.0) -> dict[str, float]:
    """GFLOP/s of ``torch.mm`` of two square matrices, the best of many, in both precisions."""
    import torch

    torch.set_num_threads(threads)
    found = {}
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        a, b = torch.randn(2, side, side, device=device).to(dtype)
        torch.mm(a, b)
        times, end = [], time.perf_counter() + seconds
        while time.perf_counter() < end or len(times) < 5:
            start = time.perf_counter()
            torch.mm(a, b)
            if device == "cuda":
                torch.cuda.synchronize()
            times.append(time.perf_counter() - start)
        found[name] = 2e-9 * side**3 / statistics.median(times)
    return found


def section(network: str, found: dict[Contestant, list[dict]], peak: dict[str, float]) -> str:
    """The table of one network."""
    ours = {
        row.precision: median(runs, "images_per_second")
        for row, runs in found.items()
        if row.name == "this project" and "error" not in runs[-1]
    }
    gflop = next(run["gflop_per_image"] for runs in found.values() for run in runs if "gflop_per_image" in run)
    rows, fastest = [], 0.0
    for row, runs in found.items():
        if "error" in runs[-1]:
            rows.append([row.name, row.precision, f"failed: {runs[-1]['error']}", "", "", ""])
            continue
        speed = median(runs, "images_per_second")
        peer = row.name != "this project"
        fastest = max(fastest, speed) if peer else fastest
        rows.append(
            [
                row.name,
                row.precision,
                spread(values(runs, "images_per_second")),
                f"{100 * speed * gflop / peak[row.precision]:.0f}%",
                f"{ours[row.precision] / speed:.2f}" if peer else "",
                f"{max(ours.values()) / speed:.2f}" if peer else "",
            ]
        )
    head = [
        "loop",
        "precision",
        "images/s, median (range)",
        "share of matrix peak",
        "ours / peer, same precision",
        "ours at its best / peer",
    ]
    ending = f"\n\nOurs against the fastest peer: {max(ours.values()) / fastest:.2f}." if fastest else ""
    return f"### {NETWORKS[network]}, {gflop:.2f} GFLOP a training image\n\n{table(head, rows)}{ending}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--peer-dir", help="folder with vision/ and pytorch-image-models/")
    parser.add_argument("--networks", nargs="+", choices=tuple(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--peak", action="store_true", help=argparse.SUPPRESS)
    defaults = {"px": 64, "batch": 32, "threads": 2, "repeats": 3, "steps": 8}
    for name, value in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    options, unknown = parser.parse_known_args()
    if options.peak:
        print(json.dumps(matrix_peak(options.device, options.threads)))
        return
    if unknown:
        parser.error(f"unknown: {unknown}")
    sections = []
    with tempfile.TemporaryDirectory() as data:
        for split in ("train", "val"):  # the peers' programs want folders to start
            write_photos(Path(data, split), options.batch, classes=CLASSES, size=(96, 96))
        for network in options.networks:
            # The compact network is many times faster: more steps, for about the same time.
            steps = options.steps * (6 if network == "compact" else 1)
            shared = flags(mode="step", network=network, device=options.device, data=data, classes=CLASSES)
            shared += flags(px=options.px, batch=options.batch, steps=steps, epochs=1)
            rows = [PEAK, *contestants(options.peer_python, options.peer_dir)]
            found = in_turn(rows, shared, repeats=options.repeats, threads=options.threads)
            measured = found.pop(PEAK)
            peak = {name: median(measured, name) for name in ("fp32", "bf16")}
            sections.append(
                section(network, found, peak) + f"\n\nMatrix peak (`torch.mm`, 2048): {peak['fp32']:.0f} "
                f"fp32, {peak['bf16']:.0f} bf16 GFLOP/s."
            )
    setting = (
        f"{options.px} px, batch {options.batch}, {options.threads} threads, device {options.device}, AdamW; "
        f"{options.repeats} repetitions in turn, each in a fresh process."
    )
    changed = [f"--{name} {getattr(options, name)}" for name in defaults if getattr(options, name) != defaults[name]]
    if options.networks != list(NETWORKS):
        changed.append(f"--networks {' '.join(options.networks)}")
    command = " ".join(["python benchmarks/train_step.py --peer-python PEERS/bin/python --peer-dir SOURCES", *changed])
    append(f"Training step, bare, {options.px} px", command, "\n\n".join([setting, *sections]))


if __name__ == "__main__":
    main()
