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

from mineral_lib.config import Augment
from mineral_lib.runtime import derive_seed


class RotateCrop:
    """Random rotation, random crop, optional flip and resizing, in one bilinear sampling step.

    One step instead of four keeps the picture sharp and costs a quarter. Points outside of the picture are mirrored
    in, so there are no black corners.

    Args:
        px: Side of the result in pixels.
        rotation_deg: Angles are uniform in plus/minus this, degrees.
        crop_scale: Range of the share of the area that is kept; aspect ratios 3:4 to 4:3, log-uniform.
        flip: Mirror left and right in half of the draws.
    """

    def __init__(self, px: int, *, rotation_deg: float, crop_scale: tuple[float, float], flip: bool) -> None:
        self.px, self.rotation_deg, self.crop_scale, self.flip = px, rotation_deg, crop_scale, flip
        self.steps = (torch.arange(px, dtype=torch.float32) + 0.5) * (2 / px) - 1

    def make_params(self, device: torch.device) -> dict[str, Any]:
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

    def transform(self, images: torch.Tensor, params: dict[str, torch.Tensor]) -> torch.Tensor:
        """Sample (B, C, H, W) uint8 or float at the drawn windows; float32 (B, C, px, px), uint8 scaled to 0..1."""
        images = images.to(torch.float32).div_(255) if images.dtype == torch.uint8 else images
        steps = self.steps.to(images.device, non_blocking=True)
        cos, sin, half_width, half_height, mid_x, mid_y = (
            params[name].view(-1, 1, 1) for name in ("cos", "sin", "half_width", "half_height", "x", "y")
        )
        x, y = half_width * steps + mid_x, half_height * steps[:, None] + mid_y
        grid = torch.stack((cos * x - sin * y, sin * x + cos * y), -1)
        return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


class Brightness:
    """Multiply a float image by a factor that is uniform in ``factors`` and cut at 0 and 1."""

    def __init__(self, factors: tuple[float, float]) -> None:
        self.factors = factors

    def make_params(self, device: torch.device) -> dict[str, Any]:
        """Draw the factor."""
        low, high = self.factors
        return {"factor": low + (high - low) * torch.rand(()).item()}

    def transform(self, images: torch.Tensor, params: dict[str, torch.Tensor]) -> torch.Tensor:
        """Brighten or darken (B, C, H, W) float32 in 0..1."""
        return images.mul(params["factor"].view(-1, 1, 1, 1)).clamp_(0, 1)


class Noise:
    """Add Gaussian noise of deviation ``sigma``, independent for each colour and pixel, and cut at 0 and 1.

    As ``v2.GaussianNoise``, which draws for a whole batch from one generator: here every image has a seed of its own.
    """

    def __init__(self, px: int, sigma: float) -> None:
        self.px, self.sigma = px, sigma

    def make_params(self, device: torch.device) -> dict[str, Any]:
        """Draw the noise (3, px, px); on an accelerator only where in a bank of noise it begins."""
        if device.type == "cpu":
            return {"noise": torch.randn(3, self.px, self.px)}
        return {"begin": int(torch.randint(NOISE_BANK - 3 * self.px**2, ()))}

    def transform(self, images: torch.Tensor, params: dict[str, torch.Tensor]) -> torch.Tensor:
        """Add the noise to (B, 3, px, px) float32 in 0..1."""
        if "begin" in params:
            places = params["begin"].view(-1, 1) + torch.arange(3 * self.px**2, device=images.device)
            noise = _noise_bank(images.device)[places].view(-1, *images.shape[1:])
        else:
            noise = params["noise"]
        return (images + noise * self.sigma).clamp_(0, 1)


# Numbers in a bank of noise: a window of 224 px is 150,528 of them.
NOISE_BANK = 2**24


@lru_cache(maxsize=4)
def _noise_bank(device: torch.device) -> torch.Tensor:
    """Standard normal numbers on an accelerator, the same in every process; a generator for each image costs more."""
    return torch.randn(NOISE_BANK, device=device, generator=torch.Generator(device).manual_seed(derive_seed("noise")))


# Each operation of the paper and the strength that makes it, and what every strength is where nothing happens.
OPERATIONS = {"crop": "crop_scale", "rotate": "rotation_deg", "brightness": "brightness", "noise": "noise_sigma"}
NEUTRAL = {"crop_scale": (1, 1), "rotation_deg": 0, "brightness": (1, 1), "noise_sigma": 0, "horizontal_flip": False}


def only(operation: str, augment: Augment) -> Augment:
    """The strengths with one of ``OPERATIONS`` alone, for showing what it does."""
    off = {name: value for name, value in NEUTRAL.items() if name != OPERATIONS[operation]}
    return augment.model_copy(update=off)


@lru_cache(maxsize=32)
def _steps(augment: Augment, px: int) -> list[RotateCrop | Brightness | Noise]:
    turn = {"rotation_deg": augment.rotation_deg, "crop_scale": augment.crop_scale, "flip": augment.horizontal_flip}
    steps = [RotateCrop(px, **turn)]
    steps += [Brightness(augment.brightness)] if augment.brightness != (1, 1) else []
    return steps + ([Noise(px, augment.noise_sigma)] if augment.noise_sigma else [])


def draw(random: Callable[..., Any], argument: Any, seed: int) -> Any:
    """Call a function that draws with a seed of its own, and leave the global generator as it was."""
    with torch.random.fork_rng(devices=[]):
        # The CPU generator only: torch.manual_seed would also reset the GPU's, which dropout draws from.
        torch.default_generator.manual_seed(seed)
        return random(argument)


def augment_photo(image: torch.Tensor, *, augment: Augment, image_size_px: int, seed: int) -> torch.Tensor:
    """Augment one photograph (3, W, W) uint8 as ``augment_batch`` does; (3, image_size_px, image_size_px) float32."""
    return augment_batch(image[None], augment=augment, image_size_px=image_size_px, seeds=[seed])[0]


def augment_batch(images: torch.Tensor, *, augment: Augment, image_size_px: int, seeds: list[int]) -> torch.Tensor:
    """Augment photographs (B, 3, W, W) uint8 where they are, to (B, 3, image_size_px, image_size_px) float32 in 0..1.

    A seed decides the draw of its image completely; on a CPU no image depends on the others.
    """
    steps = _steps(augment, image_size_px)
    drawn = [draw(lambda device: [step.make_params(device) for step in steps], images.device, seed) for seed in seeds]
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
