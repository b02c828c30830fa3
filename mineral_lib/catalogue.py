"""The minerals of the study: number, names in English and Chinese, formula, and Table 2's image counts."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Mineral:
    """One class of the paper's Table 2.

    Attributes:
        number: Running number in Table 2, 1 to 26; the axes of Figure 5 use it.
        slug: Name used for folders and files.
        english: English name. No. 24 has none in the paper and is called "Fe-Mo ore".
        chinese: Chinese name as printed.
        pinyin: Chinese name in Latin letters.
        formula: Chemical formula.
        rank: species, group, series, mixture, rock or unclear.
        original: Photographs before augmentation (Table 2).
        augmented: Images after augmentation (Table 2).
        note: What to know about the class.
        group: Nickel-Strunz class (9th edition) in one word, for example ``sulphide``; empty for no. 24.
    """

    number: int
    slug: str
    english: str
    chinese: str
    pinyin: str
    formula: str
    rank: str
    original: int
    augmented: int
    note: str
    group: str

    @property
    def factor(self) -> int:
        """Augmentation factor of Table 2: 4, 5 or 8."""
        return self.augmented // self.original

    @property
    def display_name(self) -> str:
        """English and Chinese name for figure labels."""
        return f"{self.english} {self.chinese}"


@cache
def minerals() -> tuple[Mineral, ...]:
    """The 26 minerals in the order of Table 2."""
    text = (files("mineral_lib.resources") / "classes.csv").read_text(encoding="utf-8")
    numbers = {"number", "original", "augmented"}
    return tuple(
        Mineral(**{key: int(value) if key in numbers else value for key, value in row.items()})
        for row in csv.DictReader(text.splitlines())
    )


def find_mineral(name: str) -> Mineral | None:
    """The mineral whose slug, English or Chinese name is ``name`` (case and spaces ignored), or None."""
    key = name.strip().lower().replace(" ", "_").replace("-", "_")
    for mineral in minerals():
        if key in (mineral.slug, mineral.english.lower().replace(" ", "_").replace("-", "_"), mineral.chinese):
            return mineral
    return None


def display_name(name: str, language: str = "both") -> str:
    """A class name for figures and tables: ``en``, ``zh`` or ``both``; folders of other names stay as they are."""
    mineral = find_mineral(name)
    if mineral is None:
        return name
    return {"en": mineral.english, "zh": mineral.chinese}.get(language, mineral.display_name)
