"""What a check of finished results found."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mineral_lib.digests import damages, is_whole_record
from mineral_lib.errors import StorageError


@dataclass
class Findings:
    """What a check found."""

    folder: Path  # the result folder
    damages: dict[str, tuple[str, str]] = field(default_factory=dict)  # by file: what is wrong, what makes it whole
    whole: set[str] = field(default_factory=set)  # files that are as they were written
    unknown: set[str] = field(default_factory=set)  # files without a digest, which could only be read
    notes: list[str] = field(default_factory=list)  # what could not be checked

    def add(self, names: Iterable[str], wrong: dict[str, str], remedy: str) -> None:
        """Take files that were checked, and what is wrong with some of them; what was found before counts."""
        self.whole |= set(names) - set(wrong) - set(self.damages)
        self.damages |= {name: (what, remedy) for name, what in wrong.items() if name not in self.damages}

    def read(self, reader: Callable[[Path], Any], path: Path, remedy: str) -> Any:
        """Take a file that is whole if its reader accepts it; returns what was read, None if it is damaged."""
        name = path.relative_to(self.folder).as_posix()
        try:
            content = reader(path)
        except StorageError as error:
            self.add([], {name: error.what}, remedy)
            return None
        self.add([name], {}, "")
        return content

    def compare(self, name: str, digests: Iterable[str], remedy: str) -> None:
        """Take a file that is whole if one of several digests is its own, or if it is a record that has its own."""
        wrongs = [damages(self.folder, {name: value}, thorough=True) for value in sorted(digests)]
        self.add([name], {} if {} in wrongs or is_whole_record(self.folder / name) else wrongs[0], remedy)

    def to_text(self) -> str:
        """For a terminal."""
        head = f"{self.folder.name}: {len(self.whole)} files whole, {len(self.damages)} damaged"
        lines = [head + (f", {len(self.unknown)} without a digest" if self.unknown else "")]
        lines += [f"  {name}: {what}\n    What to do: {remedy}" for name, (what, remedy) in self.damages.items()]
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])
