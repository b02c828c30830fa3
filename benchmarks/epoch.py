"""Images per second of a real training epoch, from 12-megapixel JPEG photographs, beside peers.

    python benchmarks/epoch.py --peer-python PEERS/bin/python --peer-dir SOURCES

The photographs are generated in a temporary folder. The first epoch of this project includes the scan (every file
decoded, hashed and looked at) and the decoding to working size; the epochs after it read what was kept. The peers
decode
in every epoch. Every measurement in a fresh process, in turn; validation is left out for all. See ``train_step.py``.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from photos import SIZE, write_photos
from turns import HERE, NETWORKS, Contestant, contestants, flags, in_turn, median, spread, table, values

from results import append

CLASSES = 6  # torchvision's program counts the five best answers


def speeds(runs: list[dict]) -> tuple[list[float], list[float]]:
    """Images per second of first epochs, and of all later ones."""
    first = [run["images"] / run["seconds"][0] for run in runs]
    return first, [run["images"] / seconds for run in runs for seconds in run["seconds"][1:]]


def section(network: str, found: dict[Contestant, list[dict]]) -> str:
    """The table of one network."""
    good = {row: speeds(runs) for row, runs in found.items() if "error" not in runs[-1]}
    best = max(
        (values_ for row, values_ in good.items() if row.name == "this project"),
        key=lambda pair: sorted(pair[1])[len(pair[1]) // 2],
    )
    middle = [median([{"x": part}], "x") for part in best]
    rows = []
    for row, runs in found.items():
        if row not in good:
            rows.append([row.name, row.precision, f"failed: {runs[-1]['error']}", "", "", ""])
            continue
        ratios = ["", ""]
        if row.name != "this project":
            ratios = [f"{ours / median([{'x': part}], 'x'):.2f}" for ours, part in zip(middle, good[row], strict=True)]
        rows.append([row.name, row.precision, *(spread(part) for part in good[row]), *ratios])
    head = [
        "program",
        "precision",
        "first epoch, images/s (range)",
        "later epochs, images/s (range)",
        "ours / peer, first",
        "ours / peer, later",
    ]
    ours = [run for row, runs in found.items() if row.name == "this project" for run in runs if "prepared_s" in run]
    note = f"Scan and decoding of ours: {spread(values(ours, 'prepared_s'))} s, in its first epoch."
    return f"### {NETWORKS[network]}\n\n{table(head, rows)}\n\n{note}"


def loader_section(network: str, shared: list[str], options: argparse.Namespace) -> str:
    """How long our loop waits for its loader in an epoch of decoded photographs, without and with a process for it."""
    ours = (sys.executable, str(HERE / "train_ours.py"))
    rows = [
        Contestant(f"this project, {workers} loader processes", "bf16", (*ours, "--workers", str(workers)))
        for workers in (0, 1)
    ]
    steps = 60 if network == "compact" else 10
    found = in_turn(
        rows, [*shared, "--mode", "loader", "--steps", str(steps)], repeats=options.repeats, threads=options.threads
    )
    lines = [
        [
            row.name,
            spread(values(runs, "images_per_second")),
            spread([100 * share for share in values(runs, "wait_share")]),
        ]
        for row, runs in found.items()
    ]
    head = [f"{steps} steps an epoch, bf16", "images/s", "wait for the loader, % of the step"]
    return table(head, lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--peer-dir", help="folder with vision/ and pytorch-image-models/")
    parser.add_argument("--networks", nargs="+", choices=tuple(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--device", default="cpu")
    defaults = {"px": 64, "batch": 32, "threads": 2, "repeats": 3, "photos": 64, "epochs": 3}
    for name, value in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    sections = []
    with tempfile.TemporaryDirectory() as data:
        size = write_photos(Path(data, "train"), options.photos, classes=CLASSES)
        write_photos(Path(data, "val"), CLASSES, classes=CLASSES, size=(96, 96), seed=1)
        for network in options.networks:
            shared = flags(mode="epoch", network=network, device=options.device, data=data, classes=CLASSES)
            shared += flags(px=options.px, batch=options.batch, steps=0, epochs=options.epochs)
            rows = contestants(options.peer_python, options.peer_dir)
            found = in_turn(rows, shared, repeats=options.repeats, threads=options.threads)
            sections += [section(network, found), loader_section(network, shared, options)]
    setting = (
        f"{options.photos} photographs of {SIZE[0]} x {SIZE[1]} pixels, {size / options.photos / 1e6:.1f} MB "
        f"each on average; {options.px} px, batch {options.batch}, {options.threads} threads (peers: as many loader "
        f"processes beside; naive: none), device {options.device}, AdamW; {options.epochs} epochs, "
        f"{options.repeats} repetitions in turn, each in a fresh process. Each with its own usual augmentation."
    )
    command = "python benchmarks/epoch.py --peer-python PEERS/bin/python --peer-dir SOURCES"
    append("Training epoch, from photographs", command, "\n\n".join([setting, *sections]))


if __name__ == "__main__":
    main()
