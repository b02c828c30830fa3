"""What starting weights already know, and what trained attention does: two looks into networks."""

import numpy as np
import pandas as pd
import torch

from mineral_lib.config import PROPOSED, Settings
from mineral_lib.data.dataset import normalise, to_tensor
from mineral_lib.data.pixels import load_pixels
from mineral_lib.data.prepare import StudyData, prepare
from mineral_lib.evaluation.probe import colour_histograms, frozen_features, linear_probe
from mineral_lib.models.eca_convnext import eca_modules, mean_gates
from mineral_lib.photos import grey
from mineral_lib.runtime import select_device
from mineral_lib.storage import read_json
from mineral_lib.training.runs import build_network, is_finished, load_run_network, run_dir
from mineral_lib.training.specs import RunSpec

BASE = "convnext_tiny"


def starts_table(settings: Settings) -> pd.DataFrame:
    """What each start knows before fine-tuning, in colour and in grey, and what came of it.

    Starts are random weights of both schemes, the transferred weights, and the colour control if ``ablation.starts``
    names it; histograms stand beside them. All photographs of the profile are used, five-fold, groups never on both
    sides; the labels of test photographs train nothing but these throw-away classifiers.

    Returns:
        Columns ``features``, ``colour`` and ``grey`` (accuracy of the linear probe, a fraction) and ``fine_tuned``
        (test accuracy of the finished runs, mean over seeds; NaN where there are none).
    """
    study, seed = prepare(settings), settings.train.seeds[0]
    full = (study.index["role"] == "full").to_numpy()
    index = study.index[full]
    photos = load_pixels(study.index, study.index, settings.data, settings.augment)[full]
    pictures = {"colour": photos, "grey": grey(photos)}
    labels, groups = index["label"].to_numpy(), index["group"].to_numpy()
    rows = [{"features": "histogram (8 levels a channel)", "fine_tuned": np.nan}]
    rows[0] |= {name: linear_probe(colour_histograms(seen), labels, groups) for name, seen in pictures.items()}
    control = ["colour"] if "colour" in settings.ablation.starts else []
    for start in ["scratch_library", "scratch_fast", *control, "transfer"]:
        network, note = build_network(
            settings, RunSpec(BASE, start, "grouped", seed), len(study.classes), pretrained=True
        )
        row = {"features": f"frozen ConvNeXt, {note}", "fine_tuned": _fine_tuned(settings, study, start)}
        for name, seen in pictures.items():
            features = frozen_features(
                BASE,
                network,
                seen,
                image_size_px=settings.data.image_size_px,
                device=select_device(settings.train.device),
            )
            row[name] = linear_probe(features, labels, groups)
        rows.append(row)
    return pd.DataFrame(rows, columns=["features", "colour", "grey", "fine_tuned"])


def _fine_tuned(settings: Settings, study: StudyData, start: str) -> float:
    """Mean test accuracy of the finished runs of a start; ``scratch`` is the profile's own scheme."""
    same = ["scratch"] if start == f"scratch_{settings.model.init_scheme}" else []
    for weights in [start, *same]:
        specs = [RunSpec(BASE, weights, "grouped", seed) for seed in settings.train.seeds]
        if all(is_finished(settings, spec, study) for spec in specs):
            found = [read_json(run_dir(settings, spec) / "metrics.json") for spec in specs]
            return float(np.mean([metrics["selected"]["test"]["accuracy"] for metrics in found]))
    return float("nan")


def gate_table(settings: Settings) -> pd.DataFrame:
    """Gates of the trained proposed network on up to 256 test photographs.

    Returns:
        One row a starting point and module: kernel size, mean gate, lowest, highest, spread over channels.
    """
    study, seed = prepare(settings), settings.train.seeds[0]
    split = study.splits["grouped"]
    test = (split["split"] == "test").to_numpy()
    photos = load_pixels(split, study.index, settings.data, settings.augment)[test][:256]
    images = normalise(torch.stack([to_tensor(photo, settings.data.image_size_px) for photo in photos]))
    rows = []
    for start in ("scratch", "transfer"):
        if f"{PROPOSED}-{start}" not in settings.ablation.rows:
            continue
        network = load_run_network(settings, RunSpec(PROPOSED, start, "grouped", seed), len(study.classes))
        for number, (module, gate) in enumerate(zip(eca_modules(network), mean_gates(network, images), strict=True), 1):
            rows.append(
                {
                    "start": start,
                    "module": number,
                    "channels": module.channels,
                    "k": module.kernel_size,
                    "mean gate": gate.mean().item(),
                    "lowest": gate.min().item(),
                    "highest": gate.max().item(),
                    "spread": gate.std().item(),
                }
            )
    return pd.DataFrame(rows)
