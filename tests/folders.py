"""Photographs and photo folders that tests make for themselves."""

import hashlib
import io
import struct
import zlib

import numpy as np
from PIL import Image

from mineral_lib.parameters import load_profile


def noise(number, size=(24, 20)):
    """A picture of independent pixels, another one for each number."""
    return Image.fromarray(np.random.default_rng(number).integers(0, 256, (*size[::-1], 3), np.uint8))


def picture(seed, size=(96, 72)):
    """Coarse random blobs: smooth like a photograph."""
    return noise(seed, (8, 6)).resize(size, Image.Resampling.BICUBIC)


def encoded(image, kind="PNG", **options):
    """The bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(head, data):
    """A PNG from its header and its compressed pixels."""
    chunks = [(b"IHDR", head), (b"IDAT", data), (b"IEND", b"")]
    parts = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def png_header(width, height):
    """A PNG that announces a size and holds hardly any pixels."""
    return png(struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), zlib.compress(b"\0" * 100))


def put(root, name, data):
    """Write a file below a folder; ``data`` are its bytes, or a picture for a PNG."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else encoded(data))


def noise_of(*parts):
    """The bytes of a photograph that only these parts have."""
    return encoded(noise(int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:4], "big")))


def fill_classes(root, count, *names):
    """Photographs photo0.png, photo1.png, ... in each of some class folders."""
    for name in names:
        for number in range(count):
            put(root, f"{name}/photo{number}.png", noise_of(name, number))


def folder_profile(folder="x", *changes):
    """The quick profile with photographs of a folder."""
    return load_profile("quick", ["data.source=folder", f"data.folder={folder}", "data.min_photos=3", *changes])


def rules(**changes):
    """The section ``data`` for a folder."""
    return folder_profile().data.model_copy(update=changes)
