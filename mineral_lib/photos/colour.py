"""From the pixels of a file to 8-bit sRGB: bit depth, transparency, colour modes and colour profiles.

Pillow's own ``convert("RGB")`` clips 16-bit grey to white, shows the colours hidden under transparency, and ignores the
colour profile. Here 16-bit grey is scaled, transparency is laid over mid grey, and a profile other than sRGB (Display
P3 of phones, Adobe RGB of cameras, CMYK of print) is converted with LittleCMS, intent perceptual.
"""

import io

import numpy as np
from PIL import Image, ImageCms

from mineral_lib.errors import DataError

BACKGROUND = (128, 128, 128)
WHITE_IS_ZERO, BITS_PER_SAMPLE, PHOTOMETRIC = 0, 258, 262  # TIFF 6.0

_SPACES = {"RGB": "RGB", "RGBA": "RGB", "CMYK": "CMYK", "L": "GRAY"}
_PLAIN = ("RGB", "L", "P", "1")


def to_srgb(image: Image.Image, notes: list[str]) -> Image.Image:
    """A loaded image as 8-bit sRGB, conversions added to ``notes``; DataError: 32-bit pixels of unknown range."""
    if image.mode in ("I", "F"):
        kind = "32-bit integer" if image.mode == "I" else "32-bit float"
        raise DataError(f"unsupported pixel type {image.mode} ({kind})")
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I;16"):
        notes.append("16-bit grey scaled to 8 bit")
        image = _scaled_grey(image)
    elif image.has_transparency_data:
        notes.append("transparency laid over mid grey")
        image = image.convert("RGBA")
    elif image.mode not in _PLAIN:
        notes.append(f"converted from {image.mode}")
    picture = _without_profile(image, profile, notes) if profile else image
    if picture.mode == "RGBA":
        ground = Image.new("RGBA", picture.size, (*BACKGROUND, 255))
        picture = Image.alpha_composite(ground, picture)
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def grey(photos: np.ndarray) -> np.ndarray:
    """Photographs (..., 3) uint8 without their colours: the luma of ITU-R BT.601 in all three channels."""
    luma = (photos @ np.array([0.299, 0.587, 0.114], np.float32)).round().astype(np.uint8)
    return np.repeat(luma[..., None], 3, -1)


def is_16_bit_colour(image: Image.Image) -> bool:
    """Whether an opened, not yet loaded file has 16 bits a channel, of which Pillow keeps the upper 8."""
    return image.mode in ("RGB", "RGBA", "RGBX", "LA", "CMYK") and any(";16" in str(tile[3]) for tile in image.tile)


def _scaled_grey(image: Image.Image) -> Image.Image:
    # Pillow's own conversion clips at 255 and leaves a white picture. Here the largest value becomes 255.
    tags = getattr(image, "tag_v2", {})
    white = 4095 if tags.get(BITS_PER_SAMPLE) == (12,) else 65535
    grey = np.minimum(np.asarray(image).astype(np.uint16), white).astype(np.uint32)
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        grey = white - grey
    return Image.fromarray(((grey * 255 + white // 2) // white).astype(np.uint8))


def _without_profile(image: Image.Image, data: bytes, notes: list[str]) -> Image.Image:
    """The image in sRGB, or as it was if its profile is sRGB already, damaged, or of another kind of image."""
    picture = image.convert("RGB") if image.mode == "P" else image
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        name = " ".join(ImageCms.getProfileDescription(profile).split())[:40]
        name = name.encode("ascii", "replace").decode()
        if name.lower().startswith("srgb"):
            return image
        if profile.profile.xcolor_space.strip() != _SPACES.get(picture.mode):
            notes.append("colour profile of another kind of image, ignored")
            return image
        mode = "RGBA" if picture.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(picture, profile, ImageCms.createProfile("sRGB"), outputMode=mode)
    except Exception:  # LittleCMS and Pillow answer damaged profiles with several types; the picture itself is fine
        notes.append("damaged colour profile, ignored")
        return image
    notes.append(f"colours converted to sRGB from profile '{name}'")
    return converted
