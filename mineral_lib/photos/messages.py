"""What is wrong with photographs, in words: errors of this room and of ``data``, from ``resources/messages.yaml``."""

from pathlib import Path
from typing import Any

from mineral_lib.errors import DataError
from mineral_lib.resources import load_yaml

TREE = "expected: photos/quartz/any-name.jpg, photos/pyrite/any-name.jpg, ... (one folder per mineral)"


def readable(path: Path | str) -> str:
    """A path as printable text, also when the name is not valid UTF-8."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")


def refusal(name: str, where: Path | str, /, **facts: Any) -> DataError:
    """The error of this name, with its facts filled in."""
    words = {part: text.format(tree=TREE, **facts) for part, text in load_yaml("messages")[name].items()}
    return DataError(readable(words["what"]), where=readable(where), remedy=words["remedy"])
