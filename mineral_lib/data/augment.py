"""The paper's four operations (3.2): crop, rotate, brightness, noise.

The paper names them without strengths; ours are in the section ``augment`` of a profile. Every draw comes from
(seed, ids) through ``draw``, never from the order of work, the batch or the worker.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from torchvision.transforms import v2

from mineral_lib.config import Augment
from mineral_lib.runtime import derive_seed


class _Drawn(v2.Transform):
    """A transform with parameters of each image: numbers for one image, tensors of shape (B,) for a batch.

    v2's own search for images in nested inputs would cost as much as the work itself.
    """

    def forward(self, inpt: torch.Tensor) -> torch.Tensor:
        """Draw the parameters and apply them to one image (C, H, W)."""
        return self.transform(inpt[None], self.make_params([inpt]))[0]


class RotateCrop(_Drawn):
    """Random rotation, random crop, optional flip and resizing, in one bilinear sampling step.

    One step instead of four keeps the picture sharp and costs a quarter. Points outside of the picture are mirrored
    in, so there are no black corners.

    Args:
        px: Side of the result in pixels.
        rotation_deg: Angles are uniform in plus/minus this, degrees.
        crop_scale: Range of the share of the area that is kept; aspect ratios 3:4 to 4:3, log-uniform.
        flip: Mirror left and right in half of the draws.
    """

    def __init__(
        self, px: int, *, rotation_deg: float = 0.0, crop_scale: tuple[float, float] = (1.0, 1.0), flip: bool = False
    ) -> None:
        super().__init__()
        self.px, self.rotation_deg, self.crop_scale, self.flip = px, rotation_deg, crop_scale, flip
        self.steps = (torch.arange(px, dtype=torch.float32) + 0.5) * (2 / px) - 1

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the angle, the crop window (half sides, centre; the picture is -1 to 1) and the flip."""
        angle, area, ratio, x, y, flip = torch.rand(6).tolist()
        low, high = self.crop_scale
        area = low + (high - low) * area
        # At a full crop there is no room for another aspect ratio than the picture's.
        limit = min(math.log(4 / 3), -math.log(area))
        stretch = math.exp(limit * (2 * ratio - 1) / 2)
        width, height = math.sqrt(area) * stretch, math.sqrt(area) / stretch
        sign = -1.0 if self.flip and flip < 0.5 else 1.0
        angle = math.radians(self.rotation_deg * (2 * angle - 1))
        return {
            "cos": math.cos(angle),
            "sin": math.sin(angle),
            "half_width": sign * width,
            "half_height": height,
            "x": (1 - width) * (2 * x - 1),
            "y": (1 - height) * (2 * y - 1),
        }

    def transform(self, inpt: torch.Tensor, params: dict[str, Any]) -> torch.Tensor:
        """Sample (B, C, H, W) uint8 or float at the drawn windows; float32 (B, C, px, px), uint8 scaled to 0..1."""
        images = inpt.to(torch.float32).div_(255) if inpt.dtype == torch.uint8 else inpt
        steps = self.steps.to(images.device, non_blocking=True)
        cos, sin, half_width, half_height, mid_x, mid_y = (
            _each(params[name], 2) for name in ("cos", "sin", "half_width", "half_height", "x", "y")
        )
        x, y = half_width * steps + mid_x, half_height * steps[:, None] + mid_y
        grid = torch.stack((cos * x - sin * y, sin * x + cos * y), -1).expand(len(images), -1, -1, -1)
        return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


class Brightness(_Drawn):
    """Multiply a float image by a factor that is uniform in ``factors`` and cut at 0 and 1."""

    def __init__(self, factors: tuple[float, float]) -> None:
        super().__init__()
        self.factors = factors

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the factor."""
        low, high = self.factors
        return {"factor": low + (high - low) * torch.rand(()).item()}

    def transform(self, inpt: torch.Tensor, params: dict[str, Any]) -> torch.Tensor:
        """Brighten or darken (B, C, H, W) float32 in 0..1."""
        return inpt.mul(_each(params["factor"], 3)).clamp_(0, 1)


class Noise(_Drawn):
    """Add Gaussian noise of deviation ``sigma``, independent for each colour and pixel, and cut at 0 and 1.

    As ``v2.GaussianNoise``, which draws for a whole batch from one generator: here every image has a seed of its own.
    """

    def __init__(self, px: int, sigma: float) -> None:
        super().__init__()
        self.px, self.sigma = px, sigma

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the noise (3, px, px); on an accelerator only where in a bank of noise it begins."""
        if flat_inputs[0].device.type == "cpu":
            return {"noise": torch.randn(3, self.px, self.px)}
        return {"begin": int(torch.randint(NOISE_BANK - 3 * self.px**2, ()))}

    def transform(self, inpt: torch.Tensor, params: dict[str, Any]) -> torch.Tensor:
        """Add the noise to (B, 3, px, px) float32 in 0..1."""
        if "begin" in params:
            begin = torch.as_tensor(params["begin"], device=inpt.device).long()
            places = begin.view(-1, 1) + torch.arange(3 * self.px**2, device=inpt.device)
            noise = _noise_bank(inpt.device)[places].view(-1, *inpt.shape[1:])
        else:
            noise = params["noise"]
        return (inpt + noise * self.sigma).clamp_(0, 1)


