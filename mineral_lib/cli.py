"""The command line: ``python -m mineral_lib`` (also installed as ``mineral``)."""

import argparse
import contextlib
import os
import shlex
import signal
import sys
from collections.abc import Callable
from typing import Any

from mineral_lib import __version__
from mineral_lib.config import Settings
from mineral_lib.errors import ParameterError, StoppedError, StorageError, StudyError
from mineral_lib.locks import folder_lock
from mineral_lib.parameters import load_profile, profile_path, profiles, read_profile, split_changes, study_name
from mineral_lib.paths import ResultPaths, given_path, project_root
from mineral_lib.photo_commands import add_photo_commands
from mineral_lib.runtime import select_device
from mineral_lib.stopping import interrupt, interrupted_by, leave_signals
from mineral_lib.storage import remove_tree

EPOCHS = "train.epochs=3"  # the example of commands that take any profile


def build_parser() -> argparse.ArgumentParser:
    """The argument parser; every command's function stands in ``action``."""
    parser = argparse.ArgumentParser(
        prog="mineral", description="Mineral recognition study: check photographs, reproduce, sweep, list, clean."
    )
    parser.add_argument("--version", action="version", version=f"mineral-study {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, action: Callable, text: str, example: str = "") -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text)
        added.set_defaults(action=action)
        if example:
            text = f"change one parameter, for example {example}"
            added.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=text)
        if example == EPOCHS:
            added.add_argument("--profile", default="quick", help="profile name or YAML file (default: quick)")
        return added

    one = command("reproduce", _reproduce, "run the whole chain of notebooks with one profile", EPOCHS)
    one.add_argument("--changes", default="", metavar="TEXT", help="several changes in one text, as make passes SET")
    one.add_argument("--dry-run", action="store_true", help="print the plan and the papermill commands, run nothing")
    one.add_argument("--force", action="store_true", help="run every notebook again (finished training is reused)")
    one = command("check-params", _check, "check parameter files without running anything", EPOCHS)
    one.add_argument("files", nargs="*", help="profile names or YAML files (default: all profiles)")
    one = command("sweep", _sweep, "train every run of the study as jobs: here, or on a Slurm cluster", EPOCHS)
    text = "processes of this machine (default), Slurm, or this process"
    one.add_argument("--executor", choices=["local", "slurm", "debug"], default="local", help=text)
    one.add_argument("--jobs", type=int, metavar="N", help="jobs at a time (default: train.jobs; Slurm: all)")
    text = "options of sbatch, for example partition=gpu gpus_per_node=1 time=240 (minutes)"
    one.add_argument("--slurm", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help=text)
    text = "train one run; under torchrun, several processes share its batches"
    one = command("train-run", _train_run, text, EPOCHS)
    one.add_argument("name", help="name of the run, for example eca_convnext_tiny-transfer-grouped-seed0")
    add_photo_commands(command)
    command("list", _list, "list profiles, notebooks and finished runs")
    text = "check every file of finished results against its digest; exit status 4 if one is damaged"
    one = command("check-results", _check_results, text)
    one.add_argument("folder", nargs="?", help="a result folder (default: all of them, references too)")
    one.add_argument("--profile", help="name of a profile, instead of a folder")
    text = "copy the small files of a finished study to results/reference"
    command("keep-reference", _keep_reference, text).add_argument("--profile", required=True)
    one = command("clean", _clean, "delete the generated results of a profile")
    one.add_argument("--profile", required=True)
    one.add_argument("--cache", action="store_true", help="also delete the shared cache of pixels and weights")
    text = "delete only the checkpoints of unfinished runs: they start again"
    one.add_argument("--unfinished", action="store_true", help=text)
    return parser


def _present(settings: Settings) -> Settings:
    """The settings, if this machine has the device they ask for by name."""
    if settings.train.device not in ("auto", "cpu"):
        select_device(settings.train.device)
    return settings


def _study(options: argparse.Namespace, *, here: bool = True) -> Any:
    """The study; ``here``: it is trained on this machine."""
    settings = load_profile(options.profile, options.set)
    if here:
        _present(settings)
    from mineral_lib.study import Study  # takes seconds: a misspelt parameter has been answered before

    return Study(settings)


def _reproduce(options: argparse.Namespace) -> None:
    from mineral_lib import pipeline

    options.set += split_changes(options.changes)
    study = _study(options, here=not options.dry_run)
    if not options.dry_run:
        pipeline.reproduce(study, force=options.force)
        return
    profile, names, own = study.settings.profile, pipeline.notebook_names(), profile_path(options.profile)
    # The file itself will do, if it says all: papermill knows nothing of the rule that a file's name counts.
    plain = not options.set and options.profile == profile == read_profile(own).get("profile")
    print(f"Profile {profile}: {len(names)} notebooks. Nothing is run. Commands:")
    if not plain:
        print(f"(`reproduce` first writes {pipeline.parameter_file(study).relative_to(project_root()).as_posix()})")
    for line in pipeline.commands(study):
        print("  " + (line.replace(f"results/{profile}/params/", "params/") if plain else line))


