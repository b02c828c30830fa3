"""From photographs to training samples: scan, index, split, augmentation, cached pixels, loaders and leak audit."""
