"""Generated photographs of mineral specimens, the package's default data set, and formula images to pre-train on."""

from mineral_lib.specimens.formula.colours import image_statistics
from mineral_lib.specimens.formula.images import FormulaImages, formula_images
from mineral_lib.specimens.scene import Photograph, photograph, photographs

__all__ = ["FormulaImages", "Photograph", "formula_images", "image_statistics", "photograph", "photographs"]
