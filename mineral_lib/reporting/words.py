"""The words of tables, figures and the report, from ``resources/words.yaml``."""

import fnmatch
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from mineral_lib.catalogue import minerals
from mineral_lib.config import Settings
from mineral_lib.reporting.tables import Column


@cache
def words() -> dict[str, Any]:
    """The whole file: chapters, optional, notes, context, limits, artefacts, labels, questions, names."""
    return yaml.safe_load((files("mineral_lib.resources") / "words.yaml").read_text(encoding="utf-8"))


def label(key: str, language: str = "en") -> str:
    """A figure label in ``en``, ``zh`` or ``both`` (English first)."""
    english, chinese = words()["labels"][key]
    return {"en": english, "zh": chinese}.get(language, f"{english} {chinese}")


def name_of(kind: str, key: str | None, otherwise: str | None = None) -> str:
    """What people read for a word of the parameters, of a kind in ``names``: ``otherwise``, or itself, if not there."""
    return words()["names"][kind].get(key, otherwise or key)


def chinese_characters() -> str:
    """Every non-Latin character that figures may show: the glyphs the bundled font must have, sorted."""
    texts = [words()["paper_title_zh"], "、，。：；（）《》", *(chinese for _, chinese in words()["labels"].values())]
    for mineral in minerals():
        texts += [mineral.chinese, mineral.note]
    return "".join(sorted({character for text in texts for character in text if ord(character) > 0x2E7F}))


def entry(name: str) -> dict[str, Any]:
    """What is written about an artefact: title, reading, heading, columns, notes; undeclared ones have a title."""
    return words()["artefacts"].get(name) or {"title": name.replace("_", " ").capitalize()}


def columns_of(name: str, frame: Iterable[str] = ()) -> dict[str, Column] | None:
    """How the columns of a table are shown; None: plainly.

    Args:
        name: Its name in ``words.yaml``; a ``*`` in a key there, and in its title, stands for a number.
        frame: The columns of the table, needed where there is a ``*``.
    """
    given, found = entry(name).get("columns", {}), {}
    for key, how in given.items():
        start, star, end = key.partition("*")
        for column in fnmatch.filter(frame, key) if star else [key]:
            number = column.removeprefix(start).removesuffix(end)
            found[column] = Column(**how | {"title": how["title"].replace("*", number)})
    return found or None


def notes_of(name: str, settings: Settings, values: Mapping[str, Any] | None = None) -> list[str]:
    """The notes of a table.

    Args:
        name: Its name in ``words.yaml``, where a note is the name of a shared one, a sentence with placeholders, or
            ``$`` and a name of ``values``.
        settings: Placeholders of sentences, for example ``{train.select}``.
        values: More of them; sentences or lists of sentences.
    """
    context = context_notes(settings)
    values = {**dict(settings), "context": context, "photographs": context[0], **(values or {})}
    found: list[str] = []
    for note in entry(name).get("notes", ()):
        if note.startswith("$"):
            sentences = values[note[1:]]
            found += [sentences] if isinstance(sentences, str) else sentences
        else:
            found.append(words()["notes"].get(note) or note.format_map(values))
    return found


def context_notes(settings: Settings) -> list[str]:
    """Data, networks and weights in three sentences; every results table ends with them."""
    sentences, data = words()["context"], settings.data
    source = sentences["folder" if data.source == "folder" else "generated"].format(data=data)
    return [source, sentences[settings.model.family], sentences[settings.weights.source]]
