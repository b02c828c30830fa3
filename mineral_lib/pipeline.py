"""The chain: papermill runs the numbered notebooks one after another with one profile's parameters.

A notebook is skipped when its parameters, its source, the library and its files are unchanged. Training runs are
reused by their own keys, so running a notebook again does not train again.
"""

import os
import shlex
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from mineral_lib import errors
from mineral_lib.config import Settings
from mineral_lib.errors import StageError, StudyError
from mineral_lib.kernel import stoppable_kernel
from mineral_lib.locks import folder_lock
from mineral_lib.manifest import write_outputs
from mineral_lib.parameters import sections_of
from mineral_lib.stage import outputs_intact, record_path
from mineral_lib.storage import (
    ResultPaths,
    clean_partials,
    digest,
    file_digest,
    project_root,
    read_json,
    write_json,
    write_text,
)
from mineral_lib.study import Study

Say = Callable[[str], None]
REPORT = "08_report"


def notebook_names() -> list[str]:
    """The numbered notebooks in order, without ending."""
    return sorted(path.stem for path in (project_root() / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def parameter_file(settings: Settings) -> Path:
    """The resolved parameters of a profile, as papermill gets them."""
    return ResultPaths.of(settings.profile).root / "params" / f"{settings.profile}.yaml"


def commands(settings: Settings) -> list[str]:
    """The stock papermill command of each stage."""
    root, paths = project_root(), ResultPaths.of(settings.profile)
    lines = []
    for name in notebook_names():
        target = (paths.notebooks_dir / f"{name}.ipynb").relative_to(root).as_posix()
        parameters = parameter_file(settings).relative_to(root).as_posix()
        lines.append(shlex.join(["papermill", f"notebooks/{name}.ipynb", target, "-f", parameters]))
    return lines


def _library_digest() -> str:
    folder = project_root() / "mineral_lib"
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".j2", ".csv"))
    return digest([[path.relative_to(folder).as_posix(), file_digest(path)] for path in files])


def write_parameters(settings: Settings) -> Path:
    """Write the resolved parameters of a profile, and return the path."""
    text = yaml.safe_dump(sections_of(settings), sort_keys=False, allow_unicode=True, width=110)
    return write_text(parameter_file(settings), text)


def reproduce(settings: Settings, *, say: Say = print, force: bool = False) -> Path:
    """Run the whole chain and return the path of the report.

    Args:
        settings: The profile.
        say: Receives progress lines.
        force: Run every notebook again (training runs are still reused by their keys).

    Raises:
        StageError: A notebook failed; what was finished before is kept.
        StoppedError: Ctrl-C or SIGTERM; training in progress is saved.
        StorageError: Another process works on this profile, or the disk refuses.
    """
    os.environ.setdefault("PYTHONHASHSEED", "0")
    root = ResultPaths.of(settings.profile).root
    with folder_lock(root, f"the study '{settings.profile}'"):
        clean_partials(root)
        return _reproduce(settings, say, force)


def _reproduce(settings: Settings, say: Say, force: bool) -> Path:
    begin, paths = time.perf_counter(), ResultPaths.of(settings.profile)
    write_parameters(settings)
    key = digest([sections_of(settings), _library_digest()])
    # The report comes last: it prints what all the others have made.
    names, checked = sorted(notebook_names(), key=lambda name: name == REPORT), False
    for position, name in enumerate(names, 1):
        source = project_root() / "notebooks" / f"{name}.ipynb"
        key = digest([key, file_digest(source)])
        if not force and _up_to_date(settings.profile, name, key):
            say(f"[{position}/{len(names)}] {name}: up to date")
            continue
        if not checked:
            check_inputs(settings)
            checked = True
        say(f"[{position}/{len(names)}] {name} ...")
        started = time.perf_counter()
        run_notebook(settings, name)
        seconds = round(time.perf_counter() - started, 1)
        write_json(_key_path(settings.profile, name), {"key": key, "seconds": seconds})
        say(f"[{position}/{len(names)}] {name}: done in {seconds:.0f} s")
    write_outputs(Study(settings), {name: read_json(_key_path(settings.profile, name))["seconds"] for name in names})
    say(f"\nFinished in {time.perf_counter() - begin:.0f} s. Open the report:\n  {paths.report}")
    return paths.report


