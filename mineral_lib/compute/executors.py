"""Where work is done on this machine: in this process, or in processes side by side, each with its own pinned threads.

Small networks use two cores far better as two runs of one thread than as one run of two threads, and a run's
result does not depend on what trains beside it.
"""

import multiprocessing
import os
import signal
import time
import traceback
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Self

import torch

from mineral_lib.compute.processes import process_context
from mineral_lib.config import Train
from mineral_lib.errors import StoppedError, StudyError
from mineral_lib.paths import ROOT_VARIABLE, project_root
from mineral_lib.runtime import apart_from_the_script, select_device
from mineral_lib.stopping import join_parent, share_number, stop_requested
from mineral_lib.storage import write_text
from mineral_lib.training.engine import Say
from mineral_lib.training.pretrain import Pretraining
from mineral_lib.training.run import Run

Work = Run | Pretraining
# What is left of work that ended, by its name: the error, or None if it is done or was killed.
Ended = dict[str, Exception | None]
POLL_S = 0.2


class Here:
    """This process: a piece of work is over when ``start`` returns."""

    parallel, logs = 1, None

    def __init__(self, say: Say) -> None:
        self.say, self._over = say, Ended()

    def start(self, work: Work) -> None:
        """Do it."""
        self._over[work.name] = None
        try:
            work.train(say=self.say)
        except StoppedError:
            raise
        except StudyError as error:
            self._over[work.name] = error

    def ended(self) -> Ended:
        """What was done since the last call."""
        if not self._over:
            time.sleep(POLL_S)  # everything waits for another process
        over, self._over = self._over, Ended()
        return over


@dataclass
class _Job:
    process: multiprocessing.Process
    messages: Connection
    device: str | None
    lines: list[str] = field(default_factory=list)
    outcome: Exception | None = None


class Processes:
    """One process of this machine for each piece of work; they save and end when this process is told to stop.

    Args:
        parallel: Most processes at a time; None: one a GPU, or ``train.jobs`` without one.
        train: The ``train`` section; the processes share all GPUs that are visible.
        say: Receives what the processes say.
        logs: A folder for what they say, a file for each, instead of ``say``.
    """

    def __init__(self, parallel: int | None, train: Train, say: Say, logs: Path | None = None) -> None:
        self.say, self.logs, self._jobs = say, logs, dict[str, _Job]()
        count = torch.cuda.device_count() if select_device(train.device).type == "cuda" else 0
        self.parallel = parallel or count or train.jobs
        given = os.environ.get("CUDA_VISIBLE_DEVICES")
        self._devices = (given.split(",") if given else [str(k) for k in range(count)])[:count] or [None]
        self._context = process_context(__name__)
        self._stop_number = self._context.Value("i", stop_requested(), lock=False)

    def __enter__(self) -> Self:
        share_number(self._stop_number)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and not self._stop_number.value:
            self._stop_number.value = signal.SIGTERM
        try:
            while self._jobs and kind is not KeyboardInterrupt:
                self.ended()
        finally:
            for job in self._jobs.values():  # after the second Ctrl-C nobody is waited for
                job.process.kill()
            share_number(None)

    def start(self, work: Work) -> None:
        """Start a process."""
        used = [job.device for job in self._jobs.values()]
        device = min(self._devices, key=used.count)
        messages, end = self._context.Pipe(duplex=False)
        arguments = (work, str(project_root()), device, end, self._stop_number)
        process = self._context.Process(target=_work, args=arguments)
        with apart_from_the_script():
            process.start()
        end.close()
        self._jobs[work.name] = _Job(process, messages, device)

    def ended(self) -> Ended:
        """Hand on what the processes say for a moment; those that ended meanwhile."""
        over = Ended()
        names = {job.messages: name for name, job in self._jobs.items()}
        for messages in wait(list(names), POLL_S):
            name = names[messages]
            job = self._jobs[name]
            try:
                message = messages.recv()
            except (EOFError, OSError):
                job.process.join()
                over[name] = self._jobs.pop(name).outcome
                continue
            if not isinstance(message, str):
                job.outcome = message
            elif self.logs is None:
                self.say(message)
            else:
                job.lines.append(message)
                write_text(self.logs / f"{name}.log", "\n".join(job.lines) + "\n")
        return over


def _work(work: Work, root: str, device: str | None, messages: Connection, stop_number: Any) -> None:
    """What a process does; an outcome is sent only for an error."""
    os.environ[ROOT_VARIABLE] = root
    if device is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = device
    join_parent(stop_number)
    try:
        work.train(say=messages.send)
    except StoppedError:
        pass
    except StudyError as error:
        messages.send(error)
    except Exception:
        messages.send(RuntimeError(traceback.format_exc()))
