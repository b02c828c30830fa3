"""``mineral learn PHOTOS``, and notebook 09: from somebody's folder to a recogniser in one sitting.

The ladder is climbed, and the recogniser of the rung that cross-validation chose is written. Everything stands in
``results/<profile>/recogniser``: ``ladder.csv``, the predictions of every rung on cross-validated and test photographs,
``recogniser.safetensors``, ``trust.json`` (what its statements are worth), ``model_card.md``, and ``report.html`` for
the owner; ``manifest.json`` holds the digests of all.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mineral_lib import __version__
from mineral_lib.config import Data
from mineral_lib.data.index import data_title, photo_folder
from mineral_lib.data.split import SPLITS
from mineral_lib.digests import write_record
from mineral_lib.errors import WeightsError
from mineral_lib.parameters import load_profile, name_of_folder
from mineral_lib.photos import list_files, proposal_note, propose_specimens, stated, wrong_level
from mineral_lib.recognition.backbone import load_backbone
from mineral_lib.recognition.calibration import probabilities
from mineral_lib.recognition.demonstration import demonstration_settings
from mineral_lib.recognition.ladder import MAJORITY, Rung, best_rung, climb, rungs_of, scores, tuned_rungs
from mineral_lib.recognition.model_card import CARD_FILE, model_card
from mineral_lib.recognition.model_file import MODEL_FILE, save_recogniser
from mineral_lib.recognition.owner_report import REPORT_FILE, write_owner_report
from mineral_lib.recognition.recogniser import SEEN_DIGITS, Photographs, Recogniser, fit_recogniser
from mineral_lib.recognition.trust import measure_trust
from mineral_lib.runtime import package_versions
from mineral_lib.storage import remove_tree, write_csv, write_json, write_text
from mineral_lib.study import Study

RECORD_FILE = "manifest.json"
Say = Callable[[str], None]


def study_of_folder(folder: Path, changes: list[str]) -> Study:
    """The study of a photo folder: profile ``own_photos`` under the folder's name, so that each has its own results.

    Raises:
        ParameterError: One of the ``changes`` (``section.key=value``, as on the command line) is wrong.
    """
    data = {"folder": str(folder.resolve())}
    return Study(load_profile("own_photos", changes, profile=name_of_folder(folder), data=data))


def refuse_wrong_level(data: Data) -> None:
    """Look, before any photograph is read, whether the class folders are minerals, see ``photos.wrong_level``.

    Raises:
        DataError: They lie a level too high: a recogniser would learn to tell years or collections apart.
    """
    if data.source != "folder":
        return
    if error := wrong_level(photo_folder(data), list_files(photo_folder(data))):
        raise error


def collection_of(study: Study) -> Study:
    """The study whose photographs a recogniser learns from: a folder's own, else that of the demonstration folder."""
    if study.settings.data.source == "folder":
        return study
    own = demonstration_settings(study.settings)
    return Study(own.model_copy(update={"profile": f"{study.settings.profile[:30]}-photos"}))


def learn(study: Study, *, say: Say = print) -> tuple[Recogniser, pd.DataFrame]:
    """Build the recogniser of a folder (see ``build_recogniser``) with the backbones of its profile that can be had.

    ``say`` also receives what a person should know first: views of one specimen that count as several, backbones that
    cannot be had, licences that restrict a use.

    Raises:
        DataError: The photographs cannot be used, or their class folders lie a level too high.
    """
    options, usable, data = study.settings.recogniser, [], study.settings.data
    refuse_wrong_level(data)
    if data.specimen_from == "file" and (note := proposal_note(propose_specimens(photo_folder(data), study.index))):
        say(f"{note} `mineral check` with --out writes a table that you can correct and give back.")
    for name in options.backbones:
        try:
            backbone = load_backbone(name)
            usable.append(name)
            if not backbone.free:
                say(f"{name}: the licence of its weights is '{backbone.licence}', read it: it may forbid some uses")
        except WeightsError as error:
            say(f"left out: {error}")
    return build_recogniser(study, backbones=usable, say=say)


