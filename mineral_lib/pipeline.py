"""The chain: papermill runs the numbered notebooks one after another with one profile's parameters.

A notebook is skipped when its parameters, its source, the library and its files are unchanged. Training runs are
reused by their own keys, so running a notebook again does not train again.
"""

import contextlib
import functools
import os
import shlex
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from mineral_lib import errors
from mineral_lib.digests import damages, is_whole_record, write_record
from mineral_lib.errors import StageError, StorageError, StudyError
from mineral_lib.kernel import stoppable_kernel
from mineral_lib.locks import folder_lock
from mineral_lib.parameters import sections_of
from mineral_lib.paths import project_root
from mineral_lib.stages import read_key, read_outputs
from mineral_lib.storage import clean_partials, digest, file_digest, move, write_text

if TYPE_CHECKING:
    from mineral_lib.study import Study

Say = Callable[[str], None]
REPORT = "08_report"


def notebook_names() -> list[str]:
    """The numbered notebooks in order, without ending."""
    return sorted(path.stem for path in (project_root() / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def parameter_file(study: "Study") -> Path:
    """The resolved parameters of a profile, as papermill gets them."""
    return study.paths.params_dir / f"{study.settings.profile}.yaml"


def commands(study: "Study") -> list[str]:
    """The stock papermill command of each stage."""
    places = (study.paths.notebooks_dir, parameter_file(study))
    folder, parameters = (path.relative_to(project_root()).as_posix() for path in places)
    lines = [["papermill", f"notebooks/{name}.ipynb", f"{folder}/{name}.ipynb"] for name in notebook_names()]
    return [shlex.join([*line, "-f", parameters]) for line in lines]


def reproduce(study: "Study", *, say: Say = print, force: bool = False) -> Path:
    """Run the whole chain and return the path of the report; ``say`` receives progress lines.

    ``force`` runs every notebook again (training runs are still reused by their keys).

    Raises:
        StageError: A notebook failed; what was finished before is kept.
        StoppedError: Ctrl-C or SIGTERM; training in progress is saved.
        StorageError: Another process works on this profile, or the disk refuses.
    """
    from mineral_lib.manifest import write_outputs

    os.environ.setdefault("PYTHONHASHSEED", "0")
    # What a user has IPython do at every start is no part of the study.
    os.environ["IPYTHONDIR"] = str(study.paths.cache_dir / "ipython")
    os.environ.pop("PYTHONSTARTUP", None)
    begin, paths = time.perf_counter(), study.paths
    with folder_lock(paths.root, f"the study '{study.settings.profile}'"):
        clean_partials(paths.root)
        text = yaml.safe_dump(sections_of(study.settings), sort_keys=False, allow_unicode=True, width=110)
        write_text(parameter_file(study), text)
        write_outputs(study, _run_all(study, say, force))
    say(f"\nFinished in {time.perf_counter() - begin:.0f} s. Open the report:\n  {paths.report}")
    return paths.report


def _run_all(study: "Study", say: Say, force: bool) -> dict[str, float]:
    """Run every notebook that is not up to date; return what each took, in seconds."""
    key, checked, seconds = digest([sections_of(study.settings), _library_digest()]), False, {}
    # The report comes last: it prints what all the others have made.
    names = sorted(notebook_names(), key=lambda name: name == REPORT)
    for position, name in enumerate(names, 1):
        head, record = f"[{position}/{len(names)}] {name}", study.key_path(name)
        key = digest([key, file_digest(project_root() / "notebooks" / f"{name}.ipynb")])
        if not force and _is_current(study, name, key, say):
            say(f"{head}: up to date")
        else:
            if not checked:
                check_inputs(study)
                checked = True
            say(f"{head} ...")
            started = time.perf_counter()
            run_notebook(study, name)
            write_record(record, {"key": key, "seconds": round(time.perf_counter() - started, 1)})
            say(f"{head}: done in {time.perf_counter() - started:.0f} s")
        seconds[name] = read_key(record)["seconds"]
    return seconds


def _is_current(study: "Study", name: str, key: str, say: Say) -> bool:
    """Whether a notebook was run with this key and all its files are still exactly as written; says what is not."""
    if not (study.key_path(name).exists() and study.record_path(name).exists()):
        return False
    try:
        if read_key(study.key_path(name))["key"] != key:
            return False
        found = damages(project_root(), read_outputs(study.record_path(name)))
        # The manifest of a run that was trained once more has other times.
        wrong = {file: what for file, what in found.items() if not is_whole_record(project_root() / file)}
    except StorageError as error:
        wrong = {Path(error.where).relative_to(project_root()).as_posix(): error.what}
    for file, what in wrong.items():
        say(f"{file} {what}: {name} is run again")
    return not wrong


def _library_digest() -> str:
    folder = project_root() / "mineral_lib"
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".j2", ".csv", ".yaml"))
    return digest([[path.relative_to(folder).as_posix(), file_digest(path)] for path in files])


