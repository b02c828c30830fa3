"""Fuzzing the photo loader: mutated files of every accepted format give an RGB picture within limits or a DataError.

2,000 files by default; 100,000 (or MINERAL_FUZZ of them) with MINERAL_NIGHTLY=1, in child processes, so that a crash
of a decoder would be counted and not end the test. Case k is the same file on every machine with the same encoders.
"""

import io
import multiprocessing
import os
import random
import tempfile
import time
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from folders import encoded
from PIL import Image, ImageCms

from mineral_lib.errors import DataError
from mineral_lib.photos.images import MAX_ASPECT, MAX_PIXELS, MIN_SIDE_PX, read_photo

CI_CASES, NIGHTLY_CASES, BLOCK = 2_000, 100_000, 2_500
LIMIT_S = 30  # one file; generous, for machines that share their cores
FORMATS = ["JPEG", "MPO", "PNG", "TIFF", "WEBP", "BMP", "HEIC"]


def picture(mode="RGB", size=(64, 48)):
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    image = Image.fromarray(np.stack([x * 4 % 256, y * 5 % 256, (3 * x + 2 * y) % 256], -1).astype(np.uint8))
    return image if mode == "RGB" else image.convert(mode)


@cache
def valid_files():
    """(format, bytes) of valid files that use many features of their format."""
    exif = Image.Exif()
    exif[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile[:24] + bytes(12) + profile[36:]  # the time of its creation would make each run another one

    def more():  # new each time: saving leaves a mark on the images
        return {"save_all": True, "append_images": [picture(), picture()]}

    deep = Image.fromarray((np.arange(64 * 48, dtype=np.uint32).reshape(48, 64) * 21).astype(np.uint16))
    files = [
        *(
            ("JPEG", encoded(picture(), "JPEG", **options))
            for options in (
                {},
                {"progressive": True},
                {"exif": exif},
                {"icc_profile": profile.replace(b"sRGB", b"RGBs")},
                {"restart_marker_rows": 1},
                {"subsampling": 0, "optimize": True},
            )
        ),
        ("JPEG", encoded(picture("CMYK"), "JPEG")),
        ("JPEG", encoded(picture("L"), "JPEG")),
        ("MPO", encoded(picture(), "MPO", **more())),
        *(("PNG", encoded(picture(mode), "PNG")) for mode in ("RGB", "RGBA", "P", "L", "LA", "1")),
        ("PNG", encoded(deep, "PNG")),
        ("PNG", encoded(picture(), "PNG", exif=exif, icc_profile=profile)),
        ("PNG", encoded(picture(), "PNG", **more())),
        *(
            ("TIFF", encoded(picture(), "TIFF", compression=name))
            for name in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
        ),
        ("TIFF", encoded(picture("1"), "TIFF", compression="group4")),
        ("TIFF", encoded(deep, "TIFF")),
        ("TIFF", encoded(picture("CMYK"), "TIFF", exif=exif)),
        ("TIFF", encoded(picture("P"), "TIFF", **more())),
        *(
            ("WEBP", encoded(picture(mode), "WEBP", **options))
            for mode in ("RGB", "RGBA")
            for options in ({}, {"lossless": True}, {"exif": exif, "icc_profile": profile})
        ),
        ("WEBP", encoded(picture(), "WEBP", **more())),
        *(("BMP", encoded(picture(mode), "BMP")) for mode in ("RGB", "P", "L", "1")),
    ]
    try:
        import pillow_heif
    except ImportError:
        return files
    for mode in ("RGB", "RGBA"):
        buffer = io.BytesIO()
        pillow_heif.from_pillow(picture(mode, (80, 64))).save(buffer, exif=exif.tobytes())
        files.append(("HEIC", buffer.getvalue()))
    return files


def mutated(case):
    """(format, bytes) of one case: bit flips, foreign numbers, cuts, insertions or the halves of two files."""
    rng = random.Random(f"fuzz {case}")
    files = valid_files()
    kind = rng.choice(sorted({name for name, _ in files}))
    data = bytearray(rng.choice([content for name, content in files if name == kind]))
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        # Headers decide more than pixels, so half of the changes fall into the first 256 bytes.
        place = rng.randrange(min(len(data), 256) if rng.random() < 0.5 else len(data))
        change = rng.randrange(5)
        if change == 0:
            for _ in range(rng.choice((1, 3, 8))):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        elif change == 1:
            numbers = (b"\0", b"\xff", b"\x7f\xff", b"\xff\x7f", bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xff")
            number = rng.choice((*numbers, b"\0\1\0\0", rng.randbytes(4)))
            data[place : place + len(number)] = number
        elif change == 2:
            del data[max(1, rng.choice((place, len(data) - rng.randint(1, min(40, len(data)))))) :]
        elif change == 3:
            data[place:place] = rng.randbytes(rng.choice((1, 4, 50)))
        else:
            other = rng.choice(files)[1]
            data = data[: place + 1] + other[rng.randrange(len(other)) :]
    return kind, bytes(data)


def fuzz(start, stop):
    """Read the cases start .. stop - 1; return counts of (format, outcome), what escaped, and the slowest in s."""
    counts, escaped, slowest = Counter(), [], 0.0
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        path = Path(folder, "photo.jpg")
        for case in range(start, stop):
            kind, data = mutated(case)
            path.write_bytes(data)
            began = time.monotonic()
            try:
                height, width, channels = (pixels := read_photo(path).pixels).shape
                short, long = sorted((height, width))
                within = short >= MIN_SIDE_PX and long <= MAX_ASPECT * short and short * long <= MAX_PIXELS
                outcome = "read" if pixels.dtype == np.uint8 and channels == 3 and within else "outside the limits"
            except DataError as error:
                whole = error.what and error.remedy and str(path) in str(error)
                outcome = "refused" if whole else "message without reason, path or remedy"
            except Exception as error:
                outcome = f"{type(error).__name__}: {error}"
            slowest = max(slowest, time.monotonic() - began)
            if outcome not in ("read", "refused"):
                escaped.append((case, outcome))
            counts[kind, outcome] += 1
    return counts, escaped, slowest


def report(counts, escaped, slowest):
    for kind in FORMATS:
        read, refused = counts[kind, "read"], counts[kind, "refused"]
        tried = sum(count for (name, _), count in counts.items() if name == kind)
        print(f"fuzz {kind}: {tried} tried, {read} read, {refused} refused, {tried - read - refused} escaped")
    handled = sum(count for (_, outcome), count in counts.items() if outcome in ("read", "refused"))
    print(f"fuzz all: {counts.total()} tried, {handled} handled, {len(escaped)} escaped, slowest {slowest:.2f} s")


def test_the_cases_are_the_same_at_another_time():
    first = valid_files()
    time.sleep(1.1)
    valid_files.cache_clear()
    assert valid_files() == first and mutated(7) == mutated(7)


def test_the_unchanged_files_are_all_read(tmp_path):
    for number, (_, data) in enumerate(valid_files()):
        (tmp_path / str(number)).write_bytes(data)
        assert read_photo(tmp_path / str(number)).pixels.ndim == 3


def test_no_mutated_file_escapes_the_contract(capsys):
    counts, escaped, slowest = fuzz(0, CI_CASES)
    with capsys.disabled():
        print()
        report(counts, escaped, slowest)
    assert counts.total() == CI_CASES and not escaped, escaped[:5]
    outcomes = {outcome for _, outcome in counts}
    assert outcomes == {"read", "refused"} and slowest < LIMIT_S


@pytest.mark.skipif(not os.environ.get("MINERAL_NIGHTLY"), reason="minutes; set MINERAL_NIGHTLY=1")
def test_very_many_mutated_files(capsys):
    total = int(os.environ.get("MINERAL_FUZZ", NIGHTLY_CASES))
    counts, escaped, slowest = Counter(), [], 0.0
    for start in range(CI_CASES, CI_CASES + total, BLOCK):
        stop = min(start + BLOCK, CI_CASES + total)
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            try:
                more, also, longest = pool.submit(fuzz, start, stop).result()
            except BrokenProcessPool:
                more, also, longest = Counter({("unknown", "crash"): stop - start}), [(start, "decoder crashed")], 0.0
        counts, escaped, slowest = counts + more, escaped + also, max(slowest, longest)
        with capsys.disabled():
            print(f"\r{counts.total()} tried, {len(escaped)} escaped", end="", flush=True)
    with capsys.disabled():
        print()
        report(counts, escaped, slowest)
    assert not escaped, escaped[:5]
    assert counts.total() == total and slowest < LIMIT_S
