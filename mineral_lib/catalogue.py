"""The minerals of the study: number, names in English and Chinese, formula, and Table 2's image counts."""

import csv
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Mineral:
    """One class of the paper's Table 2."""

    number: int  # running number in Table 2, 1 to 26; the axes of Figure 5 use it
    slug: str  # name used for folders and files
    english: str  # English name; no. 24 has none in the paper and is called "Fe-Mo ore"
    chinese: str  # Chinese name as printed
    pinyin: str  # Chinese name in Latin letters
    formula: str  # chemical formula
    rank: str  # species, group, series, mixture, rock or unclear
    original: int  # photographs before augmentation (Table 2)
    augmented: int  # images after augmentation (Table 2)
    note: str  # what to know about the class
    group: str  # Nickel-Strunz class (9th edition) in one word, for example ``sulphide``; empty for no. 24

    @property
    def factor(self) -> int:
        """Augmentation factor of Table 2: 4, 5 or 8."""
        return self.augmented // self.original


@cache
def minerals() -> tuple[Mineral, ...]:
    """The 26 minerals in the order of Table 2."""
    text = (files("mineral_lib.resources") / "classes.csv").read_text(encoding="utf-8")
    numbers = {"number", "original", "augmented"}
    return tuple(
        Mineral(**{key: int(value) if key in numbers else value for key, value in row.items()})
        for row in csv.DictReader(text.splitlines())
    )


def name_key(name: str) -> str:
    """What all spellings of a name share: its letters, whatever their Unicode form and case.

    Blanks, hyphens and underscores are alike, and invisible characters and blanks at the ends do not count.
    """
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    visible = "".join(letter for letter in plain if unicodedata.category(letter) != "Cf")
    return re.sub(r"[\s_-]+", "_", visible).strip("_") or name


@cache
def _by_key() -> dict[str, Mineral]:
    return {name_key(name): m for m in minerals() for name in (m.slug, m.english, m.chinese)}


def find_mineral(name: str) -> Mineral | None:
    """The mineral whose slug, English or Chinese name is ``name``, in any spelling (see ``name_key``), or None."""
    return _by_key().get(name_key(name))


def class_key(name: str) -> str:
    """The same for all names of one class: every spelling of a name, and both languages of a mineral."""
    mineral = find_mineral(name)
    return mineral.slug if mineral else name_key(name)


def in_language(english: str, chinese: str, language: str) -> str:
    """What is said in both languages, in ``en``, ``zh`` or ``both`` (English first)."""
    return {"en": english, "zh": chinese}.get(language, f"{english} {chinese}")


def display_name(name: str, language: str = "both") -> str:
    """A class name for figures and tables: ``en``, ``zh`` or ``both``; folders of other names stay as they are."""
    mineral = find_mineral(name)
    return in_language(mineral.english, mineral.chinese, language) if mineral else name
