"""Reading one photograph: which files are accepted, and what happens to unusual ones.

The rules: JPEG (also the multi-picture files of phones), PNG, TIFF, WebP and BMP, and HEIC where its library is
installed, are decided by content, never by extension; the file is decoded completely; the EXIF orientation is applied;
colours become 8-bit sRGB (see ``colour.py``); of animations and multi-page files the first frame is used; a JPEG of
more than 89 megapixels is decoded at half its sides. Everything else is refused with path, reason and remedy.
"""

import contextlib
import hashlib
import io
import re
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, JpegImagePlugin, PngImagePlugin

from mineral_lib.errors import DataError
from mineral_lib.photos.alone import measure_alone
from mineral_lib.photos.colour import is_16_bit_colour, to_srgb
from mineral_lib.photos.cost import COSTLY_BYTES, MAX_FILE_BYTES, CostlyError, are_costly, is_costly, jpeg_frame
from mineral_lib.photos.foreign import looks_like
from mineral_lib.photos.heic import is_heic, open_heic
from mineral_lib.photos.messages import readable

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP")
MAX_PIXELS = 89_478_485  # Pillow's own warning limit; it only warns there, this project refuses
DRAFT_PIXELS = 4 * MAX_PIXELS  # of a JPEG, which can be decoded at half its sides
MIN_SIDE_PX = 16
MAX_ASPECT = 20
NO_MEMORY = "too large for the memory of this machine"
REMEDY = "export it again as an 8-bit JPEG or PNG, or remove it from the folder"
ACCEPTED = "accepted are JPEG, PNG, TIFF, WebP, BMP and (with the extra heic) HEIC"

_ORIENTATION_TAG = 0x0112
_NAMES = "FLIP_LEFT_RIGHT ROTATE_180 FLIP_TOP_BOTTOM TRANSPOSE ROTATE_270 TRANSVERSE ROTATE_90"
_TURNS = {number: Image.Transpose[name] for number, name in enumerate(_NAMES.split(), start=2)}  # EXIF orientations
_DNG_VERSION, _SUBFILE_TYPE, _REDUCED = 50706, 254, 1  # TIFF tags of previews in the RAW files of cameras
_BOMB = re.compile(r"\((\d+) pixels\)")
# What programs write beside the picture (edits, colour tables) may exceed the megabyte that Pillow allows a text.
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY


class AccessError(DataError):
    """A file could not be opened or held in memory: it may well be readable another time."""


@dataclass(frozen=True)
class Photo:
    """A decoded photograph."""

    image: Image.Image  # RGB, 8 bit, upright
    sha256: str  # digest of the file's bytes
    size_bytes: int  # size of the file
    notes: tuple[str, ...]  # conversions that were needed, in words

    @property
    def pixels(self) -> np.ndarray:
        """(H, W, 3) uint8; a new array at each call."""
        return np.array(self.image, dtype=np.uint8)


def read_photo(path: Path, *, sha256: str | None = None) -> Photo:
    """Decode a photograph and return it with the digest of exactly the bytes that were decoded.

    A costly one whose digest is not known from a scan is tried in a process of its own first, see ``alone``.

    Args:
        path: The file.
        sha256: Digest of its bytes at the scan, if they must still be the same.

    Raises:
        DataError: The file cannot be used, or has changed; the message names file, reason and remedy.
        AccessError: It cannot be used now.
    """
    with contextlib.suppress(CostlyError):
        return decode_photo(path, sha256=sha256, costly=sha256 is not None)
    tried = measure_alone(Path(path))
    if "refused" in tried:
        raise DataError(tried["refused"], where=readable(path), remedy=tried["remedy"])
    return decode_photo(path, sha256=tried["sha256"], costly=True)


def decode_photo(path: Path, *, sha256: str | None = None, costly: bool) -> Photo:
    """As ``read_photo``; a costly one raises CostlyError unless that is allowed."""
    data = b""
    try:
        data = _read_bytes(Path(path), MAX_FILE_BYTES if costly else COSTLY_BYTES)
        digest = hashlib.sha256(data).hexdigest()
        if sha256 not in (None, digest):
            raise DataError("content changed since the scan", remedy="run the scan (notebook 01) again")
        if is_costly(data) and not costly:
            raise CostlyError
        image, notes = _decode(data, costly)
    except CostlyError:
        raise
    except DataError as error:
        raise type(error)(error.what, where=readable(path), remedy=error.remedy or REMEDY) from error.__cause__
    except MemoryError as error:
        raise AccessError(NO_MEMORY, where=readable(path), remedy=REMEDY) from error
    # Pillow answers damaged files with a dozen exception types, several of them no OSError.
    except Exception as error:
        raise DataError(_reason(error, data), where=readable(path), remedy=REMEDY) from error
    return Photo(image, digest, len(data), tuple(notes))


def as_picture(image: Image.Image | np.ndarray) -> Image.Image:
    """A Pillow picture of either; nothing is copied if it is one (36 MB for 12 megapixels)."""
    return image if isinstance(image, Image.Image) else Image.fromarray(image)


