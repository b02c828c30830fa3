"""``mineral check-results``: whether every file of finished results is still as it was written. Nothing is changed.

Every digest is computed, whatever size and times say. Files from before there were digests are read as strictly as
when they are used, and a reference that has none is compared with the commit.
"""

import subprocess
from pathlib import Path

from mineral_lib.compute.checkpoint import load_checkpoint
from mineral_lib.data.index import photo_folder, read_index
from mineral_lib.data.prepare import read_data_record, read_prepared
from mineral_lib.digests import DATA_REMEDY, FILES, damages, read_record
from mineral_lib.errors import DataError, StorageError, StudyError
from mineral_lib.findings import Findings
from mineral_lib.manifest import OUTPUTS
from mineral_lib.parameters import load_profile
from mineral_lib.paths import STUDY_FILE, ResultPaths, project_root
from mineral_lib.recognition.learn import RECORD_FILE
from mineral_lib.recognition.model_file import MODEL_FILE, load_recogniser
from mineral_lib.run_records import MANIFEST, has_ended, planned_names, run_damage
from mineral_lib.stages import read_key, read_outputs
from mineral_lib.storage import PARTIAL, read_csv, read_json

CHAIN = "start the chain again: its notebook is run again"
RUN = "start the chain again, or `mineral train-run {name}` with its profile: the run is trained again"
RESTORE = "restore it: git checkout -- {file}"
LEARN = "make the recogniser again: `mineral learn` with the photographs, or the chain"
# Not part of the results: checked elsewhere, kept by nobody, or written anew each time.
ASIDE = ("runs", "stages", "recogniser", "notebooks", "html", "jobs", "demonstration_photos")


def result_folders() -> list[Path]:
    """All folders of results there are, references among them."""
    results = project_root() / "results"
    marks = ("data.json", OUTPUTS, MANIFEST, "runs", "recogniser")
    found = {path.parent for one in ("*", "reference/*") for name in marks for path in results.glob(f"{one}/{name}")}
    return sorted(found)


def check_results(folder: Path) -> Findings:
    """Check all files of a result folder, records, photographs and caches included; DataError: it holds no results."""
    paths, found = ResultPaths(folder), Findings(folder)
    if not folder.is_dir() or not any(folder.iterdir()):
        raise DataError("holds no results", where=str(folder), remedy="name a profile or a folder below results")
    listed = _listed(paths, found)
    _check_data(paths, found)
    _check_runs(paths, listed, found)
    _check_recogniser(paths, found)
    for name in sorted(listed.keys() - found.whole - set(found.damages)):
        found.compare(name, listed[name], CHAIN)
    _check_rest(paths, found)
    _check_photographs(paths, found)
    _check_cache(paths.cache_dir, found)
    if folder.is_relative_to(project_root() / "results" / "reference"):
        below = folder.relative_to(project_root())
        for name, (what, _) in found.damages.items():
            found.damages[name] = what, RESTORE.format(file=(below / name).as_posix())
    if paths.stages_dir.is_dir() and not (folder / OUTPUTS).exists():
        found.notes.append(f"{OUTPUTS} is missing: the chain has not ended, or it is lost; the chain writes it again")
    if found.unknown:
        text = "have no digest (they are older than digests): they can be read, but a changed digit would not be seen"
        found.notes.append(f"{len(found.unknown)} files {text}; for example {min(found.unknown)}")
    return found


def _listed(paths: ResultPaths, found: Findings) -> dict[str, set[str]]:
    """The digests that the records of the whole study hold, by path below its folder."""
    listed: dict[str, set[str]] = {}
    records = [path for path in (paths.root / OUTPUTS, *sorted(paths.stages_dir.glob("*.json"))) if path.exists()]
    for record in records:
        if record.stem.endswith(".key"):
            found.read(read_key, record, CHAIN)
            continue
        stage = record.parent == paths.stages_dir
        for file, value in (found.read(read_outputs if stage else _files, record, CHAIN) or {}).items():
            parts = Path(file).parts
            below = "/".join(parts[2:]) if stage and parts[0] == "results" else file
            listed.setdefault(below, set()).add(value)
    return listed


def _files(record: Path) -> dict[str, str]:
    """The digests in a record that must have some."""
    return read_record(record, needs={FILES: dict})[FILES]


def _check_data(paths: ResultPaths, found: Findings) -> None:
    """``data.json``, index, splits, and the tables beside them."""
    if not paths.data.exists():
        return
    record = found.read(read_data_record, paths.data, DATA_REMEDY)
    known = (record or {}).get(FILES, {})
    found.add(known, damages(paths.root, known, thorough=True), DATA_REMEDY)
    if record is None or known:
        return
    try:  # older than digests, but they must fit together
        read_prepared(paths, sorted(path.stem for path in paths.splits_dir.glob("*.csv")))
        found.add([paths.index.name], {}, "")
    except StorageError as error:
        below = Path(error.where).relative_to(paths.root).as_posix()
        found.add([below], {below: error.what}, DATA_REMEDY)


