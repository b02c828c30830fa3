"""The checkpoints of a run: ``last``, ``previous`` and ``best``, and when they may be resumed.

Each file alone is enough to go on. A new ``last`` is complete on disk before the old one becomes ``previous``, so
there is a loadable checkpoint at every moment once the first is written.

A checkpoint is resumed only if everything that decides the run's result is unchanged; what else differs (versions,
device) is noted in the run's manifest. Hours of training are not thrown away because a key was changed by accident:
an unfinished run of other parameters is an error that lists them, until the user sets them back or gives the run up.
A finished run whose parameters changed is trained anew without a question, and so is one that diverged.
"""

import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from mineral_lib import __version__
from mineral_lib.compute.checkpoint import load_checkpoint, save_checkpoint
from mineral_lib.compute.ranks import process_count
from mineral_lib.errors import DivergenceError, ResumeError, StorageError
from mineral_lib.runtime import generator_states, package_versions
from mineral_lib.storage import keep_as, move, read_json, remove_tree, write_json
from mineral_lib.training.engine import FitState, Loop, Say
from mineral_lib.training.recipe import place_optimizer

FILES = ("last.pt", "previous.pt", "best.pt")
MARK = "diverged.json"
# Sections of a run's configuration that have another name in the parameter files.
PARAMETER_NAMES = {"architecture": "model", "data_fingerprint": "photographs", "image_size_px": "data.image_size_px"}
# Follow from other keys.
DERIVED = ("key", "display_name", "family", "eca_placement")


class Checkpoints:
    """The checkpoint folder of one run: the ``last`` one, the ``previous``, and that of the ``best`` epoch so far.

    Args:
        folder: ``<run folder>/checkpoints``.
        config: The run's configuration, as ``run_config`` gives it.
        writes: False in the processes that share a run with the one that writes.
    """

    def __init__(self, folder: Path, config: dict[str, Any], *, writes: bool = True) -> None:
        self.folder, self.config, self.writes, self.name = folder, config, writes, folder.parent.name
        self.last, self.previous, self.best = (folder / name for name in FILES)
        self._begin = self._saved = time.perf_counter()

    @property
    def age_s(self) -> float:
        """Seconds since this process last saved, or began."""
        return time.perf_counter() - self._saved

    def seconds(self, state: FitState) -> float:
        """Seconds spent on the run, earlier processes included."""
        return state.seconds + time.perf_counter() - self._begin

    def save(self, state: FitState, loop: Loop) -> None:
        """Write the new ``last``; the old one becomes ``previous``; after a best epoch it is ``best`` as well.

        Raises:
            DivergenceError: A weight is not finite; such weights are never saved.
            StorageError: It cannot be written; the earlier checkpoints are intact.
        """
        if not self.writes:
            return
        weights = loop.network.state_dict()
        bad = [name for name, value in weights.items() if value.is_floating_point() and not value.isfinite().all()]
        if bad:
            raise DivergenceError(f"weights are not finite ({bad[0]})", where=_position(state), remedy="lower train.lr")
        content = vars(state) | {
            "package_version": __version__,
            "versions": package_versions(),
            "device": str(loop.device),
            "threads": torch.get_num_threads(),
            "processes": process_count(),
            "classes": self.config["classes"],
            "config": self.config,
            "generators": generator_states(loop.device),
            "network": weights,
            "optimizer": loop.optimizer.state_dict(),
            "seconds": self.seconds(state),
        }
        if loop.average is not None:
            content["average"] = loop.average.module.state_dict()
        fresh = save_checkpoint(self.folder / "next.pt", content)
        if not state.step and state.best_epoch == state.epoch:
            keep_as(fresh, self.best)
        if self.last.is_file():
            keep_as(self.last, self.previous)
        move(fresh, self.last)
        self._saved = time.perf_counter()

    def resume(self, loop: Loop, say: Say) -> FitState:
        """Load the newest intact checkpoint into network and optimizer; a fresh state if there is none.

        Raises:
            ResumeError: It belongs to other parameters, photographs or classes.
            StorageError: There are checkpoints, and all are damaged.
        """
        saved = self._newest(say)
        if saved is not None and saved["config"]["key"] != self.config["key"]:
            self._give_up(saved, say)
            saved = None
        if saved is None:
            return FitState()
        loop.network.load_state_dict(saved["network"])
        loop.optimizer.load_state_dict(saved["optimizer"])
        place_optimizer(loop.optimizer)
        if loop.average is not None:
            loop.average.module.load_state_dict(saved["average"])
        state = FitState(**{one.name: saved[one.name] for one in fields(FitState)})
        state.notes.append(f"resumed after {_position(state)}" + _changes(saved, loop))
        say(f"{self.name}: {state.notes[-1]}")
        return state

    def _give_up(self, saved: dict[str, Any], say: Say) -> None:
        """Delete the checkpoints of a run of other parameters, if it has ended; else refuse."""
        if not self._has_ended(saved):
            raise ResumeError(
                "holds an unfinished run of other parameters, photographs or classes:\n"
                + "\n".join(f"  {line}" for line in differences(saved["config"], self.config)),
                where=str(self.folder.parent),
                remedy="set them back to go on with it, or give it up: python -m mineral_lib clean --unfinished "
                "--profile NAME (or delete the folder)",
            )
        say(f"{self.name}: the earlier run has ended; starts anew with the changed parameters")
        self.clear()

    def _newest(self, say: Say) -> dict[str, Any] | None:
        problems: list[StorageError] = []
        for name in FILES:
            if not (self.folder / name).is_file():
                continue
            try:
                saved = load_checkpoint(self.folder / name)
            except StorageError as error:
                problems.append(error)
                continue
            if problems:
                say("\n".join(f"{problem.where}: {problem.what}" for problem in problems))
                say(f"using {name.removesuffix('.pt')} checkpoint of epoch {saved['epoch']}, step {saved['step']}")
            return saved
        if problems:
            raise StorageError(
                "; ".join(f"{Path(problem.where).name}: {problem.what}" for problem in problems),
                where=str(self.folder),
                remedy="delete this folder to start the run again",
            )
        return None

    def diverged(self, error: DivergenceError, state: FitState) -> DivergenceError:
        """The error with the run's name and what is kept; changed parameters may now start anew unasked."""
        if self.writes:
            write_json(self.folder / MARK, {"key": self.config["key"], "message": str(error)})
        kept = f"; epoch {state.best_epoch} is kept in {self.best}" if self.best.is_file() else ""
        where = ", ".join(filter(None, [f"run {self.name}", error.where]))
        return DivergenceError(error.what + kept, where=where, remedy=error.remedy)

    def _has_ended(self, saved: dict[str, Any]) -> bool:
        # It diverged, or it is finished and its process was killed before it could tidy up.
        ends = (self.folder / MARK, self.folder.parent / "config.json")
        return any(path.is_file() and read_json(path)["key"] == saved["config"]["key"] for path in ends)

    def clear_if_ended(self) -> None:
        """Delete the checkpoints if they belong to a run that diverged or is finished."""
        saved = self._newest(lambda line: None)
        if saved is not None and self._has_ended(saved):
            self.clear()

    def clear(self) -> None:
        """Delete all checkpoints of the run."""
        remove_tree(self.folder)


