"""Images that cost too much: each has a budget, and the photographs beside it are read as ever."""

import hashlib
import struct
import zlib

import folders
import numpy as np
import pytest
from folders import fill_classes, noise, png, put, rules
from PIL import Image, TiffImagePlugin

from mineral_lib.errors import DataError
from mineral_lib.photos import alone, cost, images, measure, read_photo
from mineral_lib.photos import scan as scan_folder
from mineral_lib.photos.groups import fingerprints


@pytest.fixture
def asked(monkeypatch):
    """Paths that would be decoded in a process of their own."""
    paths = []

    def measure_alone(path):
        paths.append(path.name)
        return {"refused": "too costly", "remedy": "save it smaller"}

    monkeypatch.setattr(alone, "measure_alone", measure_alone)
    monkeypatch.setattr(images, "measure_alone", measure_alone)
    return paths


def many_scans(count, **options):
    """A progressive JPEG whose last scan stands there again and again."""
    data = folders.encoded(noise(0, (64, 48)), "JPEG", progressive=True, **options)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * (count - data.count(b"\xff\xda")) + b"\xff\xd9"


def directories(count):
    """A TIFF of so many small pages."""
    pages = [noise(number % 2, (16, 16)) for number in range(count)]
    return folders.encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])


def tiles(side):
    """A TIFF of tiles of one pixel: what makes a small file slow is their number."""
    count, pixels = side * side, bytes(4)
    entries = [(256, 3, 1, side), (257, 3, 1, side), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (277, 3, 1, 1)]
    arrays = 8 + len(pixels) + 2 + 12 * 10 + 4
    entries += [(322, 3, 1, 1), (323, 3, 1, 1), (324, 4, count, arrays), (325, 4, count, arrays + 4 * count)]
    directory = struct.pack("<H", 10) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    head = b"II*\0" + struct.pack("<I", 8 + len(pixels)) + pixels + directory
    return head + struct.pack("<I", 8) * count + struct.pack("<I", 1) * count


def chunks(count, name=b"abCd"):
    """A PNG with so many empty chunks before its pixels."""
    data = folders.encoded(noise(1, (32, 32)))
    return data[:33] + struct.pack(">I4sI", 0, name, zlib.crc32(name)) * count + data[33:]


@pytest.mark.parametrize("megabytes", [201, 1100])
def test_a_sparse_file_is_refused_before_reading(tmp_path, monkeypatch, megabytes):
    with open(tmp_path / "sparse.jpg", "wb") as handle:
        handle.truncate(megabytes * 10**6)
    monkeypatch.setattr(type(tmp_path), "read_bytes", lambda path: pytest.fail("it was read"))
    with pytest.raises(DataError, match="file too large"):
        read_photo(tmp_path / "sparse.jpg")


