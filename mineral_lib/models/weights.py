"""Pretrained weights: pinned ImageNet weights, a local file, or weights pre-trained here.

Nothing falls back silently: a run that asks for weights gets them or stops with a message that says what to do.
"""

from pathlib import Path

import safetensors.torch
import timm
import torch
import torchvision
from torch import nn

from mineral_lib.config import Model, Weights
from mineral_lib.errors import WeightsError
from mineral_lib.models.zoo import base_network, classifier_of

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
        WeightsError: Compact siblings have no ImageNet weights; no local file is named for the network.
    """
    if weights.source == "imagenet" and options.family == "compact" and ":" not in name:
        raise WeightsError(
            f"there are no ImageNet weights for the compact {base_network(name)}",
            where="weights.source",
            remedy="set weights.source to formula, or model.family to paper",
        )
    if weights.source == "file":
        weights_path(name, weights.files)


def weights_path(name: str, files: dict[str, str]) -> Path:
    """The local weights file of a network, from ``weights.files``.

    Raises:
        WeightsError: None is named or it is not there.
    """
    key = base_network(name)
    path = Path(files.get(key) or files.get(name) or "")
    if not path.is_file():
        raise WeightsError(
            f"no weights file for {key}" + (f" at {path}" if path.name else ""),
            where=f"weights.files.{key}",
            remedy="give the path of a .pth or .safetensors file with its state dict",
        )
    return path


def imagenet_state(name: str, options: Model) -> tuple[dict[str, torch.Tensor], str]:
    """Download (or read from the cache) ImageNet-1k weights of a network.

    Returns:
        State dict and a note with tag and licence.

    Raises:
        WeightsError: Compact siblings have no ImageNet weights; no network; the download is damaged.
    """
    check_source(name, Weights.model_construct(source="imagenet", files={}), options)
    name = base_network(name)
    try:
        library, tag, licence = IMAGENET_WEIGHTS.get(name) or (name.split(":")[0], name.split(":")[-1], "see library")
        if library == "timm":
            network = timm.create_model(tag, pretrained=True)
            licence = (network.pretrained_cfg or {}).get("license", licence)
            return network.state_dict(), f"ImageNet-1k weights timm {tag}, licence {licence}"
        weights = (
            torchvision.models.get_weight(tag) if "." in tag else torchvision.models.get_model_weights(tag).DEFAULT
        )
        return weights.get_state_dict(
            progress=False, check_hash=True
        ), f"ImageNet-1k weights {weights}, licence {licence}"
    except Exception as error:  # the hubs raise many types when offline; all mean: no weights
        raise WeightsError(
            f"cannot get the ImageNet weights of {name} ({type(error).__name__}: {str(error)[:200]})",
            where="weights.source: imagenet",
            remedy="connect to the internet; or download the file elsewhere and set weights.source to file and "
            f"weights.files.{name} to its path; or set weights.source to formula",
        ) from error


def file_state(name: str, files: dict[str, str]) -> tuple[dict[str, torch.Tensor], str]:
    """Read the weights of a network from the local file named in ``weights.files``.

    Returns:
        State dict (nested ``model`` or ``state_dict`` opened, ``module.`` prefixes removed) and a note.

    Raises:
        WeightsError: No file is named for the network, or it cannot be read safely.
    """
    path = weights_path(name, files)
    try:
        if path.suffix == ".safetensors":
            state = safetensors.torch.load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch and safetensors raise many types for damaged or hostile files
        raise WeightsError(
            f"cannot be read as weights ({type(error).__name__})", where=str(path), remedy="download it again"
        ) from error
    for wrapper in ("model", "state_dict", "model_ema"):
        if isinstance(state, dict) and isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    return {key.removeprefix("module."): value for key, value in state.items()}, f"weights file {path.name}"


def load_backbone(name: str, network: nn.Module, state: dict[str, torch.Tensor], *, where: str) -> None:
    """Load pretrained weights into a network, all but its head (paper 2.1, step 2).

    Raises:
        WeightsError: Any weight outside the head is missing, left over or of another shape.
    """
    heads = classifier_of(name, network).head
    own = network.state_dict()
    wanted = {key for key in own if not key.startswith(tuple(f"{head}." for head in heads))}
    given = {key for key in state if not key.startswith(tuple(f"{head}." for head in heads))}
    # Auxiliary heads are training aids: weights with or without them fit.
    auxiliary = {key for key in wanted ^ given if key.startswith("aux")}
    wrong = [key for key in wanted & given if own[key].shape != state[key].shape]
    missing, extra = sorted(wanted - given - auxiliary), sorted(given - wanted - auxiliary)
    if missing or extra or wrong:
        raise WeightsError(
            f"the weights do not fit {name}: {len(missing)} missing (first: {missing[:3]}), {len(extra)} unexpected "
            f"(first: {extra[:3]}), {len(wrong)} of another shape (first: {sorted(wrong)[:3]})",
            where=where,
            remedy="give weights of exactly this network",
        )
    network.load_state_dict({key: state[key] for key in wanted & given}, strict=False)
