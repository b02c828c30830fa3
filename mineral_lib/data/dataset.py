"""From cached pixels to batches: what one training or evaluation step sees.

Training images are drawn from the working image (256 for 224) by random augmentation; evaluation cuts out the centre,
as the authors do. The order of an epoch comes from (seed, epoch) and the augmentation of a sample from (seed, epoch,
sample_id), so neither the number of workers nor a resumed run changes anything.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, Dataset

from mineral_lib.config import Augment, Normalisation, Train
from mineral_lib.data.augment import augment_batch
from mineral_lib.data.sampling import Draw, EpochBatches
from mineral_lib.photos import refusal
from mineral_lib.runtime import apart_from_the_script, derive_seed, select_device
from mineral_lib.stopping import quiet_worker

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]

# Statistics of ImageNet, which pretrained weights expect (RGB, image range 0 to 1).
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
# Images at once in evaluation, at least: a GPU is idle most of the time with fewer.
EVALUATION_BATCH = {"cuda": 256}


def normalise(image: torch.Tensor, by: Normalisation = "imagenet") -> torch.Tensor:
    """Subtract ImageNet's mean and divide by its deviation (or by ``half``: 0.5 and 0.5); (..., 3, H, W) in 0..1."""
    if by == "half":
        return (image - 0.5).div_(0.5)
    # Never waiting for the device: a GPU has steps of training to do meanwhile.
    mean, deviation = (part.to(image.device, non_blocking=True) for part in (MEAN, STD))
    return (image - mean).div_(deviation)


def to_tensor(photos: np.ndarray, image_size_px: int) -> torch.Tensor:
    """Centres of working images (..., W, W, 3) uint8 as (..., 3, px, px) float32 in 0..1: what a network evaluates."""
    return _centre(torch.from_numpy(np.array(photos)).movedim(-1, -3), image_size_px)


def _centre(photos: torch.Tensor, px: int) -> torch.Tensor:
    margin = (photos.shape[-1] - px) // 2
    centre = photos[..., margin : margin + px, margin : margin + px]
    return centre.to(torch.float32, memory_format=torch.contiguous_format).div_(255)


def grey_pictures(photos: torch.Tensor) -> torch.Tensor:
    """Luminance (ITU-R BT.601) of photographs (B, 3, H, W) uint8 in all three channels: same shape and type."""
    weights = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1).to(photos.device, non_blocking=True)
    return (photos * weights).sum(1, keepdim=True).round_().to(torch.uint8).expand_as(photos)


class MineralDataset(Dataset):
    """Samples of one split.

    Args:
        samples: Table of all samples, in the order of ``pixels``.
        pixels: (number of samples, W, W, 3) uint8.
        split: train, val or test.
        image_size_px: Side of the images that come out.
        augment: Strengths of on-the-fly augmentation, or None for the centre of the image as it is.
        seed: Seed of the run; with the epoch and sample_id it decides the augmentation.
        grey: Show luminance instead of colours.
        by: How images are normalised, see ``normalise``.
    """

    def __init__(
        self,
        samples: pd.DataFrame,
        pixels: np.ndarray,
        *,
        split: str,
        image_size_px: int,
        augment: Augment | None = None,
        seed: int = 0,
        grey: bool = False,
        by: Normalisation = "imagenet",
    ) -> None:
        if len(samples) != len(pixels):
            raise ValueError(f"{len(samples)} samples but {len(pixels)} images")
        self.rows = np.flatnonzero(samples["split"] == split)
        self.samples = samples.iloc[self.rows].reset_index(drop=True)
        self.labels = self.samples["label"].to_numpy(np.int64)
        self.ids = self.samples["sample_id"].tolist()
        self.pixels, self.image_size_px = pixels, image_size_px
        self.split, self.augment, self.seed, self.epoch, self.grey = split, augment, seed, 0, grey
        self.device, self.by = torch.device("cpu"), by

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, item: int | Draw) -> tuple[torch.Tensor, int, int]:
        """Image (3, px, px) float32 normalised, label, and position in ``self.samples``.

        Args:
            item: The position, or a draw (position, earlier draws in this epoch) of ``balanced_order``.
        """
        images, labels, positions = self.__getitems__([item])
        return images[0], int(labels[0]), int(positions[0])

    def __getitems__(self, items: list[int] | list[Draw]) -> Batch:
        """A whole batch: images (B, 3, px, px) on ``self.device``, labels (B,) and positions (B,) on the CPU."""
        draws = [item if isinstance(item, tuple) else (item, 0) for item in items]
        positions = [position for position, _ in draws]
        photos = self._photos(positions)
        if self.augment is None:
            images = _centre(photos, self.image_size_px)
        else:
            seeds = [self._seed(*one) for one in draws]
            images = augment_batch(photos, augment=self.augment, image_size_px=self.image_size_px, seeds=seeds)
        return normalise(images, self.by), torch.from_numpy(self.labels[positions]), torch.tensor(positions)

    def _photos(self, positions: list[int]) -> torch.Tensor:
        """Working images (B, 3, W, W) uint8 on the device."""
        if isinstance(self.pixels, torch.Tensor):
            photos = self.pixels[torch.tensor(positions).to(self.device, non_blocking=True)]
        else:
            photos = torch.from_numpy(self.pixels[self.rows[positions]]).to(self.device, non_blocking=True)
        photos = photos.permute(0, 3, 1, 2)
        return grey_pictures(photos) if self.grey else photos

    def _seed(self, position: int, lap: int) -> int:
        # A sample that is drawn again in an epoch is augmented in another way.
        again = (lap,) if lap else ()
        return derive_seed("augment", self.seed, self.epoch, self.ids[position], *again)

    def move_to(self, device: torch.device) -> None:
        """Make the batches on a GPU, from pixels that stay there as long as they take a third of what is free."""
        self.device = device
        needed, free = len(self) * math.prod(self.pixels.shape[1:]), torch.cuda.mem_get_info(device)[0]
        if needed <= free / 3:
            self.pixels = torch.from_numpy(self.pixels[self.rows]).to(device)

    def __getstate__(self) -> dict[str, Any]:
        # Workers that are started afresh get the name of the mapped file, not a copy of gigabytes of pixels.
        state = self.__dict__.copy()
        if isinstance(self.pixels, np.memmap):
            state["pixels"] = str(self.pixels.filename)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if isinstance(state["pixels"], str):
            state["pixels"] = np.load(state["pixels"], mmap_mode="r", allow_pickle=False)
        self.__dict__.update(state)


