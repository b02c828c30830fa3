"""Quality numbers of a photograph, and the warnings that follow from them.

A warning never removes a photograph: whether a dark or blurred picture is of use is for a person to say. All numbers
are taken from the grey picture (ITU-R 601, 0 to 255) at a fixed working size, so photographs of different cameras can
be compared, and blur counts only as far as a network that sees a small picture would notice it.

The thresholds were set on 810 real photographs of minerals: 2 are named as dark and none as anything else. Of 102 of
these, blurred by a Gaussian of 1, 1.5 and 2 working pixels, 14, 84 and 102 are named as blurred; darkened to a tenth,
99 as dark.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image
from scipy.ndimage import laplace

WORKING_PX = 256  # longer side; smaller photographs are not enlarged
QUALITY_COLUMNS = ["brightness", "contrast", "sharpness", "clipped", "entropy"]

DARK_BELOW = 20.0  # mean brightness
BRIGHT_ABOVE = 240.0  # mean brightness
BLURRED_BELOW = 40.0  # variance of the Laplacian
BLANK_ENTROPY_BELOW = 1.5  # bits; 8 means that all 256 grey levels are equally frequent
BLANK_CONTRAST_BELOW = 4.0  # standard deviation of the brightness
SMALL_BELOW_PX = 64  # shorter side of the file
NEAR_BLACK, NEAR_WHITE = 2, 253  # brightness at or beyond which a pixel counts as clipped


def working_picture(image: Image.Image) -> Image.Image:
    """The photograph with at most ``WORKING_PX`` on its longer side."""
    scale = WORKING_PX / max(image.size)
    if scale >= 1:
        return image
    size = tuple(max(3, round(side * scale)) for side in image.size)
    return image.resize(size, Image.Resampling.BOX, reducing_gap=2.0)


def measure_quality(picture: Image.Image) -> dict[str, float]:
    """Measure the working picture of a photograph, at least 3 x 3 pixels.

    Returns:
        ``brightness`` (mean, 0 to 255), ``contrast`` (standard deviation), ``sharpness`` (variance of the Laplacian),
        ``clipped`` (share of black and white pixels), ``entropy`` (of the histogram, 0 to 8 bits), to four decimals.
    """
    grey = np.asarray(picture.convert("L"))
    counts = np.bincount(grey.ravel(), minlength=256)
    share = counts[counts > 0] / grey.size
    numbers = (
        grey.mean(),
        grey.std(),
        laplace(grey.astype(np.int32))[1:-1, 1:-1].var(),
        (counts[: NEAR_BLACK + 1].sum() + counts[NEAR_WHITE:].sum()) / grey.size,
        -(share * np.log2(share)).sum() + 0.0,  # no minus zero
    )
    return {name: round(float(number), 4) for name, number in zip(QUALITY_COLUMNS, numbers, strict=True)}


def quality_warnings(measured: Mapping[str, Any]) -> list[str]:
    """What a person should look at, in words; from ``QUALITY_COLUMNS``, ``width`` and ``height`` (pixels)."""
    blank = measured["entropy"] < BLANK_ENTROPY_BELOW or measured["contrast"] < BLANK_CONTRAST_BELOW
    size = (measured["width"], measured["height"])
    flags = {
        "too dark": measured["brightness"] < DARK_BELOW,
        "too bright": measured["brightness"] > BRIGHT_ABOVE,
        "blank or low information": blank,
        "blurred": measured["sharpness"] < BLURRED_BELOW and not blank,
        f"very small ({size[0]} x {size[1]} pixels)": min(size) < SMALL_BELOW_PX,
    }
    return [name for name, holds in flags.items() if holds]