def parts_of(study: Study) -> dict[str, np.ndarray]:
    """Rows of the index in ``train``, ``val`` and ``test`` of the grouped split."""
    samples = study.samples("grouped").set_index("image_id")["split"].reindex(study.index["image_id"])
    return {name: np.flatnonzero(samples.to_numpy() == name) for name in SPLITS}


def build_recogniser(study: Study, *, backbones: Sequence[str], say: Say = print) -> tuple[Recogniser, pd.DataFrame]:
    """Climb the ladder, keep every rung's predictions, and write the recogniser of the rung cross-validation chose.

    Args:
        study: With photographs of a folder.
        backbones: Names of backbones, see ``backbone``; none for colour alone.
        say: Receives progress and what cannot be done.

    Returns:
        The recogniser, and the ladder: one row a rung with cross-validated and test numbers (fractions).

    Raises:
        DataError: The photographs cannot be used.
    """
    settings, options, folder = study.settings, study.settings.recogniser, study.paths.recogniser_dir
    photographs = Photographs(photo_folder(settings.data), study.index, study.paths.cache_dir, settings.train.jobs)
    parts = parts_of(study)
    learned, tested = photographs.some(np.concatenate([parts["train"], parts["val"]])), photographs.some(parts["test"])
    held = np.arange(len(learned.index)) >= len(parts["train"])
    rungs = climb(photographs, len(study.classes), parts, rungs_of(backbones, options.sizes_px))
    if options.fine_tune:
        try:
            rungs += tuned_rungs(study, photographs, parts, rungs, say=say)
        except WeightsError as error:
            say(f"not fine-tuned: {error}")
    best = best_rung(rungs, learned.labels)
    remove_tree(folder / "predictions")  # of rungs of an earlier ladder
    for rung in rungs:
        known = np.isfinite(rung.known).any(1)
        how = "cross_validated" if known[~held].any() else "validation"
        _write_predictions(folder, rung, how, learned.index[known], probabilities(rung.known[known], 1.0))
        _write_predictions(folder, rung, "test", tested.index, rung.test)
    resampling = {"resamples": settings.report.bootstrap, "seed": settings.report.seed}
    frame = pd.DataFrame([_row(rung, learned, held, tested, **resampling) for rung in rungs])
    frame["chosen"] = [rung is best for rung in rungs]
    write_csv(folder / "ladder.csv", frame)
    networks = [kind for rung in rungs for kind in rung.kinds if kind.backbone and kind.backbone.name in backbones]
    sight = networks[0] if networks else None
    fitted = fit_recogniser(learned, held, study.classes, best, coverage=options.coverage, sight=sight)
    trust = measure_trust(fitted, learned, best.known, tested, **resampling)
    write_json(folder / "trust.json", trust)
    made = replace(fitted, about=_about(study, parts, best, fitted, frame[frame["chosen"]].iloc[0]) | {"trust": trust})
    save_recogniser(folder / MODEL_FILE, made)
    write_text(folder / CARD_FILE, model_card(made))
    write_owner_report(folder / REPORT_FILE, made, learned, tested, rungs, frame, **resampling)
    record = folder / RECORD_FILE
    written = [path for path in folder.rglob("*") if path.is_file() and path != record]
    write_record(record, {"profile": settings.profile}, written)
    return made, frame


