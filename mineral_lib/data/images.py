"""Reading one photograph: which files are accepted, and what happens to unusual ones.

The rules: JPEG (also the multi-picture files of phones), PNG, TIFF, WebP and BMP are decided by content, never by
extension; the file is decoded completely; the EXIF orientation is applied; 16-bit grey is scaled to 8 bit;
transparency is laid over mid grey; of animations and multi-page files the first frame is used. Everything else is
refused with a reason.
"""

import hashlib
import io
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mineral_lib.errors import DataError

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP")
MAX_PIXELS = 89_478_485  # Pillow's own warning limit; it only warns there, this project refuses
MAX_FILE_BYTES = 1 << 30
MIN_SIDE_PX = 16
MAX_ASPECT = 20
BACKGROUND = (128, 128, 128)
REMEDY = "export it again as an 8-bit JPEG or PNG, or remove it from the folder"

_ORIENTATION_TAG = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# First bytes (lower case) of files that are often found under the name of a photograph.
_LOOKS_LIKE = (
    (b"<!doctype html", "an HTML page (a failed download?)"),
    (b"<html", "an HTML page (a failed download?)"),
    (b"<?xml", "an XML or SVG file"),
    (b"<svg", "an SVG drawing"),
    (b"%pdf", "a PDF document"),
    (b"%!ps", "a PostScript file"),
    (b"gif8", "a GIF image, which is not accepted"),
    (b"8bps", "a Photoshop file"),
    (b"pk\x03\x04", "a ZIP archive or office document"),
    (b"version https://git-lfs", "a Git LFS pointer (the image itself was not downloaded)"),
    (b"\x00\x00\x00\x0cjxl ", "a JPEG XL image, which is not accepted"),
    (b"\xff\x0a", "a JPEG XL image, which is not accepted"),
)


@dataclass(frozen=True)
class Photo:
    """A decoded photograph.

    Attributes:
        pixels: (H, W, 3) uint8, RGB, upright.
        sha256: Digest of the file's bytes.
        size_bytes: Size of the file.
        notes: Conversions that were needed, in words.
    """

    pixels: np.ndarray
    sha256: str
    size_bytes: int
    notes: tuple[str, ...]


def decode_photo(path: Path) -> np.ndarray:
    """Decode a photograph.

    Returns:
        (H, W, 3) uint8, RGB, upright.

    Raises:
        DataError: The file cannot be used; the message names file, reason and remedy.
    """
    return read_photo(path).pixels


def read_photo(path: Path) -> Photo:
    """Decode a photograph and return it with the digest of exactly the bytes that were decoded.

    Raises:
        DataError: The file cannot be used; the message names file, reason and remedy.
    """
    data = _read_bytes(Path(path))
    try:
        pixels, notes = _decode(data)
    except DataError as error:
        raise _refusal(error.what, path) from None
    # Pillow answers damaged files with a dozen exception types, several of them no OSError.
    except Exception as error:
        raise _refusal(_reason(error, data), path) from error
    return Photo(pixels, hashlib.sha256(data).hexdigest(), len(data), tuple(notes))


