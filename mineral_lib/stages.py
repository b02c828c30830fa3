"""What is recorded of a notebook that was run: ``stages/<name>.json`` and ``stages/<name>.key.json``."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mineral_lib.digests import damages, read_record, study_file, write_record
from mineral_lib.errors import StageError
from mineral_lib.paths import ResultPaths, project_root
from mineral_lib.storage import file_digest, read_csv

if TYPE_CHECKING:
    import pandas as pd

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


class Notebooks:
    """The notebooks of a study: what they have saved, and what is recorded of those that are done."""

    def __init__(self, paths: ResultPaths) -> None:
        self.paths = paths  # the result folder
        self.written: list[Path] = []  # files saved so far, in order

    def finish(self, notebook: str) -> list[str]:
        """Record a notebook as done, with the digest of every file it saved. Returns their names.

        Raises:
            StageError: A file is missing or empty.
        """
        outputs = {}
        for path in self.written:
            if not path.is_file() or path.stat().st_size == 0:
                where, remedy = f"{notebook}: {path}", "run the notebook again from the top"
                raise StageError("declares a file that is missing or empty", where=where, remedy=remedy)
            outputs[_below_project(path)] = file_digest(path)
        write_record(self.record_path(notebook), {"status": "done", "outputs": outputs})
        return sorted(outputs)

    def record_path(self, notebook: str) -> Path:
        """Where ``finish`` records a notebook."""
        return self.paths.stages_dir / f"{notebook}.json"

    def key_path(self, notebook: str) -> Path:
        """Where the chain records what a notebook was run with."""
        return self.paths.stages_dir / f"{notebook}.key.json"

    def read(self, path: Path, **options: Any) -> "pd.DataFrame":
        """A table of the result folder. Says so if it is not as a notebook wrote it, which may be meant.

        Args:
            path: The file.
            **options: See ``storage.read_csv``.

        Raises:
            StorageError: The file cannot be read, or is the index and damaged.
        """
        below, path = _below_project(path), study_file(path, self.paths.root)
        for record in sorted(self.paths.stages_dir.glob("*.json")):
            listed = {} if record.stem.endswith(".key") else read_outputs(record)
            if below in listed and damages(project_root(), {below: listed[below]}):
                print(f"{below} has changed since notebook {record.stem} wrote it; if nobody meant that, run it again")
        return read_csv(path, **options)


def _below_project(path: Path) -> str:
    """A path as the records have it: from the project folder on, also where ``results`` is a link to another disk."""
    path, root = Path(os.path.abspath(path)), project_root()
    path = path if path.is_relative_to(root) else path.resolve()
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()
