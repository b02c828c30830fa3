"""The commands on somebody's own photographs: check, review, audit, learn, identify, evaluate, export."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mineral_lib.config import Settings
from mineral_lib.errors import DataError
from mineral_lib.parameters import load_profile, study_name
from mineral_lib.paths import ResultPaths, given_path, project_root
from mineral_lib.recognition.hand_tests import ANSWERS, weights

if TYPE_CHECKING:
    from mineral_lib.recognition.recogniser import Recogniser

MODEL = "a recogniser's file (default: the newest below results)"


def add_photo_commands(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the commands to those of ``mineral``; ``command`` takes name, function, help and an example of ``--set``."""

    def of_folder(name: str, action: Callable, text: str, example: str = "data.specimen_from=folder") -> Any:
        added = command(name, action, f"{text}; the folder is only read", example)
        added.add_argument("photos", help="folder with one folder per mineral")
        return added

    one = of_folder("check", _check_photos, "say what is in a photo folder")
    one.add_argument("--out", metavar="DIR", help="also write the tables and the plate of suspicious photographs")
    of_folder("learn", _learn, "learn to recognise the minerals of a photo folder", "recogniser.fine_tune=true")
    one = of_folder("review", _review, "list labels of a photo folder that look wrong, for a person to decide")
    text = "where contact sheet and decisions go (default: results/review/<folder>-<code>)"
    one.add_argument("--out", metavar="DIR", help=text)
    text = "find pictures of one folder that show what a picture of another shows: copies, crops, turns, the same scene"
    one = command("audit", _audit, text)
    one.add_argument("train", help="folder of pictures")
    one.add_argument("test", nargs="?", help="the other folder (default: the first is compared with itself)")
    one.add_argument("--out", metavar="FILE", help="also write all pairs as CSV")
    one = command("identify", _identify, "name the minerals on photographs by a recogniser")
    one.add_argument("photos", nargs="+", help="photographs, or folders of them")
    one.add_argument("--model", metavar="FILE", help=MODEL)
    text = "what makes photographs one specimen, answered together (default: each file its own)"
    one.add_argument("--specimen-from", choices=["file", "folder"], default="file", help=text)
    text = "also write a picture a photograph: where the evidence for its first name lies"
    one.add_argument("--maps", metavar="DIR", help=text)
    form = one.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="answers as JSON")
    form.add_argument("--csv", action="store_true", help="answers as CSV")
    for name, answers in ANSWERS.items():
        one.add_argument(f"--{name}", metavar="ANSWER", help=f"a test by hand: {', '.join(answers)}")
    one = command("export", _export, "write the recogniser of a profile to one file, with its model card")
    one.add_argument("--profile", required=True)
    one.add_argument("--out", metavar="FILE", help="the file (default: mineral-<profile>.safetensors, or .onnx)")
    one.add_argument("--onnx", action="store_true", help="as ONNX, for programs without Python (extra: export)")
    one = of_folder("evaluate", _evaluate, "judge a recogniser on another folder with one folder per mineral")
    one.add_argument("--model", metavar="FILE", help=MODEL)
    one.add_argument("--names", metavar="CSV", help="names.csv of an earlier evaluation, corrected")
    text = "where numbers, predictions and names.csv go (default: results/evaluate/<folder>-<code>)"
    one.add_argument("--out", metavar="DIR", help=text)


def _path(text: str | None) -> Path | None:
    return given_path(text) if text else None


def _settings(options: argparse.Namespace, **data: Any) -> Settings:
    """The profile of one's own photographs, on the folder of a command."""
    folder = str(given_path(options.photos).resolve())
    return load_profile("own_photos", options.set, data={"folder": folder, **data})


def _check_photos(options: argparse.Namespace) -> None:
    from mineral_lib.reporting.health import check_photos

    out = _path(options.out)
    print(check_photos(_settings(options), out=out and out.resolve()))


