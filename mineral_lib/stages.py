"""What is recorded of a notebook that was run: ``stages/<name>.json`` and ``stages/<name>.key.json``."""

from pathlib import Path
from typing import Any

from mineral_lib.digests import read_record

REMEDY = "start the chain again: the notebook is run again"


def read_outputs(record: Path) -> dict[str, str]:
    """What ``finish`` recorded of a notebook: SHA-256 of each file by its path below the project folder.

    Raises:
        StorageError: The record is missing or damaged.
    """
    outputs = read_record(record, remedy=REMEDY, needs={"outputs": dict})["outputs"]
    return {file: str(value) for file, value in outputs.items()}


def read_key(record: Path) -> dict[str, Any]:
    """What the chain recorded of a notebook: the ``key`` it was run with, and its ``seconds``.

    Raises:
        StorageError: The record is missing or damaged.
    """
    return read_record(record, remedy=REMEDY, needs={"key": str, "seconds": int | float})