def check_inputs(settings: Settings) -> None:
    """Refuse photographs or starting weights that cannot be used, before any notebook runs.

    Raises:
        DataError: The photo folder cannot be used.
        WeightsError: Asked-for weights cannot exist or their file is missing.
    """
    from mineral_lib.data.prepare import prepare
    from mineral_lib.training.specs import study_runs

    prepare(settings)
    transferred = {spec.model for spec in study_runs(settings) if spec.weights == "transfer"}
    if transferred and settings.weights.source != "formula":
        from mineral_lib.models.weights import check_source

        for model in sorted(transferred):
            check_source(model, settings.weights, settings.model)


def _key_path(profile: str, name: str) -> Path:
    return ResultPaths.of(profile).stages_dir / f"{name}.key.json"


def _up_to_date(profile: str, name: str, key: str) -> bool:
    path = _key_path(profile, name)
    return path.is_file() and read_json(path)["key"] == key and outputs_intact(profile, name)


def run_notebook(settings: Settings, name: str) -> Path:
    """Run one notebook through papermill into ``results/<profile>/notebooks`` and make its web page.

    Raises:
        StageError: A cell failed, the kernel died, or the notebook did not reach its end. The partly executed copy
            is kept as ``<name>.failed.ipynb``; no file of an earlier success is replaced.
        StoppedError: Ctrl-C or SIGTERM; the kernel was told and has saved what it was training.
    """
    import papermill
    from papermill.exceptions import PapermillExecutionError

    root, paths = project_root(), ResultPaths.of(settings.profile)
    folder = paths.notebooks_dir.relative_to(root)
    target, failed = root / folder / f"{name}.ipynb", folder / f"{name}.failed.ipynb"
    (root / folder).mkdir(parents=True, exist_ok=True)
    record_path(settings.profile, name).unlink(missing_ok=True)
    previous = Path.cwd()
    os.chdir(root)  # papermill stores the paths it is given: relative ones carry no trace of the machine
    try:
        with warnings.catch_warnings(), stoppable_kernel(f"notebook {name}") as options:
            warnings.simplefilter("ignore")
            papermill.execute_notebook(
                f"notebooks/{name}.ipynb",
                str(failed),
                parameters=sections_of(settings),
                kernel_name="python3",
                progress_bar=False,
                stdout_file=sys.stdout,
                cwd=str(root),
                **options,
            )
    except PapermillExecutionError as error:
        raise _stage_error(name, error, failed) from error
    except StudyError:
        raise
    except Exception as error:
        raise StageError(
            f"the notebook stopped ({type(error).__name__}: {error})",
            where=f"notebook {name}",
            remedy="if the kernel died, memory was probably short: lower train.jobs or batch_size",
        ) from error
    finally:
        os.chdir(previous)
    if not record_path(settings.profile, name).is_file():
        raise StageError(
            "the notebook ended early, its last cell did not run",
            where=f"notebook {name}",
            remedy=f"look at {failed.as_posix()}",
        )
    os.replace(root / failed, target)
    _write_page(target, paths.html_dir / f"{name}.html")
    return target


def _stage_error(name: str, error: Any, failed: Path) -> StageError:
    """The error of a cell, with the exit status that the same error has outside of a notebook."""
    lines = [line for line in str(error.evalue).splitlines() if line.strip()]
    problem = StageError(
        f"{error.ename}: " + "\n".join(lines),
        where=f"notebook {name}, cell {error.exec_count}",
        remedy=f"correct that and start again; the failed copy is {failed.as_posix()}",
    )
    problem.exit_code = getattr(getattr(errors, str(error.ename), StageError), "exit_code", StageError.exit_code)
    return problem


def _write_page(notebook: Path, page: Path) -> None:
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(embed_images=True)
    exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
    write_text(page, exporter.from_filename(str(notebook))[0])
