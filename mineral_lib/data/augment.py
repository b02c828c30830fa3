"""The paper's four operations (3.2): crop, rotate, brightness, noise.

The paper names them without strengths; ours are in the section ``augment`` of a profile. Every draw comes from
(seed, ids) through ``draw``, never from the order of work, the batch or the worker.
"""

import math
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from mineral_lib.config import Augment
from mineral_lib.runtime import derive_seed

# Numbers in a bank of noise: a window of 224 px is 150,528 of them.
NOISE_BANK = 2**24
# Each operation of the paper and the strength that makes it, and what every strength is where nothing happens.
OPERATIONS = {"crop": "crop_scale", "rotate": "rotation_deg", "brightness": "brightness", "noise": "noise_sigma"}
NEUTRAL = {"crop_scale": (1, 1), "rotation_deg": 0, "brightness": (1, 1), "noise_sigma": 0, "horizontal_flip": False}


def only(operation: str, augment: Augment) -> Augment:
    """The strengths with one of ``OPERATIONS`` alone, for showing what it does."""
    off = {name: value for name, value in NEUTRAL.items() if name != OPERATIONS[operation]}
    return augment.model_copy(update=off)


def draw_params(augment: Augment, px: int, device: torch.device) -> dict[str, Any]:
    """Draw what is done to one photograph.

    The angle is uniform in plus/minus ``rotation_deg``. The crop window (half sides and centre, where the picture is
    -1 to 1) keeps a share of the area that is uniform in ``crop_scale``, its aspect ratio is log-uniform from 3:4 to
    4:3; with ``horizontal_flip`` half of the draws are mirrored. The factor of brightness is uniform in its range. The
    noise is (3, px, px); on an accelerator only where in a bank of noise it begins.
    """
    angle, area, ratio, x, y, flip = torch.rand(6).tolist()
    low, high = augment.crop_scale
    area = low + (high - low) * area
    # At a full crop there is no room for another aspect ratio than the picture's.
    limit = min(math.log(4 / 3), -math.log(area))
    stretch = math.exp(limit * (2 * ratio - 1) / 2)
    width, height = math.sqrt(area) * stretch, math.sqrt(area) / stretch
    angle = math.radians(augment.rotation_deg * (2 * angle - 1))
    params = {
        "cos": math.cos(angle),
        "sin": math.sin(angle),
        "half_width": -width if augment.horizontal_flip and flip < 0.5 else width,
        "half_height": height,
        "x": (1 - width) * (2 * x - 1),
        "y": (1 - height) * (2 * y - 1),
    }
    if augment.brightness != (1, 1):
        low, high = augment.brightness
        params["factor"] = low + (high - low) * torch.rand(()).item()
    if augment.noise_sigma and device.type == "cpu":
        params["noise"] = torch.randn(3, px, px)
    elif augment.noise_sigma:
        params["begin"] = int(torch.randint(NOISE_BANK - 3 * px**2, ()))
    return params


def rotate_and_crop(images: torch.Tensor, params: dict[str, torch.Tensor], px: int) -> torch.Tensor:
    """Sample (B, C, H, W) uint8 or float at the drawn windows; float32 (B, C, px, px), uint8 scaled to 0..1.

    One bilinear step instead of four keeps the picture sharp and costs a quarter. Points outside of the picture are
    mirrored in, so there are no black corners.
    """
    images = images.to(torch.float32).div_(255) if images.dtype == torch.uint8 else images
    steps = ((torch.arange(px, dtype=torch.float32) + 0.5) * (2 / px) - 1).to(images.device, non_blocking=True)
    cos, sin, half_width, half_height, mid_x, mid_y = (
        params[name].view(-1, 1, 1) for name in ("cos", "sin", "half_width", "half_height", "x", "y")
    )
    x, y = half_width * steps + mid_x, half_height * steps[:, None] + mid_y
    grid = torch.stack((cos * x - sin * y, sin * x + cos * y), -1)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _noise(images: torch.Tensor, params: dict[str, torch.Tensor]) -> torch.Tensor:
    """Standard normal numbers of the shape of the images, independent for each colour and pixel.

    ``v2.GaussianNoise`` draws for a whole batch from one generator: here every image has a seed of its own.
    """
    if "noise" in params:
        return params["noise"]
    places = params["begin"].view(-1, 1) + torch.arange(images[0].numel(), device=images.device)
    return _noise_bank(images.device)[places].view_as(images)


@lru_cache(maxsize=4)
def _noise_bank(device: torch.device) -> torch.Tensor:
    """Standard normal numbers on an accelerator, the same in every process; a generator for each image costs more."""
    return torch.randn(NOISE_BANK, device=device, generator=torch.Generator(device).manual_seed(derive_seed("noise")))


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
    random = partial(draw_params, augment, image_size_px)
    drawn = [draw(random, images.device, seed) for seed in seeds]
    params = {name: _together([one[name] for one in drawn], images) for name in drawn[0]}
    images = rotate_and_crop(images, params, image_size_px)
    if "factor" in params:
        images = images.mul(params["factor"].view(-1, 1, 1, 1)).clamp_(0, 1)
    return (images + _noise(images, params) * augment.noise_sigma).clamp_(0, 1) if augment.noise_sigma else images


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
