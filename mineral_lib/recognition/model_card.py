"""The model card: what a recogniser is, what its statements are worth and where they end, on one page."""

from jinja2 import TemplateError

from mineral_lib.errors import WeightsError
from mineral_lib.notation import template
from mineral_lib.recognition.names import both_names
from mineral_lib.recognition.recogniser import Recogniser
from mineral_lib.recognition.trust import LEVEL_WORDS
from mineral_lib.recognition.unknown import KNOWN_SHARE

CARD_FILE = "model_card.md"


def model_card(recogniser: Recogniser) -> str:
    """The card as Markdown, from what the recogniser says about itself.

    Raises:
        WeightsError: It does not say enough about itself.
    """
    filters = {"percent": _percent, "two": _two, "names": both_names, "level": _level}
    page, about = template("mineral_lib.recognition", CARD_FILE, **filters), recogniser.about
    try:
        return page.render(
            about=about, trust=about["trust"], classes=recogniser.classes, known_share=KNOWN_SHARE, levels=LEVEL_WORDS
        )
    except (TemplateError, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise WeightsError(
            f"the recogniser says too little about itself for a model card ({type(error).__name__}: {error})",
            remedy="give a recogniser that this package has made",
        ) from error


def _percent(share: float | None) -> str:
    return "not measured" if share is None else f"{100 * share:.1f} %"


def _two(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.2f}"


def _level(name: str) -> str:
    return LEVEL_WORDS.get(name, name)
