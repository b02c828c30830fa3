"""Records: JSON files that hold the digest of every file they vouch for, and their own; and how files are checked.

A finished run has one (``manifest.json``), and so have index and splits (``data.json``), pre-trained weights, a
recogniser and the whole study (``outputs.json``). A file is checked before it is used: by size and times, which cost
nothing; where these are not those of the last check (a new file, a copied folder), by SHA-256, once. What was checked
is remembered below ``results/cache/checked``; losing that costs time and nothing else.
"""

import contextlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mineral_lib.errors import StorageError
from mineral_lib.paths import project_root
from mineral_lib.storage import digest, file_digest, read_json, write_json

# Keys of a record: digests by path below its folder, and the digest of everything else in it.
FILES, OWN = "files", "sha256"
DATA_RECORD = "data.json"
DATA_REMEDY = "start the chain again: index and splits are made again (a reference is restored by git)"

Digests = Mapping[str, str]


def write_record(path: Path, content: Mapping[str, Any], files: Iterable[Path] = ()) -> Path:
    """Write a record, ending ``.json``, that vouches for finished files in its folder or below."""
    digests = {file.relative_to(path.parent).as_posix(): file_digest(file) for file in sorted(files)}
    # As it will be read: keys are text, tuples are lists.
    plain = json.loads(json.dumps({**content, **({FILES: digests} if digests else {})}, default=str))
    return write_json(path, plain | {OWN: digest(plain)})


def read_record(
    path: Path, *, remedy: str = "start the chain again: it is made again", needs: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Read a record, which ``needs`` values of these types by key.

    Raises:
        StorageError: It is missing, damaged, no record or another one.
    """
    if not path.exists():
        raise StorageError("is missing", where=str(path), remedy=remedy)
    try:
        content = read_json(path)
    except StorageError as error:
        raise StorageError(error.what, where=error.where, remedy=remedy) from error
    if not content or not isinstance(content, dict):
        raise StorageError("is no record of this study", where=str(path), remedy=remedy)
    if content.pop(OWN, None) != digest(content):
        raise StorageError("has changed since it was written", where=str(path), remedy=remedy)
    if not all(isinstance(content.get(name), kind) for name, kind in (needs or {}).items()):
        raise StorageError("lacks a required key", where=str(path), remedy=remedy)
    return content


def damages(folder: Path, digests: Digests, *, thorough: bool = False) -> dict[str, str]:
    """What is wrong with files, by name; nothing for those that are as they were written.

    ``digests`` are SHA-256 by path below the folder; ``thorough`` computes every one, whatever size and times say.
    """
    known = {} if thorough else _checked(folder)
    wrong, whole = {}, dict(known)
    for name, wanted in digests.items():
        path = folder / name
        try:
            now = path.stat()
            state = [now.st_size, now.st_mtime_ns, now.st_ctime_ns, wanted]
            if known.get(name) == state:
                continue
            if file_digest(path) == wanted:
                whole[name] = state
            else:
                wrong[name] = f"has changed since it was written ({state[0]} bytes)" if state[0] else "is empty"
        except FileNotFoundError:
            wrong[name] = "is missing"
        except OSError as error:
            wrong[name] = f"cannot be read ({error.strerror or error})"
    if whole != known and not thorough:
        with contextlib.suppress(StorageError):  # a full disk, or results outside of a project
            write_json(_checked_path(folder), whole)
    return wrong


def is_whole_record(path: Path) -> bool:
    """Whether a file is a record with its own digest, as it was written: it may have been written more than once."""
    try:
        return path.suffix == ".json" and bool(read_record(path))
    except StorageError:
        return False


def vouches(record: Path, path: Path) -> bool:
    """Whether a record holds the digest of a file.

    Raises:
        StorageError: The record is damaged.
    """
    return record.exists() and path.relative_to(record.parent).as_posix() in read_record(record).get(FILES, {})


def checked(path: Path, record: Path, *, remedy: str) -> Path:
    """The path itself, after its digest was checked where a record, in its folder or above, holds one.

    Raises:
        StorageError: The file is missing or damaged, or its record is.
    """
    digests = read_record(record, remedy=remedy).get(FILES, {}) if record.exists() else {}
    name = path.relative_to(record.parent).as_posix()
    wrong = damages(record.parent, {name: digests[name]}) if name in digests else {}
    if not path.is_file():
        wrong = {name: "is missing"}
    if wrong:
        raise StorageError(wrong[name], where=str(path), remedy=remedy)
    return path


def study_file(path: Path, folder: Path | None = None) -> Path:
    """A file of a study that ``data.json`` vouches for (index, splits, ...), after it was found whole.

    ``folder`` is the result folder of the study, if it is not the file's own.

    Raises:
        StorageError: The file or its record is missing or damaged.
    """
    return checked(path, (folder or path.parent) / DATA_RECORD, remedy=DATA_REMEDY)


def _checked_path(folder: Path) -> Path:
    return project_root() / "results" / "cache" / "checked" / f"{digest(str(folder.resolve()))[:20]}.json"


def _checked(folder: Path) -> dict[str, list]:
    with contextlib.suppress(StorageError):
        return known if isinstance(known := read_json(_checked_path(folder)), dict) else {}
    return {}
