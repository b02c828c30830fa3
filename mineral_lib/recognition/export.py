"""``mineral export``: the recogniser of a profile as one file for another machine, with its model card beside it."""

from pathlib import Path

from mineral_lib.errors import WeightsError
from mineral_lib.paths import ResultPaths
from mineral_lib.recognition.model_card import model_card
from mineral_lib.recognition.model_file import MODEL_FILE, load_recogniser
from mineral_lib.storage import write_bytes, write_text


def export_recogniser(profile: str, out: Path | None = None, *, onnx: bool = False) -> list[Path]:
    """Write the recogniser of a profile, and its model card under the same name ending ``.md``; returns both files.

    Without ``out`` it is ``mineral-<profile>.safetensors`` (or ``.onnx``, see ``onnx_file``) in the working folder.

    Raises:
        WeightsError: The profile has no usable recogniser, or it cannot be exported.
    """
    source = ResultPaths.of(profile).root / "recogniser" / MODEL_FILE
    if not source.is_file():
        remedy = "make it first, or name another profile"
        raise WeightsError("this profile has no recogniser", where=str(source), remedy=remedy)
    recogniser = load_recogniser(source)
    card = model_card(recogniser)
    target = out or Path(f"mineral-{profile}.{'onnx' if onnx else 'safetensors'}")
    if onnx:
        from mineral_lib.recognition.onnx_file import write_onnx

        write_onnx(target, recogniser)
    else:
        write_bytes(target, source.read_bytes())
    return [target, write_text(target.with_suffix(".md"), card)]
