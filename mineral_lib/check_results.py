"""``mineral check-results``: whether every file of finished results is still as it was written. Nothing is changed.

Every digest is computed, whatever size and times say. A file that no record vouches for is read.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mineral_lib.compute.checkpoint import load_checkpoint
from mineral_lib.data.index import photo_folder, read_index
from mineral_lib.data.prepare import read_data_record
from mineral_lib.digests import DATA_REMEDY, FILES, damages, is_whole_record, read_record
from mineral_lib.errors import DataError, StorageError, StudyError
from mineral_lib.manifest import OUTPUTS
from mineral_lib.parameters import load_profile
from mineral_lib.paths import STUDY_FILE, ResultPaths, project_root
from mineral_lib.recognition.learn import RECORD_FILE
from mineral_lib.stages import read_key, read_outputs
from mineral_lib.storage import PARTIAL, read_csv, read_json
from mineral_lib.training.recorded import MANIFEST, has_ended, read_manifest

CHAIN = "start the chain again: its notebook is run again"
RUN = "start the chain again, or `mineral train-run {name}` with its profile: the run is trained again"
CHECKPOINT = "delete it: the run goes on from the one before, or starts again"
RESTORE = "restore it: git checkout -- {file}"
LEARN = "make the recogniser again: `mineral learn` with the photographs, or the chain"
SCAN = "put it back, or start the chain again: it scans anew"
CACHED = "nothing: it is made again when it is wanted"
# Not part of the results: checked elsewhere, kept by nobody, or written anew each time.
ASIDE = ("runs", "stages", "recogniser", "notebooks", "html", "jobs", "demonstration_photos")


@dataclass
class Findings:
    """What a check found; files go by their path below the result folder."""

    folder: Path  # the result folder
    damages: dict[str, tuple[str, str]] = field(default_factory=dict)  # by file: what is wrong, what makes it whole
    whole: set[str] = field(default_factory=set)  # files that are as they were written
    unknown: set[str] = field(default_factory=set)  # files without a digest, which could only be read
    notes: list[str] = field(default_factory=list)  # what could not be checked

    def add(self, names: Iterable[str], wrong: Mapping[str, str], remedy: str) -> None:
        """Take files that were checked, and what is wrong with some of them; what was found before counts."""
        self.whole |= set(names) - set(wrong) - set(self.damages)
        self.damages |= {name: (what, remedy) for name, what in wrong.items() if name not in self.damages}

    def read(self, reader: Callable[[Path], Any], path: Path, remedy: str) -> Any:
        """Take a file that is whole if its reader accepts it; returns what was read, None if it is damaged."""
        name = self._name(path)
        try:
            content = reader(path)
        except StorageError as error:
            self.add([], {name: error.what}, remedy)
            return None
        self.add([name], {}, "")
        return content

    def check(self, record: Path, reader: Callable[[Path], dict[str, Any]], remedy: str) -> None:
        """Take a record and the files that it vouches for."""
        digests = (self.read(reader, record, remedy) or {}).get(FILES, {})
        wrong = damages(record.parent, digests, thorough=True)
        names = {name: self._name(record.parent / name) for name in digests}
        self.add(names.values(), {names[name]: what for name, what in wrong.items()}, remedy)

    def compare(self, name: str, digests: Iterable[str], remedy: str) -> None:
        """Take a file that is whole if one of several digests is its own, or if it is a record that has its own."""
        wrongs = [damages(self.folder, {name: value}, thorough=True) for value in sorted(digests)]
        self.add([name], {} if {} in wrongs or is_whole_record(self.folder / name) else wrongs[0], remedy)

    def to_text(self) -> str:
        """For a terminal."""
        head = f"{self.folder.name}: {len(self.whole)} files whole, {len(self.damages)} damaged"
        lines = [head + (f", {len(self.unknown)} without a digest" if self.unknown else "")]
        lines += [f"  {name}: {what}\n    What to do: {remedy}" for name, (what, remedy) in self.damages.items()]
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])

    def _name(self, path: Path) -> str:
        return Path(os.path.relpath(path, self.folder)).as_posix()


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
    for record, reader, remedy in _records(paths):
        found.check(record, reader, remedy)
    for checkpoint in sorted(paths.runs_dir.glob("*/checkpoints/*.pt")):
        found.read(load_checkpoint, checkpoint, CHECKPOINT)
    for name in sorted(listed.keys() - found.whole - set(found.damages)):
        found.compare(name, listed[name], CHAIN)
    _check_rest(paths, found)
    _check_photographs(paths, found)
    if paths.recogniser_dir.is_dir() and not (paths.recogniser_dir / RECORD_FILE).exists():
        found.notes.append(f"recogniser/{RECORD_FILE} is missing")
    if folder.is_relative_to(project_root() / "results" / "reference"):
        below = folder.relative_to(project_root())
        for name, (what, _) in found.damages.items():
            found.damages[name] = what, RESTORE.format(file=(below / name).as_posix())
    if paths.stages_dir.is_dir() and not (folder / OUTPUTS).exists():
        found.notes.append(f"{OUTPUTS} is missing: the chain has not ended, or it is lost; the chain writes it again")
    if found.unknown:
        text = "have no digest: they can be read, but a changed digit would not be seen"
        found.notes.append(f"{len(found.unknown)} files {text}; for example {min(found.unknown)}")
    return found


def _listed(paths: ResultPaths, found: Findings) -> dict[str, set[str]]:
    """The digests that the records of the whole study hold, by path below its folder."""
    listed: dict[str, set[str]] = {}
    outputs = paths.root / OUTPUTS
    if outputs.exists():
        content = found.read(read_record, outputs, CHAIN) or {}
        listed |= {file: {value} for file, value in content.get(FILES, {}).items()}
    for record in sorted(paths.stages_dir.glob("*.json")):
        if record.stem.endswith(".key"):
            found.read(read_key, record, CHAIN)
            continue
        for file, value in (found.read(read_outputs, record, CHAIN) or {}).items():
            parts = Path(file).parts
            below = "/".join(parts[2:]) if parts[0] == "results" else file
            listed.setdefault(below, set()).add(value)
    return listed


def _records(paths: ResultPaths) -> Iterator[tuple[Path, Callable[[Path], dict[str, Any]], str]]:
    """The records of files in their own folder, caches included: what reads them, and what makes all of it whole."""
    single = [(paths.data, read_data_record, DATA_REMEDY), (paths.runs_dir / STUDY_FILE, read_record, CHAIN)]
    single.append((paths.recogniser_dir / RECORD_FILE, read_record, LEARN))
    yield from (one for one in single if one[0].exists())
    for folder in sorted(path for path in paths.runs_dir.glob("*") if has_ended(path)):
        yield folder / MANIFEST, read_manifest, RUN.format(name=folder.name)
    cached = [path / MANIFEST for path in paths.cache_dir.glob("source/*")]
    cached += [path for path in paths.cache_dir.glob("*.json") if path.with_suffix(".npy").exists()]
    yield from ((record, read_record, CACHED) for record in sorted(cached))


def _check_rest(paths: ResultPaths, found: Findings) -> None:
    """Files that no record vouches for: they must at least be readable."""
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
    found.add("photograph " + index["path"], words, SCAN)
