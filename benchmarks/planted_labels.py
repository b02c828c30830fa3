"""How early ``mineral review`` lists wrong labels: labels of a folder exchanged at random, and looked for.

    python benchmarks/planted_labels.py PHOTOS [--draws 0 1 2 3 4] [--share 0.05]

A draw gives each chosen photograph the name of another mineral, drawn with equal chances. Found is what stands in the
first part of the list that a review shows (15 % of the photographs); labels that were wrong before count as right ones.
Where cleanlab is installed, it orders the same labels by the answers of five folds of scikit-learn's logistic
regression on what the same network pools. Its score is ours, so what differs is the answers.
"""

import argparse
import warnings
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mineral_lib.data.index import photo_folder
from mineral_lib.recognition.features import COLOUR
from mineral_lib.recognition.learn import study_of_folder
from mineral_lib.recognition.recogniser import Photographs, installed_kinds, kind_of
from mineral_lib.recognition.review import SHARE, doubtful_labels
from mineral_lib.runtime import derive_seed
from results import append

Order = Callable[[np.ndarray], np.ndarray]  # of photographs, the most doubtful first, from the labels given


def found_share(order: Order, labels: np.ndarray, num_classes: int, *, share: float, draw: int) -> float:
    """Share of the exchanged labels in the first part of the list.

    Args:
        order: Makes the list.
        labels: True classes (N,).
        num_classes: How many classes there are.
        share: Of the labels to exchange.
        draw: Seed.
    """
    rng = np.random.default_rng(derive_seed("planted labels", draw))
    planted = rng.choice(len(labels), round(share * len(labels)), replace=False)
    given = labels.copy()
    given[planted] = (labels[planted] + rng.integers(1, num_classes, len(planted))) % num_classes
    listed = order(given)
    return float(np.isin(planted, listed[: int(np.ceil(SHARE * len(listed)))]).mean())


def cleanlab_order(features: np.ndarray) -> Order:
    """The list of cleanlab's default label quality, from features (N, D)."""
    from cleanlab.rank import get_label_quality_scores

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))

    def order(given: np.ndarray) -> np.ndarray:
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # of classes smaller than the folds
            answers = cross_val_predict(model, features, given, cv=5, method="predict_proba")
        return np.argsort(get_label_quality_scores(given, answers), kind="stable")

    return order


def orders(photographs: Photographs, num_classes: int) -> dict[str, Order]:
    """What is compared, by name."""

    def reviewed(names: list[str]) -> Order:
        features = np.hstack(photographs.features([kind_of(name) for name in names]))
        return lambda given: doubtful_labels(features, given, photographs.groups, num_classes)["row"].to_numpy()

    found = {f"mineral review: {', '.join(names)}": reviewed(names) for names in (installed_kinds(), [COLOUR.name])}
    if find_spec("cleanlab"):
        kind = kind_of(installed_kinds()[0])
        pooled = photographs.features([kind])[0][:, kind.pooled]
        found[f"cleanlab {version('cleanlab')}: {kind.title}, pooled"] = cleanlab_order(pooled)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--draws", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--share", type=float, default=0.05)
    options = parser.parse_args()
    study = study_of_folder(options.photos, [])
    photographs = Photographs(photo_folder(study.settings.data), study.index, study.paths.cache_dir)
    lines = []
    for name, order in orders(photographs, len(study.classes)).items():
        given = (order, photographs.labels, len(study.classes))
        shares = [100 * found_share(*given, share=options.share, draw=draw) for draw in options.draws]
        lines.append(f"| {name} | {np.mean(shares):.1f} | {min(shares):.1f} to {max(shares):.1f} |")
    body = [
        f"{len(study.index)} photographs of {len(study.classes)} minerals, {options.share:.0%} of the labels exchanged "
        f"in {len(options.draws)} draws; how many of them stand in the first {SHARE:.0%} of the list.",
        "",
        "| list | found, % | lowest and highest draw |",
        "| --- | ---: | ---: |",
        *lines,
    ]
    draws = " ".join(map(str, options.draws))
    append("Labels exchanged at random", f"python benchmarks/planted_labels.py PHOTOS --draws {draws}", "\n".join(body))


if __name__ == "__main__":
    main()
