"""The finished runs of a profile, found in its folder."""

from pathlib import Path
from typing import TYPE_CHECKING

from mineral_lib.errors import StorageError
from mineral_lib.storage import STUDY_FILE, read_json
from mineral_lib.training.run import Run
from mineral_lib.training.run_files import RUN_FILES

if TYPE_CHECKING:
    from mineral_lib.study import Study


def recorded_runs(study: "Study") -> list[Run]:
    """All finished runs of a profile, sorted by name; unfinished ones and runs of earlier parameters are left out.

    Needs no photographs: reference results are enough.

    Raises:
        StorageError: A run's file is damaged.
    """
    folder, record = study.paths.runs_dir, study.paths.runs_dir / STUDY_FILE
    wanted = read_json(record) if record.is_file() else None
    found = []
    for path in sorted(folder.glob("*")) if folder.is_dir() else []:
        if (wanted is None or path.name in wanted) and all((path / name).is_file() for name in RUN_FILES):
            found.append(_recorded_run(study, path))
    return found


def _recorded_run(study: "Study", folder: Path) -> Run:
    config = read_json(folder / "config.json")
    named = ("model", "weights", "protocol", "seed")
    if not {*named, "display_name", "classes"} <= set(config):
        raise StorageError(
            "the run's record lacks a required key",
            where=str(folder / "config.json"),
            remedy="delete the run folder and run the chain again",
        )
    known = {name: config[name] for name in (*named, "labels", "pictures") if name in config}
    placement = config.get("eca_placement")
    own = placement == study.settings.model.eca_placement
    return Run(**known, placement=None if own else placement, study=study)
