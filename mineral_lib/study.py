"""A study: one profile with its photographs, splits and runs, prepared once and passed on.

``open_study("quick").dataset("train")[0]`` is all that somebody needs who knows nothing else of the package.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mineral_lib import parameters
from mineral_lib.config import PROPOSED, Settings
from mineral_lib.data.dataset import MineralDataset
from mineral_lib.data.pixels import load_masks, load_pixels
from mineral_lib.data.prepare import StudyData, prepare
from mineral_lib.data.split import read_split
from mineral_lib.digests import damages, read_record, study_file, write_record
from mineral_lib.errors import StageError
from mineral_lib.paths import STUDY_FILE, ResultPaths, below_project, project_root
from mineral_lib.stages import read_outputs
from mineral_lib.storage import file_digest, read_csv
from mineral_lib.training.recorded import has_ended
from mineral_lib.training.run import Run
from mineral_lib.training.specs import planned_runs

Say = Callable[[str], None]


def open_study(profile: str = "quick", **sections: Any) -> "Study":
    """Open a study.

    Args:
        profile: Name of a profile in ``params/``.
        **sections: Changes by section, for example ``train={"epochs": 3}``.

    Raises:
        ParameterError: A parameter is unknown or wrong; the message lists every problem.
    """
    return Study(parameters.resolve(profile, **sections))


class Study:
    """One profile: parameters (``settings``), result folder (``paths``), photographs, splits, runs.

    ``written`` are the files saved through ``save``, in order. Without ``paths`` they go to ``results/<profile>``.
    """

    def __init__(self, settings: Settings, paths: ResultPaths | None = None) -> None:
        self.settings, self.paths = settings, paths or ResultPaths.of(settings.profile)
        self.written: list[Path] = []

    def variant(self, name: str = "", **sections: Any) -> "Study":
        """This study with other parameters, for example ``study.variant("short", train={"epochs": 1})``.

        Args:
            name: Joined to the profile's name, so that the results stand beside those of this study. Without it both
                share a folder, which suits changes that make no other photographs, splits or runs.
            **sections: Changes by section.
        """
        values = parameters.merged(parameters.sections_of(self.settings), sections)
        return open_study(**values | {"profile": "-".join(filter(None, [self.settings.profile, name]))})

    @cached_property
    def data(self) -> StudyData:
        """Index and splits, prepared at the first use.

        Raises:
            DataError: The photographs cannot be used.
        """
        return prepare(self.settings)

    @property
    def index(self) -> pd.DataFrame:
        """One row a usable photograph."""
        return self.data.index

    @property
    def classes(self) -> list[str]:
        """Class names; the position is the label."""
        return self.data.classes

    def samples(self, protocol: str = "grouped", seed: int | None = None) -> pd.DataFrame:
        """The samples of a protocol as the runs of a seed use them (the profile's first seed if None)."""
        return self.data.samples(protocol, self.settings.train.seeds[0] if seed is None else seed)

    def split(self, protocol: str = "grouped", seed: int | None = None) -> pd.DataFrame | None:
        """The saved split of a protocol as the runs of a seed use it, None if it was not made; needs no photographs."""
        return read_split(self.paths.splits_dir, protocol, seed)

    def pixels(self, samples: pd.DataFrame | None = None) -> np.ndarray:
        """Working pixels (N, W, W, 3) uint8 of samples, in their order; of the index if None."""
        samples = self.index if samples is None else samples
        return load_pixels(samples, self.index, self.settings.data, self.settings.augment)

    def masks(self) -> np.ndarray:
        """Outlines (N, W, W) bool of generated specimens, in the order of the index."""
        return load_masks(self.index, self.settings.data)

    def dataset(self, split: str, protocol: str = "grouped", seed: int | None = None) -> MineralDataset:
        """Images and labels of ``train`` (augmented), ``val`` or ``test``; an item is (image, label, position)."""
        return self.run(PROPOSED, protocol=protocol, seed=seed).datasets()[split]

    def run(self, model: str, start: str = "scratch", protocol: str = "grouped", seed: int | None = None) -> Run:
        """One run, trained or not.

        Args:
            model: Network, for example ``eca_convnext_tiny``.
            start: ``scratch`` or ``transfer``.
            protocol: How the samples are split.
            seed: Seed of the run; the profile's first if None.
        """
        return Run(model, start, protocol, self.settings.train.seeds[0] if seed is None else seed, study=self)

    def planned(self, part: str = "study") -> list[Run]:
        """The runs that a part of the study needs, trained or not.

        Args:
            part: ``study`` (all), ``comparison`` (Table 4), ``ablation`` (Table 5), ``leakage`` or ``proposed``.
        """
        return [Run(**asdict(spec), study=self) for spec in planned_runs(self.settings, part)]

    @cached_property
    def runs(self) -> list[Run]:
        """All finished runs of the profile as it is now, sorted by name; read again after ``train``.

        Raises:
            StorageError: A run's file is damaged.
        """
        folders, record = sorted(self.paths.runs_dir.glob("*")), self.paths.runs_dir / STUDY_FILE
        if record.is_file():
            wanted = read_record(record)["runs"]
            folders = [folder for folder in folders if folder.name in wanted]
        return [Run.recorded(self, folder) for folder in folders if has_ended(folder)]

    def select(
        self, model: str, weights: str, protocol: str = "grouped", placement: str | None = None, **controls: str
    ) -> list[Run]:
        """The finished runs of a table row, one a seed, sorted by seed.

        Args:
            model: Network.
            weights: What it starts from.
            protocol: How the samples are split.
            placement: Where ECA modules sit; the profile's own if None.
            **controls: ``labels`` and ``pictures``, if they are not the ordinary ones.
        """
        wanted = {"model": model, "weights": weights, "protocol": protocol, "labels": "true", "pictures": "colour"}
        found = [run for run in self.runs if all(getattr(run, key) == v for key, v in (wanted | controls).items())]
        own = self.settings.model.eca_placement
        return sorted((one for one in found if (one.placement or own) == (placement or own)), key=lambda run: run.seed)

    def train(self, runs: Iterable[Run] | None = None, *, say: Say = print) -> int:
        """Train what is not finished of ``runs`` (all planned ones if None) and return how many were trained.

        Raises:
            StudyError: A run failed; finished ones are kept.
        """
        from mineral_lib.compute.schedule import train_runs

        wanted = self.planned() if runs is None else list(runs)
        count = train_runs(self, wanted, say=say)
        vars(self).pop("runs", None)
        self.written += [self.paths.runs_dir / STUDY_FILE, *(path for run in wanted for path in run.files)]
        return count

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process reads index and splits anew.
        return Study, (self.settings, self.paths)

    def save(self, thing: Any, name: str = "", **options: Any) -> Any:
        """Save a table or figure among the results, remember its files, and return it, ready to be shown.

        Args:
            thing: A ``Table``, a ``Drawing``, a pandas data frame (which becomes a ``Table``), the path of a file that
                was written already, or None for nothing.
            name: File name without ending; a ``Table`` has its own.
            **options: For a data frame without words in ``words.yaml``: ``title``, ``notes``, ``finding``.
        """
        from mineral_lib.reporting.artefacts import named, save

        thing = named(self, thing, name, **options)
        self.written += save(self, thing)
        return thing

    def finish(self, notebook: str) -> list[str]:
        """Record a notebook as done, with the digest of every file it saved. Returns their names.

        Raises:
            StageError: A file is missing or empty.
        """
        outputs = {}
        for path in self.written:
            if not path.is_file() or path.stat().st_size == 0:
                where, remedy = f"{notebook}: {path}", "run the notebook again from the top"
                raise StageError("declares a file that is missing or empty", where=where, remedy=remedy)
            outputs[below_project(path)] = file_digest(path)
        write_record(self.record_path(notebook), {"status": "done", "outputs": outputs})
        return sorted(outputs)

    def record_path(self, notebook: str) -> Path:
        """Where ``finish`` records a notebook."""
        return self.paths.stages_dir / f"{notebook}.json"

    def key_path(self, notebook: str) -> Path:
        """Where the chain records what a notebook was run with."""
        return self.paths.stages_dir / f"{notebook}.key.json"

    def read(self, path: Path, **options: Any) -> pd.DataFrame:
        """A table of the result folder. Says so if it is not as a notebook wrote it, which may be meant.

        Args:
            path: The file.
            **options: See ``storage.read_csv``.

        Raises:
            StorageError: The file cannot be read, or is the index and damaged.
        """
        below, path = below_project(path), study_file(path, self.paths.root)
        for record in sorted(self.paths.stages_dir.glob("*.json")):
            listed = {} if record.stem.endswith(".key") else read_outputs(record)
            if below in listed and damages(project_root(), {below: listed[below]}):
                print(f"{below} has changed since notebook {record.stem} wrote it; if nobody meant that, run it again")
        return read_csv(path, **options)

    def show(self, *sections: str) -> Any:
        """The resolved values of some sections, for the top of a notebook; its tables will show names as they are."""
        pd.set_option("display.html.use_mathjax", False, "styler.html.mathjax", False, "styler.format.escape", "html")
        rows, values = [], parameters.sections_of(self.settings)
        for section in sections:
            for key, value in values[section].items():
                nested = value.items() if isinstance(value, dict) and value else [("", value)]
                rows += [[f"{section}.{key}" + (f".{inner}" if inner else ""), str(item)] for inner, item in nested]
        table = pd.DataFrame(rows, columns=["parameter", "value"]).style.hide(axis="index")
        return table.set_properties(**{"text-align": "left"})
