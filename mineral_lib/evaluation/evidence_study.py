"""Where the networks look, photograph by photograph, and what they answer when the ground is another one."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from mineral_lib.config import Normalisation, Settings
from mineral_lib.data.pixels import load_masks, load_pixels
from mineral_lib.data.pixels import load_on_ground
from mineral_lib.data.prepare import StudyData
from mineral_lib.evaluation.grad_cam import (
    BATCH,
    blind_centre_map,
    evidence_on_specimen,
    heat_maps,
    hottest_on_specimen,
    network_images,
)
from mineral_lib.models import zoo
from mineral_lib.reporting.evidence import AREA, BLIND, evidence_file
from mineral_lib.reporting.grounds import GROUNDS, MOST_ON_GROUNDS, grounds_file
from mineral_lib.runtime import select_device
from mineral_lib.storage import ResultPaths, write_csv
from mineral_lib.study import Study
from mineral_lib.training.engine import autocast_dtype
from mineral_lib.training.runs import load_run_network, run_samples
from mineral_lib.training.specs import RunSpec, ablation_runs, comparison_runs

CHUNK = 256  # photographs whose maps are in memory at once
RUN_COLUMNS = ["model", "network", "start", "seed", "image_id", "specimen"]


def evidence_runs(settings: Settings) -> list[RunSpec]:
    """The runs of Tables 4 and 5, each once, without controls and other ECA placements.

    None for photographs of a folder, which have no outlines and cannot be laid on another ground.
    """
    if settings.data.source != "synthetic":
        return []
    specs = dict.fromkeys(comparison_runs(settings) + ablation_runs(settings))
    return [spec for spec in specs if spec == RunSpec(spec.model, spec.weights, "grouped", spec.seed)]


def trained_network(settings: Settings, spec: RunSpec, study: StudyData) -> nn.Module:
    """The network of a finished run on the device of ``train.device``."""
    network = load_run_network(settings, spec, len(study.classes))
    return network.to(select_device(settings.train.device), memory_format=torch.channels_last)


def measure_evidence(study: StudyData, settings: Settings, specs: list[RunSpec]) -> list[Path]:
    """Measure on every test photograph of a generated set how much of each map lies on the specimen.

    Writes a row a run and photograph, and a row a photograph for two references that look at nothing: a blind map of
    the picture's middle, and a place drawn by lot, which finds the specimen as often as its area says.

    Returns:
        The file written; none without runs.
    """
    if not specs:
        return []
    photos, masks = (
        load_pixels(study.index, study.index, settings.data, settings.augment),
        _centre_masks(study, settings),
    )
    tests = [_test_photographs(study, settings, spec) for spec in specs]
    parts = [_references(pd.concat(tests).drop_duplicates("image_id"), masks)]
    for spec, test in zip(specs, tests, strict=True):
        found = _run_evidence(spec, settings, trained_network(settings, spec, study), test, photos, masks)
        parts.append(test.assign(**_named(spec, settings), **found))
    frame = pd.concat(parts, ignore_index=True)[[*RUN_COLUMNS, "area", "empty", "heat", "hottest"]]
    file = evidence_file(Study(settings, ResultPaths.of(settings.profile)))
    return [write_csv(file, frame.astype({"seed": "Int64"}), float_format="%.6g")]


def _references(test: pd.DataFrame, masks: np.ndarray) -> pd.DataFrame:
    outlines = masks[test["row"]]
    area, blind = outlines.mean((1, 2)), [blind_centre_map(masks.shape[1])] * len(test)
    known = test.assign(area=area, empty=False)
    return pd.concat(
        [
            known.assign(model=BLIND, network="blind centre map", **_on_specimen(blind, outlines)),
            known.assign(model=AREA, network="a place drawn by lot", heat=area, hottest=area),
        ]
    )


def _run_evidence(
    spec: RunSpec, settings: Settings, network: nn.Module, test: pd.DataFrame, photos: np.ndarray, masks: np.ndarray
) -> dict[str, list]:
    found = {"area": [], "empty": [], "heat": [], "hottest": []}
    for start in range(0, len(test), CHUNK):
        part = test.iloc[start : start + CHUNK]
        maps = heat_maps(
            spec.model,
            network,
            photos[part["row"]],
            part["label"].tolist(),
            image_size_px=settings.data.image_size_px,
            target=settings.grad_cam.target,
            by=settings.train.of(spec.model).normalise,
        )
        outlines = masks[part["row"]]
        found["area"] += outlines.mean((1, 2)).tolist()
        found["empty"] += [one.empty for one in maps]
        for name, values in _on_specimen([one.heat for one in maps], outlines).items():
            found[name] += values
    return found


def _on_specimen(maps: list[np.ndarray], masks: np.ndarray) -> dict[str, list[float]]:
    pairs = list(zip(maps, masks, strict=True))
    return {
        "heat": [evidence_on_specimen(*pair) for pair in pairs],
        "hottest": [hottest_on_specimen(*pair) for pair in pairs],
    }


def _centre_masks(study: StudyData, settings: Settings) -> np.ndarray:
    """Outlines (N, px, px) of all specimens in the part of the picture that networks see."""
    masks, px = load_masks(study.index, settings.data), settings.data.image_size_px
    margin = (masks.shape[1] - px) // 2
    return masks[:, margin : margin + px, margin : margin + px]


def answer_on_grounds(study: StudyData, settings: Settings, specs: list[RunSpec]) -> list[Path]:
    """Ask every run about the same specimens on their own, on another and on a grey ground.

    Writes a row a run and photograph with the label that was answered on each ground. Of more than
    ``MOST_ON_GROUNDS`` test photographs a fixed part is taken, because each is rendered twice more.

    Returns:
        The file written; none without runs.
    """
    if not specs:
        return []
    tests = [whole_specimens(_test_photographs(study, settings, spec), MOST_ON_GROUNDS) for spec in specs]
    rows = np.unique(np.concatenate([test["row"] for test in tests]))
    pictures = {"own": load_pixels(study.index, study.index, settings.data, settings.augment)[rows]}
    pictures |= {name: load_on_ground(study.index.iloc[rows], settings.data, name) for name in GROUNDS[1:]}
    parts, px = [], settings.data.image_size_px
    for spec, test in zip(specs, tests, strict=True):
        network, places = trained_network(settings, spec, study), np.searchsorted(rows, test["row"])
        how = (px, settings.train.precision, settings.train.of(spec.model).normalise)
        said = {name: answers(network, pictures[name][places], *how) for name in GROUNDS}
        parts.append(test.assign(**_named(spec, settings), **said))
    frame = pd.concat(parts, ignore_index=True)[[*RUN_COLUMNS, "label", *GROUNDS]]
    return [write_csv(grounds_file(Study(settings, ResultPaths.of(settings.profile))), frame)]


def _named(spec: RunSpec, settings: Settings) -> dict[str, str | int]:
    name = zoo.display_name(spec.model, settings.model.family)
    return {"model": spec.model, "network": name, "start": spec.weights, "seed": spec.seed}


def _test_photographs(study: StudyData, settings: Settings, spec: RunSpec) -> pd.DataFrame:
    """Test photographs of a run: image_id, specimen, label, and ``row``, the place in the index."""
    samples = run_samples(settings, spec, study)
    test = samples.loc[samples["split"] == "test", ["image_id", "specimen", "label"]].reset_index(drop=True)
    return test.assign(row=pd.Index(study.index["image_id"]).get_indexer(test["image_id"]))


def whole_specimens(test: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most so many photographs: the first specimen of every class, then the second ones, and so on.

    Args:
        test: Photographs with the columns specimen and label.
        most: Most photographs to keep; the specimen that would exceed it and all later ones are left out.
    """
    firsts = test.drop_duplicates("specimen")
    turn = firsts.assign(turn=firsts.groupby("label").cumcount()).sort_values(["turn", "label"])["specimen"]
    sizes = test.groupby("specimen").size()[turn]
    return test[test["specimen"].isin(turn[(sizes.cumsum() <= most).to_numpy()])].reset_index(drop=True)


@torch.inference_mode()
def answers(
    network: nn.Module, photos: np.ndarray, image_size_px: int, precision: str, by: Normalisation = "imagenet"
) -> np.ndarray:
    """Predicted labels of photographs, in batches on the device of the network and as precise as in training.

    Args:
        network: Trained network.
        photos: Working images (N, W, W, 3) uint8.
        image_size_px: Side the network sees.
        precision: As ``train.precision``.
        by: How the network's images are normalised.

    Returns:
        Labels (N,).
    """
    device, found = next(network.parameters()).device, []
    dtype = autocast_dtype(precision, device)
    for start in range(0, len(photos), BATCH):
        images = network_images(photos[start : start + BATCH], image_size_px, by)
        with torch.autocast(device.type, dtype=dtype, enabled=dtype is not None):
            scores = network(images.to(device, memory_format=torch.channels_last))
        found.append(scores.argmax(1).cpu().numpy())
    return np.concatenate(found)
