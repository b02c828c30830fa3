"""Formula images: deterministic, stateless, varied, and with targets that describe the image."""

import numpy as np
import pytest

from mineral_lib.data.formula import BINS, TARGET_COUNT, TEXTURES, formula_images, image_statistics
from mineral_lib.errors import ParameterError


def draw(classes=4, each=3, px=32, seed=1):
    return formula_images(num_classes=classes, images_per_class=each, image_size=px, seed=seed)


def test_shapes_types_and_ranges():
    data = draw(classes=len(TEXTURES) + 1, each=2)
    n = 2 * (len(TEXTURES) + 1)
    assert data.images.shape == (n, 32, 32, 3) and data.images.dtype == np.uint8
    assert data.labels.dtype == np.int64 and data.labels.tolist() == sorted(list(range(n // 2)) * 2)
    assert data.targets.shape == (n, TARGET_COUNT) and data.targets.dtype == np.float32
    assert np.isfinite(data.targets).all() and data.targets.min() >= 0 and data.targets.max() <= 1 + 1e-5


def test_same_seed_same_images_other_seed_other_images():
    assert np.array_equal(draw().images, draw().images)
    assert not np.array_equal(draw(seed=1).images, draw(seed=2).images)


def test_an_image_does_not_depend_on_how_many_are_drawn():
    small, large = draw(classes=2, each=3), draw(classes=5, each=70)  # 70 crosses a chunk border
    for c in range(2):
        a, b = small.images[c * 3 : c * 3 + 3], large.images[c * 70 : c * 70 + 3]
        assert np.abs(a.astype(int) - b.astype(int)).max() <= 1  # summation order may move one grey level


def test_every_texture_gives_varied_images():
    data = draw(classes=len(TEXTURES), each=6)
    assert (data.images.reshape(len(data.images), -1).std(1) > 2).all()
    assert len({image.tobytes() for image in data.images}) == len(data.images)


def test_statistics_are_root_shares_and_tell_colours_apart():
    red, blue = (np.full((1, 32, 32, 3), colour, np.uint8) for colour in ((160, 60, 40), (40, 60, 160)))
    shares = image_statistics(np.concatenate([red, blue])) ** 2
    np.testing.assert_allclose(shares[:, :BINS].sum(1), 1, atol=1e-3)
    assert np.abs(shares[0] - shares[1]).sum() > 1


@pytest.mark.parametrize("bad", [{"classes": 0}, {"each": 0}, {"px": 8}, {"px": 33}, {"seed": -1}])
def test_bad_sizes_are_refused(bad):
    with pytest.raises(ParameterError, match="formula images"):
        draw(**bad)
