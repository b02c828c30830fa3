"""What is recorded of a notebook that was run: ``stages/<name>.json`` and ``stages/<name>.key.json``."""

from pathlib import Path
from typing import Any

from mineral_lib.digests import read_record
from mineral_lib.errors import StorageError

REMEDY = "start the chain again: the notebook is run again"


def read_outputs(record: Path) -> dict[str, str]:
    """What ``Study.finish`` recorded: SHA-256 of each file by its path below the project folder.

    Raises:
        StorageError: The record is missing or damaged.
    """
    outputs = read_record(record).get("outputs")
    if not isinstance(outputs, dict) or not all(isinstance(name, str) for name in outputs.values()):
        raise StorageError("is no record of a notebook", where=str(record), remedy=REMEDY)
    return outputs


def read_key(record: Path) -> dict[str, Any]:
    """What the chain recorded of a notebook: the ``key`` it was run with, and its ``seconds``.

    Raises:
        StorageError: The record is missing or damaged.
    """
    content = read_record(record)
    if not isinstance(content.get("key"), str) or "seconds" not in content:
        raise StorageError("is no record of a notebook", where=str(record), remedy=REMEDY)
    return content
