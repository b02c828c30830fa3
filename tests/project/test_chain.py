"""The whole chain as a user runs it: complete, idempotent, and clear about what goes wrong."""

import json
import subprocess
import sys

import pytest
from checkout import ROOT, mineral

from mineral_lib.parameters import load_profile
from mineral_lib.paths import ResultPaths
from mineral_lib.pipeline import notebook_names, run_notebook
from mineral_lib.storage import read_json
from mineral_lib.study import Study

TABLES = """
    table_1_structure table_2_images table_3_terms table_4_comparison table_5_ablation table_6_convergence
    section_4_1_accuracy leakage linear_probe grad_cam_evidence ground_test costs
"""
FIGURES = """
    figure_1_convnext_block figure_2_eca_module figure_3_network plate_1_minerals figure_4_curves
    figure_4_authors_curves figure_5_confusion_paper figure_5_confusion_standard figure_6_grad_cam cost_scaling
"""


def test_everything_is_made(chain):
    paths = ResultPaths(ROOT / "results" / "test")
    for name in TABLES.split():
        assert (paths.tables_dir / f"{name}.csv").stat().st_size > 0 and (paths.tables_dir / f"{name}.md").is_file(), (
            name
        )
    for name in FIGURES.split():
        for suffix in ("png", "svg", "csv"):
            assert (paths.figures_dir / f"{name}.{suffix}").stat().st_size > 0, name
    for name in notebook_names():
        assert read_json(paths.stages_dir / f"{name}.json")["status"] == "done"
        page = (paths.html_dir / f"{name}.html").read_text(encoding="utf-8")
        assert len(page) > 10_000 and 'src="http' not in page, name  # whole without a network,
        assert "$$" not in page.partition("</head>")[2], name  # formulas included
    report = paths.report.read_text(encoding="utf-8")
    assert "ECA-ConvNeXt-T (compact)" in report and 'src="http' not in report
    assert read_json(paths.root / "manifest.json")["data"]["leak"]["grouped"]["test"]["same_group"] == 0
    assert "Traceback" not in chain.stderr


def test_a_second_call_reuses_everything(chain):
    again = mineral("reproduce", "--profile", "test")
    assert again.returncode == 0 and again.stdout.count("up to date") == len(notebook_names())


def test_a_lost_file_is_made_again(chain):
    paths = ResultPaths(ROOT / "results" / "test")
    table = paths.tables_dir / "table_5_ablation.csv"
    before = table.read_bytes()
    table.unlink()
    again = mineral("reproduce", "--profile", "test")
    assert again.returncode == 0 and table.read_bytes() == before
    assert "epoch" not in again.stdout  # nothing was trained again


def test_executed_notebooks_hold_no_machine_path(chain):
    for path in (ROOT / "results" / "test" / "notebooks").glob("*.ipynb"):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        assert str(ROOT) not in json.dumps(notebook["metadata"])
        warned = [out for cell in notebook["cells"] for out in cell.get("outputs", []) if out.get("name") == "stderr"]
        assert not [out for out in warned if "site-packages" in "".join(out["text"])], path.name


def test_stock_papermill_runs_a_notebook_without_warnings(chain, tmp_path):
    options = ["-f", "params/test.yaml", "--no-progress-bar"]
    command = ["papermill", "notebooks/06_ablation.ipynb", str(tmp_path / "out.ipynb"), *options]
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "arning" not in done.stderr and "unknown parameter" not in done.stderr.lower()


def test_dry_run_prints_the_stock_commands():
    done = mineral("reproduce", "--profile", "paper", "--dry-run")
    assert done.returncode == 0
    assert (
        "papermill notebooks/04_train.ipynb results/paper/notebooks/04_train.ipynb -f params/paper.yaml" in done.stdout
    )


def test_wrong_parameters_exit_2_at_once():
    done = mineral("reproduce", "--profile", "test", "--set", "train.epoch=5")
    assert done.returncode == 2 and "did you mean 'epochs'" in done.stderr and "Traceback" not in done.stderr


def test_missing_folder_is_one_clear_message():
    done = mineral(
        "reproduce", "--profile", "own_photos", "--set", "profile=test_missing", "--set", "data.folder=no/such/folder"
    )
    assert done.returncode == 3 and "no/such/folder" in done.stderr and "What to do" in done.stderr
    assert "Traceback" not in done.stderr
    mineral("clean", "--profile", "test_missing")


def test_imagenet_weights_for_compact_networks_are_refused_before_training():
    done = mineral(
        "reproduce", "--profile", "test", "--set", "profile=test_weights", "--set", "weights.source=imagenet"
    )
    assert done.returncode == 3 and "no ImageNet weights for the compact" in done.stderr
    assert not (ROOT / "results" / "test_weights" / "runs").exists()
    mineral("clean", "--profile", "test_weights")


def test_a_failing_notebook_keeps_the_failed_copy_and_the_earlier_success(chain, monkeypatch):
    import papermill
    from papermill.exceptions import PapermillExecutionError

    from mineral_lib.errors import StageError

    settings, paths = load_profile("test"), ResultPaths(ROOT / "results" / "test")
    before = (paths.notebooks_dir / "08_report.ipynb").read_bytes()
    record = (paths.stages_dir / "08_report.json").read_bytes()

    def fail(*arguments, **options):
        raise PapermillExecutionError(
            cell_index=1, exec_count=3, source="1/0", ename="ZeroDivisionError", evalue="division by zero", traceback=[]
        )

    monkeypatch.setattr(papermill, "execute_notebook", fail)
    with pytest.raises(StageError, match=r"08_report, cell 3: ZeroDivisionError"):
        run_notebook(Study(settings), "08_report")
    assert (paths.notebooks_dir / "08_report.ipynb").read_bytes() == before
    (paths.stages_dir / "08_report.json").write_bytes(record)


def test_list_and_check():
    assert "quick" in mineral("list").stdout
    assert "quick: correct" in mineral("check-params").stdout
    assert mineral("clean", "--profile", "qick").returncode == 2
