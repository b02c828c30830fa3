"""The cost table: parameters, multiply-adds, file size, speed and memory, from the record of ``training.cost``."""

import pandas as pd

from mineral_lib.paper import printed
from mineral_lib.reporting import notes
from mineral_lib.reporting.tables import Column, Table
from mineral_lib.study import Study

_COLUMNS = {
    "network": Column("network"),
    "parameters": Column("parameters", "integer"),
    "paper_parameters_million": Column("paper, million", "number", 2),
    "size_mib": Column("file, MiB", "number", 2),
    "paper_size_mib": Column("paper, MiB", "number", 2),
    "gmacs_224px": Column("GMACs at 224 px", "number", 2),
    "image_size_px": Column("px", "integer"),
    "gmacs": Column("GMACs", "number", 3),
    "batch_size": Column("batch", "integer"),
    "run_images_per_s": Column("whole runs, images/s", "number", 0),
    "train_images_per_s": Column("training step, images/s", "number", 1),
    "infer_images_per_s": Column("inference, images/s", "number", 1),
    "peak_mib": Column("peak memory of training, MiB", "number", 0),
    "steps": Column("timed steps", "integer"),
    "note": Column("note", absent=""),
}
# Columns that are left out where nothing stands in them.
ABSENT = ("note", "train_images_per_s", "infer_images_per_s", "peak_mib", "steps", "run_images_per_s", "batch_size")
GMACS = (
    "GMACs: thousand million multiply-adds of one image forward (1 MAC = 2 FLOPs), counted by torch; 'GMACs' at the "
    "size 'px', at which speed and memory were measured."
)
SPEED = (
    "Whole runs: training images a second, validation and saving included, from the runs of the study. Speeds of steps "
    "are medians of the timed steps after a warm-up, of the loop that trains, on batches that lie in memory: "
    "without loading and augmentation. Timings differ from run to run and are not promised to repeat."
)
AUXILIARY = "GoogLeNet's parameters and file include its two auxiliary heads, which only training uses."
MEMORY = {
    "cuda": "Peak memory: the most that tensors of the training step held on the GPU at one moment.",
    "cpu": "Peak memory: the resident memory that network, optimizer and training steps add to a fresh process.",
}


def read_costs(study: Study) -> pd.DataFrame:
    """The record ``costs.csv``: one row a measurement, ``kind`` is ``table`` or ``scaling``."""
    return pd.read_csv(study.paths.costs, dtype={"note": str, "device": str, "machine": str, "precision": str})


def table_costs(study: Study) -> Table:
    """What each network costs, with the two columns of the paper's Table 5 beside the networks it prints.

    Args:
        study: The study.
    """
    record = read_costs(study)
    frame = record[record["kind"] == "table"].reset_index(drop=True)
    for quantity in ("parameters_million", "size_mib"):
        values = [_printed(row.model, row.family, quantity) for row in frame.itertuples()]
        frame[f"paper_{quantity}"] = pd.Series(values, dtype=float)
    rows = [(run.model, run.config.get("family"), run.manifest.get("images_per_second")) for run in study.runs]
    speeds = pd.DataFrame(rows, columns=["model", "family", "speed"]).groupby(["model", "family"])["speed"].median()
    frame["run_images_per_s"] = [speeds.get((row.model, row.family), float("nan")) for row in frame.itertuples()]
    columns = {name: column for name, column in _COLUMNS.items() if name not in ABSENT or frame[name].notna().any()}
    sentences = [GMACS, SPEED, *_conditions(frame), AUXILIARY, notes.PARAMETER_COLUMN]
    return Table("costs", "What each network costs", frame[list(_COLUMNS)], columns, sentences)


def _printed(model: str, family: str, quantity: str) -> float | None:
    return printed("table_5", f"{model}-scratch", quantity) if family == "paper" else None


def _conditions(frame: pd.DataFrame) -> list[str]:
    """Where and how the timed rows were measured, as sentences."""
    timed = frame.dropna(subset=["device"])
    rows = timed[["device", "machine", "precision", "threads"]].drop_duplicates().itertuples()
    found = [
        f"Measured on {row.device} ({row.machine}) in {row.precision}"
        + (f" with {int(row.threads)} thread{'s' if row.threads > 1 else ''}." if row.device == "cpu" else ".")
        for row in rows
    ]
    found += [MEMORY[device] for device in timed["device"].unique() if device in MEMORY]
    if len(timed) < len(frame):
        found.append("Rows without speeds were counted, not timed.")
    return found
