"""The recogniser as one file: safetensors, with everything that ``mineral identify`` needs on another machine.

The file holds numbers and text only, nothing that could run. Its metadata has one entry, a JSON text with classes,
features, calibration, thresholds, licences and the digest of everything. A file is somebody else's until the opposite
is shown: sizes, names and numbers are checked, and it must answer once for a grey picture before it is used.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from mineral_lib.errors import WeightsError
from mineral_lib.paths import project_root
from mineral_lib.recognition.backbone import Backbone, stored_backbone
from mineral_lib.recognition.features import COLOUR, Kind, network_kind
from mineral_lib.recognition.linear import Linear
from mineral_lib.recognition.recogniser import Recogniser
from mineral_lib.recognition.unknown import Familiarity
from mineral_lib.storage import write_bytes

FORMAT, VERSION = "mineral recogniser", 4
ENTRY = "mineral_recogniser"
MODEL_FILE = "recogniser.safetensors"
MAX_BYTES, MAX_TEXT = 2_000_000_000, 20_000_000
MAX_KINDS, MAX_CLASSES, MAX_NAME = 8, 5000, 255
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
SIZES_PX = range(32, 1025)
_CFG = ("architecture", "input_size", "crop_pct", "interpolation", "mean", "std", "license")
_LINEAR = ("mean", "scale", "weight", "bias")
_FAMILIARITY = ("limit", "doubt", "shift", "auroc", "auroc_low", "auroc_high")


def save_recogniser(path: Path, recogniser: Recogniser) -> Path:
    """Write a recogniser to a file ending ``.safetensors``."""
    tensors = {f"linear.{name}": _plain(getattr(recogniser.linear, name)) for name in _LINEAR}
    tensors["familiarity.points"] = _plain(recogniser.familiarity.points)
    backbones: dict[str, Any] = {}
    for name, backbone in recogniser.backbones.items():
        backbones[name] = {"digest": backbone.digest, "source": backbone.source} | {
            "cfg": {key: backbone.cfg[key] for key in _CFG if key in backbone.cfg}
        }
        state = backbone.network.state_dict()
        tensors |= {f"backbone:{name}:{key}": value.contiguous().numpy() for key, value in state.items()}
    familiarity = recogniser.familiarity
    described = {
        "format": FORMAT,
        "version": VERSION,
        "classes": recogniser.classes,
        "kinds": [kind.title for kind in recogniser.kinds],
        "backbones": backbones,
        "temperature": recogniser.temperature,
        "coverage": recogniser.coverage,
        "least": recogniser.least,
        "group_least": recogniser.group_least,
        "familiarity": {name: getattr(familiarity, name) for name in _FAMILIARITY},
        "about": recogniser.about,
    }
    described = json.loads(_text(described))  # as it will be read: keys are text, lists are lists
    text = _text(described | {"digest": _digest(described, tensors)})
    return write_bytes(path, save(tensors, metadata={ENTRY: text}))


def newest_model() -> Path:
    """The newest recogniser of all profiles.

    Raises:
        WeightsError: There is none.
    """
    results = project_root() / "results"
    found = sorted(results.glob(f"*/recogniser/{MODEL_FILE}"), key=lambda path: (path.stat().st_mtime_ns, path))
    if not found:
        remedy = "make one from a folder of photographs, or give a file with --model"
        raise WeightsError("no recogniser has been made yet", where=str(results), remedy=remedy)
    return found[-1]


def load_recogniser(path: Path) -> Recogniser:
    """Read a recogniser; nothing in the file can run, and nothing is downloaded.

    Raises:
        WeightsError: The file is missing, damaged, no recogniser, of another version, or cannot be true.
    """
    try:
        described, tensors = _read(path)
        recogniser = _recogniser(described, tensors)
        _try_out(recogniser)
    except WeightsError as error:
        raise _unusable(path, error.what) from error
    # A file may hold anything, and timm and torch answer wrong numbers with errors of many kinds.
    except Exception as error:
        reason = (str(error).strip().splitlines() or ["no details"])[0]
        raise _unusable(path, f"{type(error).__name__}: {reason[:MAX_NAME]}") from error
    return recogniser


def _read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    _must(path.is_file(), "no such file")
    _must(path.stat().st_size <= MAX_BYTES, f"larger than {MAX_BYTES} bytes")
    try:
        with safe_open(path, "numpy") as file:
            text = (file.metadata() or {}).get(ENTRY, "")
            _must(text != "", "it is no recogniser")
            _must(len(text) <= MAX_TEXT, f"its description is longer than {MAX_TEXT} characters")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except SafetensorError as error:
        raise WeightsError(f"damaged or no safetensors file: {error}") from error
    described = json.loads(text)
    _must(isinstance(described, dict) and described.get("format") == FORMAT, "it is no recogniser")
    version = described.get("version")
    _must(version == VERSION, f"version {str(version)[:MAX_NAME]} of the format; this package reads {VERSION}")
    given = described.pop("digest", "")
    _must(given == _digest(described, tensors), "it was changed after it was written: the digest differs")
    return described, tensors


def _recogniser(described: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Recogniser:
    classes, kinds = described["classes"], described["kinds"]
    _must(_are_names(classes) and 2 <= len(classes) <= MAX_CLASSES, "its class names cannot be used")
    _must(_are_names(kinds) and 1 <= len(kinds) <= MAX_KINDS, "its features cannot be used")
    for name, tensor in tensors.items():
        absent = name == "linear.bias"  # a class that was never learned has minus infinity
        finite = np.isfinite(tensor) | (absent & np.isneginf(tensor))
        _must(bool(finite.all()) and bool(np.isfinite(tensor).any()), f"{name} holds numbers that are not finite")
    linear = Linear(*(_table(tensors, f"linear.{name}", 1 + (name == "weight")) for name in _LINEAR))
    _must(linear.weight.shape == (len(classes), len(linear.mean)), "the classifier does not fit the classes")
    _must(linear.bias.shape == (len(classes),), "the classifier does not fit the classes")
    _must(linear.scale.shape == linear.mean.shape and bool((linear.scale > 0).all()), "its scale cannot be used")
    backbones = {name: _backbone(name, one, tensors) for name, one in described["backbones"].items()}
    numbers = {name: float(described[name]) for name in ("temperature", "coverage", "least", "group_least")}
    _must(0 < numbers["temperature"] < math.inf, "its temperature must be above 0")
    _must(0 < numbers["coverage"] < 1, "its promise of coverage cannot be kept")
    _must(all(0 <= numbers[name] <= 1 for name in ("least", "group_least")), "its promise of coverage cannot be kept")
    about = described["about"]
    _must(isinstance(about, dict), "what it says about itself cannot be read")
    made = [_kind(name, backbones) for name in kinds]
    return Recogniser(classes, made, linear, **numbers, familiarity=_familiarity(described, tensors), about=about)


def _familiarity(described: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Familiarity:
    known = {name: float(described["familiarity"][name]) for name in _FAMILIARITY}
    usable = known["limit"] > 0 and 0 <= known["doubt"] < math.inf and math.isfinite(known["shift"])
    _must(usable, "its limit of what is known cannot be used")
    return Familiarity(_table(tensors, "familiarity.points", 2), **known)


def _kind(name: str, backbones: Mapping[str, Backbone]) -> Kind:
    if name == COLOUR.name:
        return COLOUR
    backbone, _, size = name.rpartition("@")
    _must(backbone in backbones and size.isascii() and size.isdigit(), f"it has no features '{name}'")
    _must(len(size) < 5 and int(size) in SIZES_PX, f"its pictures of {size[:9]} px are too small or too large")
    return network_kind(backbones[backbone], int(size))


def _backbone(name: str, described: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Backbone:
    start = f"backbone:{name}:"
    state = {key.removeprefix(start): torch.from_numpy(tensors[key]) for key in tensors if key.startswith(start)}
    cfg = {key: value for key, value in described["cfg"].items() if key in _CFG}
    _must(0.1 <= float(cfg.get("crop_pct", 1)) <= 1, "its crop_pct must be between 0.1 and 1")
    resamplings = [how.name.lower() for how in Image.Resampling]
    _must(cfg.get("interpolation", "bicubic") in resamplings, "its interpolation is not known")
    for key in ("mean", "std"):
        _must(len(cfg[key]) == 3 and all(-10 < float(value) < 10 for value in cfg[key]), f"its {key} cannot be used")
    _must(all(float(value) > 0 for value in cfg["std"]), "its std cannot be used")
    return stored_backbone(name, cfg, state, str(described["digest"]))


def _try_out(recogniser: Recogniser) -> None:
    """One grey picture through everything: what does not fit together fails here and not at the first photograph."""
    grey = Image.new("RGB", (64, 64), (128, 128, 128))
    parts = [kind.compute([kind.prepare(grey)]) for kind in recogniser.kinds]
    width = sum(part.shape[1] for part in parts)
    _must(width == len(recogniser.linear.mean), "the classifier does not fit the features")
    pooled = parts[0][:, recogniser.kinds[0].pooled]
    _must(pooled.shape[1] == recogniser.familiarity.points.shape[1], "its distances do not fit its features")
    answer = recogniser.answer(parts, ["grey"], np.array(["grey"]))[0]
    _must(bool(np.isfinite(answer.probability).all()), "its answers are not finite")


def _are_names(names: Any) -> bool:
    """Whether these are names of folders: texts without control codes, none of them twice or a formula."""
    return (
        isinstance(names, list)
        and all(isinstance(one, str) and 0 < len(one) <= MAX_NAME and not _CONTROL.search(one) for one in names)
        and not any(name[0] in "=+-@" for name in names)
        and len(set(names)) == len(names)
    )


def _table(tensors: Mapping[str, np.ndarray], name: str, dimensions: int) -> np.ndarray:
    _must(name in tensors, f"{name} is missing")
    found = tensors[name]
    _must(found.dtype == np.float64 and found.ndim == dimensions and found.size > 0, f"{name} has a wrong shape")
    return found


def _plain(table: np.ndarray) -> np.ndarray:
    # safetensors writes the memory of an array as it lies there: that of a transposed one would be read as another.
    return np.ascontiguousarray(table, dtype=np.float64)


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _digest(described: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> str:
    found = hashlib.sha256(_text(described).encode("utf-8", "surrogatepass"))
    for name in sorted(tensors):
        found.update(f"{name} {tensors[name].dtype} {tensors[name].shape}".encode() + tensors[name].tobytes())
    return found.hexdigest()


def _must(holds: bool, reason: str) -> None:
    if not holds:
        raise WeightsError(reason)


def _unusable(path: Path, reason: str) -> WeightsError:
    return WeightsError(
        f"cannot be used as a recogniser ({reason})",
        where=str(path),
        remedy="give a file that mineral export has written, complete and unchanged",
    )
