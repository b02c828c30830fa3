"""What made a profile's results and what came out: records; and reference results, kept under version control."""

from pathlib import Path
from typing import Any

from mineral_lib.data.prepare import read_data_record
from mineral_lib.digests import FILES, read_record, write_record
from mineral_lib.errors import DataError, StorageError
from mineral_lib.parameters import load_profile, sections_of
from mineral_lib.paths import STUDY_FILE, ResultPaths, project_root
from mineral_lib.reporting.comparison import table_4
from mineral_lib.reporting.report import facts
from mineral_lib.runtime import git_commit, machine, package_versions
from mineral_lib.storage import digest, remove_tree, write_bytes, write_text
from mineral_lib.study import Study
from mineral_lib.training.recorded import MANIFEST, REMEDY, RUN_FILES, WEIGHTS_FILE, run_damage

OUTPUTS = "outputs.json"
# Folders and files of a profile that are kept; every table and figure can be made again from them.
KEPT = ("tables", "figures", "params")
# Of the splits the headline's; those of multiplied photographs are large and made again in seconds.
PATTERNS = ("*.csv", "*.json", "*.md", "report.html", "splits/grouped*.csv")
# The headline of the report as the README quotes it.
FIRST_SCREEN = "first_screen.md"


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
    """Write ``outputs.json``, the last file of all: what each notebook took, and the digest of every other file.

    Runs and the recogniser have records of their own, of which it holds the digest.
    """
    paths = study.paths
    folders = (paths.tables_dir, paths.figures_dir, paths.splits_dir, paths.params_dir, paths.stages_dir)
    files = {path for folder in folders for path in folder.glob("*") if path.is_file()}
    files |= {path for path in paths.root.glob("*.*") if path.is_file() and path.name[0] != "."}
    files |= {paths.runs_dir / STUDY_FILE} | {path for run in study.planned() for path in [run.path(MANIFEST)]}
    files -= {paths.root / OUTPUTS}
    write_record(paths.root / OUTPUTS, {"stage_seconds": stage_seconds}, [path for path in files if path.is_file()])


def reference_dir(profile: str) -> Path:
    """Where the reference results of a profile are kept."""
    return project_root() / "results" / "reference" / profile


def quoted(study: Study) -> str:
    """What the README quotes of a study: the headline of its report and the finding of Table 4, as a Markdown list."""
    lines = [f"* {name}: **{value}**" + (f" ({detail})" if detail else "") for name, value, detail in facts(study)]
    return "\n".join([*lines, f"* {table_4(study).finding}\n"])


def keep_reference(profile: str) -> Path:
    """Replace the reference results of a profile by its present ones, and return their folder.

    The records of the copies vouch for what was copied, not for weights and for splits that are made in seconds.
    DataError: the profile has no results; StorageError: a file of a run is damaged.
    """
    paths, target = ResultPaths.of(profile), reference_dir(profile)
    if not paths.runs_dir.is_dir():
        raise DataError("has no results", where=profile, remedy=f"run reproduce --profile {profile} first")
    settings = load_profile(str(paths.root / "params" / f"{profile}.yaml"))
    for run in sorted(paths.runs_dir.glob("*")):
        for name, what in run_damage(run, thorough=True).items():
            if name != WEIGHTS_FILE:
                raise StorageError(what, where=str(run / name), remedy=REMEDY)
    headline = quoted(Study(settings, paths))
    remove_tree(target)
    write_text(target / FIRST_SCREEN, headline)
    wanted = [path for pattern in PATTERNS for path in paths.root.glob(pattern)]
    wanted += [path for name in KEPT for path in (paths.root / name).rglob("*") if path.is_file()]
    wanted += [path for run in paths.runs_dir.glob("*") for name in RUN_FILES if (path := run / name).is_file()]
    for path in sorted(wanted):
        write_bytes(target / path.relative_to(paths.root), path.read_bytes())
    for record in (target / "runs").glob(f"*/{MANIFEST}"):
        write_record(record, read_record(record), [record.with_name(name) for name in RUN_FILES if name != MANIFEST])
    if (record := ResultPaths(target).data).is_file():
        content = read_record(record)
        write_record(record, content, [path for name in content.get(FILES, {}) if (path := target / name).is_file()])
    content = read_record(record) if (record := target / OUTPUTS).is_file() else {}
    write_record(record, content, [path for path in target.rglob("*") if path.is_file() and path != record])
    return target
