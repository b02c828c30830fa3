"""Reading photographs: every accepted kind is decoded rightly, every other kind is refused with a reason."""

import io
import os
import random
import signal
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from mineral_lib.data.images import FORMATS, decode_photo, read_photo, resize_square
from mineral_lib.errors import DataError

INVERSE = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Image.Transpose that undoes each EXIF orientation


def scene(width=60, height=40):
    """A smooth picture without any symmetry."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // width, y * 255 // height, (x + 2 * y) % 256], -1).astype(np.uint8)


def encoded(kind="JPEG", image=None, **options):
    buffer = io.BytesIO()
    (image or Image.fromarray(scene())).save(buffer, kind, **options)
    return buffer.getvalue()


def png_header(width, height):
    """A PNG that announces a size and holds hardly any pixels."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def refused(path, data=None):
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(DataError) as caught:
        decode_photo(path)
    assert str(path) in str(caught.value) and caught.value.remedy
    return caught.value.what


@pytest.mark.parametrize("kind", FORMATS)
def test_every_listed_format_is_read_whatever_its_extension(tmp_path, kind):
    path = tmp_path / "photo.dat"
    path.write_bytes(encoded(kind, lossless=True) if kind == "WEBP" else encoded(kind))
    error = np.abs(decode_photo(path).astype(int) - scene()).mean()
    assert error < (8 if kind == "JPEG" else 1e-9)


