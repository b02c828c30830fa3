"""Images drawn from formulas: a source domain for pre-training that needs no download and no photograph."""
