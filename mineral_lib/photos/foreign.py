"""What a file that is no photograph looks like, in words, from its first bytes."""

from mineral_lib.photos.heic import is_heic

# First bytes (lower case) of files that are often found under the name of a photograph.
_STARTS = {
    (b"<!doctype html", b"<html"): "an HTML page (a failed download?)",
    b"<?xml": "an XML or SVG file",
    b"<svg": "an SVG drawing",
    b"%pdf": "a PDF document",
    (b"%!ps", b"\xc5\xd0\xd3\xc6"): "a PostScript file",
    b"gif8": "a GIF image, which is not accepted",
    b"8bps": "a Photoshop file",
    b"pk\x03\x04": "a ZIP archive or office document",
    b"version https://git-lfs": "a Git LFS pointer (the image itself was not downloaded)",
    (b"\x00\x00\x00\x0cjxl ", b"\xff\x0a"): "a JPEG XL image, which is not accepted",
    b"\x00\x00\x00\x0cjp  ": "a JPEG 2000 image, which is not accepted",
    (b"fujifilmccd-raw", b"iiro", b"iirs", b"iiu\x00"): "a RAW file of a camera",
}
_CONTROL = set(range(32)) - {9, 10, 12, 13}


def looks_like(data: bytes) -> str:
    """The kind of a file in words, from its bytes or the first 4096 of them."""
    head = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for starts, name in _STARTS.items():
        if head.startswith(starts):
            return name
    if data[4:8] == b"ftyp":
        if is_heic(data):
            return "a damaged HEIC photograph"
        if b"avi" in data[8:40]:
            return "an AVIF image, which is not accepted"
        return "a RAW file of a camera" if data[8:11] == b"crx" else "a video"
    return "no known image (or its first bytes are damaged)" if _CONTROL & set(data[:4096]) else "a text file"
