"""How early ``mineral review`` lists wrong labels: labels of a folder exchanged at random, and looked for.

    python benchmarks/planted_labels.py PHOTOS [--draws 0 1 2 3 4] [--share 0.05]

A draw gives each chosen photograph the name of another mineral, drawn with equal chances. Found is what stands in the
first part of the list that a review shows (15 % of the photographs); labels that were wrong before count as right ones.
"""

import argparse
from pathlib import Path

import numpy as np

from mineral_lib.data.index import photo_folder
from mineral_lib.recognition.features import COLOUR
from mineral_lib.recognition.learn import study_of_folder
from mineral_lib.recognition.recogniser import Photographs, installed_kinds, kind_of
from mineral_lib.recognition.review import SHARE, doubtful_labels
from mineral_lib.runtime import derive_seed
from results import append


def found_share(
    features: np.ndarray, labels: np.ndarray, groups: np.ndarray, num_classes: int, *, share: float, draw: int
) -> float:
    """Share of the exchanged labels in the first part of the list.

    Args:
        features: One row a photograph, shape (N, D).
        labels: True classes (N,).
        groups: Specimen of each (N,).
        num_classes: How many classes there are.
        share: Of the labels to exchange.
        draw: Seed.
    """
    rng = np.random.default_rng(derive_seed("planted labels", draw))
    planted = rng.choice(len(labels), round(share * len(labels)), replace=False)
    given = labels.copy()
    given[planted] = (labels[planted] + rng.integers(1, num_classes, len(planted))) % num_classes
    listed = doubtful_labels(features, given, groups, num_classes)["row"].to_numpy()
    return float(np.isin(planted, listed[: int(np.ceil(SHARE * len(listed)))]).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--draws", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--share", type=float, default=0.05)
    options = parser.parse_args()
    study = study_of_folder(options.photos, [])
    photographs = Photographs(photo_folder(study.settings.data), study.index, study.paths.cache_dir)
    lines = []
    for names in (installed_kinds(), [COLOUR.name]):
        features = np.hstack(photographs.features([kind_of(name) for name in names]))
        given = (features, photographs.labels, photographs.groups, len(study.classes))
        shares = [100 * found_share(*given, share=options.share, draw=draw) for draw in options.draws]
        lines.append(f"| {', '.join(names)} | {np.mean(shares):.1f} | {min(shares):.1f} to {max(shares):.1f} |")
    body = [
        f"{len(study.index)} photographs of {len(study.classes)} minerals, {options.share:.0%} of the labels exchanged "
        f"in {len(options.draws)} draws; how many of them stand in the first {SHARE:.0%} of the list.",
        "",
        "| features | found, % | lowest and highest draw |",
        "| --- | ---: | ---: |",
        *lines,
    ]
    draws = " ".join(map(str, options.draws))
    append("Labels exchanged at random", f"python benchmarks/planted_labels.py PHOTOS --draws {draws}", "\n".join(body))


if __name__ == "__main__":
    main()
