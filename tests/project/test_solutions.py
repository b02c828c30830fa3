"""The solutions notebooks: every exercise is answered, the form of the notebooks is kept, and all of them run."""

import asyncio
import json
import re
import subprocess
import sys

import nbformat
import pytest
from checkout import ROOT
from nbclient import NotebookClient

from mineral_lib.parameters import load_profile, sections_of
from mineral_lib.storage import file_digest, remove_tree

NAMES = [path.stem for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))]
RESULTS = ROOT / "results"
# What a reader must see: a notebook, a piece of the cell's source, a piece of what the cell shows.
SHOWN = [
    ("00_start_here", "except ml.ParameterError", "did you mean 'epochs'?"),
    ("01_data_preparation", '"in_val"', "'grouped': 0"),
    ("03_model", '"added by attention"', "28"),
    ("04_train", "written_down", "True"),
    ("05_baselines", "images:.0f", "49 images"),
    ("07_grad_cam", '"HiResCAM"]).max()', "'eca_convnext_tiny': 0.0,"),
    ("08_report", "if not run.is_finished", "[]"),
    ("09_your_own_photos", "build_index(mixed.data)", "label conflict"),
    ("09_your_own_photos", "count_leak(", "'pattern': 0"),
]


def read(name: str, *, solution: bool) -> list[dict]:
    path = f"solutions/{name}_solutions.ipynb" if solution else f"{name}.ipynb"
    return json.loads((ROOT / "notebooks" / path).read_text(encoding="utf-8"))["cells"]


def source(cell: dict) -> str:
    return "".join(cell["source"])


def is_parameters(cell: dict) -> bool:
    return "parameters" in cell["metadata"].get("tags", [])


def exercises(name: str) -> list[str]:
    text = next(source(cell) for cell in read(name, solution=False) if "## Exercises" in source(cell))
    return re.findall(r"^\d\. (.+)$", text.split("## Exercises")[1], flags=re.M)


def test_every_notebook_has_solutions():
    assert [path.name for path in sorted((ROOT / "notebooks/solutions").glob("*.ipynb"))] == [
        f"{name}_solutions.ipynb" for name in NAMES
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_exercise_is_quoted_and_answered(name):
    asked, found = exercises(name), read(name, solution=True)
    assert len(asked) == 3
    starts = [place for place, cell in enumerate(found) if source(cell).startswith("## Exercise")]
    assert len(starts) == 3
    for number, (begin, end) in enumerate(zip(starts, [*starts[1:], len(found)], strict=True), 1):
        head = f"## Exercise {number}\n\n> {asked[number - 1]}\n"
        assert source(found[begin]).startswith(head), f"quote the exercise as it stands in {name}"
        part = found[begin:end]
        prose = "".join(source(cell) for cell in part if cell["cell_type"] == "markdown").removeprefix(head)
        assert any(cell["cell_type"] == "code" for cell in part) and len(prose.split()) > 40


@pytest.mark.parametrize("name", NAMES)
def test_parameters_and_settings_are_those_of_the_notebook(name):
    main, solution = read(name, solution=False), read(name, solution=True)
    for wanted in (is_parameters, lambda cell: "study = ml.open_study(profile" in source(cell)):
        one, other = (next(cell for cell in found if wanted(cell)) for found in (main, solution))
        assert other["source"] == one["source"] and other["metadata"] == one["metadata"], "copy the notebook's cell"


def several_in_one(names: list[str]) -> nbformat.NotebookNode:
    """The solutions of several notebooks as one, with an empty namespace and the test profile before each.

    One kernel for five notebooks imports torch once instead of five times.
    """
    values, cells = sections_of(load_profile("test")), []
    for name in names:
        cells += [nbformat.v4.new_code_cell("%reset -f"), nbformat.v4.new_code_cell(f"globals().update({values!r})")]
        for cell in read(name, solution=True):
            if cell["cell_type"] == "code" and not is_parameters(cell):
                cells.append(nbformat.v4.new_code_cell(source(cell), metadata={"solution": name}))
    return nbformat.v4.new_notebook(cells=cells)


async def run_side_by_side(notebooks: list[nbformat.NotebookNode]) -> None:
    place = {"metadata": {"path": str(ROOT)}}
    clients = [NotebookClient(one, timeout=900, kernel_name="python3", resources=place) for one in notebooks]
    await asyncio.gather(*(client.async_execute() for client in clients))


def study_files() -> dict[str, str]:
    study = RESULTS / "test"
    return {path.relative_to(study).as_posix(): file_digest(path) for path in study.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def executed(chain):
    """The cells of all solutions, run on the results of the chain, and the study's files before."""
    forget_exercises()
    before, notebooks = study_files(), [several_in_one(NAMES[::2]), several_in_one(NAMES[1::2])]
    asyncio.run(run_side_by_side(notebooks))
    yield [cell for one in notebooks for cell in one.cells if "solution" in cell.metadata], before
    forget_exercises()


def forget_exercises() -> None:
    for folder in RESULTS.glob("test-exercise-*"):
        remove_tree(folder)


def shown(cell: nbformat.NotebookNode) -> str:
    data = [out.get("data", {}) for out in cell.outputs]
    return "".join(out.get("text", "") for out in cell.outputs) + "".join(
        one.get(kind, "") for one in data for kind in ("text/plain", "text/html")
    )


@pytest.mark.parametrize(("name", "piece", "wanted"), SHOWN, ids=[f"{one[0][:2]} {one[2]}" for one in SHOWN])
def test_solutions_show_what_they_claim(executed, name, piece, wanted):
    found = [cell for cell in executed[0] if cell.metadata["solution"] == name and piece in cell.source]
    assert len(found) == 1 and wanted in shown(found[0]), [shown(cell) for cell in found]


def test_solutions_leave_the_study_as_it_is(executed):
    assert study_files() == executed[1]


def test_stock_papermill_runs_a_solution_without_warnings(executed, tmp_path):
    options = ["-f", "params/test.yaml", "--no-progress-bar"]
    command = ["papermill", "notebooks/solutions/05_baselines_solutions.ipynb", str(tmp_path / "out.ipynb"), *options]
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "arning" not in done.stderr and "unknown parameter" not in done.stderr.lower()
