"""Benchmark of the folder scan: index, hash and split many photographs, once and again, beside what peers do.

    python benchmarks/scan.py --files 10000 100000 --peer-python /path/to/peers/bin/python

Photographs are generated (JPEG, 128 px) in a temporary folder that is deleted afterwards. Every measurement runs in a
process of its own; seconds are wall time inside that process after its imports, CPU seconds are those of the process
and its children (they hardly depend on what else the machine does), memory is the peak of the process (of its largest
process, where a peer starts several). Results are appended to ``benchmarks/RESULTS.md``.
"""

import argparse
import json
import os
import platform
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
CLASSES = 20
PEER_JOBS = ("imagefolder_list", "imagefolder_decode", "imagededup", "cleanvision")


def generate(folder: Path, count: int, px: tuple[int, int]) -> int:
    """Write ``count`` different JPEG files of ``px`` (width, height) into 20 class folders; return their bytes."""
    rng = np.random.default_rng(0)
    grain = [rng.integers(-12, 13, (px[1], px[0], 1), np.int16) for _ in range(4)]
    size = 0
    for number in range(count):
        colours = rng.integers(20, 236, (9, 9, 3), np.uint8)
        smooth = np.asarray(Image.fromarray(colours).resize(px, Image.Resampling.BILINEAR), np.int16)
        pixels = (smooth + grain[number % len(grain)]).clip(0, 255).astype(np.uint8)
        path = folder / f"class{number % CLASSES:02d}" / f"{number:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, quality=88)
        size += path.stat().st_size
    return size


def peak_mb() -> float:
    """Peak memory of this process."""
    status = Path("/proc/self/status")
    if status.exists():  # the figure of getrusage would include what the parent held when it started this process
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)


def cpu_seconds() -> float:
    """Processor time of this process and its finished children."""
    return sum(os.times()[:4])


def child(folder: Path, cache: Path, jobs: int | None) -> None:
    """Scan and split one folder and print the figures."""
    from mineral_lib.data.split import make_split
    from mineral_lib.parameters import load_profile
    from mineral_lib.photos import scan as scan_folder

    changes = ["data.source=folder", "data.folder=x", "data.min_photos=1"]
    settings = load_profile("quick", changes)
    start, busy = time.perf_counter(), cpu_seconds()
    scan = scan_folder(folder, settings.data, jobs=jobs, cache_dir=cache, progress=True)
    split = make_split(scan.index, "grouped", settings.split, settings.augment)
    seconds = time.perf_counter() - start
    assert len(split) == len(scan.index)
    figures = {"seconds": seconds, "cpu_s": cpu_seconds() - busy, "files": len(scan.files), "read": scan.read}
    print(json.dumps(figures | {"peak_mb": peak_mb()}))


def run(command: list[str]) -> dict:
    """Run a child and return its figures, or the last line of its complaint."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        return {"error": lines[-1][:200]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def ours(folder: Path, cache: Path, jobs: int | None) -> dict:
    """One scan in a fresh process."""
    more = ["--jobs", str(jobs)] if jobs else []
    return run([sys.executable, __file__, "--child", str(folder), str(cache), *more])


def row(name: str, found: dict, reference: dict) -> str:
    """One line of the table of results."""
    if "error" in found:
        return f"| {name} | - | - | - | - | - | - | could not run: {found['error']} |"
    wall, cpu = (found[key] / reference.get(key, float("nan")) for key in ("seconds", "cpu_s"))
    note = found.get("note", f"{found['read']} read" if "read" in found else "")
    return (
        f"| {name} | {found['seconds']:.3g} | {found['cpu_s']:.3g} | {found['files'] / found['seconds']:,.0f} | "
        f"{found['peak_mb']:.0f} | {wall:.2f} | {cpu:.2f} | {note} |"
    )


def machine() -> str:
    """Cores, processor and how busy it was."""
    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    return f"{os.cpu_count()} cores, {name}, load before the run {os.getloadavg()[0]:.1f}"


def measure(options: argparse.Namespace) -> list[str]:
    """All measurements; returns the lines of the report."""
    head = (
        "| what | seconds | CPU s | files/s | peak MB | time / first scan | CPU / first scan | note |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |"
    )
    lines = [
        f"## {datetime.now(UTC):%Y-%m-%d}",
        f"Machine: {machine()}. Python {platform.python_version()}, Pillow {Image.__version__}.",
        f"Command: `{command_line()}`",
        "",
    ]
    for count in options.files:
        with tempfile.TemporaryDirectory() as name:
            folder, cache = Path(name, "photos"), Path(name, "cache")
            size = generate(folder, count, (128, 128))
            first = ours(folder, cache, options.jobs)
            lines += [
                f"{count:,} JPEG files of 128 x 128 pixels ({size / 1e6:.0f} MB):",
                "",
                head,
                row("mineral scan: index, SHA-256, full decode, perceptual hash, quality, split", first, first),
                row("mineral scan, second time", ours(folder, cache, options.jobs), first),
            ]
            if options.peer_python and count == min(options.files):
                for peer in PEER_JOBS:
                    found = run([options.peer_python, str(HERE / "scan_peers.py"), peer, str(folder)])
                    lines.append(row(found.get("name", peer), found, first))
            lines.append("")
            print("\n".join(lines[-8:]), flush=True)
    for px in options.big:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name, "photos")
            generate(folder, options.big_files, (px, px * 3 // 4))
            found = ours(folder, Path(name, "cache"), options.jobs)
            lines += [
                f"{options.big_files} JPEG files of {px} x {px * 3 // 4} pixels (memory against pixels):",
                "",
                head,
                row("mineral scan", found, found),
                "",
            ]
    return lines


def command_line() -> str:
    """The command without the folders of this machine."""
    shown = [
        "PYTHON" if before == "--peer-python" else word
        for before, word in zip(["", *sys.argv[1:]], sys.argv[1:], strict=False)
    ]
    return "python benchmarks/scan.py " + shlex.join(shown)


def main() -> None:
    """Read the command line, measure, append the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--jobs", type=int, help="reading threads; all cores if not given")
    parser.add_argument("--peer-python", help="Python of an environment with torchvision, imagededup and cleanvision")
    parser.add_argument("--big", type=int, nargs="*", default=[], metavar="PX", help="also photographs of this width")
    parser.add_argument("--big-files", type=int, default=100)
    parser.add_argument("--child", nargs=2, metavar=("FOLDER", "CACHE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(Path(options.child[0]), Path(options.child[1]), options.jobs)
        return
    from mineral_lib.storage import write_text

    lines = measure(options)
    results = HERE / "RESULTS.md"
    old = results.read_text(encoding="utf-8") if results.exists() else "# Results of the benchmarks\n"
    write_text(results, old.rstrip() + "\n\n" + "\n".join(["# scan.py", "", *lines]).rstrip() + "\n")


if __name__ == "__main__":
    main()
