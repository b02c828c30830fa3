"""The command line: ``python -m mineral_lib`` (also installed as ``mineral``)."""

import argparse
import contextlib
import json
import shlex
import signal
import sys

from mineral_lib import __version__
from mineral_lib.errors import ParameterError, StoppedError, StudyError
from mineral_lib.locks import folder_lock
from mineral_lib.parameters import load_profile, profiles
from mineral_lib.stopping import interrupt, interrupted_by
from mineral_lib.storage import ResultPaths, project_root, remove_tree


def build_parser() -> argparse.ArgumentParser:
    """The argument parser."""
    parser = argparse.ArgumentParser(
        prog="mineral", description="Mineral recognition study: check photographs, reproduce, sweep, list, clean."
    )
    parser.add_argument("--version", action="version", version=f"mineral-study {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)

    reproduce = commands.add_parser("reproduce", help="run the whole chain of notebooks with one profile")
    reproduce.add_argument(
        "--dry-run", action="store_true", help="print the plan and the papermill commands, run nothing"
    )
    reproduce.add_argument(
        "--force", action="store_true", help="run every notebook again (finished training is reused)"
    )
    check = commands.add_parser("check-params", help="check parameter files without running anything")
    check.add_argument("files", nargs="*", help="profile names or YAML files (default: all profiles)")
    sweep = commands.add_parser("sweep", help="train every run of the study as jobs: here, or on a Slurm cluster")
    sweep.add_argument(
        "--executor",
        choices=["local", "slurm", "debug"],
        default="local",
        help="processes of this machine (default), Slurm, or this process",
    )
    sweep.add_argument("--jobs", type=int, metavar="N", help="jobs at a time (default: train.jobs; Slurm: all)")
    options = "options of sbatch, for example partition=gpu gpus_per_node=1 time=240 (minutes)"
    sweep.add_argument("--slurm", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help=options)
    one = commands.add_parser("train-run", help="train one run; under torchrun, several processes share its batches")
    one.add_argument("name", help="name of the run, for example eca_convnext_tiny-transfer-grouped-seed0")
    for command in (reproduce, check, sweep, one):
        command.add_argument("--profile", default="quick", help="profile name or YAML file (default: quick)")
        command.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help="change one parameter, for example train.epochs=3",
        )
    photos = commands.add_parser("check", help="say what is in a photo folder; the folder is only read")
    photos.add_argument("photos", help="folder with one folder per mineral")
    photos.add_argument("--out", metavar="DIR", help="also write the tables and the plate of suspicious photographs")
    photos.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one parameter, for example data.specimen_from=folder",
    )
    commands.add_parser("list", help="list profiles, notebooks and finished runs")
    keep = commands.add_parser("keep-reference", help="copy the small files of a finished study to results/reference")
    keep.add_argument("--profile", required=True)
    clean = commands.add_parser("clean", help="delete the generated results of a profile")
    clean.add_argument("--profile", required=True)
    clean.add_argument("--cache", action="store_true", help="also delete the shared cache of pixels and weights")
    clean.add_argument(
        "--unfinished", action="store_true", help="delete only the checkpoints of unfinished runs: they start again"
    )
    return parser


def _reproduce(options: argparse.Namespace) -> None:
    settings = load_profile(options.profile, options.set)
    from mineral_lib import pipeline

    if not options.dry_run:
        pipeline.reproduce(settings, force=options.force)
        return
    print(f"Profile {settings.profile}: {len(pipeline.notebook_names())} notebooks. Nothing is run. Commands:")
    if options.set:
        print(f"(--set: `reproduce` first writes {pipeline.parameter_file(settings).relative_to(project_root())})")
    for line in pipeline.commands(settings):
        print("  " + (line if options.set else line.replace(f"results/{settings.profile}/params/", "params/")))


