"""What ``real_photos.py`` compares: classifiers (rungs) that learn from the same photographs of the same splits.

All learn from training and validation photographs alike, after validation (or cross-validation) made their choices; but
the compact network, which learns from the training photographs alone: validation chooses its epoch.
"""

import json
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from real_peer import fine_tuned
from sklearn.base import clone

from mineral_lib.config import PROPOSED, Settings, Weights
from mineral_lib.data.pixels import load_pixels
from mineral_lib.data.prepare import prepare
from mineral_lib.data.split import SPLITS
from mineral_lib.evaluation.controls import (
    best_logistic,
    colour_histograms,
    frozen_features,
    nearest_labels,
    thumbnails,
)
from mineral_lib.evaluation.metrics import commonest_label
from mineral_lib.models.lite import LITE0, WHEEL_SHA256
from mineral_lib.models.weights import load_backbone, starting_state
from mineral_lib.models.zoo import build_base
from mineral_lib.parameters import load_profile
from mineral_lib.paths import ResultPaths
from mineral_lib.recognition import recogniser
from mineral_lib.recognition.calibration import probabilities
from mineral_lib.recognition.ladder import Rung, best_rung, climb, rungs_of
from mineral_lib.recognition.linear import choose, fit_linear
from mineral_lib.storage import digest, file_digest
from mineral_lib.study import Study
from mineral_lib.training.run import Run
from mineral_lib.training.run_config import run_config

PROFILE = "real_photos"  # folder of runs and caches below results/: a reader's own_photos stays as it is
VERSION = 3  # raised when a rung computes something else
NETWORK = "torchvision:squeezenet1_1"
SIZES = (64, 128, 224)
IMAGENET_CLASSES = 1000
LEARNED = ("train", "val")  # parts of a split that rungs learn from
PREFIX = 16  # hexadecimal digits of a photograph's SHA-256 that stand for it
NAMES = {
    "majority": "always the commonest class (chance)",
    "nearest_neighbour": "nearest neighbour, 16 × 16 px",
    "colour_histogram": "colour histogram, logistic regression",
    "compact": "compact ECA-ConvNeXt with formula transfer, 64 px",
    **{f"squeezenet_{px}": f"frozen SqueezeNet (ImageNet), {px} px" for px in SIZES},
    f"squeezenet_{SIZES[-1]}_histogram": f"frozen SqueezeNet (ImageNet), {SIZES[-1]} px, and colour histogram",
    "lite0_pooled": "frozen EfficientNet-Lite0 (ImageNet), 224 and 320 px, pooled features alone",
    "lite0_224": "frozen EfficientNet-Lite0 (ImageNet), 224 px",
    "lite0_224_320": "frozen EfficientNet-Lite0 (ImageNet), 224 and 320 px",
    "lite0_224_320_colour": "frozen EfficientNet-Lite0 (ImageNet), 224 and 320 px, and colour histogram",
    "recogniser": "what learn builds: the rung that cross-validation chose",
    "fastai": "fastai's fine-tuning of EfficientNet-Lite0 (ImageNet), 224 px",
}
BACKBONE, BACKBONE_SIZES = "lite0", (224, 320)
LADDER = {  # of NAMES: how the ladder of the recogniser names it
    "lite0_224": "lite0, 224 px",
    "lite0_224_320": "lite0, 224 and 320 px",
    "lite0_224_320_colour": "lite0, 224 and 320 px, and colour",
}
PROBES = [name for name in NAMES if name not in ("compact", "fastai")]  # seconds each; networks take minutes


def study_settings(photos: Path, seeds: list[int], *, px: int | None = None) -> Settings:
    """The profile own_photos on a folder, split anew for each seed (the split's seed is the run's).

    Args:
        photos: The folder.
        seeds: Seeds of splits and runs.
        px: Another size of the photographs than the profile's.
    """
    changes = {
        "profile": PROFILE,
        "data.folder": str(photos),
        "split.protocols": ["grouped"],
        "split.seed": seeds[0],
        "split.vary_with_seed": True,
        "train.seeds": seeds,
        "train.jobs": 1,
    }
    changes |= {"data.image_size_px": px} if px else {}
    return load_profile("own_photos", [f"{key}={json.dumps(value)}" for key, value in changes.items()])


