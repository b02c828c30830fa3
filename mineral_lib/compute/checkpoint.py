"""Checkpoint files: their own SHA-256, plain types and tensors only, loaded with ``weights_only=True`` always.

A file is MAGIC (8 bytes), size of the payload (8 bytes), SHA-256 of the payload (32 bytes), payload (``torch.save``).
torch and safetensors load a file with a flipped bit as other weights without a word; this format does not.
"""

import hashlib
import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from mineral_lib.errors import StorageError
from mineral_lib.storage import write_bytes

MAGIC = b"MINERAL2"
HEADER_BYTES = len(MAGIC) + 8 + 32
# Raised when the content of a checkpoint changes its meaning.
SCHEMA = 2
PLAIN = (str, int, float, bool, type(None), torch.Tensor)


def save_checkpoint(path: Path, content: dict[str, Any]) -> Path:
    """Write a checkpoint.

    Raises:
        TypeError: Something in it is neither a tensor nor of a plain type, so it could not be loaded again.
        StorageError: It cannot be written.
        MemoryError: There is no memory for it.
    """
    _require_plain(content, "checkpoint")
    buffer = io.BytesIO()
    try:
        torch.save({"schema": SCHEMA} | content, buffer)
    except RuntimeError as error:  # torch's words for a buffer that cannot grow: "unexpected pos 640 vs 534"
        raise MemoryError("no memory for the checkpoint") from error
    payload = buffer.getbuffer()
    header = MAGIC + len(payload).to_bytes(8, "big") + hashlib.sha256(payload).digest()
    return write_bytes(path, header, payload)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint. Nothing in it is ever executed, and one flipped bit is refused.

    Raises:
        StorageError: The file is missing, cut, changed, hostile, no checkpoint, or written by a newer version.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise _damaged(path, f"cannot be read ({error.strerror or error})") from error
    payload, size = memoryview(data)[HEADER_BYTES:], int.from_bytes(data[len(MAGIC) : len(MAGIC) + 8], "big")
    if not data.startswith(MAGIC):
        raise _damaged(path, f"is no checkpoint of this study ({len(data)} bytes)")
    if len(payload) != size:
        raise _damaged(path, f"is damaged: {len(data)} bytes found, {size + HEADER_BYTES} expected")
    if hashlib.sha256(payload).digest() != data[len(MAGIC) + 8 : HEADER_BYTES]:
        raise _damaged(path, f"is damaged: digest mismatch, {len(data)} bytes found and expected")
    try:
        content = _plain_payload(path, payload)
    except StorageError:
        raise
    except pickle.UnpicklingError as error:
        raise _damaged(path, "holds something else than tensors and plain values; it was not loaded") from error
    except Exception as error:  # zipfile's and torch's errors of an archive that is none are of a dozen types
        raise _damaged(path, f"cannot be read ({type(error).__name__})") from error
    if not isinstance(content, dict) or not isinstance(content.get("schema"), int):
        raise _damaged(path, "is no checkpoint of this study")
    if content["schema"] > SCHEMA:
        what = f"was written by a newer version (schema {content['schema']}, this version reads up to {SCHEMA})"
        raise StorageError(what, where=str(path), remedy="update this package")
    return content


def _damaged(path: Path, what: str) -> StorageError:
    return StorageError(f"the checkpoint {what}", where=str(path), remedy="delete it")


def _plain_payload(path: Path, payload: memoryview) -> Any:
    """Only stored members, together no larger than the file: an archive that expands is refused unread."""
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        members = archive.infolist()
    if any(item.compress_type != zipfile.ZIP_STORED or item.file_size != item.compress_size for item in members):
        raise _damaged(path, "holds compressed members, which this study never writes")
    if sum(item.file_size for item in members) > len(payload):
        raise _damaged(path, "holds overlapping members, which this study never writes")
    return torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)


def _require_plain(value: Any, where: str) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            if type(key) not in (str, int):
                raise TypeError(f"{where}: key {key!r} is neither text nor a whole number")
            _require_plain(item, f"{where}.{key}")
    elif type(value) in (list, tuple):
        for number, item in enumerate(value):
            _require_plain(item, f"{where}[{number}]")
    elif not (type(value) in PLAIN or isinstance(value, torch.Tensor)):
        raise TypeError(f"{where}: {type(value).__name__} cannot be loaded safely")


def save_weights(path: Path, weights: dict[str, torch.Tensor], metadata: dict[str, str]) -> Path:
    """Write final weights as safetensors with text metadata (class names, run key)."""
    contiguous = {key: value.contiguous() for key, value in weights.items()}
    # One entry only: safetensors writes several in random order, and equal runs must give equal bytes.
    described = {"mineral_study": json.dumps(metadata, sort_keys=True)}
    return write_bytes(path, safetensors.torch.save(contiguous, metadata=described))


def load_weights(path: Path) -> dict[str, torch.Tensor]:
    """Read safetensors weights.

    Raises:
        StorageError: The file is missing or damaged.
    """
    try:
        return safetensors.torch.load_file(path)
    except Exception as error:  # safetensors raises its own untyped errors
        raise StorageError(
            f"cannot read the weights ({type(error).__name__})", where=str(path), remedy="delete the run folder"
        ) from error
