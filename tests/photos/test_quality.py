"""Quality numbers: they mean what they say, and each warning comes for the picture it is meant for and no other."""

import io

import numpy as np
import pytest
from PIL import Image, ImageFilter

from mineral_lib.photos.quality import WORKING_PX, measure_quality, quality_warnings, working_picture


def stone(width=320, height=240):
    """A picture with structure of many sizes, as a rough stone has."""
    rng = np.random.default_rng(0)
    layers = [
        Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8)).resize((width, height))
        for side in (4, 12, 40, 120)
    ]
    return Image.fromarray(np.mean([np.asarray(layer, float) for layer in layers], axis=0).astype(np.uint8))


def warnings_of(image):
    picture = working_picture(image.convert("RGB"))
    return quality_warnings(measure_quality(picture) | {"width": image.width, "height": image.height})


def test_numbers_of_pictures_that_can_be_counted_by_hand():
    flat = measure_quality(Image.fromarray(np.full((32, 32, 3), 77, np.uint8)))
    assert flat == {"brightness": 77.0, "contrast": 0.0, "sharpness": 0.0, "clipped": 0.0, "entropy": 0.0}
    halves = np.zeros((32, 32, 3), np.uint8)
    halves[:, 16:] = 255
    numbers = measure_quality(Image.fromarray(halves))
    assert numbers["brightness"] == 127.5 and numbers["contrast"] == 127.5
    assert numbers["entropy"] == 1.0 and numbers["clipped"] == 1.0
    # The Laplacian is +255 and -255 along the two columns of the edge, 0 in the other 28.
    assert numbers["sharpness"] == pytest.approx(2 * 255**2 / 30, abs=1e-3)


def test_the_working_size_is_an_upper_limit():
    assert working_picture(Image.new("RGB", (3000, 900))).size == (WORKING_PX, 77)
    assert working_picture(Image.new("RGB", (30, 20))).size == (30, 20)


BLANK = "blank or low information"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda image: image, []),
        (lambda image: image.filter(ImageFilter.GaussianBlur(4)), ["blurred"]),
        (lambda image: image.point(lambda value: max(0, value - 130)), ["too dark"]),
        (lambda image: image.point(lambda value: min(255, value + 130)), ["too bright"]),
        (lambda image: image.point(lambda value: value // 40), ["too dark", BLANK]),
        (lambda image: image.resize((1, 1)).resize(image.size), [BLANK]),
        (lambda image: image.resize((60, 45)), ["very small (60 x 45 pixels)"]),
    ],
)
def test_each_warning_comes_for_its_fault_only(change, expected):
    assert warnings_of(change(stone())) == expected


def test_numbers_hardly_depend_on_the_compression_and_size_of_the_file():
    image = stone(1600, 1200)
    buffer = io.BytesIO()
    image.resize((800, 600), Image.Resampling.BOX).save(buffer, "JPEG", quality=85)
    first = measure_quality(working_picture(image))
    second = measure_quality(working_picture(Image.open(buffer)))
    for name in ("brightness", "contrast", "entropy"):
        assert second[name] == pytest.approx(first[name], rel=0.05), name
    assert second["sharpness"] == pytest.approx(first["sharpness"], rel=0.3)
