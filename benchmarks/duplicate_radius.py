"""Which radius finds the copies of a photograph, and how many strangers does it take for copies?

    python benchmarks/duplicate_radius.py PHOTOS [--series]

PHOTOS is a folder with one sub-folder a class. Only numbers are written: a section is appended to
``benchmarks/RESULTS.md``. ``--series`` adds a search for several photographs of one specimen by local features, which
compares all pairs of photographs and takes minutes.
"""

import argparse
import io
import os
import platform
import resource
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from scipy import ndimage

from mineral_lib.data.index import build_index, photo_folder
from mineral_lib.parameters import load_profile
from mineral_lib.photos import read_photo, resize_square
from mineral_lib.photos.duplicates import MAX_RADIUS, groups, near_pairs, perceptual_hash, turned
from mineral_lib.runtime import derive_seed
from mineral_lib.storage import write_text

RESULTS = Path(__file__).with_name("RESULTS.md")
SHOWN = (0, 2, 4, 6, 8, 10, 12, 16)
SAME_NCC = 0.9  # correlation of two grey pictures above which they are taken for the same
_PX = 64

Pixels = np.ndarray  # (H, W, 3) uint8


def jpeg(pixels: Pixels, quality: int = 90) -> Pixels:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


def crop(pixels: Pixels, share: float) -> Pixels:
    """A part of ``share`` of the area, in a place drawn from the picture's size."""
    height, width = (max(1, round(side * share**0.5)) for side in pixels.shape[:2])
    rng = np.random.default_rng(derive_seed("crop", *pixels.shape))
    top, left = rng.integers(pixels.shape[0] - height + 1), rng.integers(pixels.shape[1] - width + 1)
    return pixels[top : top + height, left : left + width]


def rotate(pixels: Pixels, degrees: float) -> Pixels:
    """Turned in its frame, borders mirrored."""
    return ndimage.rotate(pixels, degrees, reshape=False, order=1, mode="mirror")


