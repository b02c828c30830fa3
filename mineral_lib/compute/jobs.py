"""Where the jobs of a sweep run: processes of this machine, or a Slurm cluster, both through submitit."""

import getpass
import os
import pickle
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mineral_lib.compute.pool import do
from mineral_lib.config import Settings
from mineral_lib.errors import BusyError, ParameterError, StageError, StoppedError, StudyError
from mineral_lib.parameters import check, sections_of
from mineral_lib.runtime import select_device
from mineral_lib.stopping import graceful_stop, request_stop
from mineral_lib.storage import ROOT_VARIABLE, ResultPaths, digest, project_root
from mineral_lib.training.specs import RunSpec

Work = RunSpec | str
EXECUTORS = ("local", "slurm", "debug")
# submitit announces the time limit or a preemption with this signal.
WARNING = signal.SIGUSR2
# A job that reaches its time limit goes on in the next one; a finished study ends this, not a number.
TIME_LIMITS = 1000
# Minutes of a Slurm job if the user says nothing, and of a local one: no limit.
SLURM_MINUTES, LOCAL_MINUTES = 240, 60 * 24 * 365


def work_name(work: Work) -> str:
    """What a job is called: the run's name, or ``pretrain-<network>``."""
    return f"pretrain-{work.replace(':', '_')}" if isinstance(work, str) else work.name


