"""What made a profile's results, and what came out: written before the report that prints it, and after it."""

from typing import Any

from mineral_lib.data.prepare import read_data_record
from mineral_lib.digests import write_record
from mineral_lib.parameters import sections_of
from mineral_lib.paths import STUDY_FILE
from mineral_lib.run_records import MANIFEST
from mineral_lib.runtime import git_commit, machine, package_versions
from mineral_lib.storage import digest
from mineral_lib.study import Study

OUTPUTS = "outputs.json"


def write_manifest(study: Study) -> dict[str, Any]:
    """Write ``manifest.json``: parameters, photographs, versions and machine, all known before the report is made."""
    data = read_data_record(study.paths.data)
    manifest = {
        "profile": study.settings.profile,
        "parameters_sha256": digest(sections_of(study.settings)),
        "git_commit": git_commit(),
        "data": {name: data[name] for name in ("fingerprint", "leak")},
        "versions": package_versions(),
        "machine": machine(),
        "threads": study.settings.train.threads,
    }
    write_record(study.paths.root / "manifest.json", manifest)
    return manifest


def write_outputs(study: Study, stage_seconds: dict[str, float]) -> None:
    """Write ``outputs.json``, the last file of all: the digest of every table, figure, record and of the report.

    Runs and the recogniser have records of their own, of which it holds the digest.

    Args:
        study: The study.
        stage_seconds: What each notebook took.
    """
    paths = study.paths
    folders = (paths.tables_dir, paths.figures_dir, paths.splits_dir, paths.params_dir, paths.stages_dir)
    files = {path for folder in folders for path in folder.glob("*") if path.is_file()}
    files |= {path for path in paths.root.glob("*.*") if path.is_file() and path.name[0] != "."}
    files |= {paths.runs_dir / STUDY_FILE} | {path for run in study.planned() for path in [run.path(MANIFEST)]}
    files -= {paths.root / OUTPUTS}
    write_record(paths.root / OUTPUTS, {"stage_seconds": stage_seconds}, [path for path in files if path.is_file()])
