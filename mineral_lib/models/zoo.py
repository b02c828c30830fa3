"""The networks of the comparison (paper Table 4), registered with timm, and any other network of timm or torchvision.

After ``import mineral_lib`` everybody builds them by ``timm.create_model("eca_convnext_tiny", num_classes=26)``. The
real networks that timm builds otherwise end in ``_torchvision``, the small siblings of all six in ``_compact`` (see
``compact.py``). A network's head stands in its ``pretrained_cfg["classifier"]``, the layer whose output Grad-CAM reads
in ``feature_info[-1]["module"]``.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import timm
import torchvision
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import nn

from mineral_lib.config import NETWORK_NAMES, PROPOSED, Model
from mineral_lib.errors import ParameterError
from mineral_lib.models import compact
from mineral_lib.models.eca_convnext import insert_eca, with_eca
from mineral_lib.models.initialise import wake_up
from mineral_lib.models.lite import ECA_LITE0, LITE0

# The layers that depend on the number of classes, and those whose output Grad-CAM reads. The paper (4.3) says "last
# feature maps"; the layers named in the authors' scripts agree. VGG: after the last ReLU, before any pooling.
LAYERS = {
    "vgg19": ("classifier.6", "features.35"),
    "googlenet": (("fc", "aux1.fc2", "aux2.fc2"), "inception5b"),
    "resnet50": ("fc", "layer4"),
    "resnext50": ("fc", "layer4"),
    "convnext_tiny": ("head.fc", "stages.3"),
    "eca_convnext_tiny": ("head.fc", "stages.3"),
    ECA_LITE0: ("classifier", "bn2"),
}
BUILDERS: dict[str, dict[str, Callable[..., nn.Module]]] = {
    "": {
        "eca_convnext_tiny": partial(with_eca, partial(timm.create_model, "convnext_tiny")),
        ECA_LITE0: partial(with_eca, partial(timm.create_model, LITE0)),
    },
    "_torchvision": {
        "vgg19": torchvision.models.vgg19,
        # torchvision's GoogLeNet weights expect inputs scaled another way; the network converts them itself.
        "googlenet": partial(torchvision.models.GoogLeNet, aux_logits=True, init_weights=True, transform_input=True),
        "resnet50": torchvision.models.resnet50,
        "resnext50": torchvision.models.resnext50_32x4d,
    },
    "_compact": {
        "vgg19": compact.CompactVGG,
        "googlenet": compact.CompactGoogLeNet,
        "resnet50": compact.compact_resnet,
        "resnext50": compact.compact_resnext,
        "convnext_tiny": compact.compact_convnext,
        "eca_convnext_tiny": partial(with_eca, compact.compact_convnext),
    },
}
default_cfgs: dict[str, Any] = {}  # timm looks here


def _register(name: str, builder: Callable[..., nn.Module], head: str | tuple[str, ...], maps: str) -> None:
    def entry(pretrained: bool = False, **options: Any) -> nn.Module:
        # Neither torchvision's networks nor the small ones made like them know timm's other defaults.
        foreign = ("in_chans", "global_pool") if name.startswith(("vgg", "googlenet")) or "torchvision" in name else ()
        network = build_model_with_cfg(builder, name, pretrained, kwargs_filter=foreign, **options)
        if not hasattr(network, "feature_info"):
            network.feature_info = [{"module": maps}]
        return network

    entry.__name__ = name
    side = 64 if name.endswith("_compact") else 224
    default_cfgs.update(generate_default_cfgs({name: {"classifier": head, "input_size": (3, side, side)}}))
    register_model(entry)


for _ending, _builders in BUILDERS.items():
    for _name, _builder in _builders.items():
        _register(f"{_name}{_ending}", _builder, *LAYERS[_name])


class Classifier(NamedTuple):
    """Dotted names of the layers that depend on the number of classes, and of the one whose output Grad-CAM reads."""

    head: tuple[str, ...]
    cam_layer: str


def base_network(name: str) -> str:
    """The network whose pretrained weights ``name`` starts from: the same without attention."""
    return {PROPOSED: "convnext_tiny", f"timm:{ECA_LITE0}": f"timm:{LITE0}"}.get(name, name)


def display_name(name: str, family: str) -> str:
    """Name for tables and figures; compact siblings say so."""
    if ":" in name:
        return name.split(":", 1)[1]
    return NETWORK_NAMES[name] + (" (compact)" if family == "compact" else "")


def build_base(name: str, *, num_classes: int, options: Model) -> nn.Module:
    """Build a network without its attention modules, with random weights drawn by ``model.init_scheme``.

    Args:
        name: Paper name (``vgg19`` ... ``eca_convnext_tiny``), ``timm:<name>`` or ``torchvision:<name>``.
        num_classes: Outputs of the head.
        options: The ``model`` section.

    Raises:
        ParameterError: The library knows no such network.
    """
    name = base_network(name)
    if ":" in name:
        network = _foreign_network(name, num_classes)
    else:
        own, real = ({"drop_path_rate": options.drop_path_rate}, "") if "convnext" in name else ({}, "_torchvision")
        ending = "_compact" if options.family == "compact" else real
        network = timm.create_model(name + ending, num_classes=num_classes, **own)
    return wake_up(network) if options.init_scheme == "fast" else network


def _foreign_network(name: str, num_classes: int) -> nn.Module:
    library, _, network = name.partition(":")
    try:
        if library == "timm":
            return timm.create_model(network, num_classes=num_classes)
        built = torchvision.models.get_model(network, weights=None, num_classes=num_classes)
    except (RuntimeError, ValueError) as error:
        raise ParameterError(
            f"{library} knows no network {network!r} ({error})",
            where="comparison.models",
            remedy=f"choose a name that {'timm' if library == 'timm' else 'torchvision.models'}.list_models() prints",
        ) from error
    cfg = {"architecture": network, "classifier": classifier_of(name, built).head}  # for timm's layer-wise rates
    return build_model_with_cfg(lambda **_: built, network, pretrained=False, pretrained_cfg=cfg)


def add_attention(name: str, network: nn.Module, options: Model) -> nn.Module:
    """Put the ECA modules into a network with attention (after its weights are loaded); others stay as they are."""
    if base_network(name) != name:
        insert_eca(network, placement=options.eca_placement, kernel=options.eca_kernel, init=options.eca_init)
    return network


def classifier_of(name: str, network: nn.Module) -> Classifier:
    """Head and Grad-CAM layer of a network.

    Raises:
        ParameterError: A foreign network whose classifying layer is not declared by its library.
    """
    head = (getattr(network, "pretrained_cfg", None) or {}).get("classifier")
    layers = [key for key, module in network.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    head = head or layers[-1]  # torchvision declares none: it is the last layer with parameters
    head = (head,) if isinstance(head, str) else tuple(head)
    if ":" not in name:
        return Classifier(head, network.feature_info[-1]["module"])
    kinds = nn.Conv2d | nn.BatchNorm2d | nn.LayerNorm
    maps = [key for key, module in network.named_modules() if isinstance(module, kinds) and key and key not in head]
    if not maps:
        raise ParameterError(
            f"no feature maps found in {name}", where="comparison.models", remedy="choose another network"
        )
    return Classifier(head, maps[-1])