def _sweep(options: argparse.Namespace) -> None:
    settings = load_profile(options.profile, options.set)
    if options.jobs is not None and options.jobs < 1:
        raise ParameterError("must be at least 1", where="--jobs", remedy="give the number of jobs at a time")
    if options.slurm and options.executor != "slurm":
        raise ParameterError("is for --executor slurm", where="--slurm", remedy="add --executor slurm")
    from mineral_lib.compute.sweep import sweep

    sweep(settings, executor=options.executor, jobs=options.jobs, slurm=tuple(options.slurm))


def _train_run(options: argparse.Namespace) -> None:
    settings = load_profile(options.profile, options.set)
    from mineral_lib.compute.distributed import train_named

    train_named(settings, options.name)


def _check(options: argparse.Namespace) -> None:
    if options.set:
        load_profile(options.profile, options.set)
        print(f"{options.profile} with {len(options.set)} changes: correct")
        return
    for name in options.files or [name for name in profiles() if name != "own_photos"]:
        load_profile(name)
        print(f"{name}: correct")


def _check_photos(options: argparse.Namespace) -> None:
    from pathlib import Path

    from mineral_lib.check import check_photos

    folder = Path(options.photos).expanduser().resolve()
    settings = load_profile("own_photos", [f"data.folder={json.dumps(str(folder))}", *options.set])
    print(check_photos(settings, out=Path(options.out).resolve() if options.out else None))


def _list() -> None:
    from mineral_lib.pipeline import notebook_names

    print("profiles:  " + ", ".join(profiles()))
    print("notebooks: " + ", ".join(notebook_names()))
    results = project_root() / "results"
    for folder in sorted(path for path in results.glob("*/runs/*") if (path / "metrics.json").is_file()):
        print(f"run:       {folder.relative_to(results).as_posix()}")


def _keep_reference(options: argparse.Namespace) -> None:
    from mineral_lib.reference import keep_reference

    print(f"kept in {keep_reference(options.profile).relative_to(project_root())}")


def _clean(options: argparse.Namespace) -> None:
    settings_name = options.profile
    paths = ResultPaths.of(settings_name)
    if settings_name not in profiles() and not (paths.root / "data.json").is_file():
        load_profile(settings_name)  # raises the message with the nearest name
    if options.unfinished:
        _clean_unfinished(paths)
        return
    with folder_lock(paths.root, f"the study '{settings_name}'"):
        remove_tree(paths.root)
    print(f"deleted {paths.root.relative_to(project_root())}")
    if options.cache:
        remove_tree(paths.cache_dir)
        print(f"deleted {paths.cache_dir.relative_to(project_root())}")


def _clean_unfinished(paths: ResultPaths) -> None:
    for folder in sorted(paths.runs_dir.glob("*/checkpoints")):
        with folder_lock(folder.parent, f"run {folder.parent.name}"):
            remove_tree(folder)
        print(f"deleted {folder.relative_to(project_root())}")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit status (0 done; see ``errors.py`` for the others)."""
    options = build_parser().parse_args(arguments)
    _handle_termination()
    actions = {
        "reproduce": _reproduce,
        "sweep": _sweep,
        "train-run": _train_run,
        "check": _check_photos,
        "check-params": _check,
        "list": lambda _: _list(),
        "keep-reference": _keep_reference,
        "clean": _clean,
    }
    try:
        actions[options.command](options)
    except StoppedError as error:
        print(f"\n{error.where or 'training'}: {error.what}\nTo go on: {_again(arguments)}", file=sys.stderr)
        return error.exit_code
    except StudyError as error:
        print(f"\nerror: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"\nstopped at once. To go on: {_again(arguments)}", file=sys.stderr)
        return 128 + (interrupted_by() or signal.SIGINT)
    return 0


def _again(arguments: list[str] | None) -> str:
    return shlex.join(["python", "-m", "mineral_lib", *(sys.argv[1:] if arguments is None else arguments)])


def _handle_termination() -> None:
    # SIGTERM ends the command the way Ctrl-C does, with tidied temporary files, and exit status 143.
    with contextlib.suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGTERM, interrupt)
