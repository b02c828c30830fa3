"""What ECA modules at each place cost, and how much fresh ones change what a network already computes (audit M3)."""

import pandas as pd
import torch
from timm.models.convnext import ConvNeXtBlock

from mineral_lib.config import Model
from mineral_lib.models.eca_convnext import PLACEMENTS, eca_modules, insert_eca
from mineral_lib.models.structure import count_parameters, file_size_mib
from mineral_lib.models.zoo import add_attention, build_base
from mineral_lib.runtime import derive_seed, seed_everything


def _trained_scale(options: Model) -> torch.nn.Module:
    seed_everything(derive_seed(0, "placement"))
    drawn = options.model_copy(update={"init_scheme": "library"})
    network = build_base("convnext_tiny", num_classes=26, options=drawn)
    for module in network.modules():
        if isinstance(module, ConvNeXtBlock):
            torch.nn.init.ones_(module.gamma)
    return network


@torch.inference_mode()
def placement_effect(options: Model) -> pd.DataFrame:
    """Compare a ConvNeXt without attention and with fresh ECA modules at each place.

    The weights are the library's random ones with layer scale 1, in the place of trained ones: at its initial 1e-6
    every block is close to the identity and no placement would show an effect.

    Args:
        options: The ``model`` section.

    Returns:
        One row a placement and gate start, with the cosine between the two networks' outputs (1: unchanged).
    """
    images = torch.randn(8, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    plain = _trained_scale(options).eval()(images)
    rows = []
    for placement in PLACEMENTS:
        for init in ("default", "identity"):
            network = insert_eca(_trained_scale(options), placement=placement, init=init).eval()
            cosine = torch.nn.functional.cosine_similarity(plain, network(images)).mean().item()
            rows.append({"placement": placement, "gates start as": init, "cosine with the plain network": cosine})
    return pd.DataFrame(rows)


def placement_costs(options: Model) -> pd.DataFrame:
    """What the modules of each placement add to ConvNeXt-T at full size with 26 outputs.

    Args:
        options: The ``model`` section.

    Returns:
        One row a network: ECA modules, parameters, MiB of the saved state, parameters more than without modules.
    """
    options = options.model_copy(update={"family": "paper"})
    with torch.device("meta"):  # shapes without numbers are enough to count
        networks = {"ConvNeXt-T, 26 outputs": build_base("convnext_tiny", num_classes=26, options=options)}
        for placement in PLACEMENTS:
            placed = options.model_copy(update={"eca_placement": placement})
            network = build_base("eca_convnext_tiny", num_classes=26, options=placed)
            networks[f"ECA, {placement}"] = add_attention("eca_convnext_tiny", network, placed)
    rows = [
        {
            "network": name,
            "modules": len(eca_modules(network)),
            "parameters": count_parameters(network),
            "size MiB": file_size_mib(network.to_empty(device="cpu")),
        }
        for name, network in networks.items()
    ]
    frame = pd.DataFrame(rows)
    return frame.assign(added=frame["parameters"] - frame["parameters"].iloc[0])
