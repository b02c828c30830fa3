"""What a check of finished results found."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Damage:
    """A damaged file: its path below the result folder, what is wrong, and what makes it whole."""

    file: str
    what: str
    remedy: str


@dataclass
class Findings:
    """What a check found.

    Attributes:
        folder: The result folder.
        damages: Damaged files.
        whole: Files that are as they were written.
        unknown: Files without a digest, which could only be read.
        notes: What could not be checked.
    """

    folder: Path
    damages: list[Damage] = field(default_factory=list)
    whole: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    def add(self, names: Iterable[str], wrong: dict[str, str], remedy: str) -> None:
        """Take files that were checked, and what is wrong with some of them."""
        known = {one.file for one in self.damages}
        self.damages += [Damage(name, what, remedy) for name, what in wrong.items() if name not in known]
        self.whole |= set(names) - set(wrong) - known

    def to_text(self) -> str:
        """For a terminal."""
        head = f"{self.folder.name}: {len(self.whole)} files whole, {len(self.damages)} damaged"
        lines = [head + (f", {len(self.unknown)} without a digest" if self.unknown else "")]
        lines += [f"  {one.file}: {one.what}\n    What to do: {one.remedy}" for one in self.damages]
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])
