"""What the starting weights of the ablation already know about minerals, by a linear probe."""

import numpy as np
import pandas as pd

from mineral_lib.evaluation.probe import colour_histograms, frozen_features, linear_probe
from mineral_lib.photos import grey
from mineral_lib.runtime import select_device
from mineral_lib.study import Study

BASE = "convnext_tiny"


def starts_table(study: Study) -> pd.DataFrame:
    """What each start knows before fine-tuning, in colour and in grey, and what came of it.

    Starts are random weights of both schemes, the transferred weights, and the colour control if ``ablation.starts``
    names it; histograms stand beside them. All photographs of the profile are used, in up to five folds, groups never
    on both sides; the labels of test photographs train nothing but these throw-away classifiers.

    Returns:
        Columns ``features``, ``colour`` and ``grey`` (accuracy of the linear probe, a fraction) and ``fine_tuned``
        (test accuracy of the finished runs, mean over seeds; NaN where there are none).
    """
    settings = study.settings
    full = (study.index["role"] == "full").to_numpy()
    photos, index = study.pixels()[full], study.index[full]
    labels, groups = index["label"].to_numpy(), index["group"].to_numpy()
    pictures = {"colour": photos, "grey": grey(photos)}
    rows = [{"features": "histogram (8 levels a channel)", "fine_tuned": np.nan}]
    rows[0] |= {name: linear_probe(colour_histograms(seen), labels, groups) for name, seen in pictures.items()}
    control = ["colour"] if "colour" in settings.ablation.starts else []
    for start in ["scratch_library", "scratch_fast", *control, "transfer"]:
        network, note = study.run(BASE, start).fresh_network()
        row = {"features": f"frozen ConvNeXt, {note}", "fine_tuned": _fine_tuned(study, start)}
        options = {"image_size_px": settings.data.image_size_px, "device": select_device(settings.train.device)}
        for name, seen in pictures.items():
            row[name] = linear_probe(frozen_features(BASE, network, seen, **options), labels, groups)
        rows.append(row)
    return pd.DataFrame(rows, columns=["features", "colour", "grey", "fine_tuned"])


def _fine_tuned(study: Study, start: str) -> float:
    """Mean test accuracy of the finished runs of a start; ``scratch`` is the profile's own scheme."""
    same = ["scratch"] if start == f"scratch_{study.settings.model.init_scheme}" else []
    for weights in [start, *same]:
        runs = [study.run(BASE, weights, seed=seed) for seed in study.settings.train.seeds]
        if all(run.is_finished for run in runs):
            return float(np.mean([run.accuracy for run in runs]))
    return float("nan")
