"""What made a profile's results, and what came out: written before the report that prints it, and after it."""

from typing import Any

from mineral_lib.data.prepare import read_data_record
from mineral_lib.parameters import sections_of
from mineral_lib.runtime import git_commit, machine, package_versions
from mineral_lib.storage import digest, file_digest, write_json
from mineral_lib.study import Study


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
    write_json(study.paths.root / "manifest.json", manifest)
    return manifest


def write_outputs(study: Study, stage_seconds: dict[str, float]) -> None:
    """Write ``outputs.json``, the last file of all: the digest of every table, figure and of the report.

    Args:
        study: The study.
        stage_seconds: What each notebook took.
    """
    paths = study.paths
    files = [path for folder in (paths.tables_dir, paths.figures_dir) for path in folder.glob("*") if path.is_file()]
    digests = {path.relative_to(paths.root).as_posix(): file_digest(path) for path in sorted([*files, paths.report])}
    write_json(paths.root / "outputs.json", {"stage_seconds": stage_seconds, "files": digests})
