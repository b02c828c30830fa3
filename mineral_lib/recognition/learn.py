"""From a folder to a recogniser in one sitting: ``mineral learn PHOTOS``, and notebook 09."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from mineral_lib.data.index import photo_folder
from mineral_lib.errors import WeightsError
from mineral_lib.parameters import load_profile, result_name
from mineral_lib.photos import proposal_note, propose_specimens
from mineral_lib.recognition.backbone import load_backbone
from mineral_lib.recognition.collection import build_recogniser
from mineral_lib.recognition.demonstration import demonstration_settings
from mineral_lib.recognition.recogniser import Recogniser
from mineral_lib.study import Study

Say = Callable[[str], None]


def study_of_folder(folder: Path, changes: list[str]) -> Study:
    """The study of a photo folder: profile ``own_photos`` under the folder's name, so that each has its own results.

    Args:
        folder: One sub-folder a mineral.
        changes: ``section.key=value``, as on the command line.

    Raises:
        ParameterError: A change is wrong.
    """
    place = str(folder.resolve())
    name = result_name(folder.resolve().name, place=place)  # no two folders share one
    return Study(load_profile("own_photos", changes, profile=name, data={"folder": place}))


def collection_of(study: Study) -> Study:
    """The study whose photographs a recogniser learns from: a folder's own, else that of the demonstration folder."""
    if study.settings.data.source == "folder":
        return study
    own = demonstration_settings(study.settings)
    return Study(own.model_copy(update={"profile": f"{study.settings.profile[:30]}-photos"}))


def learn(study: Study, *, say: Say = print) -> tuple[Recogniser, pd.DataFrame]:
    """Build the recogniser of a collection with the backbones of section ``recogniser`` that can be had.

    Args:
        study: With photographs of a folder.
        say: Receives what a person should know first: views of one specimen that count as several, backbones that
            cannot be had, licences that restrict a use.

    Returns:
        As ``build_recogniser``.

    Raises:
        DataError: The photographs cannot be used.
    """
    options, usable, data = study.settings.recogniser, [], study.settings.data
    if data.specimen_from == "file" and (note := proposal_note(propose_specimens(photo_folder(data), study.index))):
        say(f"{note} `mineral check` with --out writes a table that you can correct and give back.")
    for name in options.backbones:
        try:
            backbone = load_backbone(name)
            usable.append(name)
            if not backbone.free:
                say(f"{name}: the licence of its weights is '{backbone.licence}', read it: it may forbid some uses")
        except WeightsError as error:
            say(f"left out: {error}")
    return build_recogniser(study, backbones=usable, say=say)


def ladder_text(ladder: pd.DataFrame) -> str:
    """The ladder for a terminal: one line a rung, the chosen one marked."""
    shown = pd.DataFrame(
        {
            "": ["*" if chosen else "" for chosen in ladder["chosen"]],
            "rung": ladder["rung"],
            "cross-validated %": (100 * ladder["cv_accuracy"]).round(1),
            "validation %": (100 * ladder["val_accuracy"]).round(1) if ladder["cv_accuracy"].isna().any() else np.nan,
            "test %": (100 * ladder["accuracy"]).round(1),
            "95 % interval": [
                f"{100 * low:.1f} to {100 * high:.1f}" for low, high in zip(ladder["low"], ladder["high"], strict=True)
            ],
            "macro recall %": (100 * ladder["macro_recall"]).round(1),
            "among three %": (100 * ladder["top3"]).round(1),
        }
    )
    shown = shown.dropna(axis="columns", how="all").astype(object)
    return shown.where(shown.notna(), None).to_markdown(index=False, tablefmt="simple", missingval="–")
