"""A small folder of photographs to try the own-photographs way on, when the profile has no folder of its own."""

import io

import pandas as pd
from PIL import Image

from mineral_lib.catalogue import minerals
from mineral_lib.config import Settings
from mineral_lib.data.prepare import StudyData
from mineral_lib.paths import ResultPaths
from mineral_lib.specimens import photographs
from mineral_lib.storage import write_bytes, write_text

FIRST_SPECIMEN = 9001  # far beyond any specimen of a study, so that none has been seen in training
SPECIMENS, SIZE_PX = 3, 160


def demonstration_settings(settings: Settings) -> Settings:
    """The profile with the folder to look at.

    For a folder profile this is the profile itself. Otherwise JPEG files of new generated specimens are written to
    ``results/<profile>/demonstration_photos``, with a broken photograph and a text file among them.
    """
    if settings.data.source == "folder":
        return settings
    folder = ResultPaths.of(settings.profile).root / "demonstration_photos"
    shown = [(mineral, FIRST_SPECIMEN + k) for mineral in minerals() for k in range(SPECIMENS)]
    paths = [folder / mineral.slug / f"specimen{specimen}_1.jpg" for mineral, specimen in shown]
    if not all(path.is_file() for path in paths):
        keys = [(mineral.number, specimen, 1) for mineral, specimen in shown]
        images, _ = photographs(keys, image_size=SIZE_PX, seed=settings.data.seed, jobs=settings.train.jobs)
        for path, image in zip(paths, images, strict=True):
            buffer = io.BytesIO()
            Image.fromarray(image).save(buffer, "JPEG", quality=92)
            write_bytes(path, buffer.getvalue())
        write_bytes(folder / "quartz" / "cut_in_half.jpg", buffer.getvalue()[: len(buffer.getvalue()) // 2])
        write_text(folder / "quartz" / "no_photo.jpg", "This is a text file with the name of a photograph.\n")
        write_text(folder / "read_me.txt", "Generated photographs for notebook 09; safe to delete.\n")
    changes = {
        "source": "folder",
        "folder": str(folder),
        "min_photos": 3,
        "small_classes": "train_only",
        "bad_photos": "skip",
        "specimen_from": "pattern",
        "specimen_pattern": r"(?P<specimen>specimen\d+)_",
        "metadata_csv": None,
    }
    return settings.model_copy(update={"data": settings.data.model_copy(update=changes)})


def photographs_to_answer(settings: Settings, study: StudyData, index: pd.DataFrame) -> pd.DataFrame:
    """The rows a trained network may be asked about: a folder profile's test split, or the whole demonstration."""
    if settings.data.source != "folder":
        return index
    test = study.splits["grouped"].query("split == 'test'")["image_id"]
    return study.index[study.index["image_id"].isin(test)]
