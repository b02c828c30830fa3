"""A folder of photographs becomes a table: listing, reading, near duplicates, quality, metadata.

``scan(folder, rules)`` is the one face of this room: it lists the folder once, decodes each photograph once and
returns a ``Scan``. The other names are what the rest of the library needs of single photographs and of the tables.
"""

from mineral_lib.photos.class_level import wrong_level as wrong_level
from mineral_lib.photos.colour import grey as grey
from mineral_lib.photos.duplicates import PAIR_COLUMNS as PAIR_COLUMNS
from mineral_lib.photos.groups import DUPLICATE_COLUMNS as DUPLICATE_COLUMNS
from mineral_lib.photos.groups import NEAR as NEAR
from mineral_lib.photos.groups import SAME_BYTES as SAME_BYTES
from mineral_lib.photos.groups import SAME_PIXELS as SAME_PIXELS
from mineral_lib.photos.groups import SAME_SCENE as SAME_SCENE
from mineral_lib.photos.groups import group_summary as group_summary
from mineral_lib.photos.groups import near_duplicates as near_duplicates
from mineral_lib.photos.images import read_photo as read_photo
from mineral_lib.photos.images import resize_square as resize_square
from mineral_lib.photos.layout import PART as PART
from mineral_lib.photos.measure import reading_rules as reading_rules
from mineral_lib.photos.messages import readable as readable
from mineral_lib.photos.messages import refusal as refusal
from mineral_lib.photos.metadata import DECISION_COLUMNS as DECISION_COLUMNS
from mineral_lib.photos.metadata import credits as credits
from mineral_lib.photos.metadata import read_decisions as read_decisions
from mineral_lib.photos.metadata import read_rows as read_rows
from mineral_lib.photos.metadata import stated as stated
from mineral_lib.photos.metadata import table_path as table_path
from mineral_lib.photos.quality import QUALITY_COLUMNS as QUALITY_COLUMNS
from mineral_lib.photos.scanning import FILE_COLUMNS as FILE_COLUMNS
from mineral_lib.photos.scanning import INDEX_COLUMNS as INDEX_COLUMNS
from mineral_lib.photos.scanning import INDEX_NUMBERS as INDEX_NUMBERS
from mineral_lib.photos.scanning import FindScenes as FindScenes
from mineral_lib.photos.scanning import Scan as Scan
from mineral_lib.photos.scanning import index_columns as index_columns
from mineral_lib.photos.scanning import index_table as index_table
from mineral_lib.photos.scanning import measured_pictures as measured_pictures
from mineral_lib.photos.scanning import scan as scan
from mineral_lib.photos.specimen_proposals import proposal_note as proposal_note
from mineral_lib.photos.specimen_proposals import propose_specimens as propose_specimens
from mineral_lib.photos.walk import FoundFile as FoundFile
from mineral_lib.photos.walk import list_files as list_files
