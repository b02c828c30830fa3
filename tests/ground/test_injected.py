"""Parameters as stock papermill injects them: ``-p``, ``-f`` and both."""

import pytest
from papermill.translators import PythonTranslator

from mineral_lib.config import SECTIONS
from mineral_lib.errors import ParameterError
from mineral_lib.injected import as_parameters
from mineral_lib.parameters import resolve


def notebook(**given):
    """The settings of a notebook after papermill's cell for these parameters."""
    names = {"profile": "quick", **{section: {} for section in SECTIONS}}
    cell = PythonTranslator.codify(given)
    exec("".join(as_parameters(cell.splitlines(keepends=True))), names)
    return resolve(names["profile"], **{section: names[section] for section in SECTIONS})


def test_single_parameters_and_whole_sections_are_taken():
    assert notebook(**{"train.epochs": 3}).train.epochs == 3
    both = notebook(train={"epochs": 4, "jobs": 1}, **{"train.epochs": 3, "report.dpi": 80})
    assert (both.train.epochs, both.train.jobs, both.report.dpi) == (3, 1, 80)
    deep = notebook(**{"train.overrides.vgg19.lr": 0.5, "data.folder": "@a #b\n'c'", "train.seeds": [1, 2]})
    assert deep.train.overrides["vgg19"].lr == 0.5 and deep.data.folder == "@a #b\n'c'" and deep.train.seeds == [1, 2]


def test_a_profile_alone_brings_its_own_parameters():
    assert (notebook(profile="test").train.epochs, notebook(profile="test").profile) == (2, "test")
    assert notebook(profile="test", **{"train.epochs": 3}).data.image_size_px == 32
    with pytest.raises(ParameterError, match="did you mean 'test'"):
        notebook(profile="tset")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("epochs", "unknown parameter 'epochs'.*write -p train.epochs"),
        ("trian.epochs", "'trian.epochs'.*write -p train.epochs"),
        ("trian", "unknown parameter 'trian'"),
        ("profile.name", "'profile.name'"),
        ("train.epoch", "unknown key 'train.epoch'; did you mean 'epochs'"),
        ("train.overrides.vgg19.rate", "unknown key 'train.overrides.vgg19.rate'"),
        ("train", "train: "),
        ("data.folder", "data.folder: input should be a valid string"),
    ],
)
def test_what_is_no_parameter_is_refused_by_name(key, words):
    with pytest.raises(ParameterError, match=f"(?s){words}"):
        notebook(**{key: 3})


def test_other_cells_are_left_as_they_are():
    for lines in ([], ["train.epochs = 3\n"], ["# parameters of a plot\n", "a = 3\n"], ["# Parameters\n", "a b = 3\n"]):
        assert as_parameters(lines) == lines
