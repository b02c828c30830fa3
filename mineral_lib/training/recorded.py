"""The finished runs of a profile, found in its folder."""

from pathlib import Path
from typing import TYPE_CHECKING

from mineral_lib.digests import read_record
from mineral_lib.errors import StorageError
from mineral_lib.paths import STUDY_FILE
from mineral_lib.storage import read_json
from mineral_lib.training.run import Run
from mineral_lib.training.run_files import REMEDY, has_ended, read_config, run_file

if TYPE_CHECKING:
    from mineral_lib.study import Study


def recorded_runs(study: "Study") -> list[Run]:
    """All finished runs of a profile, sorted by name; unfinished ones and runs of earlier parameters are left out.

    Needs no photographs: reference results are enough.

    Raises:
        StorageError: A run's file is damaged.
    """
    folder = study.paths.runs_dir
    wanted = planned_names(folder / STUDY_FILE)
    paths = (
        sorted(path for path in folder.glob("*") if wanted is None or path.name in wanted) if folder.is_dir() else []
    )
    return [_recorded_run(study, path) for path in paths if has_ended(path)]


def planned_names(record: Path) -> list[str] | None:
    """Names of the runs that belong to the profile as it is now; None where nobody has written them down.

    Raises:
        StorageError: The record is damaged.
    """
    if not record.is_file():
        return None
    content = read_json(record)
    names = read_record(record).get("runs") if isinstance(content, dict) else content
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise StorageError("does not list runs", where=str(record), remedy=REMEDY)
    return names


def _recorded_run(study: "Study", folder: Path) -> Run:
    config = read_config(run_file(folder, "config.json"))
    known = {
        name: config[name] for name in ("model", "weights", "protocol", "seed", "labels", "pictures") if name in config
    }
    placement = config.get("eca_placement")
    own = placement == study.settings.model.eca_placement
    return Run(**known, placement=None if own else placement, study=study)