def _sweep(options: argparse.Namespace) -> None:
    if options.jobs is not None and options.jobs < 1:
        raise ParameterError("must be at least 1", where="--jobs", remedy="give the number of jobs at a time")
    if options.slurm and options.executor != "slurm":
        raise ParameterError("is for --executor slurm", where="--slurm", remedy="add --executor slurm")
    study = _study(options, here=options.executor != "slurm")
    from mineral_lib.compute.schedule import sweep

    sweep(study, executor=options.executor, jobs=options.jobs, slurm=tuple(options.slurm))


def _train_run(options: argparse.Namespace) -> None:
    study = _study(options)
    from mineral_lib.compute.schedule import train_named

    train_named(study, options.name)


def _check(options: argparse.Namespace) -> None:
    every = [name for name in profiles() if name != "own_photos"]  # which needs a folder
    chosen = [options.profile] if options.set or options.profile != "quick" else every
    for name in options.files or chosen:
        _present(load_profile(name, options.set))
        print(f"{name}{f' with {len(options.set)} changes' if options.set else ''}: correct")


def _list(_options: argparse.Namespace) -> None:
    from mineral_lib.pipeline import notebook_names

    print("profiles:  " + ", ".join(profiles()))
    print("notebooks: " + ", ".join(notebook_names()))
    results = project_root() / "results"
    for folder in sorted(path for path in results.glob("*/runs/*") if (path / "metrics.json").is_file()):
        print(f"run:       {folder.relative_to(results).as_posix()}")


def _check_results(options: argparse.Namespace) -> None:
    from mineral_lib.check_results import check_results, result_folders

    if options.profile:
        folders = [ResultPaths.of(study_name(options.profile)).root]
    else:
        folders = [given_path(options.folder).resolve()] if options.folder else result_folders()
    count = 0
    for folder in folders:
        found = check_results(folder)
        print(found.to_text())
        count += len(found.damages)
    if count:
        raise StorageError(f"{count} damages were found", remedy="what stands at each of them; nothing was changed")


def _keep_reference(options: argparse.Namespace) -> None:
    from mineral_lib.manifest import keep_reference

    print(f"kept in {keep_reference(study_name(options.profile)).relative_to(project_root())}")


def _clean(options: argparse.Namespace) -> None:
    name = study_name(options.profile)
    paths, locked = ResultPaths.of(name), f"the study '{name}'"
    if name not in profiles() and not (paths.root / "data.json").is_file():
        load_profile(options.profile)  # raises the message with the nearest name
    folders = [(paths.root, paths.root, locked)]
    if options.unfinished:
        found = sorted(paths.runs_dir.glob("*/checkpoints"))
        folders = [(folder, folder.parent, f"run {folder.parent.name}") for folder in found]
    for folder, lock, what in folders:
        with folder_lock(lock, what):
            remove_tree(folder)
        print(f"deleted {folder.relative_to(project_root())}")
    if options.cache and not options.unfinished:
        remove_tree(paths.cache_dir)
        print(f"deleted {paths.cache_dir.relative_to(project_root())}")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit status (0 done; see ``errors.py`` for the others)."""
    options = build_parser().parse_args(arguments)
    with contextlib.suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGTERM, interrupt)  # ends the command as Ctrl-C does; exit status 143
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):  # a code page may lack a letter of a file's name
            stream.reconfigure(errors="backslashreplace")
    try:
        options.action(options)
        sys.stdout.flush()
    except BrokenPipeError:  # `| head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + 13  # SIGPIPE
    except StoppedError as error:
        leave_signals()
        print(f"\n{error.where or 'training'}: {error.what}\nTo go on: {_again(arguments)}", file=sys.stderr)
        return error.exit_code
    except StudyError as error:
        print(f"\nerror: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:  # a disk or a right that is missing where nobody thought of it
        remedy = "look at the path, the disk and your rights there, then start again; what is finished is kept"
        problem = StorageError(error.strerror or str(error), where=str(error.filename or "disk"), remedy=remedy)
        print(f"\nerror: {problem}", file=sys.stderr)
        return problem.exit_code
    except KeyboardInterrupt:
        leave_signals()
        print(f"\nstopped at once. To go on: {_again(arguments)}", file=sys.stderr)
        return 128 + (interrupted_by() or signal.SIGINT)
    return 0


def _again(arguments: list[str] | None) -> str:
    return shlex.join(["python", "-m", "mineral_lib", *(sys.argv[1:] if arguments is None else arguments)])
