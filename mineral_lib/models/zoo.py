"""The networks of the comparison by name (paper Table 4), and any timm or torchvision network.

``family: paper`` builds the six real networks, ``family: compact`` their small siblings (see ``compact.py``).
"""

from collections.abc import Callable
from dataclasses import dataclass

import timm
import torchvision
from torch import nn

from mineral_lib.config import NETWORK_NAMES, Model
from mineral_lib.errors import ParameterError
from mineral_lib.models.compact import COMPACT_BUILDERS, compact_convnext
from mineral_lib.models.eca_convnext import insert_eca
from mineral_lib.models.initialise import wake_up


@dataclass(frozen=True)
class Classifier:
    """Where a network keeps its classifying layer and its last feature maps.

    Attributes:
        head: Dotted names of the layers that depend on the number of classes.
        cam_layer: Dotted name of the layer whose output Grad-CAM reads (paper 4.3: "last feature maps").
    """

    head: tuple[str, ...]
    cam_layer: str


# The paper says "last feature maps"; the layers named in the authors' scripts agree. VGG: after the last ReLU, before
# any pooling.
CLASSIFIERS = {
    "vgg19": Classifier(("classifier.6",), "features.35"),
    "googlenet": Classifier(("fc", "aux1.fc2", "aux2.fc2"), "inception5b"),
    "resnet50": Classifier(("fc",), "layer4"),
    "resnext50": Classifier(("fc",), "layer4"),
    "convnext_tiny": Classifier(("head.fc",), "stages.3"),
    "eca_convnext_tiny": Classifier(("head.fc",), "stages.3"),
}


def base_network(name: str) -> str:
    """The network whose pretrained weights ``name`` starts from: ECA-ConvNeXt starts from ConvNeXt."""
    return "convnext_tiny" if name == "eca_convnext_tiny" else name


def display_name(name: str, family: str) -> str:
    """Name for tables and figures; compact siblings say so."""
    if ":" in name:
        return name.split(":", 1)[1]
    return NETWORK_NAMES[name] + (" (compact)" if family == "compact" else "")


def _paper_network(name: str, num_classes: int, options: Model) -> nn.Module:
    if name == "convnext_tiny":
        return timm.create_model("convnext_tiny", num_classes=num_classes, drop_path_rate=options.drop_path_rate)
    if name == "googlenet":
        # torchvision's GoogLeNet weights expect inputs scaled another way; the network converts them itself.
        return torchvision.models.GoogLeNet(
            num_classes=num_classes, aux_logits=True, init_weights=True, transform_input=True
        )
    builders: dict[str, Callable[..., nn.Module]] = {
        "vgg19": torchvision.models.vgg19,
        "resnet50": torchvision.models.resnet50,
        "resnext50": torchvision.models.resnext50_32x4d,
    }
    return builders[name](weights=None, num_classes=num_classes)


def _named_network(name: str, num_classes: int) -> nn.Module:
    library, _, network = name.partition(":")
    try:
        if library == "timm":
            return timm.create_model(network, num_classes=num_classes)
        return torchvision.models.get_model(network, weights=None, num_classes=num_classes)
    except (RuntimeError, ValueError) as error:
        raise ParameterError(
            f"{library} knows no network {network!r} ({error})",
            where="comparison.models",
            remedy=f"choose a name that {'timm' if library == 'timm' else 'torchvision.models'}.list_models() prints",
        ) from error


def build_base(name: str, *, num_classes: int, options: Model) -> nn.Module:
    """Build a network without attention modules, with random weights drawn by ``model.init_scheme``.

    Args:
        name: Paper name (``vgg19`` ... ``eca_convnext_tiny``), ``timm:<name>`` or ``torchvision:<name>``.
        num_classes: Outputs of the head.
        options: The ``model`` section.

    Raises:
        ParameterError: The library knows no such network.
    """
    name = base_network(name)
    if ":" in name:
        network = _named_network(name, num_classes)
    elif options.family == "paper":
        network = _paper_network(name, num_classes, options)
    elif name == "convnext_tiny":
        network = compact_convnext(num_classes, drop_path_rate=options.drop_path_rate)
    else:
        network = COMPACT_BUILDERS[name](num_classes)
    if not hasattr(network, "group_matcher"):
        # timm's layer-wise learning rates ask here which layers are the head.
        network.pretrained_cfg = {"classifier": classifier_of(name, network).head}
    return wake_up(network) if options.init_scheme == "fast" else network


def add_attention(name: str, network: nn.Module, options: Model) -> nn.Module:
    """Put the ECA modules into ``eca_convnext_tiny`` (after its weights are loaded); others stay as they are."""
    if name != "eca_convnext_tiny":
        return network
    return insert_eca(network, placement=options.eca_placement, kernel=options.eca_kernel, init=options.eca_init)


def classifier_of(name: str, network: nn.Module) -> Classifier:
    """Head and Grad-CAM layer of a network.

    Raises:
        ParameterError: A foreign network whose classifying layer is not declared by its library.
    """
    if name in CLASSIFIERS:
        return CLASSIFIERS[name]
    config = getattr(network, "pretrained_cfg", None) or {}
    head = config.get("classifier")
    if head is None:  # torchvision declares none: it is the last layer with parameters
        head = [key for key, module in network.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)][-1]
    maps = [
        key
        for key, module in network.named_modules()
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d | nn.LayerNorm) and key not in head and module is not network
    ]
    if not maps:
        raise ParameterError(
            f"no feature maps found in {name}", where="comparison.models", remedy="choose another network"
        )
    return Classifier((head,) if isinstance(head, str) else tuple(head), maps[-1])
