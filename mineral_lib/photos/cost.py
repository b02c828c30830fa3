"""What decoding a photograph will cost, from its header: most are cheap, some must be tried with a budget first.

A file is *costly* if its pixels, its bytes or its pieces are far beyond those of a camera's photographs. What is not
costly is decoded in a thread and takes a few seconds and some hundred megabytes at most; what is costly is tried in a
process of its own first, see ``alone``.
"""

import struct

from mineral_lib.errors import DataError

MAX_FILE_BYTES = 200_000_000
COSTLY_BYTES = 64_000_000
MAX_SCANS = 100  # of a JPEG; ten are usual where there are several
COSTLY_SCANS = 20
COSTLY_PIECES = 100_000  # strips or tiles of a TIFF, chunks of a PNG, segments before the picture of a JPEG
COSTLY_PIXELS = {"JPEG": 52_000_000, "MPO": 52_000_000, "HEIF": 52_000_000}  # phones have 50 megapixels
COSTLY_PIXELS |= {"WEBP": 16_000_000}  # takes four times the memory of the others
_OTHER = 32_000_000
REMEDY = "save it smaller and without the special options of its program, or remove it from the folder"

_START_OF_SCAN, _END = b"\xff\xda", b"\xff\xd9"
_NO_FRAMES = (0xC4, 0xC8, 0xCC)
_PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
_PIECES = (273, 324)  # TIFF tags: offsets of strips, offsets of tiles


class CostlyError(Exception):
    """A photograph must be decoded in a process of its own first."""


def are_costly(kind: str, width: int, height: int) -> bool:
    """Whether so many pixels of a format are beyond what a thread should decode."""
    return width * height > COSTLY_PIXELS.get(kind, _OTHER)


def is_costly(data: bytes) -> bool:
    """Whether the structure of a file, its pixels aside, is beyond a thread; DataError: beyond any photograph."""
    if data.startswith(b"\xff\xd8"):
        return _many_scans(data)
    if data.startswith(b"\x89PNG"):
        return _png_pieces(data) > COSTLY_PIECES
    if data[:4] in (b"II*\0", b"MM\0*"):
        return _tiff_pieces(data, "<" if data.startswith(b"I") else ">") > COSTLY_PIECES
    return data[:4] in (b"II+\0", b"MM\0+")  # a TIFF for files beyond four gigabytes


def jpeg_frame(data: bytes) -> tuple[int, int, int, bool] | None:
    """Width, height, place of the first scan and whether several follow, of a JPEG file; None if it is none."""
    place, width, height, channels, several = 2, 0, 0, 0, False
    for _ in range(COSTLY_PIECES):
        marker = data[place : place + 10]
        if len(marker) < 10 or marker[0] != 0xFF:
            return None
        if marker[1] == 0xDA:
            return width, height, place, several or marker[4] < channels
        if 0xC0 <= marker[1] <= 0xCF and marker[1] not in _NO_FRAMES:
            height, width, channels = struct.unpack(">HHB", marker[5:10])
            several = marker[1] in _PROGRESSIVE
        alone = marker[1] in (0x01, 0xFF) or 0xD0 <= marker[1] <= 0xD8
        place += (1 if marker[1] == 0xFF else 2) if alone else 2 + int.from_bytes(marker[2:4], "big")
    raise DataError(f"too costly (a JPEG of more than {COSTLY_PIECES} segments before the picture)", remedy=REMEDY)


def _many_scans(data: bytes) -> bool:
    frame = jpeg_frame(data)
    if frame is None or not frame[3]:
        return False
    end = data.find(_END, frame[2])
    scans = data.count(_START_OF_SCAN, frame[2], end if end >= 0 else len(data))
    if scans > MAX_SCANS:
        raise DataError(f"too costly (a JPEG of {scans} scans; the limit is {MAX_SCANS})", remedy=REMEDY)
    # Where several scans follow, all of the picture is kept in memory at its full size, whatever size is wanted.
    return data.count(_START_OF_SCAN, frame[2]) > COSTLY_SCANS or are_costly("JPEG", *frame[:2])


def _png_pieces(data: bytes) -> int:
    """Chunks of a PNG file, counted as far as it matters."""
    place, count = 8, 0
    while place + 8 <= len(data) and count <= COSTLY_PIECES:
        place, count = place + 12 + int.from_bytes(data[place : place + 4], "big"), count + 1
    return count


def _tiff_pieces(data: bytes, order: str) -> int:
    """Strips or tiles of the first picture of a TIFF file; none if its directory cannot be read."""
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (entries,) = struct.unpack_from(f"{order}H", data, start)
        tags = [struct.unpack_from(f"{order}HHI", data, start + 2 + 12 * number) for number in range(entries)]
    except struct.error:
        return 0
    return max((count for tag, _, count in tags if tag in _PIECES), default=0)
