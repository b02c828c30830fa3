"""The words of tables, figures and the report, from ``resources/words.yaml``."""

import fnmatch
import re
from collections.abc import Iterable, Mapping
from string import Formatter
from typing import Any

from mineral_lib.catalogue import in_language
from mineral_lib.config import Settings
from mineral_lib.reporting.tables import Column
from mineral_lib.resources import load_yaml

_NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}


def words() -> dict[str, Any]:
    """The whole file: chapters, optional, notes, context, limits, artefacts, labels, facts, names."""
    return load_yaml("words")


def label(key: str, language: str = "en") -> str:
    """A figure label in ``en``, ``zh`` or ``both`` (English first)."""
    return in_language(*words()["labels"][key], language)


def name_of(kind: str, key: str | None, otherwise: str | None = None) -> str:
    """What people read for a word of the parameters, of a kind in ``names``: ``otherwise``, or itself, if not there."""
    return words()["names"][kind].get(key, otherwise or key)


def entry(name: str) -> dict[str, Any]:
    """What is written about an artefact: title, reading, heading, columns, notes; undeclared ones have a title."""
    return words()["artefacts"].get(name) or {"title": name.replace("_", " ").capitalize()}


def columns_of(name: str, frame: Iterable[str] = ()) -> dict[str, Column] | None:
    """How columns are shown (None: plainly); a ``*`` in a key of ``words.yaml`` is a number in columns of ``frame``."""
    given, found = entry(name).get("columns", {}), {}
    for key, how in given.items():
        start, star, end = key.partition("*")
        for column in fnmatch.filter(frame, key) if star else [key]:
            number = column.removeprefix(start).removesuffix(end)
            found[column] = Column(**how | {"title": how["title"].replace("*", number)})
    return found or None


def notes_of(name: str, settings: Settings, values: Mapping[str, Any] | None = None) -> list[str]:
    """The notes of a table, whose placeholders stand for parameters (``{train.select}``) and ``values``.

    In ``words.yaml`` a note is the name of a shared one, a sentence, or ``$`` and the name of sentences in ``values``.
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


def sentence(template: str | list[str], numbers: Mapping[str, Any]) -> str:
    """The numbers put into a template, or into its parts; a part of which a number is None or missing is left out.

    Beside Python's formats there are those of ``_FORMATS``: ``{gain:points}``, ``{seeds:seeds}``.
    """
    words, found = _Words(), []
    for part in [template] if isinstance(template, str) else template:
        names = {re.split(r"[.[]", name)[0] for _, name, _, _ in words.parse(part) if name}
        if all(numbers.get(name) is not None for name in names):
            found.append(words.vformat(part, (), numbers))
    return "".join(found)


class _Words(Formatter):
    """Format strings in which lists are joined by commas and signed numbers have a minus, not a hyphen."""

    def format_field(self, value: Any, spec: str) -> str:
        if isinstance(value, list | tuple):
            return ", ".join(self.format_field(part, spec) for part in value)
        if spec in _FORMATS:
            return _FORMATS[spec](value)
        text = format(value, spec)
        return text.replace("-", "−") if spec.startswith("+") else text


def points(value: float) -> str:
    """A fraction as signed percentage points."""
    return f"{100 * value:+.1f}".replace("-", "−")


def percent(value: float) -> str:
    """A fraction in percent, one decimal."""
    return f"{100 * value:.1f} %"


def seeds_text(count: float) -> str:
    """A number of seeds in words: ``one seed``, ``three seeds``."""
    return f"{_NUMBERS.get(count, int(count))} seed{'s' if count != 1 else ''}"


_FORMATS = {"points": points, "percent": percent, "bare": lambda value: percent(value)[:-2], "seeds": seeds_text}
