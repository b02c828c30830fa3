"""Seeds, threads, device, precision and versions: what a run depends on besides its parameters."""

import contextlib
import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from mineral_lib.errors import ParameterError
from mineral_lib.paths import project_root

if TYPE_CHECKING:
    import torch

RECORDED_PACKAGES = ("torch", "torchvision", "timm", "numpy", "pandas", "scikit-learn", "grad-cam", "papermill")


def derive_seed(*parts: Any) -> int:
    """A 63-bit seed from any identifiers, the same in every process and on every machine.

    Every random choice of the study starts here, so that it depends on *what* is drawn (seed, epoch, sample) and
    never on the order of work, the number of workers or the batch size.
    """
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big") >> 1


@contextlib.contextmanager
def apart_from_the_script() -> Iterator[None]:
    """Have processes that are started in the block not read the user's script, which none of their work needs.

    They would run it again, up to the call that starts them, where multiprocessing ends both: a script of two lines
    without ``if __name__ == "__main__"`` could not open a study.
    """
    script = vars(sys.modules["__main__"])
    kept = {"__file__": script.pop("__file__")} if "__file__" in script else {}
    try:
        yield
    finally:
        script |= kept


def select_device(name: str = "auto") -> "torch.device":
    """The torch device: ``cpu``, ``cuda``, ``mps``, or the fastest present one for ``auto``.

    Raises:
        ParameterError: This machine has no such device.
    """
    import torch

    present = [one for one in ("cuda", "mps") if getattr(torch, one).is_available()] + ["cpu"]
    if name not in ("auto", *present):
        raise ParameterError(
            f"'{name}' is not there: torch sees only {', '.join(present)} (a driver? a build without it?)",
            where="train.device",
            remedy="set train.device=auto, or run on a machine that has it",
        )
    return torch.device(present[0] if name == "auto" else name)


def set_threads(count: int) -> None:
    """Pin the number of CPU threads torch uses; it changes floating-point sums, so it belongs to a run's record.

    Numbers below 1e-38 are flushed to zero as well: a CPU computes with them many times slower.
    """
    import torch

    torch.set_num_threads(count)
    torch.set_flush_denormal(True)


def generator_states(device: "torch.device") -> dict[str, "torch.Tensor"]:
    """States of torch's global generators that training on ``device`` draws from (dropout, drop path)."""
    import torch

    states = {"cpu": torch.get_rng_state()}
    if device.type in ("cuda", "mps"):
        states[device.type] = getattr(torch, device.type).get_rng_state()
    return states


def restore_generators(states: dict[str, "torch.Tensor"], device: "torch.device") -> None:
    """Put torch's global generators back to saved states; one that was not saved is left alone."""
    import torch

    torch.set_rng_state(states["cpu"])
    if device.type in states and device.type != "cpu":
        getattr(torch, device.type).set_rng_state(states[device.type])


def git_commit() -> str:
    """Commit of the project with ``-dirty`` if files changed, or ``unknown`` without git."""
    try:
        command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
        done = subprocess.run(command, cwd=project_root(), capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on."""
    found = {"python": platform.python_version()}
    for name in RECORDED_PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def machine() -> dict[str, Any]:
    """The machine in words: system, processor architecture, cores and accelerator."""
    import torch

    accelerator = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none"
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "accelerator": accelerator,
    }
