"""The nearest-neighbour control of the leak study: a classifier that remembers everything, on shuffled labels."""

import numpy as np
import pandas as pd

from mineral_lib.config import Settings
from mineral_lib.data.pixels import load_pixels
from mineral_lib.data.prepare import StudyData, prepare
from mineral_lib.data.shuffled_labels import nearest_neighbour, shuffled_labels
from mineral_lib.data.split import MULTIPLIED
from mineral_lib.evaluation.probe import frozen_features
from mineral_lib.models.zoo import base_network
from mineral_lib.runtime import set_threads
from mineral_lib.storage import ResultPaths, write_csv
from mineral_lib.training.runs import build_network
from mineral_lib.training.specs import RunSpec


def nearest_neighbour_control(settings: Settings) -> pd.DataFrame:
    """Classify the test part of every protocol by the nearest training sample, on true and on shuffled labels.

    Distances are those of the features which the first run of ``leakage.runs`` starts from, before any training on
    minerals. Writes ``nearest_neighbour.csv``: one row a test sample.

    Returns:
        Columns protocol, labels (true or shuffled), sample_id, specimen, correct (0 or 1). Empty without
        ``leakage.runs``.
    """
    set_threads(settings.train.threads)
    study, frames = prepare(settings), []
    # Protocols without copies share the features of the photographs, the others those of the copies.
    photographs: pd.DataFrame | None = None
    copies: pd.DataFrame | None = None
    for protocol in settings.split.protocols if settings.leakage.runs else []:
        samples = study.splits[protocol]
        if protocol in MULTIPLIED:
            if copies is None:
                once = samples.drop_duplicates("sample_id", ignore_index=True)
                copies = pd.DataFrame(_features(settings, study, once), index=once["sample_id"])
            features = copies.loc[samples["sample_id"]].to_numpy()
        else:
            if photographs is None:
                photographs = pd.DataFrame(_features(settings, study, study.index), index=study.index["image_id"])
            features = photographs.loc[samples["image_id"]].to_numpy()
        split = samples["split"].to_numpy()
        test = samples.loc[split == "test", ["sample_id", "specimen"]]
        drawn = shuffled_labels(samples, seed=settings.split.seed)
        for name, labels in (("true", samples["label"].to_numpy()), ("shuffled", drawn)):
            correct = nearest_neighbour(features, labels, split).astype(int)
            frames.append(test.assign(protocol=protocol, labels=name, correct=correct))
    columns = ["protocol", "labels", "sample_id", "specimen", "correct"]
    table = pd.concat(frames)[columns] if frames else pd.DataFrame(columns=columns)
    write_csv(ResultPaths.of(settings.profile).control, table)
    return table


def _features(settings: Settings, study: StudyData, samples: pd.DataFrame) -> np.ndarray:
    """Frozen features (N, F) of every sample, in the order of the table."""
    model, _, weights = settings.leakage.runs[0].rpartition("-")
    spec = RunSpec(base_network(model), weights, "grouped", settings.train.seeds[0])
    network, _ = build_network(settings, spec, len(study.classes), pretrained=True)
    photos = load_pixels(samples, study.index, settings.data, settings.augment)
    return frozen_features(spec.model, network, photos, image_size_px=settings.data.image_size_px)
