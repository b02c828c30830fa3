"""Training what a study needs: pre-training first, finished runs reused, killed jobs of a sweep started again.

The run folders are the truth: work is done when it is complete there. So it does not matter which process, machine or
notebook did it, and a sweep that is started again goes on where things are.
"""

import contextlib
import time
from collections import Counter
from typing import TYPE_CHECKING

from mineral_lib.compute.executors import Here, Processes, Work
from mineral_lib.compute.ranks import is_leader, leader_first, process_group
from mineral_lib.compute.slurm import Slurm
from mineral_lib.digests import write_record
from mineral_lib.errors import BusyError, ParameterError, StageError, nearest
from mineral_lib.locks import folder_lock
from mineral_lib.paths import STUDY_FILE
from mineral_lib.stopping import check_stop, graceful_stop
from mineral_lib.storage import clean_partials
from mineral_lib.training.engine import Say
from mineral_lib.training.pretrain import Pretraining
from mineral_lib.training.run import Run
from mineral_lib.training.train_run import tidy

if TYPE_CHECKING:
    from mineral_lib.study import Study

# A job killed so often without a new checkpoint in between is given up.
KILLS = 3
# A run that another process is training is looked at again after so long.
BUSY_S = 5.0


def outstanding(study: "Study", runs: list[Run]) -> tuple[list[Pretraining], list[Run]]:
    """The pre-trainings that are missing, and the runs that are not finished.

    Photographs, splits and pixels are prepared, once, before several processes want them.

    Raises:
        DataError: The photographs cannot be used.
    """
    for folder in (study.paths.root, study.paths.cache_dir):
        clean_partials(folder)
    write_record(study.paths.runs_dir / STUDY_FILE, {"runs": [run.name for run in study.planned()]})
    missing = [run for run in runs if not run.is_finished]
    for run in runs:
        if run not in missing:
            tidy(run)
    for protocol, seed in dict.fromkeys((run.protocol, run.seed) for run in missing):
        study.pixels(study.samples(protocol, seed))
    needed = {one.name: one for run in missing if (one := run.pretraining) is not None}
    return [one for one in needed.values() if not one.is_finished], missing


class Schedule:
    """Work to be done, in order, by an executor; a run that needs a pre-training starts after it.

    If it is ``patient`` it goes on after a failure and starts killed jobs again; else the first of these ends it, once
    what runs has ended. ``say`` receives one line a job that starts or ends; ``failed`` holds the errors by name.
    """

    def __init__(
        self, work: list[Work], executor: Here | Processes | Slurm, say: Say, *, patient: bool = False
    ) -> None:
        self.executor, self.say, self.patient, self.count = executor, say, patient, len(work)
        self.report = say if patient else lambda line: None
        self.waiting, self.running, self.failed = list(work), dict[str, Work](), dict[str, Exception]()
        self.begin, self.not_before = dict[str, float](), dict[str, float]()
        self.kills, self.saved_at, self.done = Counter[str](), dict[str, int](), 0

    def run(self, parallel: int) -> None:
        """Start work and watch it until nothing is left; ``parallel`` jobs at a time."""
        if isinstance(self.executor, Slurm):
            queued = self.executor.adopt({work.name for work in self.waiting})
            for work in [work for work in self.waiting if work.name in queued]:
                self._started(work, "in the queue already")
        with self.executor if isinstance(self.executor, Processes) else contextlib.nullcontext():
            while self.waiting or self.running:
                if self.patient:
                    check_stop("jobs on this machine are saved, those of a cluster go on", where="sweep")
                else:
                    check_stop("every run in progress is saved")
                for work in self._ready()[: parallel - len(self.running)]:
                    self._started(work, "submitted" if isinstance(self.executor, Slurm) else "starts")
                    self.executor.start(work)
                for name, error in self.executor.ended().items():
                    self._settle(self.running.pop(name), error)

    def _ready(self) -> list[Work]:
        """The waiting work that need not wait for its pre-training or for another process."""
        sources = {one.name for one in (*self.waiting, *self.running.values()) if isinstance(one, Pretraining)}
        ready = [one for one in self.waiting if self.not_before.get(one.name, 0) <= time.monotonic()]
        return [one for one in ready if one.pretraining is None or one.pretraining.name not in sources]

    def _started(self, work: Work, how: str) -> None:
        self.waiting.remove(work)
        self.running[work.name], self.begin[work.name] = work, time.monotonic()
        self.report(f"{work.name}: {how}")

    def _settle(self, work: Work, error: Exception | None) -> None:
        """What became of work that ended: done, failed, or to be started again."""
        name = work.name
        if work.is_finished:
            self.done += 1
            seconds = time.monotonic() - self.begin[name]
            self.report(f"{name}: done in {seconds:.0f} s ({self.done} of {self.count})")
        elif isinstance(error, BusyError):  # two notebooks at once: what the other has trained is reused
            if name not in self.not_before:
                self.say(f"{name}: another process is at it; looked at again every {BUSY_S:.0f} s")
            self.not_before[name] = time.monotonic() + BUSY_S
            self.waiting.append(work)
        elif error is None and self._may_start_again(work):
            goes_on = ", goes on from its checkpoint" if work.saved_at else ""
            self.report(f"{name}: the job was killed; submitted again{goes_on}")
            self.waiting.insert(0, work)
        else:
            self._fail(work, error or self._killed(work))

    def _may_start_again(self, work: Work) -> bool:
        """Whether a killed job is no hopeless one: it has saved something new since it was killed before."""
        if self.saved_at.get(work.name) != work.saved_at:
            self.kills[work.name] = 0
        self.kills[work.name], self.saved_at[work.name] = self.kills[work.name] + 1, work.saved_at
        return self.patient and self.kills[work.name] < KILLS

    def _killed(self, work: Work) -> StageError:
        if not self.patient:
            return StageError(
                "a training process died (often: out of memory)",
                where="training",
                remedy="set train.jobs to 1 or lower train.batch_size, then start again",
            )
        logs = f"; logs: {self.executor.logs} (those of {work.name})" if self.executor.logs else ""
        times = f"its job was killed {KILLS} times in a row without a new checkpoint"
        return StageError(f"{times} (memory? time limit?){logs}")

    def _fail(self, work: Work, error: Exception) -> None:
        self.failed[work.name] = error
        self.report(f"{work.name}: failed: {error}")
        for other in list(self.waiting):
            if not self.patient:
                self.waiting.remove(other)
            elif other.pretraining is not None and other.pretraining.name == work.name:
                self.waiting.remove(other)
                self.failed[other.name] = StageError(f"not begun: {work.name} failed")


