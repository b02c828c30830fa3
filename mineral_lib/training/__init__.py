"""The training loop, checkpoints, runs keyed by configuration, and source-domain pre-training."""
