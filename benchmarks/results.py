"""Where the benchmarks write: sections of ``RESULTS.md``, each with date, machine and command, and tracked numbers."""

import os
import platform
from datetime import date
from pathlib import Path

from mineral_lib.digests import write_record
from mineral_lib.manifest import OUTPUTS
from mineral_lib.storage import write_text

RESULTS = Path(__file__).with_name("RESULTS.md")


def machine() -> str:
    """Cores and processor, and how busy they were, in words."""
    name, info = platform.processor() or platform.machine(), Path("/proc/cpuinfo")
    if info.exists():
        models = [line.split(":", 1)[1] for line in info.read_text().splitlines() if line.startswith("model name")]
        name = models[0].strip() if models else name
    load = f", load before the run {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{os.cpu_count()} cores, {name}{load}"


def append(title: str, command: str, body: str) -> None:
    """Append a section to ``RESULTS.md`` and print it.

    Args:
        title: What was measured.
        command: How to repeat it, without paths of this machine.
        body: The findings in Markdown.
    """
    head = f"## {title}\n\n{date.today()}. {machine()}. Python {platform.python_version()}. `{command}`"
    text = f"{head}\n\n{body.strip()}\n"
    before = RESULTS.read_text(encoding="utf-8") if RESULTS.is_file() else "# Results of the benchmarks\n"
    write_text(RESULTS, f"{before}\n{text}")
    print(text)


def vouch(folder: Path) -> None:
    """Write the record of a folder of results, its last file: ``mineral check-results`` knows every other one by it."""
    write_record(folder / OUTPUTS, {}, [path for path in folder.rglob("*") if path.is_file() and path.name != OUTPUTS])
