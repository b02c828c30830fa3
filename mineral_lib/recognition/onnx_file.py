"""The recogniser as ONNX: pictures in, calibrated probabilities out, for programs without Python or torch.

There is one input a kind of features, ``<backbone>_<px>`` or ``colour``: (B, 3, px, px), values 0 to 1. Normalisation,
the mirrored second look, the colour histogram, the classifier and the temperature are inside. How a photograph becomes
these pictures stands in the file's metadata. The sets and *not one of these* are not in it.
"""

import json
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mineral_lib.errors import WeightsError
from mineral_lib.recognition.backbone import Backbone, describe
from mineral_lib.recognition.features import BINS, COLOUR, HISTOGRAM_SIDE_PX, Kind
from mineral_lib.recognition.recogniser import Recogniser
from mineral_lib.storage import write_bytes

OPSET = 18


class RecogniserModule(nn.Module):
    """The recogniser as one torch module; ``forward`` takes one tensor (B, 3, px, px) a kind, values 0 to 1."""

    def __init__(self, recogniser: Recogniser) -> None:
        super().__init__()
        looks = (_Network(kind.backbone) if kind.backbone else _Histogram() for kind in recogniser.kinds)
        self.looks = nn.ModuleList(looks)
        linear = recogniser.linear
        # Standardising and the temperature are folded into the last layer, in double precision.
        weight = linear.weight / linear.scale / recogniser.temperature
        bias = linear.bias / recogniser.temperature - weight @ linear.mean
        self.classify = nn.Linear(weight.shape[1], weight.shape[0])
        self.classify.load_state_dict({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)})
        self.eval().requires_grad_(False)

    def forward(self, *pictures: torch.Tensor) -> torch.Tensor:
        """Calibrated probabilities (B, C)."""
        parts = [look(picture) for look, picture in zip(self.looks, pictures, strict=True)]
        return self.classify(torch.cat(parts, 1)).softmax(1)


class _Network(nn.Module):
    """Features (B, D) of pictures and their mirror images."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.network = backbone.network
        for name in ("mean", "std"):
            self.register_buffer(name, torch.tensor(backbone.cfg[name], dtype=torch.float32).view(1, 3, 1, 1))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        pictures = (pictures - self.mean) / self.std
        return (describe(self.network, pictures) + describe(self.network, pictures.flip(3))) / 2


class _Histogram(nn.Module):
    """The colour histogram (B, 512) by products of indicators, which every ONNX runtime has."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        levels = torch.floor((pictures * 255).round() * (BINS / 256)).flatten(2)  # (B, 3, N)
        is_level = (levels[:, :, None] == torch.arange(BINS)[None, None, :, None]).float()  # (B, 3, 8, N)
        red, green, blue = is_level.unbind(1)
        pairs = (red[:, :, None] * green[:, None]).flatten(1, 2)  # (B, 64, N)
        return ((pairs @ blue.transpose(1, 2)).flatten(1) / levels.shape[2]).sqrt()


def input_names(recogniser: Recogniser) -> list[str]:
    """Names of the inputs, in the order of the recogniser's kinds."""
    return [
        COLOUR.name if kind.backbone is None else f"{kind.backbone.name}_{kind.size_px}" for kind in recogniser.kinds
    ]


def write_onnx(path: Path, recogniser: Recogniser) -> Path:
    """Write the recogniser as ONNX to a file ending ``.onnx``.

    Raises:
        WeightsError: The packages of the extra ``export`` are not installed, or the network cannot be exported.
    """
    missing = [name for name in ("onnx", "onnxscript") if find_spec(name) is None]
    if missing:
        remedy = "install the extra 'export': pip install onnx onnxscript onnxruntime"
        raise WeightsError(f"not installed: {', '.join(missing)}", where="--onnx", remedy=remedy)
    names = input_names(recogniser)
    examples = tuple(torch.rand(2, 3, kind.size_px, kind.size_px) for kind in recogniser.kinds)
    try:
        with warnings.catch_warnings(action="ignore"):  # the exporter speaks to its makers
            program = torch.onnx.export(
                RecogniserModule(recogniser),
                examples,
                dynamo=True,
                opset_version=OPSET,
                input_names=names,
                output_names=["probability"],
                dynamic_shapes=(tuple({0: torch.export.Dim("photographs")} for _ in names),),
                verbose=False,
            )
        inputs = {name: _preparing(kind) for name, kind in zip(names, recogniser.kinds, strict=True)}
        facts = {"classes": recogniser.classes, "inputs": inputs, "about": recogniser.about}
        program.model.metadata_props.update({key: json.dumps(fact, ensure_ascii=False) for key, fact in facts.items()})
        content = program.model_proto.SerializeToString()
    except Exception as error:  # the exporter raises errors of many kinds
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise WeightsError(
            f"cannot be exported as ONNX ({reason})", where=str(path), remedy="export it without --onnx"
        ) from error
    return write_bytes(path, content)


def _preparing(kind: Kind) -> dict[str, Any]:
    """How a photograph becomes an input, in numbers and words."""
    if kind.backbone is None:
        how = "whole photograph, its aspect not kept"
        return {"size_px": HISTOGRAM_SIDE_PX, "interpolation": "bilinear", "how": how}
    cfg = kind.backbone.cfg
    return {
        "size_px": kind.size_px,
        "crop_pct": cfg.get("crop_pct", 1.0),
        "interpolation": cfg.get("interpolation", "bicubic"),
        "how": "shorter side to size_px / crop_pct, aspect kept; then the centre of size_px x size_px",
    }