@dataclass(frozen=True)
class Task:
    """What a job does: the pre-training of a network (its name) or a run. submitit calls it in a process of its own.

    Attributes:
        root: The project root.
        sections: The plain values of the profile.
        work: The network or the run.
    """

    root: str
    sections: dict[str, Any]
    work: Work

    def __call__(self) -> str:
        """Do it; the result is empty, ``busy``, or what a user has to solve. A stopped job leaves no result."""
        os.environ[ROOT_VARIABLE] = self.root
        with graceful_stop():
            # The step in progress is finished and saved; then submitit may put the job back into the queue.
            requeue = signal.signal(WARNING, lambda number, _: request_stop(number))
            try:
                do(check(self.sections, where="job"), self.work, lambda line: print(line, flush=True))
            except StoppedError as error:
                if error.signal_number == WARNING and callable(requeue):
                    requeue(WARNING, None)
                raise SystemExit(error.exit_code) from error
            except BusyError:
                return "busy"
            except StudyError as error:
                return str(error)
            finally:
                signal.signal(WARNING, requeue)
        return ""

    def checkpoint(self) -> Any:
        """For submitit: the same again; the run itself knows how far it is."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


@dataclass
class Jobs:
    """The jobs of one study.

    Attributes:
        settings: The profile.
        executor: ``local``, ``slurm`` or ``debug`` (in this process, one after the other).
        options: Slurm options, ``KEY=VALUE``.
        running: Jobs submitted and not yet seen to end, by ``work_name``.
    """

    settings: Settings
    executor: str
    options: tuple[str, ...] = ()
    running: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            import submitit
        except ImportError:
            raise StageError(
                "the package submitit is not installed", where="sweep", remedy="pip install 'mineral-study[cluster]'"
            ) from None
        self.folder = ResultPaths.of(self.settings.profile).root / "jobs"
        self.prefix = f"mineral-{digest(str(self.folder))[:6]}-"  # several checkouts may share a cluster
        self.task = lambda work: Task(str(project_root()), sections_of(self.settings), work)
        self.devices = _devices(self.settings) if self.executor == "local" else 0
        kind = {"local": submitit.LocalExecutor, "slurm": submitit.SlurmExecutor, "debug": submitit.DebugExecutor}
        try:
            made = kind[self.executor](self.folder)
        except RuntimeError as error:
            raise StageError(str(error), where="sweep", remedy="start it where sbatch and srun are installed") from None
        self.engine = made
        if self.executor != "debug":
            made.max_num_timeout = TIME_LIMITS
            made.update_parameters(**_parameters(self.settings, self.executor, self.options))

    @property
    def parallel(self) -> int:
        """How many jobs to submit at a time if the user does not say: a Slurm queue takes them all."""
        return {"local": self.devices or self.settings.train.jobs, "debug": 1}.get(self.executor, 10**6)

    def submit(self, work: Work) -> None:
        """Start a job.

        Raises:
            StageError: Slurm refuses it.
        """
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        name = work_name(work)
        if self.executor == "slurm":
            self.engine.update_parameters(job_name=self.prefix + name)
        if self.devices:
            used = [job.device for job in self.running.values()]
            device = min(range(self.devices), key=used.count)
            self.engine.update_parameters(gpus_per_node=1, visible_gpus=(device,))
        # Ctrl-C reaches the whole group; the sweep decides, and tells its processes with SIGTERM.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            job = self.engine.submit(self.task(work))
        except (FailedJobError, FailedSubmissionError, OSError) as error:
            raise StageError(f"Slurm refuses a job: {error}", where=name, remedy="correct --slurm") from error
        finally:
            signal.signal(signal.SIGINT, before)
        if self.devices:
            job.device = device
        self.running[name] = job

    def adopt(self, names: set[str]) -> None:
        """Watch the Slurm jobs an earlier sweep left in the queue."""
        if self.executor == "slurm":
            import submitit

            queue = self._queue() or {}
            self.running |= {name: submitit.SlurmJob(self.folder, queue[name]) for name in names & queue.keys()}

    def ended(self) -> dict[str, str | None]:
        """The jobs that ended since the last call: ``work_name`` and result; None if the job was killed."""
        if self.executor == "slurm":
            queue = self._queue()
            over = [] if queue is None else [name for name in self.running if name not in queue]
        else:
            over = [name for name, job in self.running.items() if job.done()]
        return {name: self._result(self.running.pop(name)) for name in over}

    def stop(self) -> None:
        """Tell local jobs to save and end, and wait for it; Slurm jobs go on."""
        if self.executor == "local":
            jobs = [job for job in self.running.values() if not job.done()]
            for job in jobs:
                os.kill(int(job.job_id), signal.SIGTERM)
            while not all(job.done() for job in jobs):
                time.sleep(0.1)

    def logs(self, name: str) -> str:
        """Where the jobs say what they do."""
        return str(self.folder / "*.out") + f" (the one of {name})"

    def _result(self, job: Any) -> str | None:
        if self.executor == "debug":
            return job.result()
        try:
            outcome, value = pickle.loads(job.paths.result_pickle.read_bytes())
        except (OSError, EOFError):
            return None
        return value if outcome == "success" else f"{value.strip().splitlines()[-1]}\nlog: {job.paths.stderr}"

    def _queue(self) -> dict[str, str] | None:
        """Job number by ``work_name`` of what Slurm has queued or running; None if it does not answer.

        ``squeue`` works on every Slurm; ``sacct``, which submitit asks, needs an accounting database.
        """
        command = ["squeue", "--noheader", "--user", getpass.getuser(), "--format", "%i %j"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        except (OSError, subprocess.SubprocessError):
            return None
        rows = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
        return {name.removeprefix(self.prefix): number for number, name in rows if name.startswith(self.prefix)}


def _devices(settings: Settings) -> int:
    import torch

    return torch.cuda.device_count() if select_device(settings.train.device).type == "cuda" else 0


def _parameters(settings: Settings, executor: str, options: tuple[str, ...]) -> dict[str, Any]:
    """Submitit's parameters; a Slurm option submitit does not know goes to sbatch as it is."""
    if executor == "local":
        return {"timeout_min": LOCAL_MINUTES}
    from submitit.slurm.slurm import _get_default_parameters

    known = set(_get_default_parameters())
    cores = settings.train.threads + settings.train.num_workers
    parameters: dict[str, Any] = {"time": SLURM_MINUTES, "cpus_per_task": cores}
    others: dict[str, Any] = {"requeue": True}
    for option in options:
        key, sign, text = option.partition("=")
        key = key.strip().replace("-", "_")
        value = int(text) if text.strip().isdigit() else text.strip() or True
        if not key or not sign or (key == "time" and not isinstance(value, int)):
            raise ParameterError(
                "is not KEY=VALUE" if not sign else "takes whole minutes",
                where=f"--slurm {option}",
                remedy="write for example --slurm partition=gpu time=240",
            )
        (parameters if key in known else others)[key] = value
    return parameters | {"additional_parameters": others}


def checkpoint_time(folder: Path) -> int:
    """When a run last saved (ns), 0 for never: a killed job that had saved something new is no hopeless one."""
    path = folder / "checkpoints" / "last.pt"
    return path.stat().st_mtime_ns if path.is_file() else 0
