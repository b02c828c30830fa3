"""What a notebook declares at its end: the files it wrote. A notebook that did not get there is not done."""

from collections.abc import Iterable
from pathlib import Path

from mineral_lib.errors import StageError
from mineral_lib.storage import ResultPaths, file_digest, project_root, read_json, write_json


def record_path(profile: str, name: str) -> Path:
    """Where the record of a finished notebook is."""
    return ResultPaths.of(profile).stages_dir / f"{name}.json"


def finish(profile: str, name: str, outputs: Iterable[Path]) -> list[str]:
    """Check that every declared file exists and is not empty, record their digests, and return their names.

    Args:
        profile: Profile name.
        name: Notebook name without ending, for example ``04_train``.
        outputs: The files the notebook wrote.

    Raises:
        StageError: A declared file is missing or empty.
    """
    outputs = list(dict.fromkeys(Path(path) for path in outputs))
    for path in outputs:
        if not path.is_file() or path.stat().st_size == 0:
            raise StageError(
                "declares a file that is missing or empty",
                where=f"{name}: {path}",
                remedy="run the notebook again from the top",
            )
    root = project_root()
    digests = {path.resolve().relative_to(root).as_posix(): file_digest(path) for path in outputs}
    write_json(record_path(profile, name), {"status": "done", "outputs": digests})
    return sorted(digests)


def outputs_intact(profile: str, name: str) -> bool:
    """Whether a notebook is recorded as done and all its files are still exactly as written."""
    path = record_path(profile, name)
    if not path.is_file():
        return False
    root, outputs = project_root(), read_json(path)["outputs"]
    return all((root / name).is_file() and file_digest(root / name) == value for name, value in outputs.items())
