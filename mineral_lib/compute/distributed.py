"""One run by its name: in this process, or shared by the processes of ``torchrun``."""

import difflib
from pathlib import Path

from mineral_lib.compute.pool import do, outstanding
from mineral_lib.compute.ranks import is_leader, leader_first, process_group
from mineral_lib.config import Settings
from mineral_lib.errors import ParameterError
from mineral_lib.training.engine import Say
from mineral_lib.training.runs import train_run
from mineral_lib.training.specs import RunSpec, study_runs


def find_run(settings: Settings, name: str) -> RunSpec:
    """The run of a study with this name.

    Raises:
        ParameterError: There is none; the message names the nearest.
    """
    specs = {spec.name: spec for spec in study_runs(settings)}
    if name not in specs:
        near = difflib.get_close_matches(name, specs, 1)
        raise ParameterError(
            f"the study has no run '{name}'" + (f"; did you mean '{near[0]}'?" if near else ""),
            where=settings.profile,
            remedy=f"choose one of {', '.join(specs)}",
        )
    return specs[name]


def train_named(settings: Settings, name: str, *, say: Say = print) -> Path:
    """Train a run of a study, after its pre-training, and return its folder.

    Raises:
        StudyError: See ``find_run``, ``ranks.spread`` and ``runs.train_run``.
    """
    spec = find_run(settings, name)
    with process_group(settings.train.device):
        leader_first(lambda: _prepare(settings, spec, say))
        return train_run(settings, spec, say=say if is_leader() else lambda line: None)


def _prepare(settings: Settings, spec: RunSpec, say: Say) -> None:
    if is_leader():
        for source in outstanding(settings, [spec])[1]:
            do(settings, source, say)