def make_loader(dataset: MineralDataset, train: Train, *, draw: bool, seed: int = 0) -> DataLoader:
    """Batches (images (B, 3, px, px) float32, labels (B,), positions (B,)) of a dataset.

    Args:
        dataset: Samples of one split.
        train: The section ``train`` of the profile; uses batch_size, sampler, num_workers and device.
        draw: Draw each epoch anew (see ``set_epoch``) by train.sampler; else the order of the samples.
        seed: Seed of the run.

    Raises:
        DataError: The split is empty.
    """
    if not len(dataset):
        raise refusal("no_samples", "split", split=dataset.split)
    device = select_device(train.device)
    if device.type == "cuda" and not train.num_workers:
        dataset.move_to(device)
    labels = dataset.labels if train.sampler == "balanced" else None
    size = train.batch_size if draw else max(train.batch_size, EVALUATION_BATCH.get(device.type, 0))
    pin = device.type == "cuda" and dataset.device.type == "cpu"
    loader = Batches(
        dataset,
        batch_sampler=EpochBatches(len(dataset), size, seed if draw else None, labels=labels),
        num_workers=train.num_workers,
        collate_fn=_arrays if train.num_workers else tuple,  # the data set makes whole batches
        pin_memory=pin and not train.num_workers,
        # Its own generator: the loader would else draw from the global one, which dropout and drop path use.
        generator=torch.Generator().manual_seed(derive_seed("loader", seed)),
        worker_init_fn=quiet_worker,
    )
    loader.pin = pin
    return loader


class Batches(DataLoader):
    """A loader whose processes send arrays through pipes.

    Tensors would travel through shared memory and sockets: a container has 64 MB of the one, a long ``TMPDIR`` has no
    place for the others, and a killed process leaves both behind. They are pinned here: torch's thread that pins would
    wait for ever for the rest of an array whose sender was killed.
    """

    pin = False

    def __iter__(self) -> Iterator[Batch]:
        with apart_from_the_script():  # the processes start here
            batches = super().__iter__()
        for batch in batches:
            if self.num_workers:
                batch = tuple(torch.from_numpy(part) for part in batch)
                batch = tuple(part.pin_memory() for part in batch) if self.pin else batch
            yield batch


def _arrays(batch: Batch) -> list[np.ndarray]:
    return [part.numpy() for part in batch]


def set_epoch(loader: DataLoader, epoch: int, *, start: int = 0) -> None:
    """Choose order and augmentations of an epoch (1, 2, ...), less the ``start`` batches a resumed run did before.

    Workers are started anew for each epoch (the loader's default), so they see it too.
    """
    loader.dataset.epoch = loader.batch_sampler.epoch = epoch
    loader.batch_sampler.start = start