class Photographs:
    """The photographs of a study and what the rungs make of them; nothing is computed before it is needed.

    Args:
        photos: The folder.
        weights: File with the ImageNet weights of ``NETWORK``.
        seeds: Seeds of splits and runs.
    """

    def __init__(self, photos: Path, weights: Path, seeds: list[int]) -> None:
        self.photos, self.weights, self.seeds = photos, weights, seeds
        self.settings = study_settings(photos, seeds)
        self.study = prepare(self.settings)
        self.index = self.study.index
        self._maps: dict[int, np.ndarray] = {}
        self._climbed: dict[str, list[Rung]] = {}

    @cached_property
    def weights_digest(self) -> str:
        """SHA-256 of the weights file."""
        return file_digest(self.weights)

    @cached_property
    def names(self) -> pd.DataFrame:
        """What stands for a photograph and for its group in results: SHA-256 prefixes, never file names."""
        photo = self.index["sha256"].str[:PREFIX]
        return pd.DataFrame({"photo": photo, "group": photo.groupby(self.index["group"]).transform("min")})

    def grouped(self, seed: int) -> np.ndarray:
        """The library's grouped split of a seed: train, val or test for each row of the index."""
        samples = self.study.samples("grouped", seed).set_index("image_id")["split"]
        return samples.reindex(self.index["image_id"]).to_numpy(str)

    def key(self, rung: str, split: np.ndarray, seed: int) -> str:
        """Digest of everything that decides what a rung predicts; ``VERSION`` stands for the code."""
        weights = self.weights_digest if rung.startswith("squeezenet") else ""
        if rung in LADDER or rung in ("lite0_pooled", "recogniser", "fastai"):
            weights = WHEEL_SHA256[LITE0]
        if rung == "compact":
            weights = run_config(self._run(seed))["key"]
        learned = (split == "train" if rung == "compact" else np.isin(split, LEARNED)).tolist()
        known = [self.study.fingerprint, self.study.classes, split.tolist(), learned]
        return digest([VERSION, rung, *known, weights, seed])

    def predict(self, rung: str, split: np.ndarray, seed: int) -> pd.DataFrame:
        """What a rung says of the test photographs, in the order of the index.

        Args:
            rung: Key of ``NAMES``.
            split: train, val, test or nothing for each row of the index.
            seed: Seed of the split, and of the run of ``compact``.

        Returns:
            Columns photo, group, class, rung, seed, predicted (class names) and probability (of the predicted class;
            empty where a rung has none).
        """
        used, test = np.flatnonzero(split != ""), split == "test"
        predicted, probability = self._predict(rung, used, split[used], seed)
        classes, labels = np.array(self.study.classes), self.index["label"].to_numpy()
        return self.names[test].assign(
            **{
                "class": classes[labels[test]],
                "rung": rung,
                "seed": seed,
                "predicted": classes[predicted],
                "probability": probability,
            }
        )

    def _predict(self, rung: str, rows: np.ndarray, split: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        labels, learned = self.index["label"].to_numpy()[rows], np.isin(split, LEARNED)
        count = int((split == "test").sum())
        if rung == "compact":
            return self._compact(rows[split == "test"], seed)
        if rung == "fastai":
            paths, names = [self._recognised.path(row) for row in rows], self.index["class_name"].iloc[rows].tolist()
            answers = fine_tuned(paths, names, self.study.classes, split == "test", seed)
            return answers.argmax(1), answers.max(1)
        if rung == "majority":
            label = commonest_label(labels[learned])
            return np.full(count, label), np.full(count, (labels[learned] == label).mean())
        if rung in LADDER or rung == "recogniser":
            answers = self._ladder(rung, rows, split)
            return answers.argmax(1), answers.max(1)
        if rung == "lite0_pooled":
            answers = self._pooled(rows, split)
            return answers.argmax(1), answers.max(1)
        if rung == "nearest_neighbour":
            known = np.where(learned, "train", split)
            return nearest_labels(thumbnails(self._pixels()[rows]), labels, known), np.full(count, np.nan)
        features = self._features(rung, rows, learned)
        model = clone(best_logistic(features, labels, split)).fit(features[learned], labels[learned])
        shares = model.predict_proba(features[split == "test"])
        return model.classes_[shares.argmax(1)], shares.max(1)

    def _ladder(self, rung: str, rows: np.ndarray, split: np.ndarray) -> np.ndarray:
        """Probabilities (T, C) of the test photographs by a rung of the recogniser's ladder, or by the chosen one."""
        parts = {name: rows[split == name] for name in SPLITS}
        key = digest([part.tolist() for part in parts.values()])
        if key not in self._climbed:
            rungs = rungs_of([BACKBONE], BACKBONE_SIZES)
            self._climbed[key] = climb(self._recognised, len(self.study.classes), parts, rungs)
        climbed, both = self._climbed[key], np.concatenate([parts["train"], parts["val"]])
        if rung == "recogniser":
            return best_rung(climbed, self._recognised.labels[both]).test
        return next(one.test for one in climbed if one.name == LADDER[rung])

    def _pooled(self, rows: np.ndarray, split: np.ndarray) -> np.ndarray:
        """Probabilities (T, C) as the ladder's rung of both sizes, without what it takes from the earlier stages."""
        kinds = [recogniser.kind_of(f"{BACKBONE}@{px}") for px in BACKBONE_SIZES]
        parts = zip(self._recognised.features(kinds), kinds, strict=True)
        features, tested = np.hstack([part[rows, kind.pooled] for part, kind in parts]), split == "test"
        labels, groups = self._recognised.labels[rows], self._recognised.groups[rows]
        count = len(self.study.classes)
        choice, _ = choose(features[~tested], labels[~tested], groups[~tested], count)
        linear = fit_linear(features[~tested], labels[~tested], count, choice)
        return probabilities(linear.logits(features[tested]), 1.0)

    @cached_property
    def _recognised(self) -> recogniser.Photographs:
        cache_dir = ResultPaths.of(PROFILE).cache_dir
        return recogniser.Photographs(self.photos, self.index, cache_dir, jobs=2)

    def _features(self, rung: str, rows: np.ndarray, learned: np.ndarray) -> np.ndarray:
        """Rows of length about 1 (or of two such blocks), so that the same strengths of regularisation suit all."""
        colours = np.sqrt(self._histograms[rows])
        if rung == "colour_histogram":
            return colours
        _, px, *more = rung.split("_")
        pooled = scaled(self._frozen(int(px))[rows], learned)
        return np.hstack([pooled, colours]) if more else pooled

    def _frozen(self, px: int) -> np.ndarray:
        """What the classifying layer of SqueezeNet receives of each photograph, (N, 512)."""
        if px not in self._maps:
            network = build_base(NETWORK, num_classes=IMAGENET_CLASSES, options=self.settings.model)
            weights = Weights.model_construct(source="file", files={NETWORK: str(self.weights)})
            state, _ = starting_state(NETWORK, weights, self.settings.model)
            load_backbone(NETWORK, network, state, where="--weights")
            self._maps[px] = frozen_features(NETWORK, network, self._pixels(px), image_size_px=px)
        return self._maps[px]

    @cached_property
    def _histograms(self) -> np.ndarray:
        return colour_histograms(self._pixels())

    def _pixels(self, px: int | None = None) -> np.ndarray:
        """Working images in the order of the index; by default those of the compact network."""
        settings = study_settings(self.photos, self.seeds, px=px)
        return load_pixels(self.index, self.index, settings.data, settings.augment)

    def _compact(self, test: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """The compact network of the profile, trained here on the grouped split of the seed, or read."""
        folder = self._run(seed).train().dir
        saved = pd.read_csv(folder / "predictions.csv", dtype={"image_id": str}, keep_default_na=False)
        saved = saved.set_index("image_id").loc[self.index["image_id"].iloc[test]]
        return saved["predicted"].to_numpy(), saved.filter(regex=r"^p_\d+$").max(axis=1).to_numpy()

    def _run(self, seed: int) -> Run:
        return Study(self.settings).run(PROPOSED, "transfer", seed=seed)

    def training_seconds(self, seed: int) -> float:
        """What the training of the compact network took."""
        return self._run(seed).manifest["seconds"]


def scaled(features: np.ndarray, learned: np.ndarray) -> np.ndarray:
    """Features (N, F) with mean 0 and deviation 1 on the learned rows, over the root of F: rows of length about 1."""
    mean, deviation = features[learned].mean(0), features[learned].std(0)
    return (features - mean) / np.where(deviation > 0, deviation, 1) / np.sqrt(features.shape[1])