def resize_square(image: Image.Image | np.ndarray, px: int) -> np.ndarray:
    """The centre (px, px, 3) uint8 of an RGB picture or array (H, W, 3) uint8, its short side brought to ``px``."""
    picture = as_picture(image)
    width, height = picture.size
    side = min(height, width)
    left, top = (width - side) / 2, (height - side) / 2
    # Cutting first gives the same picture as resizing first, without computing the parts that are cut away.
    box = (left, top, left + side, top + side)
    return np.asarray(picture.resize((px, px), Image.Resampling.BICUBIC, box=box, reducing_gap=3.0))


def _read_bytes(path: Path, most: int) -> bytes:
    try:
        info = path.stat()  # before opening: opening a named pipe would wait for ever
        if not stat.S_ISREG(info.st_mode):
            raise DataError("not a regular file", remedy="remove it from the folder")
        if info.st_size == 0:
            raise DataError("empty file (0 bytes)", remedy="copy or download the photograph again")
        if info.st_size > MAX_FILE_BYTES:
            raise DataError(f"file too large ({info.st_size} bytes; the limit is {MAX_FILE_BYTES})")
        if info.st_size > most:
            raise CostlyError
        return path.read_bytes()
    except FileNotFoundError:
        raise AccessError("no such file", remedy="run the scan (notebook 01) again") from None
    except PermissionError:
        raise AccessError("permission denied", remedy="make the file readable") from None
    except (OSError, ValueError) as error:
        raise AccessError(f"cannot be read ({error})", remedy="check the disk and the file name") from error


def _decode(data: bytes, costly: bool) -> tuple[Image.Image, list[str]]:
    notes: list[str] = []
    if is_heic(data):
        picture, frames = open_heic(data, lambda width, height: _check_size("HEIF", width, height, costly))
        notes += ["first frame of several"] * (frames > 1)
        return to_srgb(picture, notes), notes
    with _open(data, notes) as image:
        _check_size(image.format, *image.size, costly)
        _check_no_preview(image, data)
        if _has_several(image):
            image.seek(0)
            notes.append("first frame of several")
        if is_16_bit_colour(image):
            notes.append("16-bit colour reduced to its upper 8 bits")
        image.load()
        turn = _TURNS.get(_orientation(image))
        picture = to_srgb(image, notes)
        return picture if turn is None else picture.transpose(turn), notes


def _open(data: bytes, notes: list[str]) -> Image.Image:
    """The file, not yet loaded; a JPEG with too many pixels at half its sides."""
    frame = jpeg_frame(data) if data.startswith(b"\xff\xd8") else None
    width, height = frame[:2] if frame else (0, 0)
    if not MAX_PIXELS < width * height <= DRAFT_PIXELS:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    image.draft(None, (width // 2, height // 2))
    notes.append(f"decoded at half its sides (of {width} x {height} pixels)")
    return image


def _has_several(image: Image.Image) -> bool:
    """Whether the file holds another picture; of a TIFF its next one is asked for and not their number."""
    if image.format != "TIFF":
        return getattr(image, "n_frames", 1) > 1
    try:
        image.seek(1)
    except EOFError:
        return False
    return True


def _check_size(kind: str, width: int, height: int, costly: bool) -> None:
    size = f"{width} x {height} pixels"
    if width * height > MAX_PIXELS:
        raise DataError(f"too many pixels ({size}; the limit is {MAX_PIXELS} in all)")
    if min(width, height) < MIN_SIDE_PX:
        raise DataError(f"too small ({size}; the smaller side must have at least {MIN_SIDE_PX})")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise DataError(f"too narrow ({size}; the longer side may be at most {MAX_ASPECT} times the shorter)")
    if are_costly(kind, width, height) and not costly:
        raise CostlyError


def _check_no_preview(image: Image.Image, data: bytes) -> None:
    # The RAW files of most cameras are TIFF files whose first picture is a thumbnail.
    tags = getattr(image, "tag_v2", None)
    if tags is not None and (data[8:10] == b"CR" or _DNG_VERSION in tags or tags.get(_SUBFILE_TYPE, 0) == _REDUCED):
        raise DataError(
            f"a RAW file of a camera, which is not accepted; {ACCEPTED}",
            remedy="develop it and export an 8-bit JPEG, or remove it from the folder",
        )


def _orientation(image: Image.Image) -> int | None:
    # Read after load(): Pillow turns some TIFF files itself and then removes the tag.
    try:
        return image.getexif().get(_ORIENTATION_TAG)
    except Exception:  # damaged EXIF data says nothing about the picture
        return None


def _reason(error: Exception, data: bytes) -> str:
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        count = _BOMB.search(str(error))
        return f"too many pixels ({count[1] if count else 'far more than'}; the limit is {MAX_PIXELS} in all)"
    text = str(error)
    if "truncated" in text.lower():
        return "truncated file: the end is missing"
    if isinstance(error, Image.UnidentifiedImageError):
        return f"no photograph, looks like {looks_like(data)}; {ACCEPTED}"
    return f"damaged file ({type(error).__name__}: {readable(text)[:120] or 'no details'})"
