"""The bare training step on a GPU beside timm's ``train.py`` and a naive loop, in order of value, saved after each.

    python benchmarks/gpu_step.py --out OUT --peer-dir SOURCES

Each measurement in a fresh process: bf16, channels-last, AdamW, one batch on the device (whole epochs: photographs in
memory, augmented). ``speed.json`` in OUT holds what was measured so far; ``--table`` turns it into a section of
``RESULTS.md``.
"""

import argparse
import json
import os
import statistics
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
OURS = "this project"
# A peak of the matrix unit, measured in the same minutes: bf16 products of 8192 x 8192.
SIDE = 8192


def contestants(peer_dir: str | None, *, compiled: bool) -> dict[str, list[str]]:
    """Commands by name: this project, its epochs with augmentation, one idea not adopted yet, and the peers."""
    ours, peers = str(HERE / "train_ours.py"), str(HERE / "train_peers.py")
    rows = {OURS: [ours, *flags(mode="step", precision="bf16")]}
    sources = Path(peer_dir or "").resolve()
    if peer_dir and (sources / "pytorch-image-models").is_dir():
        rows["timm train.py"] = [peers, "timm", *flags(mode="step", precision="bf16", peer_dir=sources)]
    if compiled:
        return {name: [*words, "--compile"] for name, words in rows.items()}
    if peer_dir and (sources / "vision").is_dir():
        rows["torchvision references, fp16"] = [
            *(peers, "torchvision"),
            *flags(mode="step", precision="fp16", peer_dir=sources),
        ]
    return rows | {
        "naive loop, fp32": [peers, "naive", *flags(mode="step", precision="fp32")],
        "this project, whole epochs": [ours, *flags(mode="loader", precision="bf16")],
        "this project, norms in bf16": [ours, *flags(mode="step", precision="bf16"), "--fast-norm"],
    }


def measure(options: argparse.Namespace, data: str) -> None:
    """Measure what is missing in ``speed.json``."""
    path = options.out / "speed.json"
    found = json.loads(path.read_text()) if path.is_file() else {"steps": []}
    if "peak_gflops" not in found:
        found["peak_gflops"] = matrix_peak(options.device, options.threads, side=options.side)["bf16"]
        write_json(path, found)
    shared = flags(device=options.device, data=data, classes=CLASSES, px=options.px, steps=options.steps)
    shared += flags(threads=options.threads)
    for network, batch, compiled in PLAN:
        for name, words in contestants(options.peer_dir, compiled=compiled).items():
            key = {"loop": name, "network": network, "batch": batch, "compiled": compiled}
            if any(key.items() <= row.items() for row in found["steps"]):
                continue
            epochs = 3 if "loader" in words else 1
            command = [sys.executable, *words, *shared, *flags(network=network, batch=batch, epochs=epochs)]
            row = run_child(command, options.threads)
            if "wait_share" in row:
                row = {name: statistics.median(values) for name, values in row.items()}
            found["steps"].append(key | row)
            print(found["steps"][-1], flush=True)
            write_json(path, found)


def section(found: dict) -> str:
    """The table of what was measured."""
    steps, rows = [row for row in found["steps"] if "error" not in row], []
    for row in steps:
        same = {name: row[name] for name in ("network", "batch", "compiled")}
        like = [other for other in steps if other["loop"] == OURS and same.items() <= other.items()]
        gflop = next(
            other["gflop_per_image"]
            for other in steps
            if other["network"] == row["network"] and "gflop_per_image" in other
        )
        speed = row["images_per_second"]
        peer = OURS not in row["loop"]
        rows.append(
            [
                NETWORKS[row["network"]],
                str(row["batch"]),
                "yes" if row["compiled"] else "no",
                row["loop"],
                f"{speed:.0f}",
                f"{100 * speed * gflop / found['peak_gflops']:.1f} %",
                f"{row['memory_mib']:.0f}" if "memory_mib" in row else "",
                f"{100 * row['wait_share']:.1f} %" if "wait_share" in row else "",
                f"{like[0]['images_per_second'] / speed:.2f}" if peer and like else "",
            ]
        )
    failed = [
        f"{row['loop']}, {row['network']}, batch {row['batch']}: {row['error']}"
        for row in found["steps"]
        if "error" in row
    ]
    head = ["network", "batch", "torch.compile", "loop", "images/s", "share of bf16 peak", "peak MiB", "wait for data"]
    head.append("ours / peer")
    peak = f"Matrix peak measured in the same minutes: {found['peak_gflops'] / 1e3:.0f} TFLOP/s (bf16)."
    return "\n\n".join([table(head, rows), peak, *failed])


def main() -> None:
    """Measure, or write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--peer-dir", help="folder with pytorch-image-models/train.py")
    parser.add_argument("--device", default="cuda")
    for name, value in {"px": 224, "threads": min(4, os.cpu_count() or 1), "steps": 100, "side": SIDE}.items():
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
