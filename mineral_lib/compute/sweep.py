"""All runs of a study as jobs: pre-training first, finished runs reused, killed jobs started again.

The run folders are the truth: a job is done when its run is complete there. So it does not matter which process,
machine or notebook trained it, and a sweep that is started again goes on where things are.
"""

import time
from dataclasses import dataclass, field

from mineral_lib.compute.jobs import Jobs, Work, checkpoint_time, work_name
from mineral_lib.compute.pool import outstanding, source_of
from mineral_lib.config import Settings
from mineral_lib.data.prepare import StudyData, prepare
from mineral_lib.errors import StageError
from mineral_lib.locks import folder_lock
from mineral_lib.stopping import check_stop, graceful_stop
from mineral_lib.training.engine import Say
from mineral_lib.training.pretrain import is_pretrained
from mineral_lib.training.runs import is_finished, run_dir
from mineral_lib.training.specs import RunSpec, study_runs

POLL_S = {"local": 0.2, "slurm": 5.0, "debug": 0.0}
# A job killed so often without a new checkpoint in between is given up.
KILLS = 3
# A run that another process is training is looked at again after so long.
BUSY_S = 15.0


@dataclass
class Sweep:
    """The state of a sweep.

    Attributes:
        settings: The profile.
        data: Its photographs and splits.
        jobs: Where the work is done.
        waiting: Work to be submitted.
        say: Receives one line a job that starts or ends.
        total: How much work there was.
        failed: ``work_name`` and message of what failed.
        done: How much is done.
    """

    settings: Settings
    data: StudyData
    jobs: Jobs
    waiting: list[Work]
    say: Say
    total: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    done: int = 0

    def __post_init__(self) -> None:
        self.work = {work_name(work): work for work in self.waiting}
        self.total = len(self.work)
        self.begin: dict[str, float] = {}
        self.kills: dict[str, tuple[int, int]] = {}  # how often in a row, and the checkpoint at that time
        self.not_before: dict[str, float] = {}

    def run(self, parallel: int) -> None:
        """Submit and watch until nothing is left; ``parallel`` jobs at a time."""
        self.jobs.adopt(set(self.work))
        for name in self.jobs.running:
            self.waiting.remove(self.work[name])
            self._started(name, "in the queue already")
        while self.waiting or self.jobs.running:
            check_stop("jobs on this machine are saved, those of a cluster go on", where="sweep")
            for work in [work for work in self.waiting if self._ready(work)][: parallel - len(self.jobs.running)]:
                self.waiting.remove(work)
                self.jobs.submit(work)
                self._started(work_name(work), "starts" if self.jobs.executor != "slurm" else "submitted")
            for name, result in self.jobs.ended().items():
                self._settle(name, result)
            time.sleep(POLL_S[self.jobs.executor])

    def _ready(self, work: Work) -> bool:
        source = None if isinstance(work, str) else source_of(self.settings, work)
        held = self.not_before.get(work_name(work), 0) > time.monotonic()
        return not held and (source is None or work_name(source) not in self.work or self._is_done(source))

    def _is_done(self, work: Work) -> bool:
        if isinstance(work, str):
            return is_pretrained(self.settings, work)
        return is_finished(self.settings, work, self.data)

    def _started(self, name: str, how: str) -> None:
        self.begin[name] = time.monotonic()
        self.say(f"{name}: {how}")

    def _settle(self, name: str, result: str | None) -> None:
        """What became of a job that ended: done, failed, or to be started again."""
        work = self.work[name]
        if self._is_done(work):
            self.done += 1
            self.say(f"{name}: done in {time.monotonic() - self.begin[name]:.0f} s ({self.done} of {self.total})")
        elif result == "busy":
            self.say(f"{name}: another process is at it; looked at again in {BUSY_S:.0f} s")
            self.not_before[name] = time.monotonic() + BUSY_S
            self.waiting.append(work)
        elif result:
            self._fail(work, result)
        else:
            self._again(work)

    def _again(self, work: Work) -> None:
        name = work_name(work)
        saved = 0 if isinstance(work, str) else checkpoint_time(run_dir(self.settings, work))
        kills, before = self.kills.get(name, (0, saved))
        kills = kills + 1 if saved == before else 1
        self.kills[name] = kills, saved
        if kills >= KILLS:
            self._fail(
                work,
                f"its job was killed {kills} times in a row without a new checkpoint (memory? time "
                f"limit?); logs: {self.jobs.logs(name)}",
            )
            return
        self.say(f"{name}: the job was killed; submitted again" + (", goes on from its checkpoint" if saved else ""))
        self.waiting.insert(0, work)

    def _fail(self, work: Work, message: str) -> None:
        name = work_name(work)
        self.failed[name] = message
        self.say(f"{name}: failed: {message}")
        for other in [other for other in self.waiting if isinstance(work, str) and isinstance(other, RunSpec)]:
            if source_of(self.settings, other) == work:
                self.waiting.remove(other)
                self.failed[other.name] = f"not begun: {name} failed"


def sweep(
    settings: Settings,
    *,
    executor: str = "local",
    jobs: int | None = None,
    slurm: tuple[str, ...] = (),
    say: Say = print,
) -> int:
    """Train every run of a study that is not finished.

    Args:
        settings: The profile.
        executor: ``local`` (processes of this machine), ``slurm`` or ``debug`` (in this process).
        jobs: Jobs at a time; None for ``train.jobs``, one a GPU, or all at once on Slurm.
        slurm: Slurm options, each ``KEY=VALUE``.
        say: Receives one line a job that starts or ends.

    Returns:
        How many runs were trained.

    Raises:
        ParameterError: A Slurm option is wrong.
        StageError: submitit or Slurm is missing, Slurm refuses a job, or runs failed (the others are finished).
        StoppedError: Ctrl-C or SIGTERM; local jobs are saved, Slurm jobs go on.
    """
    where = Jobs(settings, executor, slurm)
    with folder_lock(where.folder, f"the sweep of '{settings.profile}'"), graceful_stop():
        specs = study_runs(settings)
        missing, sources = outstanding(settings, specs)
        say(
            f"{settings.profile}: {len(specs)} runs, {len(specs) - len(missing)} finished before, {len(missing)} to "
            f"train after {len(sources)} pre-trainings"
        )
        state = Sweep(settings, prepare(settings), where, [*sources, *missing], say)
        try:
            state.run(jobs or where.parallel)
        except BaseException:
            where.stop()
            raise
        trained = sum(is_finished(settings, spec, state.data) for spec in missing)
    say(f"{settings.profile}: {trained} trained, {len(specs) - len(missing)} reused, {len(state.failed)} failed")
    if state.failed:
        lines = "\n".join(f"  {name}: {message}" for name, message in state.failed.items())
        raise StageError(
            f"{len(state.failed)} jobs failed:\n{lines}",
            where="sweep",
            remedy="solve what is said there, then start the same command again: the rest is kept",
        )
    return trained
