"""Jobs of a Slurm cluster, through submitit."""

import getpass
import os
import pickle
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mineral_lib.compute.executors import Ended, Work
from mineral_lib.errors import ParameterError, StageError, StoppedError, StudyError
from mineral_lib.paths import ROOT_VARIABLE, project_root
from mineral_lib.stopping import graceful_stop, request_stop
from mineral_lib.storage import digest

if TYPE_CHECKING:
    from mineral_lib.study import Study

# submitit announces the time limit or a preemption with this signal; Windows has neither it nor Slurm.
WARNING = getattr(signal, "SIGUSR2", signal.SIGTERM)
# A job that reaches its time limit goes on in the next one; a finished study ends this, not a number.
TIME_LIMITS = 1000
MINUTES = 240  # of a job if the user says nothing
POLL_S = 5.0


@dataclass(frozen=True)
class Task:
    """What a job does; submitit calls it in a process of its own."""

    root: str  # the project root
    work: Work

    def __call__(self) -> StudyError | None:
        """Do it and return what a user has to solve. A stopped job leaves no result."""
        os.environ[ROOT_VARIABLE] = self.root
        with graceful_stop():
            # The step in progress is finished and saved; then submitit may put the job back into the queue.
            requeue = signal.signal(WARNING, lambda number, _: request_stop(number))
            try:
                self.work.train(say=lambda line: print(line, flush=True))
            except StoppedError as error:
                if error.signal_number == WARNING and callable(requeue):
                    requeue(WARNING, None)
                raise SystemExit(error.exit_code) from error
            except StudyError as error:
                return error
            finally:
                signal.signal(WARNING, requeue)
        return None

    def checkpoint(self) -> Any:
        """For submitit: the same again; the run itself knows how far it is."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


class Slurm:
    """The jobs of one study on a cluster, with options ``KEY=VALUE``; they go on when this process stops.

    Raises:
        ParameterError: An option is wrong.
        StageError: submitit or Slurm is not there.
    """

    parallel = 10**6  # the queue takes them all

    def __init__(self, study: "Study", options: tuple[str, ...]) -> None:
        try:
            import submitit
        except ImportError:
            raise StageError(
                "the package submitit is not installed", where="sweep", remedy="pip install 'mineral-study[cluster]'"
            ) from None
        self._job_at, self._jobs = submitit.SlurmJob, dict[str, Any]()
        self.logs = study.paths.root / "jobs"
        self.prefix = f"mineral-{digest(str(self.logs))[:6]}-"  # several checkouts may share a cluster
        try:
            self._queue_in = submitit.SlurmExecutor(self.logs, max_num_timeout=TIME_LIMITS)
        except RuntimeError as error:
            raise StageError(str(error), where="sweep", remedy="start it where sbatch and srun are installed") from None
        train = study.settings.train
        self._queue_in.update_parameters(**_parameters(train.threads + train.num_workers, options))

    def adopt(self, names: set[str]) -> set[str]:
        """Watch the jobs that an earlier sweep left in the queue, and return what they do."""
        queue = self._queue() or {}
        self._jobs = {name: self._job_at(self.logs, queue[name]) for name in names & queue.keys()}
        return set(self._jobs)

    def start(self, work: Work) -> None:
        """Submit a job.

        Raises:
            StageError: Slurm refuses it.
        """
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        self._queue_in.update_parameters(job_name=self.prefix + work.name)
        try:
            self._jobs[work.name] = self._queue_in.submit(Task(str(project_root()), work))
        except (FailedJobError, FailedSubmissionError, OSError) as error:
            raise StageError(f"Slurm refuses a job: {error}", where=work.name, remedy="correct --slurm") from error

    def ended(self) -> Ended:
        """The jobs that left the queue since the last call."""
        time.sleep(POLL_S)
        queue = self._queue()
        over = [] if queue is None else [name for name in self._jobs if name not in queue]
        return {name: self._outcome(self._jobs.pop(name)) for name in over}

    def _outcome(self, job: Any) -> Exception | None:
        try:
            outcome, value = pickle.loads(job.paths.result_pickle.read_bytes())
        except (OSError, EOFError):
            return None
        return (
            value
            if outcome == "success"
            else RuntimeError(f"{value.strip().splitlines()[-1]}\nlog: {job.paths.stderr}")
        )

    def _queue(self) -> dict[str, str] | None:
        """Job number by name of the work that Slurm has queued or running; None if it does not answer.

        ``squeue`` works on every Slurm; ``sacct``, which submitit asks, needs an accounting database.
        """
        command = ["squeue", "--noheader", "--user", getpass.getuser(), "--format", "%i %j"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        except (OSError, subprocess.SubprocessError):
            return None
        rows = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
        return {name.removeprefix(self.prefix): number for number, name in rows if name.startswith(self.prefix)}


def _parameters(cores: int, options: tuple[str, ...]) -> dict[str, Any]:
    """Submitit's parameters; a Slurm option submitit does not know goes to sbatch as it is."""
    from submitit.slurm.slurm import _get_default_parameters

    known = set(_get_default_parameters())
    parameters: dict[str, Any] = {"time": MINUTES, "cpus_per_task": cores}
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
