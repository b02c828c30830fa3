"""Photographs at any size for figures: the same picture a network sees, but with more pixels for people."""

import numpy as np
import pandas as pd

from mineral_lib.config import Data
from mineral_lib.data.index import photo_folder, specimen_keys
from mineral_lib.recognition.predict import square_photographs


def close_ups(index: pd.DataFrame, data: Data, *, size_px: int) -> np.ndarray:
    """Photographs of some rows of the index, square, in the framing of the working images.

    Args:
        index: Rows of the index.
        data: The section ``data`` of the profile.
        size_px: Side of the pictures.

    Returns:
        (number of rows, size_px, size_px, 3) uint8.

    Raises:
        DataError: A photograph vanished or cannot be decoded.
    """
    if data.source == "synthetic":
        from mineral_lib.specimens import photographs

        return photographs(specimen_keys(index), image_size=size_px, seed=data.seed, jobs=1)[0]
    return square_photographs(photo_folder(data), index["path"], size_px)


def one_of_each(index: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """The first row of each named class, in the order of ``names``; classes without photographs are left out."""
    first = index.drop_duplicates("class_name").set_index("class_name", drop=False)
    return first.loc[[name for name in names if name in first.index]].reset_index(drop=True)
