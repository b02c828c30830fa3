"""Where the project is, and where the results of a profile live."""

import contextlib
import os
from pathlib import Path

from mineral_lib.errors import ParameterError, StorageError, shortened

LONGEST_NAME = 255  # bytes of a file's name
ROOT_MARKER = "pyproject.toml"
ROOT_VARIABLE = "MINERAL_STUDY_ROOT"
# Names of the runs that belong to a profile as it is now; older folders beside them are ignored.
STUDY_FILE = "study.json"


def project_root(start: Path | None = None) -> Path:
    """Return the project folder: the environment variable if set, else the nearest parent that is the project.

    JupyterLab runs a notebook in its own folder and papermill in the caller's, so paths are never relative to
    the working directory.

    Raises:
        StorageError: No parent folder holds the project's ``pyproject.toml``.
    """
    if os.environ.get(ROOT_VARIABLE):
        return Path(os.environ[ROOT_VARIABLE]).resolve()
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / ROOT_MARKER).is_file() and (folder / "mineral_lib").is_dir():
            return folder
    raise StorageError(
        "this folder is not inside the study project",
        where=str(start),
        remedy=f"run the command from the project folder, or set {ROOT_VARIABLE} to it",
    )


def given_path(text: str | Path) -> Path:
    """A path as a person writes it: ``~`` is the home folder, unless nobody has that name (a folder ``~old``).

    Raises:
        ParameterError: It is longer than any disk allows.
    """
    path = Path(text)
    if max((len(part.encode("utf-8", "surrogatepass")) for part in path.parts), default=0) > LONGEST_NAME:
        raise ParameterError("a name is too long", where=shortened(str(text)), remedy="check the path")
    with contextlib.suppress(RuntimeError):
        path = path.expanduser()
    return path


class ResultPaths:
    """Where one profile's files live.

    Args:
        root: Its folder, ``results/<profile>``.

    Attributes:
        data: The record of index and splits: what they depend on, and their digests.
        scan: What became of every file found.
        duplicates: Pairs of files that show the same.
        index: The table of all photographs.
        splits_dir: One CSV a protocol: which sample is in train, val and test.
        control: What a nearest neighbour makes of every protocol, on true and on shuffled labels.
        baselines: What simple classifiers make of the grouped test photographs, a row a classifier and photograph.
        costs: What each network costs on this machine: one row a measurement.
        runs_dir: One folder a training run.
        params_dir: The resolved parameters, as papermill gets them.
        tables_dir: Every table as CSV and Markdown.
        figures_dir: Every figure as PNG and SVG with the plotted numbers as CSV.
        notebooks_dir: Executed copies of the notebooks.
        html_dir: Executed notebooks as web pages.
        stages_dir: One status file a notebook.
        report: The self-contained report.
        cache_dir: Decoded pixels and generated images, shared by all profiles.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data, self.scan, self.duplicates = root / "data.json", root / "scan.csv", root / "duplicates.csv"
        self.index, self.control = root / "index.csv", root / "nearest_neighbour.csv"
        self.baselines, self.costs = root / "baselines.csv", root / "costs.csv"
        self.splits_dir, self.runs_dir, self.stages_dir = root / "splits", root / "runs", root / "stages"
        self.params_dir = root / "params"
        self.tables_dir, self.figures_dir = root / "tables", root / "figures"
        self.notebooks_dir, self.html_dir, self.report = root / "notebooks", root / "html", root / "report.html"
        self.cache_dir = root.parent / "cache"

    @classmethod
    def of(cls, profile: str) -> "ResultPaths":
        """The result folder of a profile, below the project root."""
        return cls(project_root() / "results" / profile)
