"""The errors a user can cause: one clear message each, with its own exit code. And notes, where work goes on."""

import difflib
import functools
import sys
from collections.abc import Iterable

SHOWN = 100  # characters of what a person wrote that a message repeats


class StudyError(Exception):
    """A problem the user can solve.

    Args:
        what: What is wrong, in words.
        where: The file, key or run it concerns.
        remedy: One imperative sentence that says what to do.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what, self.where, self.remedy = what, where, remedy
        # File names may hold line feeds and terminal control codes; they are shown escaped.
        what, where = printable(what, keep="\n"), printable(where)
        parts = [f"{where}: {what}" if where else what]
        if remedy:
            parts.append(f"What to do: {remedy}")
        super().__init__("\n".join(parts))


def printable(text: str, keep: str = "") -> str:
    """A text with line feeds and terminal control codes escaped, but for the characters in ``keep``."""
    if text.isprintable():
        return text
    keep += "\u200c\u200d"  # spelling of Persian, Indian scripts and emoji
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)


def nearest(name: str, known: Iterable[str], least: float = 0.6) -> str:
    """The known name that is most like one that is not known, as far as they share letters; or nothing."""
    return next(iter(difflib.get_close_matches(name, known, 1, least)), "")


def shortened(text: str) -> str:
    """The beginning of a text that may be long."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


@functools.cache
def note(text: str) -> None:
    """Tell the user, once a process, what is done in another way than usual."""
    print(f"note: {printable(text)}", file=sys.stderr)


class ParameterError(StudyError):
    """A parameter is unknown, missing, ill-typed or out of range."""

    exit_code = 2


class ResumeError(StudyError):
    """A checkpoint belongs to other parameters, photographs or classes than the run that is to go on."""

    exit_code = 2


class DataError(StudyError):
    """A photo folder, photo or index cannot be used."""

    exit_code = 3


class StorageError(StudyError):
    """A file cannot be written or a stored file is damaged."""

    exit_code = 4


class BusyError(StorageError):
    """Another process works in the folder."""


class DivergenceError(StudyError):
    """Training produced a loss or an output that is not finite."""

    exit_code = 5


class WeightsError(StudyError):
    """Pretrained weights are not available or do not fit the network."""

    exit_code = 3


class StageError(StudyError):
    """A notebook of the chain failed; its partly executed copy is kept."""

    exit_code = 6


class MemoryShortageError(StudyError):
    """The machine or the accelerator ran out of memory."""

    exit_code = 6


class StoppedError(StudyError):
    """Ctrl-C or SIGTERM: what was done is saved. The exit status is 128 + signal number: 130 or 143."""

    def __init__(self, what: str, *, signal_number: int = 2, where: str = "", remedy: str = "") -> None:
        super().__init__(what, where=where, remedy=remedy or "start the same command or cell again to go on")
        self.signal_number, self.exit_code = signal_number, 128 + signal_number