def train_runs(study: "Study", runs: list[Run], *, say: Say = print) -> int:
    """Train every run that is not finished yet, and return how many; a pre-training comes before the runs that need it.

    ``train.jobs`` runs work side by side, also on one accelerator: small networks leave most of it idle. ``say``
    receives one line an epoch.

    Raises:
        StudyError: A run failed; finished runs are kept.
        StoppedError: Ctrl-C or SIGTERM; every run in progress is saved.
    """
    sources, missing = outstanding(study, runs)
    train = study.settings.train
    if not missing:
        return 0
    executor = Here(say) if train.jobs == 1 else Processes(train.jobs, train, say)
    schedule = Schedule([*sources, *missing], executor, say)
    with graceful_stop():
        schedule.run(executor.parallel)
    for error in schedule.failed.values():
        raise error
    return len(missing)


def sweep(
    study: "Study", *, executor: str = "local", jobs: int | None = None, slurm: tuple[str, ...] = (), say: Say = print
) -> int:
    """Train every run of a study that is not finished, and return how many.

    Args:
        study: The study.
        executor: ``local`` (processes of this machine), ``slurm`` or ``debug`` (in this process).
        jobs: Jobs at a time; None for ``train.jobs``, one a GPU, or all at once on Slurm.
        slurm: Slurm options, each ``KEY=VALUE``.
        say: Receives one line a job that starts or ends.

    Raises:
        ParameterError: A Slurm option is wrong.
        StageError: submitit or Slurm is missing, Slurm refuses a job, or runs failed (the others are finished).
        StoppedError: Ctrl-C or SIGTERM; local jobs are saved, Slurm jobs go on.
    """
    profile, logs = study.settings.profile, study.paths.root / "jobs"
    if executor == "slurm":
        where: Here | Processes | Slurm = Slurm(study, slurm)
    else:
        where = Here(say) if executor == "debug" else Processes(jobs, study.settings.train, say, logs)
    with folder_lock(logs, f"the sweep of '{profile}'"), graceful_stop():
        runs = study.planned()
        sources, missing = outstanding(study, runs)
        reused = len(runs) - len(missing)
        say(
            f"{profile}: {len(runs)} runs, {reused} finished before, {len(missing)} to train after "
            f"{len(sources)} pre-trainings"
        )
        schedule = Schedule([*sources, *missing], where, say, patient=True)
        schedule.run(jobs or where.parallel)
        trained = sum(run.is_finished for run in missing)
    say(f"{profile}: {trained} trained, {reused} reused, {len(schedule.failed)} failed")
    if schedule.failed:
        lines = "\n".join(f"  {name}: {error}" for name, error in schedule.failed.items())
        raise StageError(
            f"{len(schedule.failed)} jobs failed:\n{lines}",
            where="sweep",
            remedy="solve what is said there, then start the same command again: the rest is kept",
        )
    return trained


def train_named(study: "Study", name: str, *, say: Say = print) -> Run:
    """Train a run of a study by its name, after its pre-training; under ``torchrun`` the processes share it.

    Raises:
        ParameterError: The study has no such run; the message names the nearest.
        StudyError: See ``ranks.share`` and ``Run.train``.
    """
    runs = {run.name: run for run in study.planned()}
    if name not in runs:
        close = nearest(name, runs)
        raise ParameterError(
            f"the study has no run '{name}'" + (f"; did you mean '{close}'?" if close else ""),
            where=study.settings.profile,
            remedy=f"choose one of {', '.join(runs)}",
        )

    def prepare() -> None:
        if is_leader():
            for source in outstanding(study, [runs[name]])[0]:
                source.train(say=say)

    with process_group(study.settings.train.device):
        leader_first(prepare)
        return runs[name].train(say=say if is_leader() else lambda line: None)
