"""Every character of a figure is drawn: by our fonts, else by one of the system, else in Latin letters."""

import functools
import unicodedata
from collections.abc import Iterable

import matplotlib
from matplotlib import font_manager
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text

from mineral_lib.notation import caption, line

_NO_LETTERS = ("last resort", "lastresort", "adobe blank", "adobeblank")  # fonts that have a box for every character
_INVISIBLE = ("Cf", "Zs", "Zl", "Zp")
LONGEST = 40  # columns of a name that was spelled
SPELLED = "No installed font has the letters of {scripts}: they are spelled in Latin ones."


def make_drawable(figure: Figure) -> str:
    """Give every text of a figure the fonts it needs, spell what none has; returns a sentence on what was spelled."""
    ours = tuple(matplotlib.rcParams["font.family"])
    scripts: dict[str, None] = {}
    for axis in figure.findobj(Axis):
        words = [text.get_text() for text in axis.get_ticklabels()]  # they are made anew whenever it is drawn
        shown = [_short(word, scripts) for word in words]
        if shown != words:
            axis.set_ticks(axis.get_ticklocs(), shown)
    for text in figure.findobj(Text):
        text.set_text(_short(text.get_text(), scripts))
        more = [family for family in map(_family, sorted(_missing(text.get_text(), ours))) if family]
        if more:
            text.set_fontfamily([*ours, *dict.fromkeys(more)])
    return SPELLED.format(scripts=", ".join(scripts)) if scripts else ""


def _missing(words: str, families: tuple[str, ...]) -> set[str]:
    """Characters that none of the families has."""
    if words.isascii() and words.isprintable():
        return set()
    return {one for one in words if one != "\n" and not any(ord(one) in glyphs for glyphs in map(_glyphs, families))}


def spelled(words: str, scripts: dict[str, None] | None = None) -> str:
    """The words with what no font has in other letters; ``scripts`` gets the names of what that was."""
    given, ours = words, tuple(matplotlib.rcParams["font.family"])
    for one in sorted(_missing(words, ours)):
        if unicodedata.category(one) in _INVISIBLE or _family(one):
            continue
        plain, script = _letters(one)
        if script and scripts is not None:
            scripts[script] = None
        words = words.replace(one, plain)
    return words if words == given else words.replace(")(U+", " U+")


def _short(words: str, scripts: dict[str, None]) -> str:
    """Names as ``spelled``, which may be long then, cut to their line."""
    shown = spelled(words, scripts)
    return shown if shown == words else "\n".join(caption(part, LONGEST) for part in shown.split("\n"))


def _letters(one: str) -> tuple[str, str]:
    """A character in Latin letters by its name in Unicode, and its script; a sign by its name, others by number."""
    kind, name = unicodedata.category(one), unicodedata.name(one, "")
    for word in (" LETTER ", " SYLLABLE ", " VOWEL SIGN "):
        script, found, letter = name.partition(word)
        if found:
            return letter.lower().replace(" ", ""), script.capitalize()
    if kind.startswith("M") or kind == "Sk":
        return "", ""  # vowel killers, variation selectors, colours of skin
    if kind == "So" and name:
        return f"({name.lower()})", "signs"
    return (line(one), "") if kind == "Cc" else (f"(U+{ord(one):04X})", "Chinese" if "CJK" in name else "others")


@functools.cache
def _glyphs(family: str) -> frozenset[int]:
    return _characters(font_manager.findfont(family, fallback_to_default=False))


@functools.cache
def _family(one: str) -> str:
    """The first family of the system that draws the character; empty if there is none."""
    return next((name for name, path in _system_fonts() if _draws(path, one)), "")


@functools.cache
def _system_fonts() -> tuple[tuple[str, str], ...]:
    """Names and files of upright fonts of ordinary weight, in the order of their names."""
    fonts: Iterable = font_manager.fontManager.ttflist
    upright = {(font.name, font.fname) for font in fonts if font.style == "normal" and font.weight in (400, "normal")}
    return tuple(sorted(one for one in upright if not one[0].strip(".").lower().startswith(_NO_LETTERS)))


@functools.cache
def _characters(path: str) -> frozenset[int]:
    try:
        return frozenset(font_manager.get_font(path).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()


def _draws(path: str, one: str) -> bool:
    """Whether a font has an outline of the character: some have empty ones, or coloured pictures."""
    if ord(one) not in _characters(path):
        return False
    font = font_manager.get_font(path)
    try:
        font.set_size(10, 72)
        font.load_char(ord(one))
    except RuntimeError:
        return False
    return len(font.get_path()[0]) > 0
