"""The bare training step on a GPU beside timm's ``train.py`` and a naive loop, in order of value, saved after each.

    python benchmarks/gpu_step.py --out OUT --peer-dir SOURCES

Each measurement in a fresh process: bf16, channels-last, AdamW, one batch on the device. ``speed.json`` in OUT holds
what was measured so far; ``--table`` turns it into a section of ``RESULTS.md``.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from photos import write_photos
from train_step import matrix_peak
from turns import HERE, flags, run_child, table

from mineral_lib.storage import write_json
from results import append

CLASSES = 26
NETWORKS = {"convnext_tiny": "ConvNeXt-T", "resnet50": "ResNet50"}
# Network, batch, through torch.compile: the first are worth most if the time is short.
PLAN = [
    ("convnext_tiny", 32, False),
    ("resnet50", 32, False),
    ("convnext_tiny", 32, True),
    ("convnext_tiny", 128, False),
    ("resnet50", 128, False),
    ("resnet50", 32, True),
]
# A peak of the matrix unit, measured in the same minutes: bf16 products of 8192 x 8192.
SIDE = 8192


def measure(options: argparse.Namespace, data: str) -> None:
    """Measure what is missing in ``speed.json``."""
    path = options.out / "speed.json"
    found = json.loads(path.read_text()) if path.is_file() else {"steps": []}
    if "peak_gflops" not in found:
        found["peak_gflops"] = matrix_peak(options.device, options.threads, side=options.side)["bf16"]
        write_json(path, found)
    ours, peers = HERE / "train_ours.py", HERE / "train_peers.py"
    for network, batch, compiled in PLAN:
        contestants = {"this project": [str(ours)]}
        if options.peer_dir:
            contestants["timm train.py"] = [str(peers), "timm", "--peer-dir", str(Path(options.peer_dir).resolve())]
        if not compiled:
            contestants["naive loop, fp32"] = [str(peers), "naive"]
        for name, words in contestants.items():
            key = {"loop": name, "network": network, "batch": batch, "compiled": compiled}
            if any(key.items() <= row.items() for row in found["steps"]):
                continue
            shared = flags(mode="step", network=network, device=options.device, data=data, classes=CLASSES)
            shared += flags(px=options.px, batch=batch, steps=options.steps, epochs=1, precision="bf16")
            shared += flags(threads=options.threads)
            command = [sys.executable, *words, *shared, *(["--compile"] if compiled else [])]
            found["steps"].append(key | run_child(command, options.threads))
            print(found["steps"][-1], flush=True)
            write_json(path, found)


def section(found: dict) -> str:
    """The table of what was measured."""
    steps, rows = [row for row in found["steps"] if "error" not in row], []
    for row in steps:
        same = {name: row[name] for name in ("network", "batch", "compiled")}
        like = [other for other in steps if other["loop"] == "this project" and same.items() <= other.items()]
        gflop = next(
            other["gflop_per_image"]
            for other in steps
            if other["network"] == row["network"] and "gflop_per_image" in other
        )
        speed = row["images_per_second"]
        peer = row["loop"] != "this project"
        rows.append(
            [
                NETWORKS[row["network"]],
                str(row["batch"]),
                "yes" if row["compiled"] else "no",
                row["loop"],
                f"{speed:.0f}",
                f"{100 * speed * gflop / found['peak_gflops']:.1f} %",
                f"{row['memory_mib']:.0f}",
                f"{like[0]['images_per_second'] / speed:.2f}" if peer and like else "",
            ]
        )
    failed = [
        f"{row['loop']}, {row['network']}, batch {row['batch']}: {row['error']}"
        for row in found["steps"]
        if "error" in row
    ]
    head = ["network", "batch", "torch.compile", "loop", "images/s", "share of bf16 peak", "peak MiB", "ours / peer"]
    peak = f"Matrix peak measured in the same minutes: {found['peak_gflops'] / 1e3:.0f} TFLOP/s (bf16)."
    return "\n\n".join([table(head, rows), peak, *failed])


def main() -> None:
    """Measure, or write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--peer-dir", help="folder with pytorch-image-models/train.py")
    parser.add_argument("--device", default="cuda")
    for name, value in {"px": 224, "threads": min(4, os.cpu_count() or 1), "steps": 40, "side": SIDE}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--table", metavar="CARD", help="append the table of speed.json to RESULTS.md, for this card")
    options = parser.parse_args()
    if options.table:
        found = json.loads((options.out / "speed.json").read_text())
        append(
            f"Training step on a GPU ({options.table}), {options.px} px",
            "python benchmarks/gpu_step.py --out OUT --peer-dir SOURCES",
            section(found),
        )
        return
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        for split in ("train", "val"):  # the peers' programs want folders to start
            write_photos(Path(data, split), 130, classes=CLASSES, size=(96, 96))
        measure(options, data)


if __name__ == "__main__":
    main()