def test_multi_picture_jpeg_of_phones_gives_its_first_frame(tmp_path):
    path = tmp_path / "phone.jpg"
    other = Image.fromarray(255 - scene())
    path.write_bytes(encoded("MPO", save_all=True, append_images=[other]))
    photo = read_photo(path)
    assert np.abs(photo.pixels.astype(int) - scene()).mean() < 8
    assert photo.notes == ("first frame of several",)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_animations_give_their_first_frame(tmp_path, kind):
    path = tmp_path / "moving.png"
    other = Image.fromarray(255 - scene())
    exact = {"lossless": True} if kind == "WEBP" else {}
    path.write_bytes(encoded(kind, save_all=True, append_images=[other], **exact))
    assert np.array_equal(decode_photo(path), scene())


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_exif_orientations_give_the_same_upright_picture(tmp_path, kind, orientation):
    stored = Image.fromarray(scene())
    if INVERSE[orientation] is not None:
        stored = stored.transpose(INVERSE[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned"
    path.write_bytes(encoded(kind, stored, exif=exif, **({"lossless": True} if kind == "WEBP" else {})))
    assert np.array_equal(decode_photo(path), scene())


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_is_no_reason_to_refuse(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded("PNG", exif=b"Exif\0\0II*\0" + b"\xff" * 20))
    assert np.array_equal(decode_photo(path), scene())
    exif = Image.Exif()
    exif[0x0112] = 99
    path.write_bytes(encoded("PNG", exif=exif))
    assert np.array_equal(decode_photo(path), scene())


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_and_not_clipped(tmp_path, kind):
    ramp = np.linspace(0, 65535, 64 * 32).reshape(32, 64).astype(np.uint16)
    path = tmp_path / "deep"
    path.write_bytes(encoded(kind, Image.fromarray(ramp)))
    photo = read_photo(path)
    assert photo.pixels.min() == 0 and photo.pixels.max() == 255
    assert abs(photo.pixels.mean() - 127.5) < 1 and len(np.unique(photo.pixels)) == 256
    assert photo.notes == ("16-bit grey scaled to 8 bit",)


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_float_and_32_bit_pixels_are_refused(tmp_path, dtype):
    deep = Image.fromarray(np.ones((32, 32), dtype))
    assert "unsupported pixel type" in refused(tmp_path / "float.tif", encoded("TIFF", deep))


def test_cmyk_is_converted_and_said(tmp_path):
    path = tmp_path / "print.jpg"
    path.write_bytes(encoded("JPEG", Image.fromarray(scene()).convert("CMYK"), quality=95))
    photo = read_photo(path)
    assert np.abs(photo.pixels.astype(int) - scene()).mean() < 12 and photo.notes == ("converted from CMYK",)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparent_parts_become_mid_grey(tmp_path, mode):
    image = Image.new("RGBA", (32, 32), (255, 0, 0, 0))
    image.paste((255, 255, 255, 255), (0, 0, 32, 16))
    path = tmp_path / "logo.png"
    path.write_bytes(encoded("PNG", image.quantize() if mode == "PA" else image.convert(mode)))
    pixels = decode_photo(path)
    assert (pixels[:15] >= 254).all() and (pixels[17:] == 128).all()


def test_truncated_files_are_refused(tmp_path):
    whole = encoded("JPEG", quality=95)
    for kept in (len(whole) // 2, len(whole) - 20):
        assert "truncated" in refused(tmp_path / "cut.jpg", whole[:kept])
    refused(tmp_path / "cut.png", encoded("PNG")[:-40])


@pytest.mark.parametrize(("data", "words"), [
    (b"", "empty file (0 bytes)"),
    (b"<!DOCTYPE html><html><body>404", "HTML"),
    (b"%PDF-1.7 ...", "PDF"),
    ("石英 are words".encode(), "text file"),
    (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
    (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n", "PostScript"),
    (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
    (b"GIF89a" + b"\0" * 50, "GIF"),
    (bytes(range(7)) * 20, "no known image"),
])
def test_other_files_named_jpg_are_refused_and_recognised(tmp_path, data, words):
    assert words in refused(tmp_path / "photo.jpg", data)


@pytest.mark.parametrize("side", [60_000, 10_000])
@pytest.mark.parametrize("action", ["ignore", "error"])
def test_decompression_bombs_are_refused_at_their_header(tmp_path, side, action):
    with warnings.catch_warnings():
        warnings.simplefilter(action)
        assert "89478485" in refused(tmp_path / "bomb.png", png_header(side, side))


@pytest.mark.parametrize(("size", "words"), [((15, 100), "at least 16"), ((16, 400), "at most 20 times")])
def test_tiny_and_very_long_pictures_are_refused(tmp_path, size, words):
    assert words in refused(tmp_path / "strip.png", encoded("PNG", Image.new("RGB", size)))


def test_pipes_folders_and_missing_files_are_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    signal.alarm(5)  # a blocking open would hang the tests
    try:
        assert refused(tmp_path / "pipe.jpg") == "not a regular file"
    finally:
        signal.alarm(0)
    assert refused(tmp_path) == "not a regular file"
    assert refused(tmp_path / "none.jpg") == "no such file"


def test_damaged_bytes_never_escape_as_another_error(tmp_path):
    rng = random.Random(0)
    path = tmp_path / "mutant"
    seeds = [encoded(kind) for kind in FORMATS]
    outcomes = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(400):
            data = bytearray(rng.choice(seeds))
            for _ in range(rng.randint(1, 30)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            path.write_bytes(bytes(data[: rng.randint(1, len(data))]) if rng.random() < 0.3 else bytes(data))
            try:
                pixels = decode_photo(path)
                assert pixels.dtype == np.uint8 and pixels.ndim == 3
                outcomes.add("read")
            except DataError:
                outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_resize_square_cuts_the_centre_and_smooths():
    wide = scene(120, 40)
    whole = np.asarray(Image.fromarray(wide).resize((60, 20), Image.Resampling.BICUBIC))
    assert np.array_equal(resize_square(wide, 20), whole[:, 20:40])
    assert np.array_equal(resize_square(wide.transpose(1, 0, 2), 20), whole[:, 20:40].transpose(1, 0, 2))
    checks = np.indices((128, 128)).sum(0)[..., None].repeat(3, -1) % 2 * 255
    small = resize_square(checks.astype(np.uint8), 32)
    assert small.shape == (32, 32, 3) and small.std() < 6 and abs(small.mean() - 127) < 4
    assert resize_square(scene(20, 18), 64).shape == (64, 64, 3)
