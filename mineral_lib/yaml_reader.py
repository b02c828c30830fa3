"""The one reader of what a person writes as YAML: parameter files and the values of ``--set``.

YAML, less what surprises or harms. The schema has a say: where it wants text, a plain word is that text, letter for
letter (``yes``, ``007``, ``2024-05-01``, ``1e3``), and never a truth value, a number or a date. Anchors and aliases are
refused (ten short lines of them stand for gigabytes), and so are tags, keys written twice, and what is nested deeply.
"""

import contextlib
import re
import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml

from mineral_lib.errors import ParameterError, shortened

MAX_BYTES = 100_000
MAX_DEPTH = 20
MAX_DIGITS = 18  # whole numbers beyond 64 bits mean nothing here
_NUMBER = re.compile(r"[-+]?(\d[\d_]*(\.[\d_]*)?|\.\d[\d_]*)([eE][-+]?\d+)?", re.ASCII)
_NOTHING = ("", "~", "null", "Null", "NULL")
_TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class _Loader(yaml.BaseLoader):
    """A composer of plain nodes: every scalar is text, to be read by the schema."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            problem = "anchors (&) and aliases (*) are not understood: write the value itself, or put it in quotes"
        elif event.tag:
            problem = f"tags ({shortened(event.tag)}) are not understood: write the plain value, or put it in quotes"
        elif self.depth == MAX_DEPTH:
            problem = f"nested deeper than {MAX_DEPTH} levels"
        else:
            self.depth += 1
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node
        raise yaml.composer.ComposerError(None, None, problem, event.start_mark)


def read_yaml(text: str, kind: Any, *, where: str, remedy: str) -> Any:
    """The plain value of a YAML text: dictionaries, lists, text, numbers, truth values, None.

    Args:
        text: What a person wrote.
        kind: The type the schema wants there: a section, ``list[str]``, ... It decides what is text.
        where: The file or the option, for messages.
        remedy: What to do about a text that is no YAML; the ParameterError names line or key.
    """
    if len(text) > MAX_BYTES:
        raise ParameterError(f"longer than {MAX_BYTES} characters", where=where, remedy="give a parameter file")
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return None if node is None else _value(node, kind, "")
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or str(error)
        problem = problem.splitlines()[0] + (f" (line {mark.line + 1})" if mark else "")
        raise ParameterError(f"is not valid YAML: {problem}", where=where, remedy=remedy) from error


def _value(node: yaml.Node, kind: Any, key: str) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, member(kind, 0), f"{key}[{place}]") for place, item in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode):
        return node.value if node.style else _plain(node, kind, key)
    lines, values = dict[str, int](), dict[str, Any]()
    for key_node, item in node.value:
        name, line = key_node.value, key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise yaml.composer.ComposerError(None, None, "a key must be text", key_node.start_mark)
        if name in lines:
            problem = f"key '{shortened(name)}' stands twice, in lines {lines[name]} and {line}"
            raise yaml.composer.ComposerError(None, None, problem, key_node.start_mark)
        lines[name] = line
        values[name] = _value(item, member(kind, name), f"{key}.{name}" if key else name)
    return values


def read_setting(text: str, kind: Any, *, where: str, remedy: str) -> Any:
    r"""The value of a ``--set``: YAML, but where the schema wants text, the text itself, letter for letter.

    ``@photos``, ``photos #2`` and ``C:\x`` are folders and no YAML. Quotes around the whole are taken off, so that
    ``'null'`` can be said; ``null`` and nothing are None where that may be.
    """
    whole = text.strip()
    if not wants_text(kind):
        return read_yaml(text, kind, where=where, remedy=remedy)
    if len(whole) > 1 and whole[0] == whole[-1] and whole[0] in "'\"":
        with contextlib.suppress(ParameterError):
            return read_yaml(whole, kind, where=where, remedy=remedy)
    return None if whole in _NOTHING and accepts_none(kind) else text


def _plain(node: yaml.ScalarNode, kind: Any, key: str) -> Any:
    """A word without quotes, read as the schema wants it."""
    text = node.value
    if wants_text(kind):
        return None if text in _NOTHING and accepts_none(kind) else text
    if text in _NOTHING:
        return None
    if text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    if not _NUMBER.fullmatch(text):
        return text
    if set(text) & set(".eE"):
        return float(text.replace("_", ""))
    if len(text) > MAX_DIGITS:
        problem = f"{key or 'the value'}: a number of more than {MAX_DIGITS} digits"
        raise yaml.composer.ComposerError(None, None, problem, node.start_mark)
    return int(text)


def member(kind: Any, *keys: Any) -> Any:
    """The type of a member of a section, list or dictionary by its keys; None if the schema knows none."""
    for key in keys:
        kind = _member(kind, key)
    return kind


def _member(kind: Any, key: Any) -> Any:
    for option in _options(kind):
        fields, inner = getattr(option, "model_fields", {}), get_args(option)
        if fields:
            return fields[key].annotation if key in fields else None
        if get_origin(option) in (dict, list, tuple) and inner:
            return inner[1] if get_origin(option) is dict else inner[0]
    return None


def wants_text(kind: Any) -> bool:
    """Whether a value of this type can be nothing but text (or None)."""
    options = [option for option in _options(kind) if option is not types.NoneType]
    return bool(options) and all(option is str or isinstance(option, str) for option in options)


def accepts_none(kind: Any) -> bool:
    """Whether None is a value of this type."""
    return types.NoneType in _options(kind)


def _options(kind: Any) -> list[Any]:
    """The plain types of an annotation; of a ``Literal`` its values."""
    if get_origin(kind) is Annotated:
        return _options(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return [option for part in get_args(kind) for option in _options(part)]
    return list(get_args(kind)) if get_origin(kind) is Literal else [] if kind is None else [kind]