def _position(state: FitState) -> str:
    return f"epoch {state.epoch}" + (f" and step {state.step} of the next" if state.step else "")


def _changes(saved: dict[str, Any], loop: Loop) -> str:
    """What differs without deciding the result, but may change its last digits."""
    now = package_versions()
    changed = [f"{name} {old} -> {now.get(name)}" for name, old in saved["versions"].items() if now.get(name) != old]
    if saved["device"] != str(loop.device):
        changed.append(f"device {saved['device']} -> {loop.device}")
    if (before := saved.get("processes", 1)) != process_count():
        changed.append(f"processes {before} -> {process_count()}")
    return f" on a changed machine ({', '.join(changed)}): not bit-exact" if changed else ""


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Lines ``key: checkpoint -> now`` of what differs between two run configurations."""
    before, after = _flat(old), _flat(new)
    changed = [key for key in sorted(before.keys() | after.keys()) if before.get(key) != after.get(key)]
    return [f"{key}: {_change(key, before.get(key, 'absent'), after.get(key, 'absent'))}" for key in changed]


def _flat(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in config.items():
        name = prefix + key if prefix else PARAMETER_NAMES.get(key, key)
        if name not in DERIVED:
            flat |= _flat(value, f"{name}.") if isinstance(value, dict) and value else {name: value}
    return flat


def _change(key: str, old: Any, new: Any) -> str:
    if key == "classes":
        gone, added = [name for name in old if name not in new], [name for name in new if name not in old]
        parts = [f"no longer there: {', '.join(gone)}"] * bool(gone) + [f"new: {', '.join(added)}"] * bool(added)
        return f"{len(old)} -> {len(new)} ({'; '.join(parts) or 'the same names in another order'})"
    return " -> ".join(text if len(text) <= 40 else text[:12] + "..." for text in map(str, (old, new)))
