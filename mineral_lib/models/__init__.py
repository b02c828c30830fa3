"""The six networks of the comparison, efficient channel attention, pretrained weights, structure.

The networks are registered with timm as soon as this package is imported.
"""

from mineral_lib.models import zoo as zoo
