"""Recognising minerals on somebody's own photographs: real weights, an answer with its doubts, a file to keep."""
