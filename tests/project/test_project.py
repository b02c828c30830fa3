"""The project itself: environment files agree, notebooks keep their rules, floors are respected, nothing private."""

import ast
import json
import re
import subprocess
import tomllib

import pytest
import yaml
from checkout import ROOT

from mineral_lib.config import SECTIONS

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SOLUTIONS = sorted((ROOT / "notebooks" / "solutions").glob("*.ipynb"))
FLOORS = {"data": 1, "models": 1, "training": 2, "evaluation": 2, "reporting": 3}
GROUND = {
    "config",
    "parameters",
    "errors",
    "storage",
    "runtime",
    "catalogue",
    "paper",
    "stage",
    "locks",
    "stopping",
    "resources",
    "__init__",
}


def locked_versions() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([a-z0-9._-]+)==(\S+)", LOCK, flags=re.M):
        found.setdefault(name, []).append(version)
    return found


def test_lock_has_every_dependency_in_range_and_hashed():
    from packaging.requirements import Requirement

    locked = locked_versions()
    wanted = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]
    for requirement in map(Requirement, wanted):
        name = requirement.name.lower().replace("_", "-")
        assert name in locked, name
        assert all(requirement.specifier.contains(version) for version in locked[name]), name
    blocks = re.split(r"^(?=[a-z0-9._-]+==)", LOCK, flags=re.M)[1:]
    assert len(blocks) > 100 and all("--hash=sha256:" in block for block in blocks)


def test_lock_names_no_host():
    assert not re.search(r"https?://|index-url|find-links|pypi", LOCK.replace("pypinyin", ""))


def test_environment_file_uses_the_lock_and_the_same_python():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["channels"] == ["conda-forge"]
    names = [item for item in environment["dependencies"] if isinstance(item, str)]
    assert f"python{PROJECT['requires-python']}" in names
    assert names == [f"python{PROJECT['requires-python']}", "pip"]  # every other package comes from the lock
    pip = next(item["pip"] for item in environment["dependencies"] if isinstance(item, dict))
    assert pip == ["--require-hashes --requirement requirements.lock"]


def test_every_lower_bound_has_a_reason():
    text = (ROOT / "pyproject.toml").read_text()
    lines = re.search(r"^dependencies = \[(.*?)^\]", text, flags=re.M | re.S)[1].strip().splitlines()
    assert lines and all(">=" in line and "#" in line for line in lines)


def test_citation_names_package_and_paper():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PROJECT["version"]
    assert citation["references"][0]["doi"] == "10.12097/gbc.2022.08.005"


def cells(path, kind="code"):
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == kind]


def test_the_ten_notebooks_are_there():
    assert [path.name[:2] for path in NOTEBOOKS] == [f"{number:02d}" for number in range(10)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_rules(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert "version" not in notebook["metadata"].get("language_info", {})
    parameters = [cell for cell in cells(path) if "parameters" in cell["metadata"].get("tags", [])]
    assert len(parameters) == 1
    for cell in cells(path):
        assert not cell["outputs"] and cell["execution_count"] is None
        if cell is parameters[0] or "parameters" in cell["metadata"].get("tags", []):
            continue
        source = "".join(cell["source"])
        assert source.count("\n") < 15, source
        kinds = {type(node) for node in ast.walk(ast.parse(source))}
        assert not kinds & {ast.FunctionDef, ast.ClassDef, ast.While}
        assert not re.search(r"sys\.path|!pip|%pip|['\"]/[a-z]", source)
    assert "finish(" in "".join(cells(path)[-1]["source"])
    words = sum(len("".join(cell["source"]).split()) for cell in cells(path, "markdown"))
    assert words > 120
    assert (
        "## Exercises" in "".join("".join(cell["source"]) for cell in cells(path, "markdown")) or path.name[:2] == "00"
    )


@pytest.mark.parametrize("path", [*NOTEBOOKS, *SOLUTIONS], ids=lambda path: path.stem)
def test_the_notebooks_change_nothing_of_the_quick_profile(path):
    cell = next(cell for cell in cells(path) if "parameters" in cell["metadata"].get("tags", []))
    assert len(cell["source"]) <= 14
    values: dict = {}
    exec("".join(cell["source"]), {}, values)
    assert values == {"profile": "quick"} | {section: {} for section in SECTIONS}


def floor_of(module: str) -> int:
    parts = module.split(".")
    if len(parts) == 1:
        return 0
    return FLOORS.get(parts[1], 0 if parts[1] in GROUND else 4)


def test_imports_only_go_down():
    for path in (ROOT / "mineral_lib").rglob("*.py"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                if name and name.startswith("mineral_lib"):
                    assert floor_of(name) <= floor_of(module), f"{module} imports {name}"


def test_reporting_knows_no_torch():
    for path in (ROOT / "mineral_lib" / "reporting").rglob("*.py"):
        assert not re.search(r"^\s*(import|from) torch", path.read_text(encoding="utf-8"), flags=re.M), path


def test_parameter_errors_answer_without_heavy_imports():
    code = (
        "import sys, mineral_lib.cli; sys.exit(any(name in sys.modules for name in ('torch', 'pandas', 'matplotlib')))"
    )
    import sys

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_nothing_private_is_tracked():
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, done.stdout.split("\0")):
        path = ROOT / name
        if not path.is_file():
            continue
        assert path.suffix.lower() not in {".jpg", ".jpeg", ".safetensors", ".pt", ".pth", ".npy"}, name
        assert path.stat().st_size < 8_000_000, name
        if path.suffix in {".py", ".md", ".toml", ".lock", ".yml", ".yaml", ".ipynb", ".json", ".csv", ".html"}:
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"/(home|root|Users|work)/[A-Za-z0-9_.-]+/|" r"pypi[.]org|python" r"hosted", text), (
                name
            )
