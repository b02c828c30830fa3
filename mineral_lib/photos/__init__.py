"""A folder of photographs becomes a table: listing, reading, near duplicates, quality, metadata.

``scan(folder, rules)`` is the one face of this room: it lists the folder once, decodes each photograph once and
returns a ``Scan``. The other names are what the rest of the library needs of single photographs and of the tables.
"""

from mineral_lib.photos.colour import grey
from mineral_lib.photos.groups import (
    DUPLICATE_COLUMNS,
    NEAR,
    SAME_BYTES,
    SAME_PIXELS,
    fingerprints,
    group_summary,
    near_duplicates,
)
from mineral_lib.photos.images import Photo, read_photo, resize_square
from mineral_lib.photos.layout import PART
from mineral_lib.photos.measure import reading_rules
from mineral_lib.photos.messages import readable, refusal
from mineral_lib.photos.metadata import DECISION_COLUMNS, credits, read_decisions, stated, table_path
from mineral_lib.photos.quality import QUALITY_COLUMNS
from mineral_lib.photos.scanning import (
    FILE_COLUMNS,
    INDEX_COLUMNS,
    INDEX_NUMBERS,
    Scan,
    index_columns,
    index_table,
    measured_pictures,
    scan,
)
from mineral_lib.photos.specimen_proposals import proposal_note, propose_specimens
from mineral_lib.photos.walk import FoundFile, list_files

__all__ = [
    "DECISION_COLUMNS",
    "DUPLICATE_COLUMNS",
    "FILE_COLUMNS",
    "INDEX_COLUMNS",
    "INDEX_NUMBERS",
    "NEAR",
    "PART",
    "QUALITY_COLUMNS",
    "SAME_BYTES",
    "SAME_PIXELS",
    "FoundFile",
    "Photo",
    "Scan",
    "credits",
    "fingerprints",
    "grey",
    "group_summary",
    "index_columns",
    "index_table",
    "list_files",
    "measured_pictures",
    "near_duplicates",
    "proposal_note",
    "propose_specimens",
    "read_decisions",
    "read_photo",
    "readable",
    "reading_rules",
    "refusal",
    "resize_square",
    "scan",
    "stated",
    "table_path",
]
