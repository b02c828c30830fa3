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


def below_project(path: Path) -> str:
    """A path as the records have it: from the project folder on, also where ``results`` is a link to another disk."""
    path, root = Path(os.path.abspath(path)), project_root()
    path = path if path.is_relative_to(root) else path.resolve()
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


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
    """Where one profile's files live, below its folder ``root``, ``results/<profile>``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = root / "data.json"  # the record of index and splits: what they depend on, and their digests
        self.scan = root / "scan.csv"  # what became of every file found
        self.duplicates = root / "duplicates.csv"  # pairs of files that show the same
        self.index = root / "index.csv"  # the table of all photographs
        self.splits_dir = root / "splits"  # one CSV a protocol: which sample is in train, val and test
        self.control = root / "nearest_neighbour.csv"  # its answers under every protocol, on true and shuffled labels
        self.baselines = root / "baselines.csv"  # simple classifiers: a row a classifier and grouped test photograph
        self.costs = root / "costs.csv"  # what each network costs on this machine: one row a measurement
        self.runs_dir = root / "runs"  # one folder a training run
        self.params_dir = root / "params"  # the resolved parameters, as papermill gets them
        self.tables_dir = root / "tables"  # every table as CSV and Markdown
        self.figures_dir = root / "figures"  # every figure as PNG and SVG with the plotted numbers as CSV
        self.notebooks_dir = root / "notebooks"  # executed copies of the notebooks
        self.html_dir = root / "html"  # executed notebooks as web pages
        self.stages_dir = root / "stages"  # one status file a notebook
        self.recogniser_dir = root / "recogniser"  # what ``mineral learn`` and notebook 09 make
        self.report = root / "report.html"  # the self-contained report
        self.cache_dir = root.parent / "cache"  # decoded pixels and generated images, shared by all profiles

    @classmethod
    def of(cls, profile: str) -> "ResultPaths":
        """The result folder of a profile, below the project root."""
        return cls(project_root() / "results" / profile)
