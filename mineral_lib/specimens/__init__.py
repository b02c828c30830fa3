"""Generated photographs of mineral specimens: the package's default data set."""

from mineral_lib.specimens.scene import Photograph, photograph, photographs

__all__ = ["Photograph", "photograph", "photographs"]
