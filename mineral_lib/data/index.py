"""The table of all photographs of a study, from a photo folder or from the generator."""

import re
from collections.abc import Iterator
from functools import cache, partial
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import pandas as pd

from mineral_lib.catalogue import minerals
from mineral_lib.config import Data
from mineral_lib.digests import study_file
from mineral_lib.paths import given_path, project_root
from mineral_lib.photos import (
    DUPLICATE_COLUMNS,
    FILE_COLUMNS,
    INDEX_COLUMNS,
    INDEX_NUMBERS,
    FindScenes,
    Scan,
    index_columns,
    index_table,
    scan,
)
from mineral_lib.storage import digest, read_csv

MIN_SPECIMENS = 3  # one for each of train, val and test
WORKING_SHARE = 256 / 224  # the authors resize to 256 and cut out 224
_IMPORT = re.compile(r"^(?:from|import) [^(\n]*(?:\([^)]*\))?\n", re.M)
# Photographs of the generator's present source bear the name they have in results/reference, which are older than the
# layout of its modules.
_PRESENT = "f890b823872ce5679a4f744dea41a65e63a8a8ad6354d45445962ede55d7407f"
_PUBLISHED = "6046cc0f087ff7e65b458f2414f114841e03a4bfebca62c255670303324b4b20"


def build_index(data: Data, *, cache_dir: Path | None = None, **options: Any) -> Scan:
    """List all photographs of a study: scan the folder, or plan the collection that is generated.

    A generated class has ``data.fraction`` of its original count in Table 2, but at least three specimens' worth.

    Args:
        data: The section ``data`` of the profile.
        cache_dir: Where to keep what was found out about each photograph of a folder.
        **options: For a folder, see ``photos.scan``.

    Raises:
        DataError: The folder cannot be used.
    """
    if data.source == "folder":
        find_scenes = _scene_finder(cache_dir) if data.same_scenes else None
        return scan(photo_folder(data), data, find_scenes=find_scenes, cache_dir=cache_dir, **options)
    index, classes = index_table(_generated(data))
    used = index[["image_id", "class_name"]].rename(columns={"image_id": "file"})
    files = used.assign(status="used", reason="", warnings="").reindex(columns=FILE_COLUMNS)
    return Scan(index, files, classes, pd.DataFrame(columns=DUPLICATE_COLUMNS))


def _scene_finder(cache_dir: Path | None) -> FindScenes:
    """What finds crops, turns and other shots of one scene; it stands a floor above (networks see what is alike)."""
    from mineral_lib.recognition.copies import find_scenes

    return partial(find_scenes, cache_dir=cache_dir)


def photo_folder(data: Data) -> Path:
    """The photo folder; a relative path counts from the project folder, not from the working directory."""
    return project_root() / given_path(data.folder)


def data_title(data: Data, profile: str) -> str:
    """Name of the data: the generator with the profile, or the folder's own name without its path."""
    if data.source == "synthetic":
        return f"Generated minerals, profile {profile}"
    return f"Photographs of {photo_folder(data).resolve().name}"


def working_size(image_size_px: int) -> int:
    """Side in pixels at which photographs are kept: 256 for 224; evaluation cuts out the centre."""
    return round(image_size_px * WORKING_SHARE)


def specimen_keys(index: pd.DataFrame) -> list[tuple[int, int, int]]:
    """(class number, specimen, view) of generated photographs, as the generator wants them."""
    numbers = {mineral.slug: mineral.number for mineral in minerals()}
    specimens = index["specimen"].str.rsplit("-s", n=1).str[-1].astype(int)
    return list(zip(index["class_name"].map(numbers), specimens, index["view"].astype(int), strict=True))


def index_fingerprint(index: pd.DataFrame) -> str:
    """Digest of ids, contents and labels; it does not depend on the order of rows."""
    return digest(sorted(index[["image_id", "sha256", "label"]].astype(str).values.tolist()))


def read_index(path: Path) -> pd.DataFrame:
    """Read ``index.csv``; names stay text, also when they look like numbers or like ``NA``.

    Raises:
        StorageError: The file is missing or damaged.
    """
    text = dict.fromkeys(set(INDEX_COLUMNS) - set(INDEX_NUMBERS), str)
    table = read_csv(study_file(path), columns=text, numbers=INDEX_NUMBERS, dtype=text)
    return table[index_columns(table)]


def _generated(data: Data) -> Iterator[dict[str, Any]]:
    px = working_size(data.image_size_px)
    for mineral in minerals():
        count = max(round(data.fraction * mineral.original), MIN_SPECIMENS * data.views, data.min_photos)
        for number in range(count):
            specimen, view = 1 + number // data.views, 1 + number % data.views
            name = f"{mineral.slug}-s{specimen:03d}"
            yield {
                "image_id": f"{name}-v{view}",
                "class_name": mineral.slug,
                "role": "full",
                "specimen": name,
                "view": view,
                "sha256": digest([generator_digest(), data.seed, mineral.number, specimen, view, px]),
                "width": px,
                "height": px,
                "size_bytes": 0,
            }


@cache
def generator_digest() -> str:
    """Digest of the generator's source: other code makes other photographs, and cached ones must not be used."""
    folder = package_files("mineral_lib.specimens")
    sources = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".py")), key=lambda e: e.name)
    # Where it imports from is no part of what it draws.
    found = digest([[entry.name, _IMPORT.sub("", entry.read_text(encoding="utf-8"))] for entry in sources])
    return _PUBLISHED if found == _PRESENT else found
