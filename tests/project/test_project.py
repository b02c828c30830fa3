"""The project itself: environment files agree, notebooks keep their rules, floors are respected, nothing private."""

import ast
import json
import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from checkout import ROOT

from mineral_lib.config import SECTIONS

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SOLUTIONS = sorted((ROOT / "notebooks" / "solutions").glob("*.ipynb"))
LIBRARY = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "mineral_lib").rglob("*.py"))
}
# Rooms and single modules by floor; imports only go down, or stay.
FLOORS = (
    {
        *("__init__", "catalogue", "config", "digests", "errors", "injected", "kernel", "locks", "notation"),
        *("paper", "parameters", "paths", "patterns", "resources", "runtime"),
        *("stages", "stopping", "storage", "yaml_reader"),
    },
    {"photos", "specimens", "data", "models"},
    {"study", "training", "compute", "evaluation", "measurements", "recognition"},
    {"reporting"},
    {"__main__", "check_results", "cli", "manifest", "photo_commands", "pipeline"},
)
# A study saves what it is given, and takes the words for it from above; a scan takes from there what sees crops.
DOORS = {
    ("mineral_lib.study", "mineral_lib.reporting.artefacts"),
    ("mineral_lib.data.index", "mineral_lib.recognition.copies"),
}
FACES = ("mineral_lib.photos", "mineral_lib.specimens")  # rooms with one door


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
    assert "finish(" in "".join(cells(path)[-1]["source"])
    prose = "\n".join("".join(cell["source"]) for cell in cells(path, "markdown"))
    assert len(prose.split()) > 120 and ("## Exercises" in prose or path.name[:2] == "00")


@pytest.mark.parametrize("path", [*NOTEBOOKS, *SOLUTIONS], ids=lambda path: path.stem)
def test_form_of_notebooks_and_solutions(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert "version" not in notebook["metadata"].get("language_info", {})
    assert sum("parameters" in cell["metadata"].get("tags", []) for cell in cells(path)) == 1
    for cell in cells(path):
        assert not cell["outputs"] and cell["execution_count"] is None
        if "parameters" in cell["metadata"].get("tags", []):
            continue
        source = "".join(cell["source"])
        assert source.count("\n") < 15, source
        kinds = {type(node) for node in ast.walk(ast.parse(source))}
        assert not kinds & {ast.FunctionDef, ast.ClassDef, ast.While}
        assert not re.search(r"sys\.path|!pip|%pip|['\"]/[a-z]", source)
    if path in SOLUTIONS:
        assert not any("finish(" in "".join(cell["source"]) for cell in cells(path))
        assert f"(../{path.stem.removesuffix('_solutions')}.ipynb)" in "".join(notebook["cells"][0]["source"])


@pytest.mark.parametrize("path", [*NOTEBOOKS, *SOLUTIONS], ids=lambda path: path.stem)
def test_the_notebooks_change_nothing_of_the_quick_profile(path):
    cell = next(cell for cell in cells(path) if "parameters" in cell["metadata"].get("tags", []))
    assert len(cell["source"]) <= 14
    values: dict = {}
    exec("".join(cell["source"]), {}, values)
    assert values == {"profile": "quick"} | {section: {} for section in SECTIONS}


def imports(source: str) -> set[str]:
    """Names of the project's modules that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} if node.module == "mineral_lib" else set()
            found |= {node.module} if node.module != "mineral_lib" else set()
    return {name for name in found if name and name.startswith("mineral_lib.") and not name.endswith("__version__")}


def floor_of(module: str) -> int:
    name = module.split(".")[1] if "." in module else "__init__"
    return next(number for number, floor in enumerate(FLOORS) if name in floor)


def test_imports_only_go_down():
    for module, source in LIBRARY.items():
        for name in imports(source):
            assert floor_of(name) <= floor_of(module) or (module, name) in DOORS, f"{module} imports {name}"


@pytest.mark.parametrize("face", FACES)
def test_rooms_with_one_door_are_entered_by_it(face):
    for module, source in LIBRARY.items():
        if not module.startswith(face):
            assert not {name for name in imports(source) if name.startswith(f"{face}.")}, module


def test_settings_travel_through_few_signatures():
    taking = []
    for module, source in LIBRARY.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                if any("Settings" in ast.unparse(one.annotation).split(" | ") for one in given if one.annotation):
                    taking.append(f"{module}.{node.name}")
    assert len(taking) <= 40, "take a Study, a Run or one section:\n" + "\n".join(taking)


def test_nothing_is_kept_from_the_formatter():
    for folder in ("mineral_lib", "tests", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            assert not re.search(r"#\s*fmt:", path.read_text(encoding="utf-8")), path


def test_reporting_knows_no_torch():
    for module, source in LIBRARY.items():
        if module.startswith("mineral_lib.reporting"):
            assert not re.search(r"^\s*(import|from) torch", source, flags=re.M), module


def test_parameter_errors_answer_without_heavy_imports():
    code = (
        "import sys, mineral_lib.cli; sys.exit(any(name in sys.modules for name in ('torch', 'pandas', 'matplotlib')))"
    )
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
