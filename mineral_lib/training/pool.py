"""Training several runs side by side on a CPU: one process a run, each with its own pinned threads.

Small networks use two cores far better as two runs of one thread than as one run of two threads, and a run's
result does not depend on what trains beside it.
"""

import multiprocessing
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from mineral_lib.config import Settings
from mineral_lib.data.dataset import load_pixels
from mineral_lib.data.prepare import prepare
from mineral_lib.errors import StageError
from mineral_lib.models.zoo import base_network
from mineral_lib.parameters import check, sections_of
from mineral_lib.runtime import select_device
from mineral_lib.storage import STUDY_FILE, ResultPaths, write_json
from mineral_lib.training.pretrain import ensure_source_weights, is_pretrained
from mineral_lib.training.runs import Say, is_finished, train_run
from mineral_lib.training.specs import RunSpec, study_runs

_messages: Any = None


def _start_worker(messages: Any) -> None:
    global _messages
    _messages = messages


def _work(sections: dict[str, Any], spec: RunSpec | str) -> None:
    settings = check(sections, where="worker")
    if isinstance(spec, str):
        ensure_source_weights(settings, spec, say=_messages.put)
    else:
        train_run(settings, spec, say=_messages.put)


def train_runs(settings: Settings, specs: list[RunSpec], *, say: Say = print) -> int:
    """Train every run that is not finished yet; source-domain pre-training comes before the runs that need it.

    Args:
        settings: The profile; ``train.jobs`` runs work side by side on a CPU, one at a time on an accelerator.
        specs: The runs wanted.
        say: Receives one line an epoch.

    Returns:
        How many runs were trained (finished ones are reused).

    Raises:
        StudyError: A run failed; finished runs are kept.
    """
    data = prepare(settings)
    names = [spec.name for spec in study_runs(settings)]
    write_json(ResultPaths.of(settings.profile).runs_dir / STUDY_FILE, names)
    missing = [spec for spec in specs if not is_finished(settings, spec, data)]
    if not missing:
        return 0
    for protocol in dict.fromkeys(spec.protocol for spec in missing):
        load_pixels(data.splits[protocol], data.index, settings)  # cached once, before several processes want it
    needed = dict.fromkeys(_source(settings, spec) for spec in missing)
    sources = [name for name in needed if name and not is_pretrained(settings, name)]
    if settings.train.jobs == 1 or select_device(settings.train.device).type != "cpu":
        for name in sources:
            ensure_source_weights(settings, name, say=say)
        for spec in missing:
            train_run(settings, spec, say=say)
        return len(missing)
    _train_side_by_side(settings, missing, sources, say)
    return len(missing)


def _source(settings: Settings, spec: RunSpec) -> str | None:
    return base_network(spec.model) if spec.weights == "transfer" and settings.weights.source == "formula" else None


def _train_side_by_side(settings: Settings, missing: list[RunSpec], sources: list[str], say: Say) -> None:
    context = multiprocessing.get_context("spawn")
    messages = context.Queue()
    listener = threading.Thread(target=lambda: [say(line) for line in iter(messages.get, None)], daemon=True)
    listener.start()
    sections = sections_of(settings)
    pool = ProcessPoolExecutor(settings.train.jobs, mp_context=context, initializer=_start_worker, initargs=(messages,))
    try:
        running: dict[Future, RunSpec | str] = {pool.submit(_work, sections, name): name for name in sources}
        waiting = [spec for spec in missing if _source(settings, spec) in sources]
        running |= {pool.submit(_work, sections, spec): spec for spec in missing if spec not in waiting}
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                finished = running.pop(future)
                future.result()
                ready = [spec for spec in waiting if isinstance(finished, str) and _source(settings, spec) == finished]
                waiting = [spec for spec in waiting if spec not in ready]
                running |= {pool.submit(_work, sections, spec): spec for spec in ready}
    except BrokenProcessPool as error:
        raise StageError(
            "a training process died (often: out of memory)",
            where="training",
            remedy="set train.jobs to 1 or lower train.batch_size, then start again",
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        messages.put(None)
        listener.join()
