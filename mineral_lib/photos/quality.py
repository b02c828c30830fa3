"""Quality numbers of a photograph, and the warnings that follow from them.

A warning never removes a photograph: whether a dark or blurred picture is of use is for a person to say. All numbers
are taken from the grey picture (ITU-R 601, 0 to 255) at a fixed working size, so photographs of different cameras can
be compared, and blur counts only as far as a network that sees a small picture would notice it.

The thresholds were set on 810 real photographs of minerals: 2 are named as dark and none as anything else. Of 102 of
these, blurred by a Gaussian of 1, 1.5 and 2 working pixels, 14, 84 and 102 are named as blurred; darkened to a tenth,
99 as dark.
"""

import numpy as np
from PIL import Image

WORKING_PX = 256  # longer side; smaller photographs are not enlarged
QUALITY_COLUMNS = ["brightness", "contrast", "sharpness", "clipped", "entropy"]

DARK_BELOW = 20.0  # mean brightness
BRIGHT_ABOVE = 240.0  # mean brightness
BLURRED_BELOW = 40.0  # variance of the Laplacian
BLANK_ENTROPY_BELOW = 1.5  # bits; 8 means that all 256 grey levels are equally frequent
BLANK_CONTRAST_BELOW = 4.0  # standard deviation of the brightness
SMALL_BELOW_PX = 64  # shorter side of the file
NEAR_BLACK, NEAR_WHITE = 2, 253  # brightness at or beyond which a pixel counts as clipped


def working_picture(image: Image.Image) -> np.ndarray:
    """The photograph with at most ``WORKING_PX`` on its longer side.

    Args:
        image: RGB.

    Returns:
        (h, w, 3) uint8.
    """
    if max(image.size) > WORKING_PX:
        scale = WORKING_PX / max(image.size)
        size = tuple(max(3, round(side * scale)) for side in image.size)
        image = image.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    return np.asarray(image)


def measure_quality(picture: np.ndarray) -> dict[str, float]:
    """Measure a photograph.

    Args:
        picture: (h, w, 3) uint8 from ``working_picture``, at least 3 x 3.

    Returns:
        ``brightness`` (mean, 0 to 255), ``contrast`` (standard deviation, 0 to 127.5), ``sharpness`` (variance of the
        Laplacian, from 0), ``clipped`` (share of pixels that are black or white, 0 to 1) and ``entropy`` (of the
        histogram, 0 to 8 bits), each rounded to four decimals.
    """
    grey = np.asarray(Image.fromarray(picture).convert("L"))
    counts = np.bincount(grey.ravel(), minlength=256)
    share = counts[counts > 0] / grey.size
    signed = grey.astype(np.int32)
    centre = signed[1:-1, 1:-1]
    laplacian = signed[:-2, 1:-1] + signed[2:, 1:-1] + signed[1:-1, :-2] + signed[1:-1, 2:] - 4 * centre
    numbers = (
        grey.mean(),
        grey.std(),
        laplacian.var(),
        (counts[: NEAR_BLACK + 1].sum() + counts[NEAR_WHITE:].sum()) / grey.size,
        -(share * np.log2(share)).sum() + 0.0,  # no minus zero
    )
    return {name: round(float(number), 4) for name, number in zip(QUALITY_COLUMNS, numbers, strict=True)}


def quality_warnings(quality: dict[str, float], *, width: int, height: int) -> list[str]:
    """What a person should look at, in words; empty for most photographs.

    Args:
        quality: The numbers of ``measure_quality``.
        width: Width of the photograph in pixels.
        height: Height of the photograph in pixels.
    """
    blank = quality["entropy"] < BLANK_ENTROPY_BELOW or quality["contrast"] < BLANK_CONTRAST_BELOW
    found = {
        "too dark": quality["brightness"] < DARK_BELOW,
        "too bright": quality["brightness"] > BRIGHT_ABOVE,
        "blank or low information": blank,
        "blurred": quality["sharpness"] < BLURRED_BELOW and not blank,
        f"very small ({width} x {height} pixels)": min(width, height) < SMALL_BELOW_PX,
    }
    return [words for words, holds in found.items() if holds]
