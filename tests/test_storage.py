"""The atomic writer: old content or new content, nothing else."""

import ast
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from mineral_lib import storage
from mineral_lib.errors import StorageError

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
    monkeypatch.delenv(storage.ROOT_VARIABLE, raising=False)
    root = LIBRARY.parent
    assert storage.project_root(root / "notebooks") == root


def test_outside_of_the_project_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.delenv(storage.ROOT_VARIABLE, raising=False)
    with pytest.raises(StorageError, match=storage.ROOT_VARIABLE):
        storage.project_root(tmp_path)


def _writes(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        text = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        if name in {"write_text", "write_bytes"} and isinstance(node.func, ast.Attribute):
            found.append(name)
        if name == "open" and any(set(mode) <= set("rwabx+") and set(mode) & set("wax") for mode in text):
            found.append("open for writing")
        if name in {"to_csv", "to_markdown", "to_html"} and node.args:
            found.append(f"{name} to a path")
        if name == "save_file":
            found.append(name)
    return found


def test_no_other_module_opens_files_for_writing():
    allowed = {"storage.py": 2, "pixels.py": 1}  # pixels.py streams into storage.atomic_path
    for path in LIBRARY.rglob("*.py"):
        found = _writes(ast.parse(path.read_text(encoding="utf-8")))
        assert len(found) <= allowed.get(path.name, 0), f"{path}: {found}"
