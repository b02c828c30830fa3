"""Formula images: deterministic, stateless, varied, of forms that colours do not betray; and the control's targets."""

import numpy as np
import pytest

from mineral_lib.errors import ParameterError
from mineral_lib.specimens import formula_images, image_statistics
from mineral_lib.specimens.formula.colours import BINS, TARGET_COUNT
from mineral_lib.specimens.formula.shapes import HABITS, draw_body
from mineral_lib.specimens.formula.textures import TEXTURES


def draw(classes=4, each=3, px=32, seed=1, jobs=1):
    return formula_images(num_classes=classes, images_per_class=each, image_size=px, seed=seed, jobs=jobs)


def test_shapes_and_types():
    data = draw(classes=5, each=2)
    assert data.images.shape == (10, 32, 32, 3) and data.images.dtype == np.uint8
    assert data.labels.dtype == np.int64 and data.labels.tolist() == sorted(list(range(5)) * 2)


def test_same_seed_same_images_other_seed_other_images():
    assert np.array_equal(draw().images, draw().images)
    assert not np.array_equal(draw(seed=1).images, draw(seed=2).images)


def test_an_image_does_not_depend_on_how_many_are_drawn():
    small, large = draw(classes=2, each=3), draw(classes=5, each=70)  # 70 crosses a chunk border
    for c in range(2):
        a, b = small.images[c * 3 : c * 3 + 3], large.images[c * 70 : c * 70 + 3]
        assert np.abs(a.astype(int) - b.astype(int)).max() <= 1  # summation order may move one grey level


def test_images_do_not_depend_on_the_number_of_processes():
    assert np.array_equal(draw().images, draw(jobs=2).images)


def test_every_habit_and_texture_gives_varied_images():
    data = draw(classes=len(HABITS) * len(TEXTURES), each=2)
    assert (data.images.reshape(len(data.images), -1).std(1) > 0.5).all()
    assert len({image.tobytes() for image in data.images}) == len(data.images)


@pytest.mark.parametrize("habit", HABITS)
def test_a_body_is_above_its_lower_side_and_in_the_picture(habit):
    rng = np.random.default_rng(0)
    form, r, table = rng.random(6, np.float32), rng.random((8, 5), np.float32), rng.random((5, 20, 8), np.float32)
    body = draw_body(habit, form, r, table, rng.standard_normal((5, 32, 32)).astype(np.float32))
    assert all(np.isfinite(array).all() for array in (body.top, body.low, body.mask))
    assert (body.top >= body.low)[body.mask > 0].all() and body.number.max() < 20
    assert body.mask.min() >= 0 and body.mask.max() == 1 and (body.mask.mean((1, 2)) > 0.01).all()


def test_colours_do_not_tell_the_class():
    data = draw(classes=6, each=60)
    colours = data.images.reshape(len(data.images), -1, 3).astype(float).mean(1)
    chroma = np.stack([colours[:, 0] - colours[:, 1], colours[:, 1] - colours[:, 2]], 1).reshape(6, 60, 2)
    means = chroma[:, ::2].mean(1)
    guess = np.linalg.norm(chroma[:, 1::2, None] - means, axis=-1).argmin(-1)
    assert (guess == np.arange(6)[:, None]).mean() < 0.3  # chance is 1/6


def test_statistics_are_root_shares_and_tell_colours_apart():
    red, blue = (np.full((1, 32, 32, 3), colour, np.uint8) for colour in ((160, 60, 40), (40, 60, 160)))
    shares = image_statistics(np.concatenate([red, blue])) ** 2
    assert shares.shape == (2, TARGET_COUNT)
    np.testing.assert_allclose(shares[:, :BINS].sum(1), 1, atol=1e-3)
    assert np.abs(shares[0] - shares[1]).sum() > 1


@pytest.mark.parametrize("bad", [{"classes": 0}, {"each": 0}, {"px": 8}, {"px": 33}, {"seed": -1}])
def test_bad_sizes_are_refused(bad):
    with pytest.raises(ParameterError, match="formula images"):
        draw(**bad)
