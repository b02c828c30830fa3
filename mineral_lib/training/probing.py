"""What starting weights already know, and what trained attention does: two looks into networks."""

import pandas as pd
import torch

from mineral_lib.config import PROPOSED, Settings
from mineral_lib.data.dataset import load_pixels, normalise, to_tensor
from mineral_lib.data.prepare import prepare
from mineral_lib.evaluation.probe import colour_histograms, frozen_features, linear_probe
from mineral_lib.models.eca_convnext import eca_modules, mean_gates
from mineral_lib.training.runs import build_network, load_run_network
from mineral_lib.training.specs import RunSpec


def probe_starting_weights(settings: Settings) -> pd.DataFrame:
    """Accuracy of a linear classifier on frozen features: random weights, transferred weights, colour histogram.

    All photographs of the profile are used, five-fold, groups never on both sides; the labels of test photographs
    train nothing but these throw-away classifiers.

    Returns:
        Columns ``features`` and ``accuracy`` (fraction).
    """
    study = prepare(settings)
    full = (study.index["role"] == "full").to_numpy()
    index = study.index[full]
    photos = load_pixels(study.index, study.index, settings)[full]
    labels, groups = index["label"].to_numpy(), index["group"].to_numpy()
    rows = {"colour histogram (8 x 8 x 8)": linear_probe(colour_histograms(photos), labels, groups)}
    for start in ("scratch", "transfer"):
        spec = RunSpec("convnext_tiny", start, "grouped", settings.train.seeds[0])
        network, note = build_network(settings, spec, len(study.classes), pretrained=True)
        features = frozen_features(spec.model, network, photos, image_size_px=settings.data.image_size_px)
        rows[f"frozen ConvNeXt, {note}"] = linear_probe(features, labels, groups)
    return pd.DataFrame({"features": list(rows), "accuracy": list(rows.values())})


def gate_table(settings: Settings) -> pd.DataFrame:
    """Gates of the trained proposed network on up to 256 test photographs.

    Returns:
        One row a starting point and module: kernel size, mean gate, lowest, highest, spread over channels.
    """
    study, seed = prepare(settings), settings.train.seeds[0]
    split = study.splits["grouped"]
    test = (split["split"] == "test").to_numpy()
    photos = load_pixels(split, study.index, settings)[test][:256]
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
