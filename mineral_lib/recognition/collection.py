"""From somebody's folder to a recogniser: the ladder, the rung that cross-validation chose, its recogniser on disk.

Everything stands in ``results/<profile>/recogniser``: ``ladder.csv``, the predictions of every rung on cross-validated
and test photographs, ``recogniser.safetensors``, ``trust.json`` (what its statements are worth), ``model_card.md``,
and ``report.html`` for the owner; ``manifest.json`` holds the digests of all.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mineral_lib import __version__
from mineral_lib.data.index import data_title, photo_folder
from mineral_lib.data.split import SPLITS
from mineral_lib.digests import write_record
from mineral_lib.errors import WeightsError
from mineral_lib.photos import stated
from mineral_lib.recognition.backbone import RANDOM
from mineral_lib.recognition.calibration import probabilities
from mineral_lib.recognition.ladder import Rung, best_rung, climb, rungs_of, scores, tuned_rungs
from mineral_lib.recognition.linear import Choice
from mineral_lib.recognition.model_card import CARD_FILE, model_card
from mineral_lib.recognition.model_file import MODEL_FILE, save_recogniser
from mineral_lib.recognition.owner_report import REPORT_FILE, write_owner_report
from mineral_lib.recognition.recogniser import SEEN_DIGITS, Photographs, Recogniser, fit_recogniser
from mineral_lib.recognition.trust import measure_trust
from mineral_lib.runtime import package_versions
from mineral_lib.storage import remove_tree, write_csv, write_json, write_text
from mineral_lib.study import Study

RECORD_FILE = "manifest.json"


def folder_of(study: Study) -> Path:
    """Where the recogniser of a study lives."""
    return study.paths.root / "recogniser"


def parts_of(study: Study) -> dict[str, np.ndarray]:
    """Rows of the index in ``train``, ``val`` and ``test`` of the grouped split."""
    samples = study.samples("grouped").set_index("image_id")["split"].reindex(study.index["image_id"])
    return {name: np.flatnonzero(samples.to_numpy() == name) for name in SPLITS}


def build_recogniser(
    study: Study, *, backbones: Sequence[str], say: Callable[[str], None] = print
) -> tuple[Recogniser, pd.DataFrame]:
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
    settings, options = study.settings, study.settings.recogniser
    photographs = Photographs(photo_folder(settings.data), study.index, study.paths.cache_dir, settings.train.jobs)
    parts = parts_of(study)
    rows = np.concatenate([parts["train"], parts["val"]])
    rungs = climb(photographs, len(study.classes), parts, rungs_of(backbones, options.sizes_px))
    if options.fine_tune:
        rungs += _tuned(study, photographs, parts, rungs, say)
    best = best_rung(rungs, photographs.labels[rows])
    remove_tree(folder_of(study) / "predictions")  # of rungs of an earlier ladder
    for rung in rungs:
        known = np.isfinite(rung.known).any(1)
        how = "cross_validated" if known[: len(parts["train"])].any() else "validation"
        _write_predictions(study, rung, how, rows[known], probabilities(rung.known[known], 1.0))
        _write_predictions(study, rung, "test", parts["test"], rung.test)
    frame = pd.DataFrame([_row(rung, photographs, rows, parts, study) for rung in rungs])
    frame["chosen"] = [rung is best for rung in rungs]
    write_csv(folder_of(study) / "ladder.csv", frame)
    held, given = np.isin(rows, parts["val"]), (study.classes, best.kinds, best.linear)
    how = {"choice": best.choice, "coverage": options.coverage}
    fitted = fit_recogniser(photographs, *given, rows, held, best.known, **how)
    trust = measure_trust(fitted, photographs, rows, best.known, parts["test"], **_resampling(study))
    write_json(folder_of(study) / "trust.json", trust)
    about = _about(study, photographs, parts, best.choice, fitted) | {"trust": trust}
    row = frame[frame["chosen"]].iloc[0]
    about |= {"rung": best.name, "kinds": [kind.title for kind in best.kinds]}
    about["backbones"] = {
        name: {"source": one.source, "licence": one.licence, "sha256": one.digest}
        for name, one in fitted.backbones.items()
    }
    about["test"] = {name: _number(row[name]) for name in ("accuracy", "low", "high", "macro_recall", "top3")}
    made = replace(fitted, about=about)
    save_recogniser(folder_of(study) / MODEL_FILE, made)
    write_text(folder_of(study) / CARD_FILE, model_card(made))
    page = folder_of(study) / REPORT_FILE
    write_owner_report(page, made, photographs, rows, parts["test"], rungs, frame, **_resampling(study))
    record = folder_of(study) / RECORD_FILE
    written = [path for path in folder_of(study).rglob("*") if path.is_file() and path != record]
    write_record(record, {"profile": settings.profile}, written)
    return made, frame


def _tuned(
    study: Study, photographs: Photographs, parts: dict[str, np.ndarray], rungs: list[Rung], say: Callable[[str], None]
) -> list[Rung]:
    """The fine-tuned rungs, from the best rung of a network with real weights; none, said why, if it cannot be done."""
    real = [rung for rung in rungs if rung.kinds and rung.kinds[0].backbone and rung.kinds[0].backbone.name != RANDOM]
    if not real or not len(parts["val"]):
        say(f"not fine-tuned: there are no {'validation photographs' if real else 'weights to start from'}")
        return []
    rows = np.concatenate([parts["train"], parts["val"]])
    try:
        return tuned_rungs(study, photographs, parts, best_rung(real, photographs.labels[rows]), say=say)
    except WeightsError as error:
        say(f"not fine-tuned: {error}")
        return []


def _resampling(study: Study) -> dict[str, int]:
    return {"resamples": study.settings.report.bootstrap, "seed": study.settings.report.seed}


def _about(
    study: Study, photographs: Photographs, parts: dict[str, np.ndarray], choice: Choice | None, made: Recogniser
) -> dict[str, Any]:
    """What the model card says of data and choice, as plain values."""
    index, counts = study.index, {}
    for label, name in enumerate(study.classes):
        rows = index["label"] == label
        counts[name] = {"photographs": int(rows.sum()), "specimens": int(index.loc[rows, "group"].nunique())}
    known, licences = made.familiarity, stated(index, "licence")
    return {
        "profile": study.settings.profile,
        "title": data_title(study.settings.data, study.settings.profile),
        "data_fingerprint": study.data.fingerprint,
        "photographs": {name: len(rows) for name, rows in parts.items()},
        "specimens": {name: len(np.unique(photographs.groups[rows])) for name, rows in parts.items()},
        "specimens_known": study.settings.data.specimen_from != "file",
        "classes": counts,
        "licences": {str(name): int(count) for name, count in licences.items()},
        "licence_not_stated": int(len(index) - licences.sum()),
        # So that an evaluation elsewhere can leave out what was learned from: beginnings of SHA-256.
        "seen": sorted(index["sha256"].iloc[np.concatenate([parts["train"], parts["val"]])].str[:SEEN_DIGITS]),
        "strength": choice.strength if choice else None,
        "class_weight": (choice.class_weight or "none") if choice else None,
        "familiarity_auroc": [_number(value) for value in (known.auroc, known.auroc_low, known.auroc_high)],
        "versions": package_versions(),
        "package": __version__,
    }


def _number(value: float) -> float | None:
    """A plain number; None for NaN, which JSON does not know."""
    return None if np.isnan(value) else float(value)


def _row(
    rung: Rung, photographs: Photographs, rows: np.ndarray, parts: dict[str, np.ndarray], study: Study
) -> dict[str, object]:
    labels, groups, test = photographs.labels, photographs.groups, parts["test"]
    known, held = np.isfinite(rung.known).any(1), np.isin(rows, parts["val"])
    found = scores(rung.test, labels[test], groups[test], **_resampling(study))
    choice = {"strength": rung.choice.strength, "class_weight": rung.choice.class_weight} if rung.choice else {}
    part = {"cv": known if known[~held].any() else known & False, "val": known & held}
    chosen_on = {
        f"{name}_{score}": value
        for name, some in part.items()
        for score, value in scores(rung.known[some], labels[rows][some]).items()
    }
    return {"rung": rung.name, **chosen_on, **found, **choice, "seconds": rung.seconds}


def _write_predictions(study: Study, rung: Rung, part: str, rows: np.ndarray, probability: np.ndarray) -> Path:
    frame = study.index.iloc[rows][["image_id", "group", "label"]].reset_index(drop=True)
    frame["predicted"] = probability.argmax(1)
    columns = pd.DataFrame(probability, columns=[f"p_{label}" for label in range(probability.shape[1])])
    name = re.sub(r"[^a-z0-9]+", "_", rung.name.lower()).strip("_")
    return write_csv(
        folder_of(study) / "predictions" / f"{name}_{part}.csv",
        pd.concat([frame, columns], axis=1),
        float_format="%.9g",
    )