def check_inputs(study: "Study") -> None:
    """Refuse photographs (DataError) or starting weights (WeightsError) that cannot be used before a notebook runs."""
    from mineral_lib.data.prepare import prepare
    from mineral_lib.models.weights import check_source

    prepare(study.settings)
    if study.settings.weights.source != "formula":
        for model in sorted({run.model for run in study.planned() if run.weights == "transfer"}):
            check_source(model, study.settings.weights, study.settings.model)


def run_notebook(study: "Study", name: str) -> Path:
    """Run one notebook through papermill into ``results/<profile>/notebooks`` and make its web page.

    Raises:
        StageError: A cell failed, the kernel died, or the end was not reached; the copy is kept as
            ``<name>.failed.ipynb``, and no file of an earlier success is replaced.
        StoppedError: Ctrl-C or SIGTERM; the kernel was told and has saved what it was training.
    """
    import papermill
    from papermill.exceptions import PapermillExecutionError

    root, folder = project_root(), study.paths.notebooks_dir
    target, failed = folder / f"{name}.ipynb", (folder / f"{name}.failed.ipynb").relative_to(root)
    _save_whole(failed.parts[0])
    folder.mkdir(parents=True, exist_ok=True)
    study.record_path(name).unlink(missing_ok=True)
    try:
        # papermill stores the paths it is given: relative ones carry no trace of the machine
        with warnings.catch_warnings(), contextlib.chdir(root), stoppable_kernel(f"notebook {name}") as options:
            warnings.simplefilter("ignore")
            papermill.execute_notebook(
                f"notebooks/{name}.ipynb",
                failed.as_posix(),
                parameters=sections_of(study.settings),
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
        remedy = "if the kernel died, memory was probably short: lower train.jobs or batch_size"
        what = f"the notebook stopped ({type(error).__name__}: {error})"
        raise StageError(what, where=f"notebook {name}", remedy=remedy) from error
    if not study.record_path(name).is_file():
        what, remedy = "the notebook ended early, its last cell did not run", f"look at {failed.as_posix()}"
        raise StageError(what, where=f"notebook {name}", remedy=remedy)
    move(root / failed, target)
    _write_page(target, study.paths.html_dir / f"{name}.html")
    return target


@functools.cache
def _save_whole(folder: str) -> None:
    """Have papermill write what is below a folder by the study's writer: it saves its copy after every cell."""
    from papermill.iorw import LocalHandler, papermill_io

    class Whole(LocalHandler):
        """Whole files or none, also on a full disk."""

        def write(self, buf: str, path: str) -> None:
            write_text(Path(path), buf)

    papermill_io.register(f"{folder}/", Whole())


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

    nothing = "data:,"  # no formula needs MathJax and no output require.js: a page asks no network for anything
    exporter = HTMLExporter(embed_images=True, mathjax_url=nothing, require_js_url=nothing)
    exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
    write_text(page, exporter.from_filename(str(notebook))[0])
