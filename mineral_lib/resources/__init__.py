"""Data files of the library: classes, the paper's printed numbers, the authors' logs, the font subset."""
