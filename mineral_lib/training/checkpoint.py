"""Checkpoints: one file with its own SHA-256, plain types and tensors only, loaded with ``weights_only=True``."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from mineral_lib.errors import StorageError
from mineral_lib.storage import write_bytes

MAGIC = b"MINERAL1"


def save_checkpoint(path: Path, content: dict[str, Any]) -> Path:
    """Write a checkpoint: magic, SHA-256 of the payload, payload."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    payload = buffer.getvalue()
    return write_bytes(path, MAGIC + hashlib.sha256(payload).digest() + payload)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint and check its digest; one flipped bit is refused.

    Raises:
        StorageError: The file is cut, changed or no checkpoint.
    """
    data = Path(path).read_bytes()
    payload = data[len(MAGIC) + 32 :]
    if not data.startswith(MAGIC) or hashlib.sha256(payload).digest() != data[len(MAGIC) : len(MAGIC) + 32]:
        raise StorageError(
            "the checkpoint is damaged (digest mismatch)", where=str(path), remedy="delete it; the run starts again"
        )
    return torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)


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
