"""Which photographs show one specimen: they must stay together when the study is split."""

import re

from mineral_lib.config import Data
from mineral_lib.photos.walk import FoundFile


def specimen_of(file: FoundFile, data: Data, given: str) -> str:
    """The specimen of a photograph by the rule ``data.specimen_from``; a photograph without one is its own specimen.

    ======== ==============================================================================
    file     every photograph is its own specimen
    folder   the folder directly below the class folder: quartz/Q7/a.jpg is specimen Q7
    pattern  the group ``specimen`` of the regular expression in the file's name
    csv      the column ``specimen`` of ``data.metadata_csv``
    ======== ==============================================================================

    Specimens are numbered within a class by most people, so "01" of two classes are two specimens. Where the rule finds
    nothing, a warning is added to the file.

    Args:
        file: A used photograph.
        data: The section ``data`` of the profile.
        given: The specimen from the table, or empty.

    Returns:
        ``class/specimen``, or the name of the file.
    """
    parts = file.name.split("/")
    name = ""
    if data.specimen_from == "pattern":
        match = re.search(data.specimen_pattern, parts[-1])
        name = match["specimen"] if match else ""
        if not name:
            file.warnings.append("data.specimen_pattern finds no specimen in the name")
    elif data.specimen_from == "folder":
        name = parts[1] if len(parts) > 2 else ""
        if not name:
            file.warnings.append("lies in no specimen folder")
    elif data.specimen_from == "csv":
        name = given
    return f"{file.class_name}/{name}" if name else file.name
