"""A recogniser of colours, made once from a small folder of generated pictures; it needs no weights."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mineral_lib.cli import main
from mineral_lib.storage import ROOT_VARIABLE

ROOT = Path(__file__).resolve().parents[2]
COLOURS = {"pyrite": (200, 180, 90), "石英": (225, 225, 230), "malachite": (40, 140, 90), "my own": (120, 60, 150)}


def paint(folder: Path, name: str, colour, count: int, seed: int = 0, spread: int = 30) -> None:
    """Pictures of one colour, each with its own shade and grain."""
    generator = np.random.default_rng([seed, len(name)])
    (folder / name).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        shade = np.array(colour) + generator.normal(0, spread, 3)
        pixels = shade + generator.normal(0, 25, (48, 64, 3))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name / f"{seed}_{number}.png")


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
    from mineral_lib.recognition.collection import MODEL_FILE, build_recogniser, folder_of
    from mineral_lib.study import open_study

    root, folder = tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("photographs")
    shutil.copytree(ROOT / "params", root / "params")
    for name, colour in COLOURS.items():
        paint(folder, name, colour, 20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ROOT_VARIABLE, str(root))
        study = open_study("own_photos", data={"folder": str(folder), "near_duplicate_radius": None})
        build_recogniser(study, backbones=[], sizes_px=[32], coverage=0.9)
        return Made(root, folder, folder_of(study) / MODEL_FILE)


@pytest.fixture
def mineral(made, monkeypatch, capsys):
    """The command line in the project root: status, output, errors."""
    monkeypatch.setenv(ROOT_VARIABLE, str(made.root))

    def call(*arguments):
        status = main([str(argument) for argument in arguments])
        return status, *capsys.readouterr()

    return call
