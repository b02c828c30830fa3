"""The atomic writer: old content or new content, nothing else."""

import ast
import errno
import fcntl
import os
import re
import resource
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mineral_lib import storage
from mineral_lib.errors import StorageError, note
from mineral_lib.locks import folder_lock
from mineral_lib.paths import ROOT_VARIABLE, below_project, project_root

LIBRARY = Path(storage.__file__).parent


def test_write_replaces_whole_files_and_leaves_nothing_behind(tmp_path):
    path = tmp_path / "deep" / "file.txt"
    storage.write_text(path, "one")
    storage.write_text(path, "two")
    assert path.read_text() == "two"
    assert [item.name for item in path.parent.iterdir()] == ["file.txt"]


def test_failure_keeps_the_old_file(tmp_path):
    path = tmp_path / "file.txt"
    storage.write_text(path, "old")
    with pytest.raises(RuntimeError), storage.atomic_path(path) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_full_disk_is_one_clear_error_and_keeps_the_old_file(tmp_path):
    path = tmp_path / "file.bin"
    storage.write_bytes(path, b"old")
    code = (
        "import resource, sys, pathlib\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "from mineral_lib.storage import write_bytes\n"
        "write_bytes(pathlib.Path(sys.argv[1]), b'x' * 5000)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
    assert done.returncode != 0
    assert "StorageError" in done.stderr
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1000


def test_a_file_in_the_way_of_a_folder_is_reported(tmp_path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(StorageError, match="cannot write"):
        storage.write_text(tmp_path / "results" / "table.csv", "x")


def test_digest_does_not_depend_on_key_order():
    assert storage.digest({"a": 1, "b": [1, 2]}) == storage.digest({"b": [1, 2], "a": 1})
    assert storage.digest({"a": 1}) != storage.digest({"a": 2})


def test_root_is_found_from_a_notebook_folder(monkeypatch):
    monkeypatch.delenv(ROOT_VARIABLE, raising=False)
    root = LIBRARY.parent
    assert project_root(root / "notebooks") == root


def test_outside_of_the_project_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.delenv(ROOT_VARIABLE, raising=False)
    with pytest.raises(StorageError, match=ROOT_VARIABLE):
        project_root(tmp_path)


# Names of calls that write a file when they are given a path (or always: the first group).
NAMES = """
    write_text write_bytes touch save_file savetxt savez savez_compressed tofile mkstemp NamedTemporaryFile
    TemporaryFile copyfile copy copy2 copytree open_memmap symlink_to write_image imwrite imsave to_parquet
    to_pickle to_excel to_feather memmap
"""
ALWAYS = set(NAMES.split())
WITH_PATH = {"to_csv", "to_markdown", "to_html", "to_json", "savefig", "save", "dump"}
# Objects kept in memory: writing to them is no file.
MEMORY = {"buffer", "stream", "memory", "io"}
# Whose ``save`` writes a file; tables, sheets and checkpoints of the study save through storage.py.
SAVERS = {"np", "numpy", "torch", "Image", "image", "img", "picture", "photo", "thumbnail", "pixels"}


def _dotted(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (owner := _dotted(node.value)):
        return f"{owner}.{node.attr}"
    return None


def _writing_mode(call: ast.Call) -> bool:
    modes = [
        arg
        for arg in [*call.args[:2], *(word.value for word in call.keywords if word.arg == "mode")]
        if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
    ]
    flags = {name.attr for name in ast.walk(call) if isinstance(name, ast.Attribute)}
    return any(set(mode.value) <= set("rwabxt+") and set(mode.value) & set("wax+") for mode in modes) or bool(
        flags & {"O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND"}
    )


def writing_calls(source: str) -> list[str]:
    """The calls in a source text that open or make a file, as far as names tell."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        method = isinstance(node.func, ast.Attribute)
        name = node.func.attr if method else getattr(node.func, "id", "")
        owner = _dotted(node.func.value) if method else None
        first = _dotted(node.args[0]) if node.args else None
        to_memory = any((_dotted(argument) or "").split(".")[0] in MEMORY for argument in node.args[:2])
        if name in ("open", "fdopen") and _writing_mode(node):
            found.append(f"{node.lineno}: {name} for writing")
        if name in ALWAYS and method and not _is_copy_of_a_value(name, owner):
            found.append(f"{node.lineno}: {name}")
        foreign = name != "save" or owner is None or owner.split(".")[0] in SAVERS
        if name in WITH_PATH and method and node.args and not to_memory and foreign:
            found.append(f"{node.lineno}: {name} to {first or 'something'}")
    return found


def _is_copy_of_a_value(name: str, owner: str | None) -> bool:
    return name == "copy" and owner not in ("shutil", "os")


def test_the_search_finds_every_way_of_writing():
    """So that the next test can fail."""
    writing = """open(p, 'w'); open(p, mode='ab'); path.open('xb'); open(p, 'r+'); os.open(p, os.O_WRONLY); p.touch()
        p.write_text('x'); p.write_bytes(b''); frame.to_csv(path); frame.to_csv(path, index=False); a.tofile(p)
        figure.savefig(path); np.save(path, a); np.savez(path, a=a); torch.save(x, path); image.save(path)
        Image.fromarray(a).save(path); json.dump(x, handle); np.memmap(p, mode='w+')
        shutil.copy(a, b); shutil.copyfile(a, b); os.fdopen(n, 'wb')
        tempfile.NamedTemporaryFile(); safetensors.torch.save_file(x, p)"""
    lines = [line.strip() for line in re.split(r"[;\n]", writing)]
    assert len(lines) == 24 and not [line for line in lines if len(writing_calls(line)) != 1]
    reading = """open(p); open(p, 'rb'); path.open(); frame.to_csv(index=False); frame.copy(); row.copy(deep=True)
        torch.save(x, buffer); image.save(buffer, 'PNG'); os.open(p, os.O_RDONLY); write_text(p, t)"""
    assert not [line for line in re.split(r"[;\n]", reading) if writing_calls(line.strip())]


def test_no_other_module_opens_files_for_writing():
    allowed = {
        "storage.py": 3,  # the writer itself, its fsync, and the copy where links are missing
        "features.py": 1,  # into memory, whose bytes the writer takes
        "alone.py": 1,  # answers to the parent process, through a pipe
        "cli.py": 1,  # nothing, to nowhere
        "locks.py": 1,  # the lock file, which must be the same file for all
    }
    found = {path: writing_calls(path.read_text(encoding="utf-8")) for path in LIBRARY.rglob("*.py")}
    assert sum(len(lines) for path, lines in found.items() if path.name in allowed) >= 3
    for path, lines in found.items():
        assert len(lines) <= allowed.get(path.name, 0), f"{path}: {lines}"


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_order_of_system_calls_survives_a_power_cut(tmp_path):
    """Contents, then the disk, then the name, then the folder: only so is a file whole after a power cut."""
    log = tmp_path / "calls"
    code = "import sys, pathlib as p; from mineral_lib import storage; storage.write_bytes(p.Path(sys.argv[1]), b'n')"
    trace = ["strace", "-f", "-y", "-e", "trace=write,fsync,rename,renameat,renameat2", "-o", str(log)]
    command = [*trace, sys.executable, "-c", code, str(tmp_path / "file.bin")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=LIBRARY.parent)
    if "ptrace" in done.stderr or not log.is_file():
        pytest.skip("strace is not allowed here")
    assert done.returncode == 0, done.stderr
    calls = [line.split(" ", 1)[1].strip() for line in log.read_text().splitlines() if str(tmp_path) in line]
    order = [re.sub("renameat2?", "rename", re.match(r"(\w+)\(", call)[1]) for call in calls]
    assert order == ["write", "fsync", "rename", "fsync"], calls
    assert "partial" in calls[0] and "partial" in calls[1] and f"<{tmp_path}>" in calls[3]


def test_moved_and_kept_files(tmp_path):
    first = storage.write_text(tmp_path / "a", "one")
    other = storage.keep_as(first, tmp_path / "b")
    storage.write_text(first, "two")
    assert other.read_text() == "one" and first.read_text() == "two"
    assert storage.move(first, other).read_text() == "two" and not first.exists()


def test_a_folder_is_removed_whole(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "file").write_text("a")
    storage.remove_tree(tmp_path / "x")
    storage.remove_tree(tmp_path / "x")
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------- disks that can less


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK])
def test_a_disk_without_locks_is_worked_on_with_a_note(tmp_path, monkeypatch, capsys, number):
    """Case F23."""

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    note.cache_clear()
    for _ in range(2):
        with folder_lock(tmp_path, "run"):
            pass
    assert capsys.readouterr().err.count("knows no locks") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("number", "works"), [(errno.EINVAL, True), (errno.ENOTSUP, True), (errno.EIO, False)])
def test_a_disk_that_cannot_flush_folders_is_written_with_a_note(tmp_path, monkeypatch, capsys, number, works):
    flush = os.fsync

    def fsync(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(number, os.strerror(number))
        flush(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    note.cache_clear()
    if works:
        assert storage.write_text(tmp_path / "a.txt", "x").read_text() == "x"
        assert "power cut" in capsys.readouterr().err
    else:
        with pytest.raises(StorageError, match="cannot write"):
            storage.write_text(tmp_path / "a.txt", "x")


@pytest.mark.parametrize("link", ["results", "results/p", "results/p/tables"])
def test_results_on_another_disk_are_recorded_by_their_place_in_the_project(tmp_path, monkeypatch, link):
    """Case F2."""
    root, other = tmp_path / "project", tmp_path / "other disk"
    other.mkdir()
    (root / link).parent.mkdir(parents=True)
    (root / link).symlink_to(other)
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    table = storage.write_text(root / "results/p/tables/t.csv", "x")
    assert below_project(table) == "results/p/tables/t.csv"
    assert below_project(tmp_path / "elsewhere.csv") == (tmp_path / "elsewhere.csv").as_posix()
    storage.remove_tree(root / "results/p")
    assert not table.exists() and (root / link).exists() == (link != "results/p/tables")
    storage.write_text(table, "again")
    assert storage.clean_partials(root) == []
