"""The model card: what a recogniser is, what its statements are worth and where they end, on one page.

And ``mineral export``: the recogniser of a profile as one file for another machine, with its card beside it.
"""

from pathlib import Path

from jinja2 import TemplateError

from mineral_lib.errors import ParameterError, WeightsError
from mineral_lib.notation import template
from mineral_lib.paths import ResultPaths
from mineral_lib.recognition.model_file import MODEL_FILE, load_recogniser
from mineral_lib.recognition.names import both_names
from mineral_lib.recognition.outputs import output_file
from mineral_lib.recognition.recogniser import Recogniser
from mineral_lib.recognition.trust import LEVEL_WORDS
from mineral_lib.recognition.unknown import KNOWN_SHARE
from mineral_lib.storage import write_bytes, write_text

CARD_FILE = "model_card.md"
TITLE = b"# Model card"  # what every card begins with


def model_card(recogniser: Recogniser) -> str:
    """The card as Markdown, from what the recogniser says about itself.

    Raises:
        WeightsError: It does not say enough about itself.
    """
    filters = {"percent": _percent, "two": _two, "names": both_names}
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


def export_recogniser(profile: str, out: Path | None = None, *, onnx: bool = False) -> list[Path]:
    """Write the recogniser of a profile, and its model card under the same name ending ``.md``; returns both files.

    Without ``out`` it is ``mineral-<profile>.safetensors`` (or ``.onnx``, see ``onnx_file``) in the working folder.

    Raises:
        ParameterError: ``out`` has another ending, or what stands where the card goes is no model card.
        WeightsError: The profile has no usable recogniser, or it cannot be exported.
    """
    ending = ".onnx" if onnx else ".safetensors"
    target = output_file(out or Path(f"mineral-{profile}{ending}"), ending)
    _refuse_other_text(target.with_suffix(".md"))
    source = ResultPaths.of(profile).recogniser_dir / MODEL_FILE
    if not source.is_file():
        remedy = "make it first, or name another profile"
        raise WeightsError("this profile has no recogniser", where=str(source), remedy=remedy)
    recogniser = load_recogniser(source)
    card = model_card(recogniser)
    if onnx:
        from mineral_lib.recognition.onnx_file import write_onnx

        write_onnx(target, recogniser)
    else:
        write_bytes(target, source.read_bytes())
    return [target, write_text(target.with_suffix(".md"), card)]


def _refuse_other_text(path: Path) -> None:
    """Whose name for the model is that of their notes keeps the notes."""
    if path.exists() and not (path.is_file() and path.read_bytes().startswith(TITLE)):
        what = "the model card goes here, and it holds something else"
        raise ParameterError(what, where=str(path), remedy="choose another name with --out")
