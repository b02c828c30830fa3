"""The finished runs of a profile as a table."""

import pandas as pd

from mineral_lib.reporting.artefacts import table
from mineral_lib.reporting.summary import NAN
from mineral_lib.study import Study


@table("runs")
def table_runs(study: Study) -> pd.DataFrame:
    """Every finished run with its cost."""
    recorded = ("parameters", "gmacs", "seconds", "images_per_second", "device", "weights_note")
    rows = [
        {
            "run": run.name,
            "epochs": len(run.history),
            "best_epoch": run.metrics.get("best_epoch", NAN),
            "num_test": run.metrics.get("num_test", NAN),
            "accuracy": run.accuracy,
            **{name: run.manifest.get(name) for name in recorded},
        }
        for run in study.runs
    ]
    return pd.DataFrame(rows, columns=["run", "epochs", "best_epoch", "num_test", "accuracy", *recorded])
