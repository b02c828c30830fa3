"""Figures 1 to 3: block, attention module and whole network, each drawn in a module of its own.

Input is a list of ``Step`` (or the dictionaries of ``mineral_lib.models.structure.describe_network``): see
``mineral_lib.reporting.description``.
"""

from mineral_lib.reporting.description import Step, as_steps
from mineral_lib.reporting.diagram_block import draw_block
from mineral_lib.reporting.diagram_eca import draw_eca
from mineral_lib.reporting.diagram_network import draw_network

__all__ = ["Step", "as_steps", "draw_block", "draw_eca", "draw_network"]
