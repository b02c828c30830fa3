"""Reading photographs: every accepted kind is decoded rightly, every other kind is refused with a reason."""

import io
import os
import signal
import struct
import subprocess
import sys
import warnings
import zlib

import folders
import numpy as np
import pytest
from folders import png, png_header
from PIL import Image, ImageCms, PngImagePlugin

from mineral_lib.errors import DataError
from mineral_lib.photos.images import FORMATS, read_photo, resize_square

INVERSE = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Image.Transpose that undoes each EXIF orientation


def decode_photo(path):
    return read_photo(path).pixels


def scene(width=60, height=40):
    """A smooth picture without any symmetry."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // width, y * 255 // height, (x + 2 * y) % 256], -1).astype(np.uint8)


def encoded(kind="JPEG", image=None, **options):
    return folders.encoded(image or Image.fromarray(scene()), kind, **options)


def tiff(pixels, *, photometric, bits, **tags):
    """An uncompressed little-endian TIFF of one strip, with tags Pillow does not write."""
    data = pixels.tobytes()
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    entries = {
        256: (4, width),
        257: (4, height),
        258: (3, bits),
        259: (3, 1),
        262: (3, photometric),
        273: (4, 8),
        277: (3, channels),
        278: (4, height),
        279: (4, len(data)),
    } | tags.get("more", {})
    extra, start = b"", 8 + len(data) + 2 + 12 * len(entries) + 4
    rows = b""
    for tag, (kind, value) in sorted(entries.items()):
        if tag == 258 and channels > 1:
            rows += struct.pack("<HHII", tag, 3, channels, start)
            extra = struct.pack(f"<{channels}H", *[bits] * channels)
        else:
            rows += struct.pack("<HHII", tag, kind, 1, value)
    directory = struct.pack("<H", len(entries)) + rows + bytes(4)
    return b"II*\0" + struct.pack("<I", start - len(directory)) + data + directory + extra


def wide_gamut():
    """A profile whose primaries are green, blue, red: a conversion that happened cannot be overlooked."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", data[128:132])[0]
    tags = {bytes(data[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
    places = [bytes(data[tags[name] + 4 : tags[name] + 12]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
    for name, place in zip((b"rXYZ", b"gXYZ", b"bXYZ"), places[1:] + places[:1], strict=True):
        data[tags[name] + 4 : tags[name] + 12] = place
    return bytes(data).replace("sRGB built-in".encode("utf-16-be"), "turned colour".encode("utf-16-be"))


def photo_of(folder, data):
    (folder / "photo").write_bytes(data)
    return read_photo(folder / "photo")


def refused(path, data=None):
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(DataError) as caught:
        decode_photo(path)
    assert str(path) in str(caught.value) and caught.value.remedy
    return caught.value.what


@pytest.mark.parametrize("kind", FORMATS)
def test_every_listed_format_is_read_whatever_its_extension(tmp_path, kind):
    photo = photo_of(tmp_path, encoded(kind, lossless=True) if kind == "WEBP" else encoded(kind))
    error = np.abs(photo.pixels.astype(int) - scene()).mean()
    assert error < (8 if kind == "JPEG" else 1e-9)


@pytest.mark.parametrize("kind", ["MPO", "PNG", "WEBP", "TIFF"])  # the first is that of phones
def test_animations_and_multi_picture_files_give_their_first_frame(tmp_path, kind):
    other = Image.fromarray(255 - scene())
    exact = {"lossless": True} if kind == "WEBP" else {}
    photo = photo_of(tmp_path, encoded(kind, save_all=True, append_images=[other], **exact))
    assert np.abs(photo.pixels.astype(int) - scene()).mean() < (8 if kind == "MPO" else 1e-9)
    assert photo.notes == ("first frame of several",)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "HEIC"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_exif_orientations_give_the_same_upright_picture(tmp_path, kind, orientation):
    stored, exif = Image.fromarray(scene(128, 96)), Image.Exif()
    if INVERSE[orientation] is not None:
        stored = stored.transpose(INVERSE[orientation])
    exif[0x0112] = orientation
    exact = {"lossless": True} if kind == "WEBP" else {}
    # pillow-heif also writes the orientation as the rotation of the container, as phones do
    data = heic(stored, exif=exif.tobytes()) if kind == "HEIC" else encoded(kind, stored, exif=exif, **exact)
    pixels = photo_of(tmp_path, data).pixels
    assert pixels.shape == (96, 128, 3)
    assert np.abs(pixels.astype(int) - scene(128, 96)).mean() < (8 if kind == "HEIC" else 1e-9)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_is_no_reason_to_refuse(tmp_path):
    assert np.array_equal(photo_of(tmp_path, encoded("PNG", exif=b"Exif\0\0II*\0" + b"\xff" * 20)).pixels, scene())
    exif = Image.Exif()
    exif[0x0112] = 99
    assert np.array_equal(photo_of(tmp_path, encoded("PNG", exif=exif)).pixels, scene())


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_float_and_32_bit_pixels_are_refused(tmp_path, dtype):
    deep = Image.fromarray(np.ones((32, 32), dtype))
    assert "unsupported pixel type" in refused(tmp_path / "float.tif", encoded("TIFF", deep))


def test_cmyk_is_converted_and_said(tmp_path):
    photo = photo_of(tmp_path, encoded("JPEG", Image.fromarray(scene()).convert("CMYK"), quality=95))
    assert np.abs(photo.pixels.astype(int) - scene()).mean() < 12 and photo.notes == ("converted from CMYK",)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparent_parts_become_mid_grey(tmp_path, mode):
    image = Image.new("RGBA", (32, 32), (255, 0, 0, 0))
    image.paste((255, 255, 255, 255), (0, 0, 32, 16))
    pixels = photo_of(tmp_path, encoded("PNG", image.quantize() if mode == "PA" else image.convert(mode))).pixels
    assert (pixels[:15] >= 254).all() and (pixels[17:] == 128).all()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_16_bit_grey_is_scaled_and_not_clipped(tmp_path, kind, dtype):
    ramp = np.linspace(0, 65535, 64 * 32).reshape(32, 64).astype(dtype)
    mode = "I;16B" if dtype == ">u2" else "I;16"
    photo = photo_of(tmp_path, encoded(kind, Image.frombytes(mode, (64, 32), ramp.tobytes())))
    assert len(np.unique(photo.pixels)) == 256 and photo.notes == ("16-bit grey scaled to 8 bit",)
    assert np.array_equal(photo.pixels[..., 0], ((ramp.astype(int) * 255 + 32767) // 65535))


def test_tiff_grey_where_zero_is_white_is_turned(tmp_path):
    ramp = np.linspace(0, 65535, 64 * 32).reshape(32, 64).astype("<u2")
    for photometric, ends in ((0, [255, 0]), (1, [0, 255])):
        pixels = photo_of(tmp_path, tiff(ramp, photometric=photometric, bits=16)).pixels
        assert [pixels[0, 0, 0], pixels[-1, -1, 0]] == ends


def test_16_bit_colour_keeps_its_upper_8_bits(tmp_path):
    deep = (scene().astype("<u2") << 8) + 77
    photo = photo_of(tmp_path, tiff(deep, photometric=2, bits=16))
    assert np.array_equal(photo.pixels, scene()) and photo.notes == ("16-bit colour reduced to its upper 8 bits",)
    head = struct.pack(">IIBBBBB", 60, 40, 16, 2, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
    photo = photo_of(tmp_path, png(head, zlib.compress(rows)))
    assert np.array_equal(photo.pixels, scene()) and photo.notes == ("16-bit colour reduced to its upper 8 bits",)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_colour_profiles_are_converted_and_srgb_is_left_alone(tmp_path, kind):
    exact = {"lossless": True} if kind == "WEBP" else {"quality": 100, "subsampling": 0} if kind == "JPEG" else {}
    flat = Image.new("RGB", (32, 32), (200, 30, 30))
    photo = photo_of(tmp_path, encoded(kind, flat, icc_profile=wide_gamut(), **exact))
    assert np.abs(photo.pixels[16, 16].astype(int) - (30, 200, 30)).max() <= 3  # what the profile calls red is green
    assert photo.notes == ("colours converted to sRGB from profile 'turned colour'",)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = photo_of(tmp_path, encoded(kind, flat, icc_profile=srgb, **exact))
    assert photo.notes == () and np.abs(photo.pixels[16, 16].astype(int) - (200, 30, 30)).max() <= 2


def test_profiles_of_transparent_palette_and_grey_pictures(tmp_path):
    image = Image.new("RGBA", (32, 32), (200, 30, 30, 0))
    image.paste((200, 30, 30, 255), (0, 0, 32, 16))
    pixels = photo_of(tmp_path, encoded("PNG", image, icc_profile=wide_gamut())).pixels
    assert np.abs(pixels[5, 5].astype(int) - (30, 200, 30)).max() <= 3 and (pixels[-1] == 128).all()
    pixels = photo_of(tmp_path, encoded("PNG", image.convert("RGB").quantize(), icc_profile=wide_gamut())).pixels
    assert np.abs(pixels[5, 5].astype(int) - (30, 200, 30)).max() <= 3
    grey = photo_of(tmp_path, encoded("PNG", image.convert("L"), icc_profile=wide_gamut()))
    assert grey.notes == ("colour profile of another kind of image, ignored",)


@pytest.mark.parametrize("damage", [b"", b"\xff" * 400, wide_gamut()[:200], wide_gamut()[:-60]])
def test_a_damaged_profile_is_ignored_with_a_note(tmp_path, damage):
    photo = photo_of(tmp_path, encoded("JPEG", quality=95, icc_profile=damage or b"\0"))
    assert np.abs(photo.pixels.astype(int) - scene()).mean() < 8
    assert photo.notes == ("damaged colour profile, ignored",)


def heic(image=None, **options):
    pillow_heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image or Image.fromarray(scene(128, 96))).save(buffer, quality=95, **options)
    return buffer.getvalue()


def test_damaged_and_oversized_heic_is_refused(tmp_path):
    whole = heic()
    for kept in (40, len(whole) // 2, len(whole) - 30):
        assert "HEIC" in refused(tmp_path / "cut.heic", whole[:kept])
    assert "at most 20 times" in refused(tmp_path / "long.heic", heic(Image.new("RGB", (2000, 64))))


def test_heic_without_its_library_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # Python then raises ImportError, as on a machine without it
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    with pytest.raises(DataError) as caught:
        decode_photo(tmp_path / "a.heic")
    assert "(pip install pillow-heif)" in caught.value.what and "as JPEG" in caught.value.remedy


def test_truncated_files_are_refused(tmp_path):
    for options in ({}, {"progressive": True}):
        whole = encoded("JPEG", quality=95, **options)
        for kept in (len(whole) // 2, *range(len(whole) - 30, len(whole) - 2)):
            assert "truncated" in refused(tmp_path / "cut.jpg", whole[:kept])
    whole = encoded("JPEG", quality=95)
    for kept in (len(whole) - 2, len(whole) - 1):  # only the end marker is missing: every pixel is there
        assert np.array_equal(photo_of(tmp_path, whole[:kept]).pixels, photo_of(tmp_path, whole).pixels)
    refused(tmp_path / "cut.png", encoded("PNG")[:-40])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty file (0 bytes)"),
        (b"<!DOCTYPE html><html><body>404", "HTML"),
        (b"%PDF-1.7 ...", "PDF"),
        ("石英 are words".encode(), "text file"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n", "PostScript"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (b"GIF89a" + b"\0" * 50, "GIF"),
        (b"8BPS\0\1" + bytes(40), "Photoshop"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(40), "JPEG XL"),
        (b"\0\0\0\x20ftypavif\0\0\0\0avifmif1", "AVIF"),
        (b"\0\0\0\x20ftypmif1\0\0\0\0mif1avif", "AVIF"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "RAW file"),
        (b"FUJIFILMCCD-RAW 0201" + bytes(40), "RAW file"),
        (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41", "video"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (bytes(range(7)) * 20, "no known image"),
    ],
)
def test_other_files_named_jpg_are_refused_and_recognised(tmp_path, data, words):
    assert words in refused(tmp_path / "photo.jpg", data)


@pytest.mark.parametrize("more", [{50706: (1, 1)}, {254: (4, 1)}])
def test_the_preview_in_a_raw_file_is_not_taken_for_the_photograph(tmp_path, more):
    assert photo_of(tmp_path, tiff(scene(), photometric=2, bits=8)).pixels.shape == (40, 60, 3)
    assert "RAW file" in refused(tmp_path / "IMG_1.DNG", tiff(scene(), photometric=2, bits=8, more=more))


@pytest.mark.parametrize("kind", ["iTXt", "zTXt", "iCCP"])
def test_long_texts_beside_the_picture_are_no_damage(tmp_path, kind):
    size = 1_500_000  # more than Pillow allows a text
    info = PngImagePlugin.PngInfo()
    if kind == "iTXt":
        info.add_itxt("XML:com.adobe.xmp", "x" * size, zip=True)
    elif kind == "zTXt":
        info.add_text("Comment", "x" * size, zip=True)
    profile = {"icc_profile": wide_gamut() + bytes(size)} if kind == "iCCP" else {}
    (tmp_path / "photo.png").write_bytes(encoded("PNG", pnginfo=info, **profile))
    found = decode_photo(tmp_path / "photo.png")
    assert found.shape == scene().shape and (kind == "iCCP" or np.array_equal(found, scene()))


@pytest.mark.parametrize("side", [60_000, 10_000])
@pytest.mark.parametrize("action", ["ignore", "error"])
def test_decompression_bombs_are_refused_at_their_header(tmp_path, side, action):
    with warnings.catch_warnings():
        warnings.simplefilter(action)
        what = refused(tmp_path / "bomb.png", png_header(side, side))
    assert "89478485" in what and (str(side * side) in what or f"{side} x {side}" in what)


def test_decompression_bombs_need_no_memory(tmp_path):
    (tmp_path / "bomb.png").write_bytes(png_header(16_000, 11_000))  # 528 MB of pixels, below Pillow's own error
    code = (
        "import sys, resource; from mineral_lib.photos import read_photo\n"
        "from mineral_lib.errors import DataError\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 64 * 2**20,) * 2)\n"
        "try: read_photo(sys.argv[1])\n"
        "except DataError as error: print(error.what)"
    )
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("needs /proc")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "bomb.png")], capture_output=True, text=True)
    assert done.stdout == "too many pixels (16000 x 11000 pixels; the limit is 89478485 in all)\n", done.stderr


def test_postscript_never_starts_ghostscript(tmp_path, monkeypatch):
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path}/canary\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\nshowpage\n%%EOF\n"
    assert "PostScript" in refused(tmp_path / "photo.jpg", script)
    assert subprocess.run(["gs"]).returncode == 0 and (tmp_path / "canary").exists()  # the trap itself works
    (tmp_path / "canary").unlink()
    refused(tmp_path / "photo.jpg", script)
    assert not (tmp_path / "canary").exists()


def test_a_file_without_read_permission_is_refused(tmp_path, monkeypatch):
    if os.name != "posix":
        pytest.skip("POSIX permissions")
    path = tmp_path / "secret.jpg"
    path.write_bytes(encoded())
    path.chmod(0)
    if os.geteuid() == 0:  # root may read everything: look at it as another user, from inside the folder
        monkeypatch.chdir(tmp_path)
        tmp_path.chmod(0o755)
        os.seteuid(65534)
    try:
        with pytest.raises(PermissionError):
            open("secret.jpg" if os.getuid() == 0 else path, "rb").close()
        with pytest.raises(DataError) as caught:
            decode_photo("secret.jpg" if os.getuid() == 0 else path)
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
    assert caught.value.what == "permission denied" and caught.value.remedy == "make the file readable"


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


def test_resize_square_cuts_the_centre_and_smooths():
    wide = scene(120, 40)
    whole = np.asarray(Image.fromarray(wide).resize((60, 20), Image.Resampling.BICUBIC))
    assert np.array_equal(resize_square(wide, 20), whole[:, 20:40])
    assert np.array_equal(resize_square(wide.transpose(1, 0, 2), 20), whole[:, 20:40].transpose(1, 0, 2))
    checks = np.indices((128, 128)).sum(0)[..., None].repeat(3, -1) % 2 * 255
    small = resize_square(checks.astype(np.uint8), 32)
    assert small.shape == (32, 32, 3) and small.std() < 6 and abs(small.mean() - 127) < 4
    assert resize_square(scene(20, 18), 64).shape == (64, 64, 3)
