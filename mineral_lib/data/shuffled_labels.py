"""The random-label control: labels drawn by lot, which nobody can predict for a new specimen.

Every group (specimen, with its near duplicates) gets the label of another one. What a classifier then scores above
chance on the test part it can only have from relatives of the test images in the training part (Zhang et al. 2017
showed that networks fit such labels).
"""

import numpy as np
import pandas as pd
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mineral_lib.runtime import derive_seed


def shuffled_labels(samples: pd.DataFrame, *, seed: int) -> np.ndarray:
    """Labels (N,) in which whole groups have exchanged their classes; all photographs and copies follow.

    Groups, not photographs, are exchanged: so the control also sees the leak between two views of one specimen.

    Args:
        samples: Table of samples with group and label.
        seed: Seed of the exchange.
    """
    groups = samples.drop_duplicates("group").sort_values("group")
    order = np.random.default_rng(derive_seed(seed, "shuffled labels")).permutation(len(groups))
    drawn = dict(zip(groups["group"], groups["label"].to_numpy()[order], strict=True))
    return samples["group"].map(drawn).to_numpy(np.int64)


def nearest_labels(features: np.ndarray, labels: np.ndarray, split: np.ndarray) -> np.ndarray:
    """Label of the nearest training sample (cosine, standardised features) of every test sample, in order.

    A nearest neighbour remembers everything at once, so it shows a leak at its full size without any training.

    Args:
        features: (N, features).
        labels: (N,).
        split: (N,) train, val or test.
    """
    train, test = split == "train", split == "test"
    model = make_pipeline(StandardScaler(), KNeighborsClassifier(1, metric="cosine", algorithm="brute"))
    model.fit(features[train], labels[train])
    return model.predict(features[test])
