"""Controls: what simple classifiers make of the photographs and splits that the networks are tested on.

Whoever recommends a network has to beat the baselines; the nearest neighbour remembers everything at once and so shows
a leak at its full size; a linear probe tells what a frozen network already knows. All are deterministic and take
seconds.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression, RidgeClassifierCV
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from mineral_lib.data.dataset import normalise, to_tensor
from mineral_lib.data.folds import grouped_folds
from mineral_lib.data.split import MULTIPLIED, shuffled_labels
from mineral_lib.evaluation.metrics import commonest_label
from mineral_lib.models.zoo import base_network, classifier_of
from mineral_lib.runtime import set_threads
from mineral_lib.storage import write_csv

if TYPE_CHECKING:
    from mineral_lib.study import Study

STRENGTHS = (1.0, 10.0, 100.0)  # inverse regularisation C of the logistic regression, chosen on validation
RIDGE = np.logspace(0, 5, 11)  # strengths of regularisation of the linear probe
THUMBNAIL_PX = 16


def best_logistic(features: np.ndarray, labels: np.ndarray, split: np.ndarray) -> LogisticRegression:
    """Logistic regression fitted on the training part of (N, F) features, for rows whose length is about 1.

    Of its strengths of regularisation the one with the best validation accuracy is taken, the strongest of equals. Each
    fit runs to its end: one that stops early differs from machine to machine, and so does what is chosen.
    """
    train, val = split == "train", split == "val"
    strengths = STRENGTHS if val.any() else STRENGTHS[:1]
    models = [
        LogisticRegression(C=one, solver="newton-cg", max_iter=1000).fit(features[train], labels[train])
        for one in strengths
    ]
    return max(models, key=lambda model: model.score(features[val], labels[val])) if val.any() else models[0]


def nearest_labels(features: np.ndarray, labels: np.ndarray, split: np.ndarray) -> np.ndarray:
    """Label of the nearest training sample (cosine, standardised (N, F) features) of every test sample, in order."""
    train, test = split == "train", split == "test"
    model = make_pipeline(StandardScaler(), KNeighborsClassifier(1, metric="cosine", algorithm="brute"))
    return model.fit(features[train], labels[train]).predict(features[test])


def colour_histograms(photos: np.ndarray) -> np.ndarray:
    """RGB histograms (N, 8 ** 3) of photographs (N, W, W, 3) uint8: the simplest thing that can work."""
    codes = ((photo // 32 @ np.array([64, 8, 1])).ravel() for photo in photos)
    return np.stack([np.bincount(code, minlength=512) / code.size for code in codes])


def thumbnails(photos: np.ndarray) -> np.ndarray:
    """Photographs (N, W, W, 3) uint8 at 16 x 16 px, (N, 768) float: what is left is the layout of colours."""
    size = (THUMBNAIL_PX, THUMBNAIL_PX)
    small = [np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.BOX)) for photo in photos]
    return np.stack(small).reshape(len(photos), -1).astype(float)


def baseline_predictions(
    histograms: np.ndarray, small: np.ndarray, labels: np.ndarray, split: np.ndarray
) -> dict[str, np.ndarray]:
    """Labels of the test samples by every baseline, from colour histograms (N, bins) and thumbnails (N, F).

    The logistic regression sees square roots of the histograms: their rows have length 1.
    """
    majority, test, roots = commonest_label(labels[split == "train"]), split == "test", np.sqrt(histograms)
    return {
        "majority": np.full(test.sum(), majority),
        "colour_histogram": best_logistic(roots, labels, split).predict(roots[test]),
        "nearest_neighbour": nearest_labels(small, labels, split),
    }


def run_baselines(study: "Study") -> pd.DataFrame:
    """Run every baseline on the grouped split of every seed and write ``baselines.csv``: one row a test photograph.

    Seeds that share a split share their baselines, which stand under the first of them: nothing here is drawn by lot.

    Returns:
        Columns baseline, seed, image_id, specimen, label, predicted.
    """
    photos, ids = study.pixels(), pd.Index(study.index["image_id"])
    histograms, small = colour_histograms(photos), thumbnails(photos)
    known, frames = [], []
    for seed in study.settings.train.seeds:
        samples = study.samples("grouped", seed)
        if any(samples is other for other in known):
            continue
        known.append(samples)
        rows, split = ids.get_indexer(samples["image_id"]), samples["split"].to_numpy()
        predicted = baseline_predictions(histograms[rows], small[rows], samples["label"].to_numpy(), split)
        test = samples.loc[split == "test", ["image_id", "specimen", "label"]]
        frames += [test.assign(baseline=name, seed=seed, predicted=labels) for name, labels in predicted.items()]
    columns = ["baseline", "seed", "image_id", "specimen", "label", "predicted"]
    table = pd.concat(frames, ignore_index=True)[columns]
    write_csv(study.paths.baselines, table)
    return table


def nearest_neighbour_control(study: "Study") -> pd.DataFrame:
    """Classify the test part of every protocol by the nearest training sample, on true and on shuffled labels.

    Distances are those of the features which the first run of ``leakage.runs`` starts from, before any training on
    minerals. Writes ``nearest_neighbour.csv``: one row a test sample.

    Returns:
        Columns protocol, labels (true or shuffled), sample_id, specimen, correct (0 or 1). Empty without
        ``leakage.runs``.
    """
    settings = study.settings
    set_threads(settings.train.threads)
    frames, known = [], dict[bool, pd.DataFrame]()
    for protocol in settings.split.protocols if settings.leakage.runs else []:
        samples = study.data.splits[protocol]
        # Protocols without copies share the features of the photographs, the others those of the copies.
        copied = protocol in MULTIPLIED
        name = "sample_id" if copied else "image_id"
        if copied not in known:
            once = samples.drop_duplicates("sample_id", ignore_index=True) if copied else study.index
            known[copied] = pd.DataFrame(_starting_features(study, once), index=once[name])
        features, split = known[copied].loc[samples[name]].to_numpy(), samples["split"].to_numpy()
        test = samples.loc[split == "test", ["sample_id", "specimen"]]
        drawn = shuffled_labels(samples, seed=settings.split.seed)
        for kind, labels in (("true", samples["label"].to_numpy()), ("shuffled", drawn)):
            correct = (nearest_labels(features, labels, split) == labels[split == "test"]).astype(int)
            frames.append(test.assign(protocol=protocol, labels=kind, correct=correct))
    columns = ["protocol", "labels", "sample_id", "specimen", "correct"]
    table = pd.concat(frames)[columns] if frames else pd.DataFrame(columns=columns)
    write_csv(study.paths.control, table)
    return table


def _starting_features(study: "Study", samples: pd.DataFrame) -> np.ndarray:
    """Features (N, F) of every sample, in the order of the table, before any training on minerals."""
    model, _, start = study.settings.leakage.runs[0].rpartition("-")
    network, _ = study.run(base_network(model), start).fresh_network()
    size = study.settings.data.image_size_px
    return frozen_features(base_network(model), network, study.pixels(samples), image_size_px=size)


@torch.inference_mode()
def frozen_features(
    name: str, network: nn.Module, photos: np.ndarray, *, image_size_px: int, device: torch.device | str = "cpu"
) -> np.ndarray:
    """What the classifying layer of a network receives, (N, features) float32, of working images (N, W, W, 3) uint8.

    The network, which sees ``image_size_px`` of them, is moved to the device.
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


def linear_probe(features: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> float:
    """Cross-validated accuracy (fraction) of a ridge classifier on standardised features; NaN without two folds.

    The strength of regularisation is chosen by leave-one-out within each training fold. Logistic regression gives
    much the same and takes far longer. ``groups`` (N,) are specimens, never on both sides of a fold.
    """
    model = make_pipeline(StandardScaler(), RidgeClassifierCV(alphas=RIDGE))
    folds = grouped_folds(labels, groups)
    return float(cross_val_score(model, features, labels, cv=folds).mean()) if folds else float("nan")
