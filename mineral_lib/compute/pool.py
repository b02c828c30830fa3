"""Training several runs side by side: one process a run, each with its own pinned threads.

Small networks use two cores far better as two runs of one thread than as one run of two threads, and a run's
result does not depend on what trains beside it.
"""

import contextlib
import multiprocessing
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from mineral_lib.compute.memory import explained_shortage
from mineral_lib.config import Settings
from mineral_lib.data.pixels import load_pixels
from mineral_lib.data.prepare import prepare
from mineral_lib.errors import StageError
from mineral_lib.parameters import check, sections_of
from mineral_lib.stopping import check_stop, graceful_stop, join_pool, shared_number
from mineral_lib.storage import STUDY_FILE, ResultPaths, clean_partials, write_json
from mineral_lib.training.engine import Say
from mineral_lib.training.pretrain import CONTROL, ensure_source_weights, is_pretrained, source_name
from mineral_lib.training.runs import is_finished, tidy_finished, train_run
from mineral_lib.training.specs import RunSpec, study_runs

_messages: Any = None


def _start_worker(messages: Any, stop_number: Any) -> None:
    global _messages
    _messages = messages
    join_pool(stop_number)


def _work(sections: dict[str, Any], spec: RunSpec | str) -> None:
    do(check(sections, where="worker"), spec, _messages.put)


def do(settings: Settings, spec: RunSpec | str, say: Say) -> None:
    """One task: a pre-training (its ``source_name``), or a run."""
    with graceful_stop():
        check_stop("nothing begun", where=str(spec if isinstance(spec, str) else spec.name))
        if isinstance(spec, str):
            with explained_shortage(settings, f"pre-training of {spec}"):
                ensure_source_weights(settings, spec, say=say)
        else:
            train_run(settings, spec, say=say)


def outstanding(settings: Settings, specs: list[RunSpec]) -> tuple[list[RunSpec], list[str]]:
    """Prepare photographs, splits and pixels once, before several processes want them, and say what is to be done.

    Returns:
        The runs that are not finished, and the networks whose pre-training they wait for.

    Raises:
        DataError: The photographs cannot be used.
    """
    for folder in (ResultPaths.of(settings.profile).root, ResultPaths.of(settings.profile).cache_dir):
        clean_partials(folder)
    data = prepare(settings)
    names = [spec.name for spec in study_runs(settings)]
    write_json(ResultPaths.of(settings.profile).runs_dir / STUDY_FILE, names)
    missing = [spec for spec in specs if not is_finished(settings, spec, data)]
    for spec in specs:
        if spec not in missing:
            tidy_finished(settings, spec, data)
    for protocol, seed in dict.fromkeys((spec.protocol, spec.seed) for spec in missing):
        load_pixels(data.samples(protocol, seed), data.index, settings.data, settings.augment)
    needed = dict.fromkeys(source_of(settings, spec) for spec in missing)
    return missing, [name for name in needed if name and not is_pretrained(settings, name)]


def source_of(settings: Settings, spec: RunSpec) -> str | None:
    """The pre-training a run starts from (see ``pretrain.source_name``), None if it needs none."""
    formula = spec.weights == "transfer" and settings.weights.source == "formula"
    return source_name(spec.model, spec.weights) if formula or spec.weights == CONTROL else None


def train_runs(settings: Settings, specs: list[RunSpec], *, say: Say = print) -> int:
    """Train every run that is not finished yet; source-domain pre-training comes before the runs that need it.

    Args:
        settings: The profile; ``train.jobs`` runs work side by side, also on one accelerator: small networks leave
            most of it idle.
        specs: The runs wanted.
        say: Receives one line an epoch.

    Returns:
        How many runs were trained (finished ones are reused).

    Raises:
        StudyError: A run failed; finished runs are kept.
        StoppedError: Ctrl-C or SIGTERM; every run in progress is saved.
    """
    missing, sources = outstanding(settings, specs)
    if not missing:
        return 0
    if settings.train.jobs == 1:
        with graceful_stop():
            for task in [*sources, *missing]:
                do(settings, task, say)
        return len(missing)
    with graceful_stop():
        _train_side_by_side(settings, missing, sources, say)
    return len(missing)


def _train_side_by_side(settings: Settings, missing: list[RunSpec], sources: list[str], say: Say) -> None:
    context = multiprocessing.get_context("spawn")
    messages = context.Queue()
    listener = threading.Thread(target=lambda: [say(line) for line in iter(messages.get, None)], daemon=True)
    listener.start()
    sections, closing = sections_of(settings), contextlib.ExitStack()
    stop_number = closing.enter_context(shared_number(context))
    pool = ProcessPoolExecutor(
        settings.train.jobs, mp_context=context, initializer=_start_worker, initargs=(messages, stop_number)
    )
    try:
        running: dict[Future, RunSpec | str] = {pool.submit(_work, sections, name): name for name in sources}
        waiting = [spec for spec in missing if source_of(settings, spec) in sources]
        running |= {pool.submit(_work, sections, spec): spec for spec in missing if spec not in waiting}
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            check_stop("every run in progress is saved")
            for future in done:
                finished = running.pop(future)
                future.result()
                # A finished source-domain network (a name, no run) sets free the runs that start from it.
                ready = [spec for spec in waiting if source_of(settings, spec) == finished]
                waiting = [spec for spec in waiting if spec not in ready]
                running |= {pool.submit(_work, sections, spec): spec for spec in ready}
    except BrokenProcessPool as error:
        raise StageError(
            "a training process died (often: out of memory)",
            where="training",
            remedy="set train.jobs to 1 or lower train.batch_size, then start again",
        ) from error
    except KeyboardInterrupt:  # the second Ctrl-C: nobody is waited for
        for process in multiprocessing.active_children():
            process.kill()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        closing.close()
        messages.put(None)
        listener.join()
