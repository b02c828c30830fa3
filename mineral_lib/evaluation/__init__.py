"""Evaluation: metrics, intervals, paired tests, evidence maps."""
