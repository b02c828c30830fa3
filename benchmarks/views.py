"""What several photographs of one specimen are worth: accuracy against the number of views, on generated specimens.

    python benchmarks/views.py [--seeds 0 1 2] [--px 128]

Each seed makes specimens of its own, of all 26 minerals: some with one photograph each to learn from, others with eight
to be asked about. Frozen features of EfficientNet-Lite0 and a linear classifier, chosen and calibrated by
cross-validation as ``mineral learn`` does; log-probabilities of views are averaged as ``mineral identify`` does. An
accuracy is the mean over eight choices of views of each specimen. Generated photographs say nothing about real ones.
"""

import argparse
from collections.abc import Iterator

import numpy as np
from PIL import Image

from mineral_lib.catalogue import minerals
from mineral_lib.evaluation.statistics import estimate
from mineral_lib.recognition.backbone import LITE0, load_backbone
from mineral_lib.recognition.calibration import fit_temperature, probabilities, specimen_log_probabilities
from mineral_lib.recognition.features import network_kind
from mineral_lib.recognition.linear import choose, fit_linear
from mineral_lib.specimens import photographs
from results import append

LEARNED, ASKED, VIEWS = 20, 5, 8  # specimens of each mineral, views of those that are asked about


def right_answers(seed: int, px: int) -> np.ndarray:
    """Share of right answers of each specimen (S,) for 1, 2, ... views, shape (VIEWS, S)."""
    numbers = range(1, len(minerals()) + 1)
    learned = [(number, specimen, 1) for number in numbers for specimen in range(1, LEARNED + 1)]
    asked = [
        (number, LEARNED + specimen, view)
        for number in numbers
        for specimen in range(1, ASKED + 1)
        for view in range(1, VIEWS + 1)
    ]
    images, _ = photographs([*learned, *asked], image_size=px, seed=seed)
    kind, count = network_kind(load_backbone(LITE0), px), len(learned)
    features = np.concatenate(
        [kind.compute([kind.prepare(Image.fromarray(one)) for one in few]) for few in parts(images)]
    )
    labels = np.array([number - 1 for number, _, _ in learned])
    choice, logits = choose(features[:count], labels, np.arange(count), len(minerals()))
    known = np.isfinite(logits).any(1)
    temperature = fit_temperature(logits[known], labels[known])
    linear = fit_linear(features[:count], labels, len(minerals()), choice)
    answers = probabilities(linear.logits(features[count:]), temperature).reshape(-1, VIEWS, len(minerals()))
    true = np.repeat(np.arange(len(minerals())), ASKED)
    return np.array([shares(answers, true, views) for views in range(1, VIEWS + 1)])


def parts(images: np.ndarray, size: int = 64) -> Iterator[np.ndarray]:
    """Images in batches."""
    for start in range(0, len(images), size):
        yield images[start : start + size]


def shares(answers: np.ndarray, true: np.ndarray, views: int) -> np.ndarray:
    """Share of right answers (S,) from so many views, over the runs of consecutive views.

    Args:
        answers: Probabilities of each view (S, VIEWS, C).
        true: Labels (S,).
        views: 1 to VIEWS.
    """
    specimens, found = np.repeat(np.arange(len(true)), views), []
    for start in range(VIEWS):
        chosen = answers[:, (start + np.arange(views)) % VIEWS].reshape(-1, answers.shape[2])
        joint, _ = specimen_log_probabilities(chosen, specimens)
        found.append(joint.argmax(1) == true)
    return np.mean(found, axis=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--px", type=int, default=128)
    options = parser.parse_args()
    found = [right_answers(seed, options.px) for seed in options.seeds]
    names = [np.array([f"{seed}-{place}" for place in range(found[0].shape[1])]) for seed in options.seeds]
    lines = []
    for views in range(VIEWS):
        accuracy = estimate([(one[views], name) for one, name in zip(found, names, strict=True)])
        gain = estimate([(one[views] - one[0], name) for one, name in zip(found, names, strict=True)])
        cells = [f"{100 * one.value:.1f} ({_interval(one.interval())})" for one in (accuracy, gain)]
        lines.append(f"| {views + 1} | {cells[0]} | {cells[1] if views else ''} |")
    body = [
        f"{len(options.seeds)} seeds with specimens of their own: 26 minerals, {LEARNED} specimens each with one "
        f"photograph to learn from, {ASKED} others with {VIEWS} views, {options.px} px; mean and 95 % interval over "
        "seeds and specimens.",
        "",
        "| views | accuracy, % | more than with one view, points |",
        "| ---: | ---: | ---: |",
        *lines,
    ]
    seeds = " ".join(map(str, options.seeds))
    append("Several views of one generated specimen", f"python benchmarks/views.py --seeds {seeds}", "\n".join(body))


def _interval(ends: tuple[float, float]) -> str:
    return " to ".join(f"{100 * end:.1f}" for end in ends)


if __name__ == "__main__":
    main()