def readable(path: Path | str) -> str:
    """A path as printable text, also when the name is not valid UTF-8."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")


def resize_square(image: np.ndarray, px: int) -> np.ndarray:
    """Bring the short side to ``px`` with antialiasing and cut out the centre.

    Args:
        image: (H, W, 3) uint8.
        px: Side of the result in pixels.

    Returns:
        (px, px, 3) uint8.
    """
    height, width = image.shape[:2]
    side = min(height, width)
    left, top = (width - side) / 2, (height - side) / 2
    # Cutting first gives the same picture as resizing first, without computing the parts that are cut away.
    box = (left, top, left + side, top + side)
    resized = Image.fromarray(image).resize((px, px), Image.Resampling.BICUBIC, box=box, reducing_gap=3.0)
    return np.asarray(resized)


def _refusal(what: str, path: Path, remedy: str = REMEDY) -> DataError:
    return DataError(what, where=readable(path), remedy=remedy)


def _read_bytes(path: Path) -> bytes:
    try:
        info = path.stat()  # before opening: opening a named pipe would wait for ever
        if not stat.S_ISREG(info.st_mode):
            raise _refusal("not a regular file", path, "remove it from the folder")
        if info.st_size == 0:
            raise _refusal("empty file (0 bytes)", path, "copy or download the photograph again")
        if info.st_size > MAX_FILE_BYTES:
            raise _refusal(f"{info.st_size} bytes; the limit is {MAX_FILE_BYTES}", path)
        return path.read_bytes()
    except FileNotFoundError:
        raise _refusal("no such file", path, "run the scan (notebook 01) again") from None
    except PermissionError:
        raise _refusal("permission denied", path, "make the file readable") from None
    except (OSError, ValueError) as error:
        raise _refusal(f"cannot be read ({error})", path, "check the disk and the file name") from error


def _decode(data: bytes) -> tuple[np.ndarray, list[str]]:
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        _check_size(*image.size)
        notes = []
        if getattr(image, "n_frames", 1) > 1:
            image.seek(0)
            notes.append("first frame of several")
        image.load()
        orientation = _orientation(image)
        picture = _to_rgb(image, notes)
        if orientation in _TURNS:
            picture = picture.transpose(_TURNS[orientation])
        return np.array(picture, dtype=np.uint8), notes


def _check_size(width: int, height: int) -> None:
    size = f"{width} x {height} pixels"
    if width * height > MAX_PIXELS:
        raise DataError(f"{size}; the limit is {MAX_PIXELS} pixels in all")
    if min(width, height) < MIN_SIDE_PX:
        raise DataError(f"{size}; the smaller side must have at least {MIN_SIDE_PX}")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise DataError(f"{size}; the longer side may be at most {MAX_ASPECT} times the shorter")


def _orientation(image: Image.Image) -> int | None:
    # Read after load(): Pillow turns some TIFF files itself and then removes the tag.
    try:
        return image.getexif().get(_ORIENTATION_TAG)
    except Exception:  # damaged EXIF data says nothing about the picture
        return None


def _to_rgb(image: Image.Image, notes: list[str]) -> Image.Image:
    if image.mode.startswith("I;16"):
        notes.append("16-bit grey scaled to 8 bit")
        # Pillow's own conversion clips at 255 and leaves a white picture. 65535 becomes 255.
        grey = np.asarray(image).astype(np.uint16)
        return Image.fromarray(((grey.astype(np.uint32) + 128) // 257).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        kind = "32-bit integer" if image.mode == "I" else "32-bit float"
        raise DataError(f"unsupported pixel type {image.mode} ({kind})")
    if image.has_transparency_data:
        notes.append("transparency laid over mid grey")
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (*BACKGROUND, 255))
        return Image.alpha_composite(ground, layer).convert("RGB")
    if image.mode not in ("RGB", "L", "P", "1"):
        notes.append(f"converted from {image.mode}")
    return image.convert("RGB")


def _reason(error: Exception, data: bytes) -> str:
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"a decompression bomb, more than {MAX_PIXELS} pixels"
    if isinstance(error, MemoryError):
        return "too large for the memory of this machine"
    text = str(error)
    if "truncated" in text.lower():
        return "truncated file: the end is missing"
    if isinstance(error, Image.UnidentifiedImageError):
        return f"no photograph of an accepted format; it looks like {_guess(data)}"
    return f"damaged file ({type(error).__name__}: {readable(text)[:120] or 'no details'})"


def _guess(data: bytes) -> str:
    head = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for start, name in _LOOKS_LIKE:
        if head.startswith(start):
            return name
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        if brand in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"):
            return "a HEIC photograph of a phone; export it as JPEG"
        return "an AVIF image; export it as JPEG" if brand in (b"avif", b"avis") else "a video"
    control = set(range(32)) - {9, 10, 12, 13}
    return "no known image (or its first bytes are damaged)" if control & set(data[:4096]) else "a text file"
