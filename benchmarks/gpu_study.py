"""The study of the six real networks on one GPU, in minutes: one command with a deadline.

    python benchmarks/gpu_study.py --minutes 9 --out OUT [--peer-dir SOURCES]

Parts in order of value, each kept in OUT as soon as it is there: the tests of the GPU path; the photographs (all
cores) while pre-training runs on the GPU; the runs of Tables 4 and 5, two at a time; tables and figures; Grad-CAM; the
training step beside a peer's. At the deadline whatever runs is stopped, saved and packed; called again, the command
goes on where it stopped. The archive holds histories, metrics, predictions, tables, figures and manifests, no weights.
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
from dataclasses import dataclass, field
from pathlib import Path

from mineral_lib.parameters import load_profile
from mineral_lib.paths import ResultPaths, project_root
from mineral_lib.runtime import machine, package_versions
from mineral_lib.storage import atomic_path, write_json

HERE = Path(__file__).resolve().parent
# Left out of the archive: what is large or can be made again.
LEFT_OUT = ("weights.safetensors", "checkpoints", "jobs", "cache", "notebooks")
# A stopped process has so long to save and end.
GRACE_S = 20.0
PACKING_S = 10.0


@dataclass
class Session:
    """One call of the command.

    Attributes:
        profile: Profile of the study.
        changes: Its changes, ``KEY=VALUE``.
        out: Where logs, figures of the benchmark and the archive go.
        end: When to be done, on the clock of ``time.monotonic``.
        record: What each part took and how it ended; ``done`` parts are not repeated.
    """

    profile: str
    changes: list[str]
    out: Path
    end: float
    record: dict = field(default_factory=dict)

    def left(self) -> float:
        """Seconds left for work."""
        return self.end - time.monotonic() - PACKING_S

    def command(self, *words: str) -> list[str]:
        """A command of the library on this profile."""
        changes = [part for change in self.changes for part in ("--set", change)]
        return [sys.executable, "-m", "mineral_lib", *words, "--profile", self.profile, *changes]

    def run(self, part: str, command: list[str], *, limit_s: float = float("inf")) -> bool:
        """Run a command until it ends or the time is over; its output goes to ``<part>.txt``."""
        if self.record.get(part, {}).get("status") == "done":
            return True
        begin, limit = time.monotonic(), min(self.left(), limit_s)
        status = "no time"
        if limit > 5:
            with (self.out / f"{part}.txt").open("a", encoding="utf-8") as log:
                process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=project_root())
                status = _wait(process, limit)
        self.record[part] = {"status": status, "seconds": round(time.monotonic() - begin, 1)}
        write_json(self.out / "parts.json", self.record)
        print(part, self.record[part], flush=True)
        return status == "done"

    def pack(self) -> Path:
        """The small archive of everything that was made."""
        root = ResultPaths.of(self.settings.profile).root
        with atomic_path(self.out / f"{self.settings.profile}.tar.xz") as partial, tarfile.open(partial, "w:xz") as tar:
            if root.is_dir():
                tar.add(root, arcname=root.name, filter=_small)
        return self.out / f"{self.settings.profile}.tar.xz"

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


def prepare(session: Session) -> bool:
    """Render the photographs on all cores; meanwhile the GPU learns the starting weights."""
    code = (
        f"from mineral_lib.parameters import load_profile; from mineral_lib.training import pretrain; "
        f"pretrain.Pretraining(load_profile({session.profile!r}, {session.changes!r}), 'convnext_tiny').train()"
    )
    with (session.out / "pretraining.txt").open("a", encoding="utf-8") as log:
        begin = time.monotonic()
        pretraining = subprocess.Popen(
            [sys.executable, "-c", code], stdout=log, stderr=subprocess.STDOUT, cwd=project_root()
        )
        pixels = (
            f"from mineral_lib.parameters import load_profile; from mineral_lib.data.prepare import prepare; "
            f"from mineral_lib.data.pixels import load_pixels; "
            f"settings = load_profile({session.profile!r}, {session.changes!r}); data = prepare(settings); "
            f"print(load_pixels(data.index, data.index, settings.data, settings.augment).shape)"
        )
        whole = session.run("photographs", [sys.executable, "-c", pixels])
        status = _wait(pretraining, max(1.0, session.left()))
        session.record["pretraining"] = {"status": status, "seconds": round(time.monotonic() - begin, 1)}
    return whole


def main() -> None:
    """Parse, run the parts, pack."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=9.0, help="deadline, packing included")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--profile", default="standard_offline")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--peer-dir", help="folder with pytorch-image-models/train.py")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    session = Session(options.profile, options.set, options.out, time.monotonic() + 60 * options.minutes)
    log = options.out / "parts.json"
    session.record = json.loads(log.read_text()) if log.is_file() else {}
    session.record["machine"] = machine() | {"versions": package_versions(), "cores": os.cpu_count()}
    session.run("tests", [sys.executable, "-m", "pytest", "tests/test_gpu.py", "-q"], limit_s=70)
    prepare(session)
    session.run("runs", session.command("sweep", "--jobs", "2"))
    session.pack()
    session.run("evidence", [sys.executable, str(HERE / "gpu_evidence.py"), session.profile, *session.changes])
    session.pack()
    peers = ["--peer-dir", options.peer_dir] if options.peer_dir else []
    session.run("speed", [sys.executable, str(HERE / "gpu_step.py"), "--out", str(options.out), *peers])
    print(json.dumps(session.record, indent=1), session.pack())


if __name__ == "__main__":
    main()
