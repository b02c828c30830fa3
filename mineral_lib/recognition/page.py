"""Local pages with photographs: self-contained, nothing is fetched, every text is escaped."""

import base64
import io
from importlib.resources import files
from pathlib import Path
from typing import Any

from mineral_lib.notation import template
from mineral_lib.photos import read_photo
from mineral_lib.storage import write_text

THUMBNAIL_PX = 220


def write_page(path: Path, name: str, **values: Any) -> Path:
    """Write a page of this room, by the name of its template (see ``notation.template``) and the values it shows."""
    letters = (files("mineral_lib.resources") / "fonts" / "mineral-study-cjk.ttf").read_bytes()
    font = base64.b64encode(letters).decode()  # Chinese names where the reader's machine has no font for them
    return write_text(path, template("mineral_lib.recognition", name).render(font=font, **values))


def thumbnail(path: Path) -> str:
    """A small copy of a photograph, as the address of an image in a page."""
    small = read_photo(path).image.convert("RGB")
    small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