def _learn(options: argparse.Namespace) -> None:
    from mineral_lib.recognition.learn import (
        MODEL_FILE,
        ladder_text,
        learn,
        majority_note,
        refuse_wrong_level,
        study_of_folder,
    )
    from mineral_lib.recognition.owner_report import REPORT_FILE

    study = study_of_folder(given_path(options.photos), options.set)
    refuse_wrong_level(study.settings.data)  # what follows reads all photographs
    print(f"{len(study.index)} photographs of {len(study.classes)} minerals in {study.settings.data.folder}")
    if skipped := int((study.data.files["status"] == "skipped").sum()):
        print(f"{skipped} files skipped; `mineral check` says why")
    for note in study.data.notes:
        print(f"* {note}")
    ladder = learn(study)[1]
    print(ladder_text(ladder))
    fine_tuned = ladder["cv_accuracy"].isna().any()
    home = study.paths.recogniser_dir.relative_to(project_root()).as_posix()
    how = "cross-validation" + (", and on validation where a network was fine-tuned" if fine_tuned else "")
    print(f"\n* chosen by {how}: {home}/{MODEL_FILE}\nLook: {home}/{REPORT_FILE}")
    print(f"Next: mineral identify PHOTO ... --model {home}/{MODEL_FILE}")
    if doubt := majority_note(ladder):
        print(f"* {doubt}")


def _review(options: argparse.Namespace) -> None:
    from mineral_lib.recognition.review import review

    out = _path(options.out)
    print(review(_settings(options), out=out and out.resolve()).to_text())


def _audit(options: argparse.Namespace) -> None:
    from mineral_lib.recognition.audit import audit

    train, test, out = map(_path, (options.train, options.test, options.out))
    print(audit(train, test, out=out, cache_dir=ResultPaths.of("own_photos").cache_dir).to_text())


def _identify(options: argparse.Namespace) -> None:
    answers = {name: getattr(options, name) for name in ANSWERS if getattr(options, name) is not None}
    for name, answer in answers.items():
        weights(name, answer)  # an impossible answer is refused at once
    from mineral_lib.recognition.identify import identify, list_photographs
    from mineral_lib.recognition.outputs import output_folder

    files, skipped = list_photographs([given_path(photo) for photo in options.photos])
    if maps := _path(options.maps):
        # As it is listed and, behind a link, as it lies there.
        folders = {folder for file in files for folder in (file.parent, file.resolve().parent)}
        output_folder(maps, [*folders, *filter(Path.is_dir, map(given_path, options.photos))], option="--maps")
        maps.mkdir(parents=True, exist_ok=True)  # an error here is said at once
    model = _model(options)
    groups = [str(file.resolve().parent) for file in files] if options.specimen_from == "folder" else None
    found = identify(model, files, groups, answers=answers)
    found.skipped.update(skipped)
    text = found.to_json() if options.json else found.to_csv() if options.csv else found.to_text()
    print(text.rstrip("\n"))
    if not found.answers:
        raise DataError("not one photograph can be read", remedy="give photographs; the reasons stand above")
    if maps:
        from mineral_lib.reporting.cam_grid import write_evidence_maps

        written = write_evidence_maps(model, found, maps)
        print(f"wrote {len(written)} evidence maps to {maps}", file=sys.stderr)


def _model(options: argparse.Namespace) -> "Recogniser":
    from mineral_lib.recognition.model_file import load_recogniser, newest_model

    path = _path(options.model) or newest_model()
    if not options.model:
        print(f"recogniser: {path.relative_to(project_root())} (the newest; --model names another)", file=sys.stderr)
    return load_recogniser(path)


def _export(options: argparse.Namespace) -> None:
    from mineral_lib.recognition.model_card import export_recogniser

    for path in export_recogniser(study_name(options.profile), _path(options.out), onnx=options.onnx):
        print(f"wrote {path}")


def _evaluate(options: argparse.Namespace) -> None:
    from mineral_lib.data.index import photo_folder
    from mineral_lib.recognition.elsewhere import evaluate_elsewhere
    from mineral_lib.recognition.names import read_names
    from mineral_lib.recognition.outputs import output_folder, results_of

    settings = _settings(options, min_photos=1)
    folder = photo_folder(settings.data)
    out = output_folder(_path(options.out) or results_of("evaluate", folder), [folder])
    model = _model(options)
    given = read_names(given_path(options.names)) if options.names else None
    found = evaluate_elsewhere(model, settings, given=given)
    print(found.to_text())
    if note := found.save(out):
        print(note)
    print(f"wrote {out}: names.csv (correct it and give it back with --names), predictions.csv, ...")
