"""HEIC photographs of phones, read through the optional library pillow-heif (extra ``heic``).

The library is asked directly and not registered with Pillow, so which formats ``images.py`` accepts never depends on
what else a process has imported. libheif turns the picture upright itself; its EXIF orientation must be ignored
(ISO/IEC 23008-12), which ``to_pillow`` sees to.
"""

import importlib
from collections.abc import Callable
from types import ModuleType

from PIL import Image

from mineral_lib.errors import DataError

BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
INSTALL = "pip install pillow-heif"
MISSING = f"a HEIC photograph, for which the extra heic is needed ({INSTALL})"
REMEDY = f"install the extra heic: {INSTALL}; or export the photograph as JPEG"


def is_heic(data: bytes) -> bool:
    """Whether the bytes start as a HEIC file (AVIF files share the container and are not accepted)."""
    box = data[: min(int.from_bytes(data[:4], "big"), 256)]
    return data[4:8] == b"ftyp" and data[8:12] in BRANDS and b"avi" not in box[16:]


def heic_version() -> str:
    """Version of the library, empty if it is not installed."""
    return getattr(_library(), "__version__", "")


def open_heic(data: bytes, check_size: Callable[[int, int], None]) -> tuple[Image.Image, int]:
    """Decode the primary picture of a HEIC file: it, upright (RGB or RGBA, 8 bit), and the number of pictures.

    ``check_size`` gets width and height before decoding and may raise; DataError: no library, or a damaged file.
    """
    library = _library()
    if library is None:
        raise DataError(MISSING, remedy=REMEDY)
    try:
        container = library.open_heif(data, convert_hdr_to_8bit=True)
        for picture in container:
            check_size(*picture.size)
        return container.to_pillow(), len(container)
    except (DataError, MemoryError):
        raise
    except Exception as error:  # libheif's errors arrive as several types
        detail = " ".join(str(error).split())[:120]
        raise DataError(f"damaged HEIC photograph ({type(error).__name__}: {detail})") from error


def _library() -> ModuleType | None:
    try:
        return importlib.import_module("pillow_heif")
    except ImportError:
        return None
