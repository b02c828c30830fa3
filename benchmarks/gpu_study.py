"""The study of the six real networks on one GPU, in minutes: one command with a deadline.

    python benchmarks/gpu_study.py --minutes 9 --out OUT [--peer-dir SOURCES]

Parts in order of value, each kept in OUT as soon as it is there: the photographs (all cores) while the GPU path is
tested and pre-training runs; the runs of Tables 4 and 5, two at a time; tables and figures; Grad-CAM; the training step
beside a peer's; a second and third seed of the proposed network and of transfer alone. At the deadline whatever runs is
stopped, saved and packed; called again, the command goes on where it stopped. The archive holds histories, metrics,
predictions, tables, figures and manifests, no weights.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from mineral_lib.parameters import load_profile
from mineral_lib.paths import ResultPaths, project_root
from mineral_lib.runtime import machine, package_versions
from mineral_lib.storage import atomic_path, write_json
from mineral_lib.training.recorded import WEIGHTS_FILE

HERE = Path(__file__).resolve().parent
# Left out of the archive: what is large or can be made again.
LEFT_OUT = (WEIGHTS_FILE, "checkpoints", "jobs", "cache", "notebooks")
PHOTOGRAPHS = "from mineral_lib.study import Study; print(Study(settings).pixels().shape)"
PRETRAINING = "from mineral_lib.training import pretrain; pretrain.Pretraining(settings, 'convnext_tiny').train()"
# With the time that is left.
MORE_SEEDS = [
    f"{name}-transfer-grouped-seed{seed}" for seed in (1, 2) for name in ("eca_convnext_tiny", "convnext_tiny")
]
# A stopped process has so long to save and end.
GRACE_S = 20.0
PACKING_S = 10.0


@dataclass
class Session:
    """One call of the command.

    Attributes:
        profile: Profile of the study.
        changes: Its changes, ``KEY=VALUE``.
        out: Where logs and figures of the benchmark go.
        archive: The file that takes all of it along.
        end: When to be done, on the clock of ``time.monotonic``.
        record: What each part took and how it ended; ``done`` parts are not repeated.
    """

    profile: str
    changes: list[str]
    out: Path
    archive: Path
    end: float
    record: dict = field(default_factory=dict)

    def left(self) -> float:
        """Seconds left for work."""
        return self.end - time.monotonic() - PACKING_S

    def command(self, *words: str) -> list[str]:
        """A command of the library on this profile."""
        changes = [part for change in self.changes for part in ("--set", change)]
        return [sys.executable, "-m", "mineral_lib", *words, "--profile", self.profile, *changes]

    def python(self, code: str) -> list[str]:
        """A line of Python with the profile's ``settings``."""
        settings = f"load_profile({self.profile!r}, {self.changes!r})"
        return [sys.executable, "-c", f"from mineral_lib.parameters import load_profile; settings = {settings}; {code}"]

    def run(self, part: str, command: list[str], *, limit_s: float = float("inf")) -> None:
        """Run a command until it ends or the time is over; its output goes to ``<part>.txt``."""
        if self.record.get(part, {}).get("status") == "done":
            return
        begin, limit = time.monotonic(), min(self.left(), limit_s)
        status = "no time"
        if limit > 5:
            with (self.out / f"{part}.txt").open("a", encoding="utf-8") as log:
                process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=project_root())
                status = _wait(process, limit)
        self.record[part] = {"status": status, "seconds": round(time.monotonic() - begin, 1)}
        write_json(self.out / "parts.json", self.record)
        print(part, self.record[part], flush=True)

    def pack(self) -> Path:
        """The small archive of everything that was made, logs included."""
        root = ResultPaths.of(self.settings.profile).root
        # Two seconds for 40 MB of numbers; lzma takes twenty for a twentieth less.
        with atomic_path(self.archive) as partial, tarfile.open(partial, "w:bz2") as tar:
            for folder, name in ((root, root.name), (self.out, f"{root.name}/benchmark")):
                if folder.is_dir():
                    tar.add(folder, arcname=name, filter=_small)
        return self.archive

    @property
    def settings(self):
        """The profile with its changes."""
        return load_profile(self.profile, self.changes)


def _wait(process: subprocess.Popen, limit_s: float) -> str:
    try:
        code = process.wait(limit_s)
        return "done" if code == 0 else f"exit status {code}"
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_S)
        return "stopped at the deadline"
    process.kill()
    return "killed at the deadline"


def _small(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if set(Path(entry.name).parts) & set(LEFT_OUT) else entry


def prepare(session: Session) -> None:
    """Render the photographs on all cores; meanwhile the GPU is tested and learns the starting weights."""
    with ThreadPoolExecutor(1) as pool:
        rendering = pool.submit(session.run, "photographs", session.python(PHOTOGRAPHS))
        session.run("tests", [sys.executable, "-m", "pytest", "tests/training/test_gpu.py", "-q"], limit_s=120)
        session.run("pretraining", session.python(PRETRAINING))
        rendering.result()


def main() -> None:
    """Parse, run the parts, pack."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=9.0, help="deadline, packing included")
    parser.add_argument("--out", type=Path, required=True, help="folder of logs and measurements")
    parser.add_argument("--archive", type=Path, help="the small archive (default: OUT.tar.bz2)")
    parser.add_argument("--profile", default="standard_offline")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--peer-dir", help="folder with pytorch-image-models/train.py")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    archive = options.archive or options.out.with_suffix(".tar.bz2")
    session = Session(options.profile, options.set, options.out, archive, time.monotonic() + 60 * options.minutes)
    log = options.out / "parts.json"
    session.record = json.loads(log.read_text()) if log.is_file() else {}
    session.record["machine"] = machine() | {"versions": package_versions(), "cores": os.cpu_count()}
    prepare(session)
    session.run("runs", session.command("sweep", "--jobs", "2"))
    session.pack()
    session.run("evidence", [sys.executable, str(HERE / "gpu_evidence.py"), session.profile, *session.changes])
    session.pack()
    peers = ["--peer-dir", options.peer_dir] if options.peer_dir else []
    session.run("speed", [sys.executable, str(HERE / "gpu_step.py"), "--out", str(session.out), *peers])
    for run in MORE_SEEDS:
        session.run(run, session.command("train-run", run, "--set", "train.seeds=[0, 1, 2]"))
    print(json.dumps(session.record, indent=1), session.pack())


if __name__ == "__main__":
    main()
