"""What the ablation asks of networks: ECA modules at each place, fresh (audit M3) and trained, and what starts know."""

import numpy as np
import pandas as pd
import timm
import torch
from timm.models.convnext import ConvNeXt, ConvNeXtBlock

from mineral_lib.config import PROPOSED, Model
from mineral_lib.data.dataset import normalise, to_tensor
from mineral_lib.evaluation.controls import colour_histograms, frozen_features, linear_probe
from mineral_lib.measurements.paper_networks import BASE
from mineral_lib.models.eca_convnext import PLACEMENTS, eca_modules, insert_eca, mean_gates
from mineral_lib.models.structure import count_parameters, file_size_mib
from mineral_lib.models.zoo import build_base
from mineral_lib.photos import grey
from mineral_lib.runtime import derive_seed, select_device
from mineral_lib.study import Study


def _trained_scale(options: Model) -> ConvNeXt:
    torch.manual_seed(derive_seed(0, "placement"))
    drawn = options.model_copy(update={"init_scheme": "library"})
    network = build_base("eca_convnext_tiny", num_classes=26, options=drawn)
    for module in network.modules():
        if isinstance(module, ConvNeXtBlock):
            torch.nn.init.ones_(module.gamma)
    return network.eval()


@torch.inference_mode()
def placement_effect(options: Model) -> pd.DataFrame:
    """Compare a ConvNeXt without attention and with fresh ECA modules at each place.

    The weights are the library's random ones with layer scale 1, in the place of trained ones: at its initial 1e-6
    every block is close to the identity and no placement would show an effect.

    Returns:
        One row a placement and gate start, with the cosine between the two networks' outputs (1: unchanged).
    """
    images = torch.randn(8, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    plain, rows = _trained_scale(options)(images), []
    for placement in PLACEMENTS:
        for init in ("default", "identity"):
            network = _trained_scale(options)
            insert_eca(network, placement=placement, init=init)
            cosine = torch.nn.functional.cosine_similarity(plain, network(images)).mean().item()
            rows.append({"placement": placement, "gates start as": init, "cosine with the plain network": cosine})
    return pd.DataFrame(rows)


def placement_costs(options: Model) -> pd.DataFrame:
    """What the modules of each placement add to ConvNeXt-T at full size with 26 outputs.

    Returns:
        One row a network: ECA modules, parameters, MiB of the saved state, parameters more than without modules.
    """
    networks = {"ConvNeXt-T, 26 outputs": "none"} | {f"ECA, {placement}": placement for placement in PLACEMENTS}
    kernel, rows = options.eca_kernel, []
    for name, placement in networks.items():
        with torch.device("meta"):  # shapes without numbers are enough to count
            network = timm.create_model(PROPOSED, num_classes=26, eca_placement=placement, eca_kernel=kernel)
        counts = {"modules": len(eca_modules(network)), "parameters": count_parameters(network)}
        rows.append({"network": name, **counts, "size MiB": file_size_mib(network.to_empty(device="cpu"))})
    frame = pd.DataFrame(rows)
    return frame.assign(added=frame["parameters"] - frame["parameters"].iloc[0])


def gate_table(study: Study) -> pd.DataFrame:
    """Gates of the trained proposed network on up to 256 test photographs.

    Returns:
        One row a starting point and module: kernel size, mean gate, lowest, highest, spread over channels.
    """
    samples = study.data.splits["grouped"]
    photos = study.pixels(samples)[(samples["split"] == "test").to_numpy()][:256]
    images = normalise(to_tensor(photos, study.settings.data.image_size_px))
    rows = []
    for start in ("scratch", "transfer"):
        if f"{PROPOSED}-{start}" not in study.settings.ablation.rows:
            continue
        network = study.run(PROPOSED, start).network()
        for number, (module, gate) in enumerate(zip(eca_modules(network), mean_gates(network, images), strict=True), 1):
            known = {"start": start, "module": number, "channels": module.channels, "k": module.kernel_size}
            values = {"mean gate": gate.mean(), "lowest": gate.min(), "highest": gate.max(), "spread": gate.std()}
            rows.append(known | {name: value.item() for name, value in values.items()})
    return pd.DataFrame(rows)


def starts_table(study: Study) -> pd.DataFrame:
    """What each start knows before fine-tuning, in colour and in grey, and what came of it.

    Starts are random weights of both schemes, the transferred weights, and the colour control if ``ablation.starts``
    names it; histograms stand beside them. All photographs of the profile are used, in up to five folds, groups never
    on both sides; the labels of test photographs train nothing but these throw-away classifiers.

    Returns:
        Columns ``features``, ``colour`` and ``grey`` (accuracy of the linear probe, a fraction) and ``fine_tuned``
        (test accuracy of the finished runs, mean over seeds; NaN where there are none).
    """
    settings = study.settings
    full = (study.index["role"] == "full").to_numpy()
    photos, index = study.pixels()[full], study.index[full]
    labels, groups = index["label"].to_numpy(), index["group"].to_numpy()
    pictures = {"colour": photos, "grey": grey(photos)}
    rows = [{"features": "histogram (8 levels a channel)", "fine_tuned": np.nan}]
    rows[0] |= {name: linear_probe(colour_histograms(seen), labels, groups) for name, seen in pictures.items()}
    control = ["colour"] if "colour" in settings.ablation.starts else []
    for start in ["scratch_library", "scratch_fast", *control, "transfer"]:
        network, note = study.run(BASE, start).fresh_network()
        row = {"features": f"frozen ConvNeXt, {note}", "fine_tuned": _fine_tuned(study, start)}
        options = {"image_size_px": settings.data.image_size_px, "device": select_device(settings.train.device)}
        for name, seen in pictures.items():
            row[name] = linear_probe(frozen_features(BASE, network, seen, **options), labels, groups)
        rows.append(row)
    return pd.DataFrame(rows, columns=["features", "colour", "grey", "fine_tuned"])


def _fine_tuned(study: Study, start: str) -> float:
    """Mean test accuracy of the finished runs of a start; ``scratch`` is the profile's own scheme."""
    same = ["scratch"] if start == f"scratch_{study.settings.model.init_scheme}" else []
    for weights in [start, *same]:
        runs = [study.run(BASE, weights, seed=seed) for seed in study.settings.train.seeds]
        if all(run.is_finished for run in runs):
            return float(np.mean([run.accuracy for run in runs]))
    return float("nan")
