"""The table of all photographs of a study, from a photo folder or from the generator."""

import re
from dataclasses import replace
from functools import cache
from importlib.resources import files as package_files
from pathlib import Path

import pandas as pd

from mineral_lib.catalogue import Mineral, minerals
from mineral_lib.config import Settings
from mineral_lib.errors import DataError
from mineral_lib.photos.groups import (
    DUPLICATE_COLUMNS,
    add_groups,
    duplicate_table,
    group_notes,
    near_duplicates,
)
from mineral_lib.photos.scan import FILE_COLUMNS, INDEX_COLUMNS, Scan, index_table, scan_folder
from mineral_lib.storage import digest, project_root

MIN_SPECIMENS = 3  # one for each of train, val and test
WORKING_SHARE = 256 / 224  # the authors resize to 256 and cut out 224
_IMPORT = re.compile(r"^(?:from|import) [^(\n]*(?:\([^)]*\))?\n", re.M)
# Photographs of the generator's present source bear the name they have in results/reference, which are older than the
# layout of its modules.
PUBLISHED = {
    "223ee7a7200b3acdec826e1fa85afdc6c6fbe1a92acef52de78ef7691599f1b8": "6046cc0f087ff7e65b458f2414f114841e03a4bfebca62c255670303324b4b20"
}
_TEXT = [name for name in INDEX_COLUMNS if name not in ("label", "view", "width", "height", "size_bytes")]


def build_index(settings: Settings, *, jobs: int | None = None, cache_dir: Path | None = None) -> Scan:
    """List all photographs of the profile: scan the folder, or plan the collection that is generated.

    A generated class has ``data.fraction`` of its original count in Table 2, but at least three specimens' worth.

    Args:
        settings: The profile.
        jobs: Decoding threads for a folder; all cores if not given.
        cache_dir: Where to keep what was found out about each file of a folder; nowhere if not given.

    Raises:
        DataError: The folder cannot be used (see ``scan_folder``).
    """
    data = settings.data
    if data.source == "folder":
        scan = scan_folder(photo_folder(settings), data, jobs=jobs, cache_dir=cache_dir)
        return _grouped(scan, data.near_duplicate_radius)
    rows = [row for mineral in minerals() for row in _generated(mineral, settings)]
    index, classes = index_table(rows)
    used = index[["image_id", "class_name"]].rename(columns={"image_id": "file"})
    files = used.assign(status="used", reason="", warnings="").reindex(columns=FILE_COLUMNS)
    return Scan(index, files, classes, pd.DataFrame(columns=DUPLICATE_COLUMNS))


def _grouped(scan: Scan, radius: int | None) -> Scan:
    """The scan with the groups of its photographs and the near duplicates among them."""
    pairs = near_duplicates(scan.index, radius)
    index = add_groups(scan.index, pairs)
    table = duplicate_table(index, pairs, scan.duplicates)
    return replace(scan, index=index, duplicates=table, notes=tuple(group_notes(index, pairs)))


def photo_folder(settings: Settings) -> Path:
    """The photo folder; a relative path counts from the project folder, not from the working directory."""
    return project_root() / Path(settings.data.folder).expanduser()


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
        DataError: The file is missing or is no index.
    """
    try:
        return pd.read_csv(path, dtype=dict.fromkeys(_TEXT, str), keep_default_na=False)[INDEX_COLUMNS]
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"no readable index ({error})", where=str(path), remedy="run notebook 01 again") from error


def _generated(mineral: Mineral, settings: Settings) -> list[dict]:
    data = settings.data
    count = max(round(data.fraction * mineral.original), MIN_SPECIMENS * data.views, data.min_photos)
    px = working_size(data.image_size_px)
    rows = []
    for number in range(count):
        specimen, view = 1 + number // data.views, 1 + number % data.views
        name = f"{mineral.slug}-s{specimen:03d}"
        rows.append(
            {
                "image_id": f"{name}-v{view}",
                "path": "",
                "class_name": mineral.slug,
                "role": "full",
                "specimen": name,
                "view": view,
                "sha256": digest([generator_digest(), data.seed, mineral.number, specimen, view, px]),
                "pixels_sha256": "",
                "phash": "",
                "width": px,
                "height": px,
                "size_bytes": 0,
            }
        )
    return rows


@cache
def generator_digest() -> str:
    """Digest of the generator's source: other code makes other photographs, and cached ones must not be used."""
    folder = package_files("mineral_lib.specimens")
    sources = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".py")), key=lambda e: e.name)
    # Where it imports from is no part of what it draws.
    found = digest([[entry.name, _IMPORT.sub("", entry.read_text(encoding="utf-8"))] for entry in sources])
    return PUBLISHED.get(found, found)
