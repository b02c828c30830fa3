"""This project's part of ``train_step.py`` and ``epoch.py``: one measurement in this process, printed as JSON."""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from timm.layers import set_fast_norm
from torch.utils.data import DataLoader

from mineral_lib.compute.captured import WARM_UP_STEPS
from mineral_lib.config import Settings
from mineral_lib.data.dataset import MineralDataset, make_loader, set_epoch
from mineral_lib.data.index import build_index, working_size
from mineral_lib.data.pixels import load_pixels
from mineral_lib.models.structure import multiply_adds
from mineral_lib.models.zoo import build_base
from mineral_lib.parameters import load_profile
from mineral_lib.paths import ROOT_VARIABLE
from mineral_lib.runtime import set_threads
from mineral_lib.training.engine import Loop, train_one_epoch
from mineral_lib.training.train_run import make_loop

LR, WEIGHT_DECAY = 1e-4, 0.05
WARM_STEPS = WARM_UP_STEPS + 2  # on a GPU a step is recorded after the first ones


class Waited:
    """Batches, and the seconds spent waiting for them.

    Args:
        batches: What ``make_loader`` returns.
    """

    def __init__(self, batches) -> None:
        self.batches, self.seconds = batches, 0.0

    def __iter__(self):
        before = time.perf_counter()
        for batch in self.batches:
            self.seconds += time.perf_counter() - before
            yield batch
            before = time.perf_counter()


def profile(options: argparse.Namespace) -> Settings:
    """The quick profile with the size, batch and precision of the measurement."""
    family = "compact" if options.network == "compact" else "paper"
    return load_profile(
        "quick",
        [
            f"model.family={family}",
            f"data.image_size_px={options.px}",
            f"train.batch_size={options.batch}",
            f"train.precision={options.precision}",
            f"train.device={options.device}",
            f"train.threads={options.threads}",
            f"train.compile={str(options.compile).lower()}",
            f"train.num_workers={options.workers}",
            "train.optimizer=adamw",
            f"train.weight_decay={WEIGHT_DECAY}",
            "data.source=folder",
            "data.min_photos=3",
            f"data.folder={json.dumps(str(Path(options.data, 'train').resolve()))}",
            f"train.jobs={options.threads}",
        ],
    )


def loop_of(settings: Settings, options: argparse.Namespace) -> Loop:
    """Network, optimizer and precision as every run of the study has them."""
    set_threads(settings.train.threads)
    torch.manual_seed(0)
    name = "resnet50" if options.network == "resnet50" else "convnext_tiny"
    return make_loop(build_base(name, num_classes=options.classes, options=settings.model), settings, lr=LR)


def wait_for_device(loop: Loop) -> None:
    """Let an accelerator finish, so that a clock can be read."""
    if loop.device.type == "cuda":
        torch.cuda.synchronize()


def peak_memory_mib(loop: Loop) -> float:
    """Peak of the memory allocated on a GPU; 0 on a CPU."""
    return torch.cuda.max_memory_allocated() / 2**20 if loop.device.type == "cuda" else 0.0


def measure_step(options: argparse.Namespace) -> dict:
    """Images per second of training steps on one batch that is in memory."""
    settings = profile(options)
    loop = loop_of(settings, options)
    gflop = 6 * multiply_adds(loop.network, options.px)  # 2 FLOPs a MAC, backward twice forward
    images = torch.randn(options.batch, 3, options.px, options.px).to(loop.device, memory_format=torch.channels_last)
    batch = (images, torch.arange(options.batch) % options.classes, torch.arange(options.batch))
    train_one_epoch(loop, [batch] * WARM_STEPS, epoch=1)
    wait_for_device(loop)
    start = time.perf_counter()
    train_one_epoch(loop, [batch] * options.steps, epoch=1)
    wait_for_device(loop)
    seconds = time.perf_counter() - start
    return {
        "images_per_second": options.steps * options.batch / seconds,
        "gflop_per_image": gflop,
        "memory_mib": peak_memory_mib(loop),
    }


def loader_of(samples: pd.DataFrame, pixels: np.ndarray, settings: Settings) -> DataLoader:
    """Training batches of all samples."""
    px = settings.data.image_size_px
    dataset = MineralDataset(samples, pixels, split="train", image_size_px=px, augment=settings.augment)
    return make_loader(dataset, settings.train, draw=True)


def measure_epochs(options: argparse.Namespace) -> dict:
    """Seconds of each epoch over a folder; the first includes the scan and the decoding, as a first run does."""
    settings = profile(options)
    loop = loop_of(settings, options)
    seconds, waits = [], []
    with tempfile.TemporaryDirectory() as cache:
        start = time.perf_counter()
        index = build_index(settings.data).index
        samples = index.assign(sample_id=index["image_id"], split="train")
        os.environ[ROOT_VARIABLE] = cache  # nothing is decoded yet
        pixels = load_pixels(samples, index, settings.data, settings.augment)
        loader = loader_of(samples, pixels, settings)
        prepared = time.perf_counter() - start
        for epoch in range(1, options.epochs + 1):
            set_epoch(loader, epoch)
            batches = Waited(loader)
            train_one_epoch(loop, batches, epoch=epoch)
            wait_for_device(loop)
            seconds.append(time.perf_counter() - start)
            waits.append(batches.seconds / (seconds[-1] - (prepared if epoch == 1 else 0)))
            start = time.perf_counter()
    return {"seconds": seconds, "images": len(samples), "prepared_s": prepared, "wait_share": waits[1:]}


def measure_loader(options: argparse.Namespace) -> dict:
    """Share of a longer epoch spent waiting for batches of decoded photographs, augmentation included.

    Without loader processes the augmentation itself is the wait.
    """
    settings, px = profile(options), working_size(options.px)
    loop = loop_of(settings, options)
    count = options.batch * options.steps
    pixels = np.random.default_rng(0).integers(0, 256, (count, px, px, 3), np.uint8)
    samples = pd.DataFrame({"sample_id": range(count), "label": np.arange(count) % options.classes, "split": "train"})
    loader = loader_of(samples, pixels, settings)
    seconds, waits = [], []
    for epoch in range(1, options.epochs + 1):
        set_epoch(loader, epoch)
        batches, start = Waited(loader), time.perf_counter()
        train_one_epoch(loop, batches, epoch=epoch)
        wait_for_device(loop)
        seconds.append(time.perf_counter() - start)
        waits.append(batches.seconds / seconds[-1])
    return {"images_per_second": [count / epoch for epoch in seconds[1:]], "wait_share": waits[1:]}


MODES = {"step": measure_step, "epoch": measure_epochs, "loader": measure_loader}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mode", choices=tuple(MODES), required=True)
    parser.add_argument("--network", choices=("convnext_tiny", "resnet50", "compact"), required=True)
    parser.add_argument("--data", required=True, help="folder with one sub-folder a class (mode epoch)")
    parser.add_argument("--precision", choices=("fp32", "bf16"), required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--fast-norm", action="store_true", help="layer norms in bf16 too, as timm can")
    parser.add_argument("--workers", type=int, default=0, help="loader processes")
    for name in ("px", "batch", "threads", "classes", "steps", "epochs"):
        parser.add_argument(f"--{name}", type=int, required=True)
    options = parser.parse_args()
    set_fast_norm(options.fast_norm)
    print(json.dumps(MODES[options.mode](options)))


if __name__ == "__main__":
    main()
