"""Reproducible study of mineral recognition from photographs with an ECA-ConvNeXt network.

Re-creates Li et al., "Intelligent mineral image recognition based on improved ConvNeXt network",
Geological Bulletin of China 43(7), 2024, doi 10.12097/gbc.2022.08.005.
"""

import warnings

__version__ = "0.1.0"

# Of a progress bar that timm's download library would draw in a notebook; it prints this machine's path into the page.
warnings.filterwarnings("ignore", message="IProgress not found")
