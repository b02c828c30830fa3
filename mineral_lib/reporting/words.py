"""The words of tables, figures and the report, from ``resources/words.yaml``."""

from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from mineral_lib.config import Settings
from mineral_lib.reporting.tables import Column


@cache
def words() -> dict[str, Any]:
    """The whole file: chapters, optional, notes, limits, artefacts, labels."""
    return yaml.safe_load((files("mineral_lib.resources") / "words.yaml").read_text(encoding="utf-8"))


def label(key: str, language: str = "en") -> str:
    """A figure label in ``en``, ``zh`` or ``both`` (English first)."""
    english, chinese = words()["labels"][key]
    return {"en": english, "zh": chinese}.get(language, f"{english} {chinese}")


def columns_of(name: str) -> dict[str, Column] | None:
    """How the columns of a table are shown; None: plainly."""
    given = words()["artefacts"][name].get("columns")
    return given and {key: Column(**value) for key, value in given.items()}


def notes_of(name: str, settings: Settings) -> list[str]:
    """The notes of a table: named ones, sentences of its own with parameters filled in, or the study's context."""
    found: list[str] = []
    for note in words()["artefacts"][name].get("notes", ()):
        if note == "$context":
            found += context_notes(settings)
        else:
            found.append(words()["notes"].get(note) or note.format_map(dict(settings)))
    return found


def context_notes(settings: Settings) -> list[str]:
    """Data, networks and weights in three sentences; every results table ends with them."""
    sentences, data = words()["context"], settings.data
    source = sentences["folder" if data.source == "folder" else "generated"].format(data=data)
    return [source, sentences[settings.model.family], sentences[settings.weights.source]]
