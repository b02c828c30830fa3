"""The six networks of the comparison, efficient channel attention, pretrained weights, structure."""
