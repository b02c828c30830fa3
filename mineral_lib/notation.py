"""What a person has named (folders, files, classes, people), as it is written in Markdown, HTML and lines of text.

Whatever stands in a name is shown and does nothing: no markup, no formula, no link, no other order of what is beside
it. Every text that leaves the library passes one function of its notation, or a template of ``templates``.
"""

import re
import unicodedata
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from mineral_lib.errors import printable

FIRST, LAST = "\u2068", "\u2069"  # Unicode's isolate: direction by the first letter, none of it for what is outside
_SHOWN = FIRST + LAST + "\xa0\u202f\u3000"  # beside what is printable
_TURNING = {"R", "AL", "RLE", "RLO", "RLI", "LRE", "LRO", "LRI", "FSI"}
# Punctuation that would be markup where it stands: in CommonMark, GitHub's tables, and mathematics of notebooks.
_MARKUP = re.compile(
    r"""[\\`*|$~^] | =(?==)             # anywhere
    | (?<![^\W_])_ | _(?![^\W_])        # emphasis, but not inside a word
    | <(?=[\w/!?]) | &(?=[\w#]+;)       # a tag or an address, a character by its name
    | \](?=[(\[:])                      # a link
    | (?<!\S)\#                         # a heading, or the end of one
    | ^\s*> | ^\s*[-+](?=[\s-]|$) | ^\s*\d+[.)](?=\s)   # a quotation, a list
    """,
    re.X,
)
_BY_NAME = {"<": "&lt;", "&": "&amp;"}  # not every program knows these two behind a backslash


def isolated(name: str) -> str:
    """A name that may run from right to left, so that what stands beside it keeps its place and order."""
    turns = not name.isascii() and any(unicodedata.bidirectional(letter) in _TURNING for letter in name)
    return f"{FIRST}{name}{LAST}" if turns else name


def _short(text: str, columns: int) -> str:
    """A text of at most so many columns, letters left out of its middle; a Chinese character takes two."""
    if _width(text) <= columns:
        return text
    room = columns - 1
    start = next(place for place in range(len(text), -1, -1) if _width(text[:place]) <= room - room // 2)
    end = next(place for place in range(len(text)) if _width(text[place:]) <= room // 2)
    while end < len(text) and unicodedata.category(text[end]).startswith("M"):
        end += 1  # an accent without its letter
    return f"{text[:start]}…{text[end:]}"


def caption(name: str, columns: int = 28) -> str:
    """A name in a figure: one line of at most so many columns, beside which other words keep their order."""
    return isolated(_short(printable(name, keep=_SHOWN), columns))


def _width(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.category(letter) in ("Mn", "Me", "Cf") for letter in text)


def line(text: object) -> str:
    """A text on one line of a terminal; what would move the cursor or turn the line around is shown as its code."""
    return isolated(printable(str(text), keep=_SHOWN))


def markdown(text: object) -> Markup:
    """A text in Markdown that shows these very characters, on one line."""
    return Markup(_MARKUP.sub(lambda mark: _BY_NAME.get(mark[0], f"{mark[0][:-1]}\\{mark[0][-1]}"), line(text)))


def code(text: object) -> Markup:
    """A text in Markdown as code: between more backticks than are in it."""
    plain = line(text)
    ticks = "`" * (1 + max(map(len, re.findall("`+", plain)), default=0))
    blank = " " if plain.startswith("`") or plain.endswith("`") else ""
    return Markup(f"{ticks}{blank}{plain}{blank}{ticks}")


def html(text: object) -> Markup:
    """A text in HTML that shows these very characters."""
    return text if isinstance(text, Markup) else escape(line(text))


def template(room: str, name: str, **filters: object) -> Template:
    """A page of a room, ``<name>.md.j2`` or ``<name>.html.j2``; everything filled in is written in its notation.

    A filter that returns a ``Markup`` has done that itself.

    Args:
        room: Package, for example ``mineral_lib.reporting``.
        name: File name without ``.j2``.
        **filters: More filters of the page.
    """
    write = html if name.endswith(".html") else markdown

    def finalize(value: object) -> Markup:
        return value if isinstance(value, Markup) else write(value)

    options = {"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True, "undefined": StrictUndefined}
    loader = FunctionLoader(lambda other: (files(room) / other).read_text(encoding="utf-8"))
    # What has been written is a Markup, also what a macro of the page returns.
    environment = Environment(**options, loader=loader, finalize=finalize, autoescape=True)
    environment.filters |= {"code": code, "isolated": isolated, **filters}
    return environment.get_template(f"{name}.j2")
