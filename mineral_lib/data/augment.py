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


class _OneImage(v2.Transform):
    """A transform of a single tensor: v2's search for images in nested inputs costs as much as the work itself."""

    def forward(self, inpt: torch.Tensor) -> torch.Tensor:
        """Draw the parameters and apply them to (C, H, W)."""
        return self.transform(inpt, self.make_params([inpt]))


class RotateCrop(_OneImage):
    """Random rotation, random crop, optional flip and resizing, in one bilinear sampling step.

    One step instead of four keeps the picture sharp and costs a quarter. Points outside of the picture are mirrored
    in, so there are no black corners.

    Args:
        px: Side of the result in pixels.
        rotation_deg: Angles are uniform in plus/minus this, degrees.
        crop_scale: Range of the share of the area that is kept; aspect ratios 3:4 to 4:3, log-uniform.
        flip: Mirror left and right in half of the draws.
    """

    def __init__(self, px: int, *, rotation_deg: float = 0.0, crop_scale: tuple[float, float] = (1.0, 1.0),
                 flip: bool = False) -> None:
        super().__init__()
        self.px, self.rotation_deg, self.crop_scale, self.flip = px, rotation_deg, crop_scale, flip
        steps = (torch.arange(px, dtype=torch.float32) + 0.5) * (2 / px) - 1
        self.steps = steps

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the angle, the crop window and the flip (one call of the generator)."""
        angle, area, ratio, x, y, flip = torch.rand(6).tolist()
        low, high = self.crop_scale
        area = low + (high - low) * area
        # At a full crop there is no room for another aspect ratio than the picture's.
        limit = min(math.log(4 / 3), -math.log(area))
        stretch = math.exp(limit * (2 * ratio - 1) / 2)
        width, height = math.sqrt(area) * stretch, math.sqrt(area) / stretch
        sign = -1.0 if self.flip and flip < 0.5 else 1.0
        return {
            "angle": math.radians(self.rotation_deg * (2 * angle - 1)),
            "half": (sign * width, height),
            "centre": ((1 - width) * (2 * x - 1), (1 - height) * (2 * y - 1)),
        }

    def transform(self, inpt: torch.Tensor, params: dict[str, Any]) -> torch.Tensor:
        """Sample (C, H, W) uint8 or float at the drawn window; returns float32 (C, px, px), uint8 scaled to 0..1."""
        image = inpt.to(torch.float32).div_(255) if inpt.dtype == torch.uint8 else inpt
        (wide, high), (mid_x, mid_y) = params["half"], params["centre"]
        cos, sin = math.cos(params["angle"]), math.sin(params["angle"])
        x, y = wide * self.steps + mid_x, (high * self.steps + mid_y)[:, None]
        grid = torch.stack((cos * x - sin * y, sin * x + cos * y), -1)
        return F.grid_sample(image[None], grid[None], mode="bilinear", padding_mode="reflection",
                             align_corners=False)[0]


class Brightness(_OneImage):
    """Multiply a float image by a factor that is uniform in ``factors`` and cut at 0 and 1."""

    def __init__(self, factors: tuple[float, float]) -> None:
        super().__init__()
        self.factors = factors

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the factor."""
        low, high = self.factors
        return {"factor": low + (high - low) * torch.rand(()).item()}

    def transform(self, inpt: torch.Tensor, params: dict[str, Any]) -> torch.Tensor:
        """Brighten or darken (C, H, W) float32 in 0..1."""
        return inpt.mul(params["factor"]).clamp_(0, 1)


@lru_cache(maxsize=32)
def build_augmentation(augment: Augment, image_size_px: int) -> v2.Transform:
    """All four operations in the order rotate and crop, brightness, noise.

    Args:
        augment: The section ``augment`` of the profile.
        image_size_px: Side of the result.

    Returns:
        A transform from (3, W, W) uint8 to (3, image_size_px, image_size_px) float32 in 0..1.
    """
    steps: list[v2.Transform] = [RotateCrop(image_size_px, rotation_deg=augment.rotation_deg,
                                            crop_scale=augment.crop_scale, flip=augment.horizontal_flip)]
    if augment.brightness != (1, 1):
        steps.append(Brightness(augment.brightness))
    if augment.noise_sigma:
        steps.append(v2.GaussianNoise(sigma=augment.noise_sigma, clip=True))
    return v2.Compose(steps)


# Each operation alone, for showing what it does: OPERATIONS["noise"](augment, px) is a transform like the whole.
OPERATIONS: dict[str, Callable[[Augment, int], v2.Transform]] = {
    "crop": lambda augment, px: RotateCrop(px, crop_scale=augment.crop_scale),
    "rotate": lambda augment, px: RotateCrop(px, rotation_deg=augment.rotation_deg),
    "brightness": lambda augment, px: v2.Compose([RotateCrop(px), Brightness(augment.brightness)]),
    "noise": lambda augment, px: v2.Compose([RotateCrop(px), v2.GaussianNoise(sigma=augment.noise_sigma)]),
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
    """Augment one photograph.

    Args:
        image: (3, W, W) uint8 at working size.
        augment: The section ``augment`` of the profile.
        image_size_px: Side of the result.
        seed: Decides the draw completely, for example ``derive_seed(seed, epoch, sample_id)``.

    Returns:
        (3, image_size_px, image_size_px) float32 in 0..1.
    """
    return draw(build_augmentation(augment, image_size_px), image, seed)


def augment_offline(image: np.ndarray, copy: int, image_id: str, *, augment: Augment, seed: int) -> np.ndarray:
    """Copy number ``copy`` of a photograph for the paper protocol; copy 0 is the photograph itself.

    Args:
        image: (W, W, 3) uint8 at working size.
        copy: Number of the copy.
        image_id: Id of the photograph; with ``copy`` and ``seed`` it decides the draw.
        augment: The section ``augment`` of the profile.
        seed: data.seed of the profile.

    Returns:
        (W, W, 3) uint8, the same size.
    """
    if copy == 0:
        return image
    tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    made = augment_photo(tensor, augment=augment, image_size_px=image.shape[0],
                         seed=derive_seed("offline", seed, image_id, copy))
    return made.mul(255).round_().to(torch.uint8).permute(1, 2, 0).numpy()
