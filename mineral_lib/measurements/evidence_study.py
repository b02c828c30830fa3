"""Where the networks look, photograph by photograph, and what they answer when the ground is another one."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from mineral_lib.data.dataset import normalise, to_tensor
from mineral_lib.data.pixels import load_on_ground
from mineral_lib.evaluation.grad_cam import BATCH, heat_maps, network_on_device
from mineral_lib.storage import write_csv
from mineral_lib.study import Study
from mineral_lib.training.engine import autocast_dtype
from mineral_lib.training.run import Run

# A map that is highest at the edge is level there once it is enlarged: all these pixels are its hottest place.
HOTTEST = 0.999
CHUNK = 256  # photographs whose maps are in memory at once
MOST_ON_GROUNDS = 500  # photographs of a test set that are rendered on other grounds
GROUNDS = ("own", "swapped", "grey")
# References that look at nothing, as ``model`` in the file of photographs.
BLIND, AREA = "blind_centre", "area"
EVIDENCE_FILE, GROUNDS_FILE = "grad_cam_photographs.csv", "ground_answers.csv"
RUN_COLUMNS = ["model", "network", "start", "seed", "image_id", "specimen"]


def evidence_runs(study: Study) -> list[Run]:
    """The runs of Tables 4 and 5, each once, without controls and other ECA placements.

    None for photographs of a folder, which have no outlines and cannot be laid on another ground.
    """
    if study.settings.data.source != "synthetic":
        return []
    runs = dict.fromkeys(study.planned("comparison") + study.planned("ablation"))
    return [run for run in runs if run == study.run(run.model, run.weights, seed=run.seed)]


def read_measured(study: Study, name: str) -> pd.DataFrame | None:
    """``EVIDENCE_FILE`` or ``GROUNDS_FILE``, a row a run and photograph; None where it was not measured.

    None for photographs of a folder, too: a file of an earlier profile says nothing about them.
    """
    path = study.paths.root / name
    if study.settings.data.source != "synthetic" or not path.is_file():
        return None
    text = dict.fromkeys(["model", "network", "start", "image_id", "specimen"], str)
    return study.read(path, columns=text, dtype=text | {"seed": "Int64"}, na_values={"seed": [""]})


def measure_evidence(study: Study, runs: Sequence[Run]) -> list[Path]:
    """Measure on every test photograph of a generated set how much of each map lies on the specimen.

    Writes a row a run and photograph, and a row a photograph for two references that look at nothing: a blind map of
    the picture's middle, and a place drawn by lot, which finds the specimen as often as its area says. Returns the file
    written; none without runs.
    """
    if not runs:
        return []
    photos, masks = study.pixels(), _centre_masks(study)
    tests = [_test_photographs(run) for run in runs]
    parts = [_references(pd.concat(tests).drop_duplicates("image_id"), masks)]
    parts += [_run_evidence(run, test, photos, masks) for run, test in zip(runs, tests, strict=True)]
    frame = pd.concat(parts, ignore_index=True)[[*RUN_COLUMNS, "area", "empty", "heat", "hottest"]]
    return [write_csv(study.paths.root / EVIDENCE_FILE, frame.astype({"seed": "Int64"}), float_format="%.6g")]


def _references(test: pd.DataFrame, masks: np.ndarray) -> pd.DataFrame:
    outlines = masks[test["row"]]
    area, blind = outlines.mean((1, 2)), [blind_centre_map(masks.shape[1])] * len(test)
    test = test.assign(area=area, empty=False)
    centre = test.assign(model=BLIND, network="blind centre map", **_on_specimen(blind, outlines))
    return pd.concat([centre, test.assign(model=AREA, network="a place drawn by lot", heat=area, hottest=area)])


def _run_evidence(run: Run, test: pd.DataFrame, photos: np.ndarray, masks: np.ndarray) -> pd.DataFrame:
    network, found = network_on_device(run), []
    for start in range(0, len(test), CHUNK):
        part = test.iloc[start : start + CHUNK]
        outlines = masks[part["row"]]
        maps = heat_maps(run, photos[part["row"]], part["label"].tolist(), network=network)
        part = part.assign(area=outlines.mean((1, 2)), empty=[one.empty for one in maps])
        found.append(part.assign(**_on_specimen([one.heat for one in maps], outlines)))
    return _named(run, pd.concat(found))


def _on_specimen(maps: Sequence[np.ndarray], masks: np.ndarray) -> dict[str, list[float]]:
    return {"heat": [*map(evidence_on_specimen, maps, masks)], "hottest": [*map(hottest_on_specimen, maps, masks)]}


def evidence_on_specimen(heat: np.ndarray, mask: np.ndarray) -> float:
    """Share of the heat (0..1) that lies on the specimen, 0 for an empty map; ``mask`` is (px, px) bool."""
    total = float(heat.sum())
    return float(heat[mask].sum() / total) if total > 0 else 0.0


def hottest_on_specimen(heat: np.ndarray, mask: np.ndarray) -> float:
    """Whether the hottest place is on the specimen (0 or 1), 0 for an empty map.

    Where several pixels are equally hot: the share of them that is on the specimen.
    """
    top = float(heat.max())
    return float(mask[heat >= HOTTEST * top].mean()) if top > 0 else 0.0


def blind_centre_map(px: int) -> np.ndarray:
    """A map that looks at no photograph: even heat on the inner half of each side, hottest in the very middle."""
    heat, quarter, middle = np.zeros((px, px), np.float32), px // 4, px // 2
    heat[quarter : px - quarter, quarter : px - quarter] = 1
    heat[middle - 1 : middle + 1, middle - 1 : middle + 1] += 0.01
    return heat


def _centre_masks(study: Study) -> np.ndarray:
    """Outlines (N, px, px) of all specimens in the part of the picture that networks see."""
    masks, px = study.masks(), study.settings.data.image_size_px
    margin = (masks.shape[1] - px) // 2
    return masks[:, margin : margin + px, margin : margin + px]


def answer_on_grounds(study: Study, runs: Sequence[Run]) -> list[Path]:
    """Ask every run about the same specimens on their own, on another and on a grey ground.

    Writes a row a run and photograph with the label that was answered on each ground. Of more than
    ``MOST_ON_GROUNDS`` test photographs a fixed part is taken, because each is rendered twice more. Returns the file
    written; none without runs.
    """
    if not runs:
        return []
    tests = [whole_specimens(_test_photographs(run), MOST_ON_GROUNDS) for run in runs]
    rows = np.unique(np.concatenate([test["row"] for test in tests]))
    pictures = {"own": study.pixels()[rows]}
    pictures |= {name: load_on_ground(study.index.iloc[rows], study.settings.data, name) for name in GROUNDS[1:]}
    parts = []
    for run, test in zip(runs, tests, strict=True):
        network, places = network_on_device(run), np.searchsorted(rows, test["row"])
        said = {name: answers(run, pictures[name][places], network) for name in GROUNDS}
        parts.append(_named(run, test.assign(**said)))
    frame = pd.concat(parts, ignore_index=True)[[*RUN_COLUMNS, "label", *GROUNDS]]
    return [write_csv(study.paths.root / GROUNDS_FILE, frame)]


def _named(run: Run, rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(model=run.model, network=run.display_name, start=run.weights, seed=run.seed)


def _test_photographs(run: Run) -> pd.DataFrame:
    """Test photographs of a run: image_id, specimen, label, and ``row``, the place in the index."""
    samples = run.study.samples(run.protocol, run.seed)
    test = samples.loc[samples["split"] == "test", ["image_id", "specimen", "label"]].reset_index(drop=True)
    return test.assign(row=pd.Index(run.study.index["image_id"]).get_indexer(test["image_id"]))


def whole_specimens(test: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most so many photographs: the first specimen of every class, then the second ones, and so on.

    The specimen that would exceed ``most`` and all later ones are left out.
    """
    firsts = test.drop_duplicates("specimen")
    turn = firsts.assign(turn=firsts.groupby("label").cumcount()).sort_values(["turn", "label"])["specimen"]
    sizes = test.groupby("specimen").size()[turn]
    return test[test["specimen"].isin(turn[(sizes.cumsum() <= most).to_numpy()])].reset_index(drop=True)


@torch.inference_mode()
def answers(run: Run, photos: np.ndarray, network: nn.Module) -> np.ndarray:
    """Labels (N,) that a run's trained network answers for working images (N, W, W, 3), as precise as in training."""
    train, px = run.settings.train, run.settings.data.image_size_px
    device, found = next(network.parameters()).device, []
    dtype = autocast_dtype(train.precision, device)
    for start in range(0, len(photos), BATCH):
        images = normalise(to_tensor(photos[start : start + BATCH], px), train.normalise)
        with torch.autocast(device.type, dtype=dtype, enabled=dtype is not None):
            scores = network(images.to(device, memory_format=torch.channels_last))
        found.append(scores.argmax(1).cpu().numpy())
    return np.concatenate(found)
