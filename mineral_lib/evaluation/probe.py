"""Two looks into networks: what a frozen one already knows, by a linear probe, and what trained attention does."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from mineral_lib.config import PROPOSED
from mineral_lib.data.dataset import normalise, to_tensor
from mineral_lib.data.folds import grouped_folds
from mineral_lib.models.eca_convnext import eca_modules, mean_gates
from mineral_lib.models.zoo import classifier_of
from mineral_lib.photos import grey
from mineral_lib.runtime import select_device

if TYPE_CHECKING:
    from mineral_lib.study import Study

BASE = "convnext_tiny"

RIDGE = np.logspace(0, 5, 11)  # strengths of regularisation to choose from


@torch.inference_mode()
def frozen_features(
    name: str, network: nn.Module, photos: np.ndarray, *, image_size_px: int, device: torch.device | str = "cpu"
) -> np.ndarray:
    """What the classifying layer of a network receives.

    Args:
        name: Network name.
        network: The network; it is moved to the device.
        photos: Working images (N, W, W, 3) uint8.
        image_size_px: Side the network sees.
        device: Where to compute.

    Returns:
        (N, features) float32.
    """
    found: list[np.ndarray] = []
    head = network.get_submodule(classifier_of(name, network).head[0])
    handle = head.register_forward_pre_hook(lambda _module, inputs: found.append(_pooled(inputs[0])))
    try:
        for start in range(0, len(photos), 128):
            network.eval().to(device)(normalise(to_tensor(photos[start : start + 128], image_size_px).to(device)))
    finally:
        handle.remove()
    return np.concatenate(found)


def _pooled(features: torch.Tensor) -> np.ndarray:
    # A convolutional head (SqueezeNet) receives maps: their mean over all places.
    return (features.mean((2, 3)) if features.ndim == 4 else features.flatten(1)).float().cpu().numpy()


def colour_histograms(photos: np.ndarray, bins: int = 8) -> np.ndarray:
    """RGB histograms (N, bins ** 3) of photographs (N, W, W, 3) uint8: the simplest thing that can work."""
    rows = []
    for photo in photos:
        levels = photo.astype(np.int64) * bins // 256
        codes = (levels[..., 0] * bins + levels[..., 1]) * bins + levels[..., 2]
        rows.append(np.bincount(codes.ravel(), minlength=bins**3) / codes.size)
    return np.stack(rows)


def linear_probe(features: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> float:
    """Cross-validated accuracy (fraction) of a ridge classifier on standardised features; NaN without two folds.

    The strength of regularisation is chosen by leave-one-out within each training fold. Logistic regression gives
    much the same and takes far longer.

    Args:
        features: (N, features).
        labels: (N,).
        groups: (N,) specimens; a specimen is never on both sides of a fold.
    """
    model = make_pipeline(StandardScaler(), RidgeClassifierCV(alphas=RIDGE))
    folds = grouped_folds(labels, groups)
    return float(cross_val_score(model, features, labels, cv=folds).mean()) if folds else float("nan")


def starts_table(study: "Study") -> pd.DataFrame:
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


def _fine_tuned(study: "Study", start: str) -> float:
    """Mean test accuracy of the finished runs of a start; ``scratch`` is the profile's own scheme."""
    same = ["scratch"] if start == f"scratch_{study.settings.model.init_scheme}" else []
    for weights in [start, *same]:
        runs = [study.run(BASE, weights, seed=seed) for seed in study.settings.train.seeds]
        if all(run.is_finished for run in runs):
            return float(np.mean([run.accuracy for run in runs]))
    return float("nan")


def gate_table(study: "Study") -> pd.DataFrame:
    """Gates of the trained proposed network on up to 256 test photographs.

    Returns:
        One row a starting point and module: kernel size, mean gate, lowest, highest, spread over channels.
    """
    samples = study.data.splits["grouped"]
    photos = study.pixels(samples)[(samples["split"] == "test").to_numpy()][:256]
    images = normalise(to_tensor(photos, study.settings.data.image_size_px))
    rows = []
    for start in ("scratch", "transfer"):
        if f"{PROPOSED}-{start}" not in study.settings.ablation.rows:
            continue
        network = study.run(PROPOSED, start).network()
        for number, (module, gate) in enumerate(zip(eca_modules(network), mean_gates(network, images), strict=True), 1):
            known = {"start": start, "module": number, "channels": module.channels, "k": module.kernel_size}
            values = {"mean gate": gate.mean(), "lowest": gate.min(), "highest": gate.max(), "spread": gate.std()}
            rows.append(known | {name: value.item() for name, value in values.items()})
    return pd.DataFrame(rows)