HOSTILE = {
    "scans": (many_scans(300), "too costly (a JPEG of 300 scans; the limit is 100)"),
    "segments": (b"\xff\xd8" + b"\xff\xfe\0\2" * 200_000 + many_scans(11)[2:], "more than 100000 segments"),
    "filling": (b"\xff\xd8" + b"\xff" * 200_000 + many_scans(11)[2:], "more than 100000 segments"),
    "some scans": (many_scans(40), None),
    "hidden scans": (many_scans(11) + many_scans(300), None),
    "tiles": (tiles(320), None),
    "chunks": (chunks(110_000), None),
    "big tiff": (b"II+\0" + bytes(100), None),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_structures_beyond_all_photographs_are_never_decoded_in_a_thread(tmp_path, asked, name):
    data, words = HOSTILE[name]
    (tmp_path / "photo").write_bytes(data)
    with pytest.raises(DataError) as caught:
        read_photo(tmp_path / "photo")
    assert (words or "too costly") in caught.value.what and caught.value.remedy
    assert asked == ([] if words else ["photo"])


ORDINARY = {
    "progressive": many_scans(11),
    "baseline": folders.encoded(noise(0), "JPEG"),
    "with a video behind": folders.encoded(noise(0), "JPEG") + b"\xff\xda" * 1000,
    "pages": directories(300),
    "chunks": chunks(50),
    "tiles": tiles(40),
}


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_structures_are(tmp_path, asked, monkeypatch, name):
    (tmp_path / "photo").write_bytes(ORDINARY[name])
    if name == "pages":
        counted = property(lambda _: pytest.fail("pages counted"))
        monkeypatch.setattr(TiffImagePlugin.TiffImageFile, "n_frames", counted)
    photo = read_photo(tmp_path / "photo")
    assert not asked and photo.notes == (("first frame of several",) if name == "pages" else ())


@pytest.mark.parametrize("size", [(7300, 7300), (8000, 6600)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_many_pixels_are_costly(kind, size):
    assert cost.are_costly(kind, *size) and not cost.are_costly(kind, 4000, 3000)
    assert cost.are_costly(kind, 8160, 6144) == (kind in ("PNG", "WEBP"))  # phones


@pytest.mark.parametrize("size", [(12_000, 9000), (14_001, 13_001)])
def test_the_photograph_of_a_phone_is_decoded_at_half_its_sides(tmp_path, asked, size):
    exif = Image.Exif()
    exif[0x0112] = 6
    grey = Image.new("L", size, 80)
    grey.paste(200, (0, 0, size[0] // 2, size[1]))
    grey.save(tmp_path / "phone.jpg", exif=exif)
    photo = images.decode_photo(tmp_path / "phone.jpg", costly=True)
    assert photo.image.size == (-(-size[1] // 2), -(-size[0] // 2))
    assert photo.notes == (f"decoded at half its sides (of {size[0]} x {size[1]} pixels)",)
    assert photo.image.getpixel((10, 10)) == (200,) * 3 and photo.image.getpixel((10, size[0] // 2 - 10)) == (80,) * 3


def test_a_jpeg_beyond_even_that_is_refused(tmp_path):
    data = bytearray(folders.encoded(noise(0), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 40_000, 60_000)
    (tmp_path / "huge.jpg").write_bytes(data)
    with pytest.raises(DataError, match="too many pixels"):
        read_photo(tmp_path / "huge.jpg")


def test_the_process_is_ended_replaced_and_no_other_photograph_suffers(tmp_path, monkeypatch):
    monkeypatch.setattr(alone, "MOST_S", 1)
    monkeypatch.setattr(alone, "MOST_MB", 64)
    plain, slow, large = (tmp_path / name for name in ("plain.png", "slow.png", "large.png"))
    plain.write_bytes(folders.encoded(noise(1, (64, 48))))
    slow.write_bytes(chunks(4_000_000, b"IDAT"))
    rows = zlib.compress(bytes(1 + 3 * 8000) * 4000, 1)
    large.write_bytes(png(struct.pack(">IIBBBBB", 8000, 4000, 8, 2, 0, 0, 0), rows))
    too_costly = {"refused": "too costly (decoding takes more than 1 s or 64 MB)", "remedy": alone.REMEDY}
    try:
        expected = measure.measure_file(plain)
        assert alone.measure_alone(plain) == expected
        first = alone._worker._process
        assert alone.measure_alone(large) == too_costly and alone._worker._process is first  # it lives on
        assert alone.measure_alone(slow) == too_costly and first.poll() is not None
        assert alone.measure_alone(plain) == expected
    finally:
        alone.close()
    assert alone._worker._process is None


def test_a_scan_finds_the_same_alone_and_leaves_no_process(tmp_path, monkeypatch):
    fill_classes(tmp_path, 2, "aa", "bb")
    put(tmp_path, "aa/words.jpg", b"words")
    scan = scan_folder(tmp_path, rules(min_photos=1))
    monkeypatch.setattr(cost, "_OTHER", 100)
    again = scan_folder(tmp_path, rules(min_photos=1))
    assert again.index.equals(scan.index) and again.files.equals(scan.files)
    assert alone._worker._process is None


def test_a_process_that_cannot_be_started_is_a_reason(tmp_path, monkeypatch):
    def start():
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(alone, "_start", start)
    result = alone.measure_alone(tmp_path)
    assert result["refused"] == "cannot be decoded now (Resource temporarily unavailable)" and result["passing"]


def test_what_ends_a_decoder():
    assert alone._ended(-9)["refused"] == alone._ended(-24)["refused"] == alone._too_costly()["refused"]
    assert alone._ended(-11)["refused"] == "damaged file (its decoder broke down, status -11)"
    assert alone._ended(-11)["passing"]


def test_digests_of_large_pictures_are_those_of_their_bytes():
    picture = noise(3, (5, 2500))
    content = hashlib.sha256(str((2500, 5, 3)).encode() + np.asarray(picture).tobytes()).hexdigest()
    assert fingerprints(picture)["pixels_sha256"] == content
