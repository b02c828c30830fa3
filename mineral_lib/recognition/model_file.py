"""The recogniser as one file: safetensors, with everything that ``mineral identify`` needs on another machine.

The file holds numbers and text only, nothing that could run. Its metadata has one entry, a JSON text with classes,
features, calibration, thresholds, licences and the digest of all tensors.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from mineral_lib.errors import WeightsError
from mineral_lib.recognition.backbone import Backbone, load_backbone, stored_backbone
from mineral_lib.recognition.features import COLOUR, Kind, network_kind
from mineral_lib.recognition.linear import Linear
from mineral_lib.recognition.recogniser import Recogniser
from mineral_lib.recognition.unknown import Familiarity
from mineral_lib.storage import write_bytes

FORMAT, VERSION = "mineral recogniser", 1
ENTRY = "mineral_recogniser"
MAX_BYTES = 2_000_000_000
_CFG = ("architecture", "input_size", "crop_pct", "interpolation", "mean", "std", "license")
_LINEAR = ("mean", "scale", "weight", "bias")
_FAMILIAR = ("centre", "axes", "points")


def save_recogniser(path: Path, recogniser: Recogniser, kinds: list[str]) -> Path:
    """Write a recogniser.

    Args:
        path: The file, ending ``.safetensors``.
        recogniser: What to write.
        kinds: Names of its features, see ``recogniser.kind_of``.
    """
    tensors = {f"linear.{name}": getattr(recogniser.linear, name).astype(np.float64) for name in _LINEAR}
    tensors |= {f"familiarity.{name}": getattr(recogniser.familiarity, name).astype(np.float64) for name in _FAMILIAR}
    backbones: dict[str, Any] = {}
    for name in dict.fromkeys(kind.rpartition("@")[0] for kind in kinds if kind != COLOUR.name):
        backbone = load_backbone(name)
        backbones[name] = {"digest": backbone.digest, "source": backbone.source} | {
            "cfg": {key: backbone.cfg[key] for key in _CFG if key in backbone.cfg}
        }
        state = backbone.network.state_dict()
        tensors |= {f"backbone.{name}.{key}": value.contiguous().numpy() for key, value in state.items()}
    familiarity = recogniser.familiarity
    described = {
        "format": FORMAT,
        "version": VERSION,
        "classes": recogniser.classes,
        "kinds": kinds,
        "backbones": backbones,
        "temperature": recogniser.temperature,
        "coverage": recogniser.coverage,
        "least": recogniser.least,
        "familiarity": {"kind": familiarity.kind, "limit": familiarity.limit, "auroc": familiarity.auroc},
        "about": recogniser.about,
        "digest": _digest(tensors),
    }
    text = json.dumps(described, sort_keys=True, ensure_ascii=False)
    return write_bytes(path, save(tensors, metadata={ENTRY: text}))


def load_recogniser(path: Path) -> Recogniser:
    """Read a recogniser; nothing in the file can run.

    Raises:
        WeightsError: The file is missing, damaged, no recogniser, or of a newer version.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"larger than {MAX_BYTES} bytes")
        with safe_open(path, "numpy") as file:
            described = json.loads((file.metadata() or {})[ENTRY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        if described["format"] != FORMAT or described["version"] > VERSION:
            raise _unusable(path, f"version {described['version']} of the format is newer than this package")
        if described["digest"] != _digest(tensors):
            raise _unusable(path, "its numbers were changed: the digest differs")
        return _recogniser(described, tensors)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise _unusable(path, f"{type(error).__name__}: {error}") from error


def _recogniser(described: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Recogniser:
    classes = [str(name) for name in described["classes"]]
    linear = Linear(*(tensors[f"linear.{name}"] for name in _LINEAR))
    if linear.weight.shape != (len(classes), len(linear.mean)) or linear.bias.shape != (len(classes),):
        raise ValueError("the classifier does not fit the classes")
    known = described["familiarity"]
    parts = [tensors[f"familiarity.{name}"] for name in _FAMILIAR]
    familiarity = Familiarity(str(known["kind"]), *parts, limit=float(known["limit"]), auroc=float(known["auroc"]))
    backbones = {name: _backbone(name, one, tensors) for name, one in described["backbones"].items()}
    kinds = [_kind(name, backbones) for name in described["kinds"]]
    numbers = (float(described[name]) for name in ("temperature", "coverage", "least"))
    return Recogniser(classes, kinds, linear, *numbers, familiarity, dict(described["about"]))


def _kind(name: str, backbones: Mapping[str, Backbone]) -> Kind:
    backbone, _, size = name.rpartition("@")
    return COLOUR if name == COLOUR.name else network_kind(backbones[backbone], int(size))


def _backbone(name: str, described: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Backbone:
    start = f"backbone.{name}."
    state = {key.removeprefix(start): torch.from_numpy(tensors[key]) for key in tensors if key.startswith(start)}
    return stored_backbone(name, dict(described["cfg"]), state, str(described["digest"]))


def _digest(tensors: Mapping[str, np.ndarray]) -> str:
    found = hashlib.sha256()
    for name in sorted(tensors):
        found.update(f"{name} {tensors[name].dtype} {tensors[name].shape}".encode() + tensors[name].tobytes())
    return found.hexdigest()


def _unusable(path: Path, reason: str) -> WeightsError:
    return WeightsError(
        f"cannot be used as a recogniser ({reason})",
        where=str(path),
        remedy="give a file that mineral export of this version or an older one has written",
    )