def _check_runs(paths: ResultPaths, listed: dict[str, set[str]], found: Findings) -> None:
    """Every finished run, the checkpoints of others, and the list of runs."""
    record = paths.runs_dir / STUDY_FILE
    if record.exists():
        found.read(planned_names, record, CHAIN)
    for folder in sorted(path for path in paths.runs_dir.glob("*") if path.is_dir()):
        start, remedy = f"runs/{folder.name}/", RUN.format(name=folder.name)
        wrong = run_damage(folder, thorough=True)
        known = _vouched(folder)
        names = {*known, MANIFEST} if known else set()
        found.add([start + one for one in names], {start + one: what for one, what in wrong.items()}, remedy)
        if not known:  # older than digests: a notebook may have recorded some of them
            digests = {one: listed[one] for one in listed if one.startswith(start)}
            for one, values in digests.items():
                found.compare(one, values, remedy)
            names = {start + path.name for path in folder.iterdir() if path.is_file() and path.name[0] != "."}
            found.unknown |= names - set(digests) - {start + one for one in wrong} if has_ended(folder) else set()
        for checkpoint in sorted(folder.glob("checkpoints/*.pt")):
            remedy = "delete it: the run goes on from the one before, or starts again"
            found.read(load_checkpoint, checkpoint, remedy)


def _vouched(folder: Path) -> set[str]:
    try:
        return set(read_record(folder / MANIFEST).get(FILES, {}))
    except StorageError:
        return set()


def _check_recogniser(paths: ResultPaths, found: Findings) -> None:
    record = paths.root / "recogniser" / RECORD_FILE
    if not record.parent.is_dir():
        return
    wrong, known = {}, {}
    try:
        known = _files(record) if record.exists() else {}
        wrong = damages(record.parent, known, thorough=True)
    except StorageError as error:
        wrong = {RECORD_FILE: error.what}
    if MODEL_FILE not in known:
        if not record.exists():
            found.notes.append(f"recogniser/{RECORD_FILE} is missing, or the recogniser is older than digests")
        try:
            load_recogniser(record.parent / MODEL_FILE)  # it holds a digest of itself
        except StudyError as error:
            wrong[MODEL_FILE] = error.what
        others = (path for path in record.parent.rglob("*") if path.is_file() and path.name not in (MODEL_FILE, *wrong))
        found.unknown |= {path.relative_to(paths.root).as_posix() for path in others}
    checked = [*known, MODEL_FILE, *([RECORD_FILE] if record.exists() else [])]
    wrong = {f"recogniser/{name}": what for name, what in wrong.items()}
    found.add([f"recogniser/{name}" for name in checked], wrong, LEARN)


def _check_rest(paths: ResultPaths, found: Findings) -> None:
    """Files that no record vouches for: they must at least be readable, and those of a commit unchanged."""
    known = found.whole | set(found.damages)
    for path in sorted(path for path in paths.root.rglob("*") if path.is_file()):
        name = path.relative_to(paths.root).as_posix()
        hidden = any(part.startswith(".") or PARTIAL in part for part in Path(name).parts)
        if name in known or hidden or Path(name).parts[0] in ASIDE:
            continue
        try:
            if path.suffix == ".json":
                read_json(path)
            if path.suffix == ".csv":
                read_csv(path)
            if not path.stat().st_size:
                raise StorageError("is empty", where=str(path))
            found.unknown.add(name)
        except StorageError as error:
            found.add([name], {name: error.what}, CHAIN)
    changed = _differs_from_commit(paths.root, found.unknown) if found.unknown else None
    if changed is not None:
        found.add(found.unknown, dict.fromkeys(changed, "differs from the commit"), RESTORE)
        found.unknown = set()


def _differs_from_commit(folder: Path, names: set[str]) -> set[str] | None:
    """Files of a reference that are not as committed, gone ones among them; None where git cannot tell."""
    if not folder.is_relative_to(project_root() / "results" / "reference"):
        return None
    command = ["git", "-c", "core.quotePath=off", "diff", "-z", "--name-only", "--relative", "HEAD", "--", "."]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    changed = set(filter(None, done.stdout.split("\0")))
    return {name for name in changed if name in names or not (folder / name).exists()}


def _check_photographs(paths: ResultPaths, found: Findings) -> None:
    """The photographs of a folder against the digests in the index."""
    try:
        index = read_index(paths.index)
        if (index["path"] == "").all():  # generated
            return
        root = photo_folder(load_profile(str(next(paths.params_dir.glob("*.yaml")))).data)
    except (StudyError, StopIteration, TypeError):  # damaged or not there, which has been said, or of another version
        return
    if not root.is_dir():
        found.notes.append(f"the photographs are not here: {root}")
        return
    wrong = damages(root, dict(zip(index["path"], index["sha256"], strict=True)), thorough=True)
    words = {f"photograph {name}": what.replace("written", "scanned") for name, what in wrong.items()}
    names, remedy = "photograph " + index["path"], "put it back, or start the chain again: it scans anew"
    found.add(names, words, remedy)


def _check_cache(folder: Path, found: Findings) -> None:
    """What is computed once for all profiles; a damaged file is made again when it is wanted."""
    records = [one / "manifest.json" for one in sorted(folder.glob("source/*"))]
    records += sorted(path for path in folder.glob("*.json") if path.with_suffix(".npy").exists())
    for record in records:
        try:
            known = read_record(record).get(FILES, {})
            wrong = damages(record.parent, known, thorough=True)
        except StorageError as error:
            known, wrong = {}, {record.name: error.what}
        start = f"../cache/{record.parent.relative_to(folder).as_posix()}/".replace("/./", "/")
        wrong = {start + name: what for name, what in wrong.items()}
        found.add([start + name for name in known], wrong, "nothing: it is made again when it is wanted")
