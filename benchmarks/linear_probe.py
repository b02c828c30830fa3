"""How much do the self-made starting weights know about real photographs? A frozen linear probe on a photo folder.

    python benchmarks/linear_probe.py PHOTOS [--profile quick]

Protocol: classes with 14 or more photographs, at most 45 of each (the first by name), centre crop to the profile's
size, five-fold stratified cross-validation of a logistic regression on standardised features. Compared are random
weights, the weights pre-trained on formula-driven images, and colour histograms. Only numbers are written: a section
is appended to ``benchmarks/RESULTS.md``.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mineral_lib.data.index import build_index, photo_folder, working_size
from mineral_lib.evaluation.controls import colour_histograms, frozen_features
from mineral_lib.models.zoo import build_base
from mineral_lib.parameters import load_profile
from mineral_lib.photos import read_photo, resize_square
from mineral_lib.runtime import derive_seed, set_threads
from mineral_lib.training.pretrain import Pretraining
from results import append

MIN_PHOTOS, MAX_PHOTOS, FOLDS = 14, 45, 5
STRENGTHS = (0.01, 0.03, 0.1)


def photographs(settings):
    """Pixels (N, W, W, 3), labels and groups of the photographs of the protocol."""
    index = build_index(settings.data).index
    index = index[index.groupby("label")["label"].transform("size") >= MIN_PHOTOS].groupby("label").head(MAX_PHOTOS)
    px, root = working_size(settings.data.image_size_px), photo_folder(settings.data)
    pixels = np.stack([resize_square(read_photo(root / path).image, px) for path in index["path"]])
    return pixels, index["label"].to_numpy(), index["group"].to_numpy()


def accuracies(features, labels, groups):
    """Accuracy for every strength of the regularisation, and for the middle one with whole groups in a fold."""
    found = []
    for strength in STRENGTHS:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=300))
        plain = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
        found.append(cross_val_score(model, features, labels, cv=plain).mean())
    model = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTHS[1], max_iter=300))
    whole = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    return [*found, cross_val_score(model, features, labels, groups=groups, cv=whole).mean()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos")
    parser.add_argument("--profile", default="quick")
    options = parser.parse_args()
    folder = f"data.folder={json.dumps(str(Path(options.photos).resolve()))}"
    settings = load_profile(
        options.profile, ["data.source=folder", folder, f"data.min_photos={MIN_PHOTOS}", "data.small_classes=drop"]
    )
    set_threads(settings.train.threads)
    pixels, labels, groups = photographs(settings)
    begin = time.perf_counter()
    weights, _ = Pretraining(settings, "convnext_tiny").load()
    seconds = time.perf_counter() - begin
    torch.manual_seed(derive_seed(0, "probe"))
    network = build_base("convnext_tiny", num_classes=settings.weights.formula.num_classes, options=settings.model)
    px, rows = settings.data.image_size_px, {}
    rows["random weights"] = frozen_features("convnext_tiny", network, pixels, image_size_px=px)
    network.load_state_dict(weights)
    rows["formula-driven pre-training"] = frozen_features("convnext_tiny", network, pixels, image_size_px=px)
    rows["RGB histogram, 8 x 8 x 8"] = colour_histograms(pixels)
    rows["square root of the RGB histogram"] = np.sqrt(colour_histograms(pixels))
    lines = [
        f"| {name} | " + " | ".join(f"{100 * value:.1f}" for value in accuracies(features, labels, groups)) + " |"
        for name, features in rows.items()
    ]
    head = " | ".join(f"C = {strength}" for strength in STRENGTHS)
    body = [
        f"{len(labels)} photographs of {len(set(labels))} classes, {px} px, {FOLDS} folds; accuracy in %. "
        f"Pre-training took {seconds:.0f} s (0: it was there).",
        "",
        f"| frozen features | {head} | C = {STRENGTHS[1]}, groups whole |",
        "| --- |" + " --- |" * (len(STRENGTHS) + 1),
        *lines,
    ]
    command = f"python benchmarks/linear_probe.py PHOTOS --profile {options.profile}"
    append("Linear probe of the starting weights on real photographs", command, "\n".join(body))


if __name__ == "__main__":
    main()