def _about(study: Study, parts: dict[str, np.ndarray], best: Rung, made: Recogniser, row: pd.Series) -> dict[str, Any]:
    """What the model card says of data and choice, as plain values; ``row`` is that of the best rung in the ladder."""
    index, choice, known, licences = study.index, best.choice, made.familiarity, stated(study.index, "licence")
    return {
        "profile": study.settings.profile,
        "title": data_title(study.settings.data, study.settings.profile),
        "data_fingerprint": study.data.fingerprint,
        "photographs": {name: len(rows) for name, rows in parts.items()},
        "specimens": {name: index["group"].iloc[rows].nunique() for name, rows in parts.items()},
        "specimens_known": study.settings.data.specimen_from != "file",
        "classes": index.groupby("class_name")["group"].agg(photographs="size", specimens="nunique").to_dict("index"),
        "licences": {str(name): int(count) for name, count in licences.items()},
        "licence_not_stated": int(len(index) - licences.sum()),
        # So that an evaluation elsewhere can leave out what was learned from or judged on: beginnings of SHA-256.
        "seen": sorted(index["sha256"].iloc[np.concatenate([parts["train"], parts["val"]])].str[:SEEN_DIGITS]),
        "judged": sorted(index["sha256"].iloc[parts["test"]].str[:SEEN_DIGITS]),
        "strength": choice.strength if choice else None,
        "class_weight": (choice.class_weight or "none") if choice else None,
        "familiarity_auroc": [_number(value) for value in (known.auroc, known.auroc_low, known.auroc_high)],
        "rung": best.name,
        "kinds": [kind.title for kind in best.kinds],
        "backbones": {
            name: {"source": one.source, "licence": one.licence, "sha256": one.digest}
            for name, one in made.backbones.items()
        },
        "test": {name: _number(row[name]) for name in ("accuracy", "low", "high", "macro_recall", "top3")},
        "versions": package_versions(),
        "package": __version__,
    }


def _number(value: float) -> float | None:
    """A plain number; None for NaN, which JSON does not know."""
    return None if np.isnan(value) else float(value)


def _row(rung: Rung, learned: Photographs, held: np.ndarray, tested: Photographs, **options: int) -> dict[str, object]:
    """A rung's row of the ladder."""
    known, choice = np.isfinite(rung.known).any(1), asdict(rung.choice) if rung.choice else {}
    found = scores(rung.test, tested.labels, tested.groups, **options)
    part = {"cv": known if known[~held].any() else known & False, "val": known & held}
    chosen_on = {
        f"{name}_{score}": value
        for name, some in part.items()
        for score, value in scores(rung.known[some], learned.labels[some]).items()
    }
    return {"rung": rung.name, **chosen_on, **found, **choice, "seconds": rung.seconds}


def _write_predictions(folder: Path, rung: Rung, part: str, index: pd.DataFrame, probability: np.ndarray) -> None:
    frame = index[["image_id", "group", "label"]].reset_index(drop=True)
    columns = pd.DataFrame(probability, columns=[f"p_{label}" for label in range(probability.shape[1])])
    frame = pd.concat([frame.assign(predicted=probability.argmax(1)), columns], axis=1)
    name = re.sub(r"[^a-z0-9]+", "_", rung.name.lower()).strip("_")
    write_csv(folder / "predictions" / f"{name}_{part}.csv", frame, float_format="%.9g")


def ladder_text(ladder: pd.DataFrame) -> str:
    """The ladder for a terminal: one line a rung, the chosen one marked."""
    shown = pd.DataFrame(
        {
            "": ["*" if chosen else "" for chosen in ladder["chosen"]],
            "rung": ladder["rung"],
            "cross-validated %": (100 * ladder["cv_accuracy"]).round(1),
            "validation %": (100 * ladder["val_accuracy"]).round(1) if ladder["cv_accuracy"].isna().any() else np.nan,
            "test %": (100 * ladder["accuracy"]).round(1),
            "95 % interval": [
                f"{100 * low:.1f} to {100 * high:.1f}" for low, high in zip(ladder["low"], ladder["high"], strict=True)
            ],
            "macro recall %": (100 * ladder["macro_recall"]).round(1),
            "among three %": (100 * ladder["top3"]).round(1),
        }
    )
    shown = shown.dropna(axis="columns", how="all").astype(object)
    return shown.where(shown.notna(), None).to_markdown(index=False, tablefmt="simple", missingval="–")


def majority_note(ladder: pd.DataFrame) -> str:
    """A warning if the chosen rung names no more test photographs rightly than the commonest name does; else empty."""
    chosen = ladder.loc[ladder["chosen"], "accuracy"].item()
    majority = ladder.loc[ladder["rung"] == MAJORITY, "accuracy"].item()
    if not chosen <= majority:  # nor without test photographs, where both are NaN
        return ""
    return (
        f"On the test photographs ({100 * chosen:.1f} % right) this recogniser is no better than always saying the "
        f"commonest name ({100 * majority:.1f} %)."
    )
