"""The model card: what a recogniser is, what its statements are worth and where they end, on one page."""

from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, TemplateError

from mineral_lib.errors import WeightsError
from mineral_lib.recognition.identify import both_names
from mineral_lib.recognition.recogniser import Recogniser
from mineral_lib.recognition.unknown import KNOWN_SHARE
from mineral_lib.storage import write_text

CARD_FILE = "model_card.md"
LEVEL_WORDS = {
    "one": "one mineral",
    "few": "two or three minerals",
    "group": "a mineral group",
    "unsure": "not decided",
    "none": "not one of these",
}
# Names come from people's folders and files: they must not become markup, links or the end of a cell.
_MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "\\|", "`": "'", "*": "\\*", "[": "\\["})


def model_card(recogniser: Recogniser) -> str:
    """The card as Markdown, from what the recogniser says about itself.

    Raises:
        WeightsError: It does not say enough about itself.
    """
    environment = Environment(undefined=StrictUndefined, finalize=_plain)
    environment.filters |= {"percent": _percent, "two": _two, "names": both_names, "level": _level}
    template = environment.from_string((files("mineral_lib.recognition") / "model_card.md.j2").read_text("utf-8"))
    about = recogniser.about
    try:
        return template.render(
            about=about, trust=about["trust"], classes=recogniser.classes, known_share=KNOWN_SHARE, levels=LEVEL_WORDS
        )
    except (TemplateError, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise WeightsError(
            f"the recogniser says too little about itself for a model card ({type(error).__name__}: {error})",
            remedy="give a recogniser that this package has made",
        ) from error


def write_model_card(path: Path, recogniser: Recogniser) -> Path:
    """Write the card."""
    return write_text(path, model_card(recogniser))


def _plain(value: Any) -> str:
    return " ".join(str(value).split()).translate(_MARKUP)


def _percent(share: float | None) -> str:
    return "not measured" if share is None else f"{100 * share:.1f} %"


def _two(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.2f}"


def _level(name: str) -> str:
    return LEVEL_WORDS.get(name, name)
