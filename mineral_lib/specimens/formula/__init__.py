"""Images drawn from formulas: a source domain for pre-training that needs no download and no photograph."""

from mineral_lib.specimens.formula.colours import image_statistics
from mineral_lib.specimens.formula.images import FormulaImages, formula_images

__all__ = ["FormulaImages", "formula_images", "image_statistics"]