# Numbers in a bank of noise: a window of 224 px is 150,528 of them.
NOISE_BANK = 2**24


@lru_cache(maxsize=4)
def _noise_bank(device: torch.device) -> torch.Tensor:
    """Standard normal numbers on an accelerator, the same in every process; a generator for each image costs more."""
    return torch.randn(NOISE_BANK, device=device, generator=torch.Generator(device).manual_seed(derive_seed("noise")))


def _each(value: float | torch.Tensor, dims: int) -> float | torch.Tensor:
    """A number for all images, or (B,) as (B, 1, ...) with ``dims`` more dimensions."""
    return value.view(-1, *[1] * dims) if isinstance(value, torch.Tensor) else value


@lru_cache(maxsize=32)
def build_augmentation(augment: Augment, image_size_px: int) -> v2.Compose:
    """Rotate and crop, brightness, noise, with these strengths: (3, W, W) uint8 to (3, px, px) float32 in 0..1."""
    turn = {"rotation_deg": augment.rotation_deg, "crop_scale": augment.crop_scale, "flip": augment.horizontal_flip}
    steps: list[v2.Transform] = [RotateCrop(image_size_px, **turn)]
    if augment.brightness != (1, 1):
        steps.append(Brightness(augment.brightness))
    if augment.noise_sigma:
        steps.append(Noise(image_size_px, augment.noise_sigma))
    return v2.Compose(steps)


# Each operation alone, for showing what it does: OPERATIONS["noise"](augment, px) is a transform like the whole.
OPERATIONS: dict[str, Callable[[Augment, int], v2.Transform]] = {
    "crop": lambda augment, px: RotateCrop(px, crop_scale=augment.crop_scale),
    "rotate": lambda augment, px: RotateCrop(px, rotation_deg=augment.rotation_deg),
    "brightness": lambda augment, px: v2.Compose([RotateCrop(px), Brightness(augment.brightness)]),
    "noise": lambda augment, px: v2.Compose([RotateCrop(px), Noise(px, augment.noise_sigma)]),
}


def draw(transform: v2.Transform, image: Any, seed: int) -> Any:
    """Apply a random transform with its own seed and leave the global generator as it was.

    ``image`` is one image, or whatever else the transform takes, for example a batch with its labels.
    """
    with torch.random.fork_rng(devices=[]):
        # The CPU generator only: torch.manual_seed would also reset the GPU's, which dropout draws from.
        torch.default_generator.manual_seed(seed)
        return transform(image)


def augment_photo(image: torch.Tensor, *, augment: Augment, image_size_px: int, seed: int) -> torch.Tensor:
    """Augment one photograph (3, W, W) uint8 as ``augment_batch`` does; (3, image_size_px, image_size_px) float32."""
    return augment_batch(image[None], augment=augment, image_size_px=image_size_px, seeds=[seed])[0]


def augment_batch(images: torch.Tensor, *, augment: Augment, image_size_px: int, seeds: list[int]) -> torch.Tensor:
    """Augment photographs (B, 3, W, W) uint8 where they are, to (B, 3, image_size_px, image_size_px) float32 in 0..1.

    A seed decides the draw of its image completely; on a CPU no image depends on the others.
    """
    steps = build_augmentation(augment, image_size_px).transforms
    drawn = [draw(lambda image: [step.make_params([image]) for step in steps], images, seed) for seed in seeds]
    for number, step in enumerate(steps):
        params = [image_params[number] for image_params in drawn]
        images = step.transform(images, {name: _together([one[name] for one in params], images) for name in params[0]})
    return images


def _together(values: list, images: torch.Tensor) -> torch.Tensor:
    if isinstance(values[0], torch.Tensor):
        return torch.stack(values)
    dtype = torch.int64 if isinstance(values[0], int) else torch.float32
    return torch.tensor(values, dtype=dtype).to(images.device, non_blocking=True)


def augment_offline(image: np.ndarray, copy: int, image_id: str, *, augment: Augment, seed: int) -> np.ndarray:
    """Copy number ``copy`` of a photograph (W, W, 3) uint8 for the paper protocol; copy 0 is the photograph itself.

    (``seed``, ``image_id``, ``copy``) decide the draw, with ``data.seed`` of the profile as seed.
    """
    if copy == 0:
        return image
    tensor, seed = torch.from_numpy(np.array(image)).permute(2, 0, 1), derive_seed("offline", seed, image_id, copy)
    made = augment_photo(tensor, augment=augment, image_size_px=image.shape[0], seed=seed)
    return made.mul(255).round_().to(torch.uint8).permute(1, 2, 0).numpy()
