"""What fastai makes of the same photographs from the same weights: its own recipe for few photographs, as documented.

``vision_learner`` on timm's EfficientNet-Lite0, random crops of 224 px, ``aug_transforms()``, batches of 32, then
``fine_tune``: the head alone for an epoch, the whole network for ten more. Nothing is chosen on validation photographs,
so all that are not tested are learned from. fastai is no dependency of the project (see README.md here).
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.torch import save_file

from mineral_lib.models.lite import LITE0, wheel_path, wheel_state

EPOCHS, PX, BATCH = 10, 224, 32


def fine_tuned(paths: Sequence[Path], names: Sequence[str], classes: Sequence[str], test: np.ndarray, seed: int):
    """Probabilities (T, C) of the test photographs by fastai's fine-tuned network.

    Args:
        paths: The photographs.
        names: Class of each.
        classes: All class names, in the order of the columns.
        test: Whether each is tested, shape (N,).
        seed: Seed of everything fastai draws.
    """
    from fastai.vision import all as fastai

    table = pd.DataFrame({"path": list(map(str, paths)), "name": names})
    fastai.set_seed(seed, reproducible=True)
    loaders = fastai.DataBlock(
        blocks=(fastai.ImageBlock, fastai.CategoryBlock(vocab=list(classes), sort=False)),
        get_x=fastai.ColReader("path"),
        get_y=fastai.ColReader("name"),
        # It wants photographs to print its progress on: a few it learns from, for nothing is decided by them.
        splitter=lambda rows: (list(range(len(rows))), list(range(BATCH))),
        item_tfms=fastai.Resize(PX),
        batch_tfms=fastai.aug_transforms(),
    ).dataloaders(table[~test], bs=BATCH, num_workers=0)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "lite0.safetensors"
        save_file({key: value.contiguous() for key, value in wheel_state(LITE0, wheel_path(LITE0)).items()}, weights)
        learner = fastai.vision_learner(loaders, LITE0, pretrained_cfg_overlay={"file": str(weights)})
    with learner.no_bar():
        learner.fine_tune(EPOCHS)
        answers, _ = learner.get_preds(dl=loaders.test_dl(table[test]))
    return answers.numpy()