EDITS: dict[str, Callable[[Pixels], Pixels]] = {
    "JPEG quality 60": lambda p: jpeg(p, 60),
    "half the size": lambda p: np.asarray(Image.fromarray(p).resize((p.shape[1] // 2, p.shape[0] // 2))),
    "brightness x 1.2": lambda p: np.clip(p * 1.2, 0, 255).astype(np.uint8),
    "noise, sigma 10": lambda p: np.clip(p + np.random.default_rng(1).normal(0, 10, p.shape), 0, 255).astype(np.uint8),
    "mirrored": lambda p: p[:, ::-1],
    "quarter turn": lambda p: np.rot90(p),
    "crop 95 %": lambda p: crop(p, 0.95),
    "crop 90 %": lambda p: crop(p, 0.90),
    "crop 80 %": lambda p: crop(p, 0.80),
    "crop 70 %": lambda p: crop(p, 0.70),
    "rotated 5 degrees": lambda p: rotate(p, 5),
    "rotated 15 degrees": lambda p: rotate(p, 15),
}


def markdown(frame: pd.DataFrame) -> str:
    return frame.to_markdown(index=False, disable_numparse=True) + "\n"


def recall_table(photos: list[Pixels], hashes: np.ndarray) -> str:
    """Share of copies found at each radius, one row a kind of edit (all are saved as JPEG 90 besides)."""
    rows = []
    for name, edit in EDITS.items():
        copies = np.stack([perceptual_hash(jpeg(edit(photo))) for photo in photos])
        distance = np.bitwise_count(hashes[:, :1] ^ copies).min(axis=1)
        shares = {f"r = {radius}": f"{(distance <= radius).mean():.1%}" for radius in SHOWN}
        rows.append({"copy": name} | shares | {"median bits": f"{np.median(distance):.0f}"})
    return markdown(pd.DataFrame(rows))


def correlations(photos: list[Pixels], pairs: pd.DataFrame) -> np.ndarray:
    """(pairs,) normalised cross-correlation of the grey pictures at 64 x 64 pixels, the best of eight turns."""
    needed = np.unique(pairs[["first", "second"]].to_numpy())
    small = {}
    for i in needed:
        grey = np.asarray(Image.fromarray(photos[i]).convert("L").resize((_PX, _PX)), dtype=np.float64)
        small[i] = (grey - grey.mean()) / (grey.std() + 1e-9)
    best = []
    for first, second in zip(pairs["first"], pairs["second"], strict=True):
        turns = [np.rot90(base, k) for base in (small[second], small[second].T) for k in range(4)]
        best.append(max(float((small[first] * turn).mean()) for turn in turns))
    return np.array(best)


def false_alarm_table(photos: list[Pixels], hashes: np.ndarray, classes: np.ndarray) -> str:
    """Pairs of different photographs at each radius, and how many of them really look the same."""
    pairs = near_pairs(hashes, MAX_RADIUS)
    pairs["same"] = classes[pairs["first"]] == classes[pairs["second"]]
    pairs["looks"] = correlations(photos, pairs) > SAME_NCC
    count, rows = len(hashes), []
    for radius in range(MAX_RADIUS + 1):
        part = pairs[pairs["distance"] <= radius]
        sizes = np.bincount(groups(count, part))
        wrong = part[~part["looks"]]
        rate = len(wrong) / (count * (count - 1) / 2)
        rows.append(
            {
                "radius": radius,
                "pairs within classes": int(part["same"].sum()),
                "pairs across classes": int((~part["same"]).sum()),
                "photographs in a pair": len(np.unique(part[["first", "second"]])),
                f"look the same (NCC > {SAME_NCC})": int(part["looks"].sum()),
                "do not": len(wrong),
                "do not, per million pairs compared": f"{rate * 1e6:.1f}",
                # A random graph falls into one piece when its members have one neighbour each on average.
                "strangers chain from about ... photographs": f"{1 / rate:,.0f}" if rate else "",
                "largest group": int(sizes.max()),
            }
        )
    return markdown(pd.DataFrame(rows).astype(str))


def bench_table() -> str:
    """The same on generated specimens, which all lie on one dark bench: does the common background join them?"""
    from mineral_lib.reporting.cam_grid import close_ups

    settings = load_profile("quick", ["data.fraction=0.1"])
    index = build_index(settings.data).index
    hashes = np.stack([perceptual_hash(photo) for photo in close_ups(index, settings.data, size_px=128)])
    specimen, classes = index["specimen"].to_numpy(), index["class_name"].to_numpy()
    pairs, rows = near_pairs(hashes, MAX_RADIUS), []
    for radius in SHOWN:
        part = pairs[pairs["distance"] <= radius]
        one, two = part["first"], part["second"]
        mates = specimen[one] == specimen[two]
        rows.append(
            {
                "radius": radius,
                "pairs of one specimen": int(mates.sum()),
                "of two specimens of one class": int((~mates & (classes[one] == classes[two])).sum()),
                "of two classes": int((classes[one] != classes[two]).sum()),
                "largest group": int(np.bincount(groups(len(index), part)).max()),
            }
        )
    return f"{len(index)} photographs.\n\n" + markdown(pd.DataFrame(rows).astype(str))


def search_table() -> str:
    """Time of the search alone, on hashes of which every second is a turned and changed copy of another."""
    rng, rows = np.random.default_rng(0), []
    for count in (1_000, 10_000, 100_000):
        upright = rng.integers(0, 2**63, count, dtype=np.uint64) & ~np.uint64(1)
        copied = turned(upright[0::2])[np.arange(count // 2), rng.integers(0, 8, count // 2)]
        upright[1::2] = copied ^ (np.uint64(2) << rng.integers(0, 60, count // 2, dtype=np.uint64))
        hashes = turned(upright)
        for radius in (3, 6, 10):
            begin = time.perf_counter()
            pairs = near_pairs(hashes, radius)
            seconds = time.perf_counter() - begin
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            rows.append(
                {
                    "photographs": count,
                    "radius": radius,
                    "pairs": len(pairs),
                    "seconds": f"{seconds:.2f}",
                    "peak memory of the process so far, MB": f"{memory:.0f}",
                }
            )
    return markdown(pd.DataFrame(rows).astype(str))


def edge_features(grey: np.ndarray, gradient: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """(N, 128) square-root histograms of eight edge directions in 4 x 4 cells of (N, 64, 64) pictures."""
    along_y, along_x = gradient(grey)
    size = np.hypot(along_x, along_y)
    direction = (np.arctan2(along_y, along_x) % np.pi / np.pi * 8).astype(int) % 8
    cells = np.stack([(size * (direction == k)).reshape(-1, 4, 16, 4, 16).sum((2, 4)) for k in range(8)], axis=-1)
    return np.sqrt(cells / (cells.sum(-1, keepdims=True) + 1e-6)).reshape(len(grey), -1)


def nearest_accuracy(features: np.ndarray, classes: np.ndarray) -> str:
    squares = (features**2).sum(1)
    distance = squares[:, None] + squares - 2 * features @ features.T
    np.fill_diagonal(distance, np.inf)
    return f"{(classes[distance.argmin(1)] == classes).mean():.1%}"


def edges_table(photos: list[Pixels], classes: np.ndarray) -> str:
    """1-nearest-neighbour on edge directions, leaving one photograph out: with and without a mistake often made."""
    counts = pd.Series(classes).map(pd.Series(classes).value_counts())
    chosen = np.flatnonzero(counts >= 10)
    grey = np.stack([resize_square(photos[i], _PX).mean(-1) for i in chosen])
    classes, order = classes[chosen], np.random.default_rng(0).permutation(len(chosen))

    def single(stack: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.gradient(stack, axis=1), np.gradient(stack, axis=2)

    def smeared(stack: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return ndimage.sobel(stack, 1), ndimage.sobel(stack, 2)  # smooths over axis 0 as well: over other photographs

    rows = [
        (f"{name}, photographs {words}", nearest_accuracy(edge_features(grey[rows], gradient), classes[rows]))
        for name, gradient in (
            ("gradient of each photograph", single),
            ("scipy.ndimage.sobel over the stack of photographs", smeared),
        )
        for words, rows in (("sorted by class", np.arange(len(order))), ("shuffled", order))
    ]
    largest = pd.Series(classes).value_counts(normalize=True).iloc[0]
    rows.append(("always the largest class", f"{largest:.1%}"))
    return f"{len(classes)} photographs, {len(set(classes))} classes.\n\n" + markdown(
        pd.DataFrame(rows, columns=["features", "right"])
    )


def series_table(photos: list[Pixels], classes: np.ndarray) -> str:
    """Pairs with local features in the same arrangement; pairs across classes tell how many are no specimen mates."""
    import cv2

    detector, keys, features = cv2.SIFT_create(300), [], []
    for photo in photos:
        grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
        inner = np.zeros(grey.shape, np.uint8)  # dealers print their name along the lower edge
        inner[grey.shape[0] // 20 : -grey.shape[0] * 4 // 25] = 255
        points, found = detector.detectAndCompute(grey, inner)
        found = np.zeros((0, 128), np.float32) if found is None else found
        keys.append(np.array([point.pt for point in points], np.float32).reshape(-1, 2))
        features.append(np.sqrt(found / (found.sum(1, keepdims=True) + 1e-9)))
    counts = []
    for i in range(len(photos)):
        for j in range(i + 1, len(photos)):
            if min(len(features[i]), len(features[j])) < 8:
                continue
            alike = features[i] @ features[j].T
            best, top = alike.argmax(1), np.partition(alike, -2, axis=1)[:, -2:]
            clear = 1 - top[:, 1] < 0.64 * (1 - top[:, 0])  # Lowe's ratio test
            if clear.sum() < 8:
                continue
            inside = cv2.estimateAffinePartial2D(keys[i][clear], keys[j][best[clear]], ransacReprojThreshold=4)[1]
            agreeing = 0 if inside is None else len(np.unique(best[clear][inside.ravel() > 0]))
            counts.append((i, j, agreeing))
    frame = pd.DataFrame(counts, columns=["first", "second", "agreeing"])
    same = classes[frame["first"]] == classes[frame["second"]]
    rows = [
        {
            "agreeing features": f">= {least}",
            "pairs within classes": int((same & enough).sum()),
            "pairs across classes": int((~same & enough).sum()),
            "photographs within classes": len(np.unique(frame[same & enough][["first", "second"]])),
        }
        for least in (8, 10, 12, 15, 20, 30)
        if (enough := (frame["agreeing"] >= least).to_numpy()) is not None
    ]
    return markdown(pd.DataFrame(rows).astype(str))


def cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--series", action="store_true")
    arguments = parser.parse_args()
    search = search_table()  # first, so that its memory is its own
    changes = [f"data.folder={arguments.photos.resolve()}", "data.min_photos=3", "data.small_classes=train_only"]
    settings = load_profile("own_photos", changes)
    index, root = build_index(settings.data).index, photo_folder(settings.data)
    photos, classes = [read_photo(root / path).pixels for path in index["path"]], index["class_name"].to_numpy()
    begin = time.perf_counter()
    hashes = np.stack([perceptual_hash(photo) for photo in photos])
    milliseconds = (time.perf_counter() - begin) / len(photos) * 1000
    command = "python benchmarks/duplicate_radius.py PHOTOS" + (" --series" if arguments.series else "")
    sections = {
        "Copies found, by radius": recall_table(photos, hashes),
        "Different photographs within the radius": false_alarm_table(photos, hashes, classes),
        "Generated specimens on one bench": bench_table(),
        "Search": f"Hashing: {milliseconds:.2f} ms a photograph after decoding.\n\n{search}",
        "Edge directions and the nearest neighbour": edges_table(photos, classes),
    }
    if arguments.series:
        sections["Several photographs of one specimen"] = series_table(photos, classes)
    head = (
        f"## Near duplicates: the radius\n\n{date.today()}, `{command}`, {os.cpu_count()} cores, {cpu_name()}. "
        f"{len(photos)} photographs of {index['class_name'].nunique()} classes.\n"
    )
    text = "\n".join([head, *(f"### {title}\n\n{table}" for title, table in sections.items())])
    before = RESULTS.read_text(encoding="utf-8") + "\n" if RESULTS.is_file() else "# Measurements\n\n"
    write_text(RESULTS, before + text)
    print(text)


if __name__ == "__main__":
    main()
