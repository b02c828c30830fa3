"""A recogniser of colours, made once from a small folder of generated pictures; it needs no weights."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from painted import COLOURS, paint

from mineral_lib.cli import main
from mineral_lib.paths import ROOT_VARIABLE

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Made:
    root: Path
    folder: Path
    file: Path
    profile: str = "own_photos"

    @property
    def home(self) -> Path:
        return self.file.parent


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A project root with a recogniser of the profile own_photos."""
    from mineral_lib.recognition.learn import MODEL_FILE, build_recogniser
    from mineral_lib.study import open_study

    root, folder = tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("photographs")
    shutil.copytree(ROOT / "params", root / "params")
    for name, colour in COLOURS.items():
        paint(folder, name, colour, 20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ROOT_VARIABLE, str(root))
        study = open_study("own_photos", data={"folder": str(folder), "near_duplicate_radius": None})
        build_recogniser(study, backbones=[])
        return Made(root, folder, study.paths.recogniser_dir / MODEL_FILE)


@pytest.fixture
def mineral(made, monkeypatch, capsys):
    """The command line in the project root: status, output, errors."""
    monkeypatch.setenv(ROOT_VARIABLE, str(made.root))

    def call(*arguments):
        status = main([str(argument) for argument in arguments])
        return status, *capsys.readouterr()

    return call
