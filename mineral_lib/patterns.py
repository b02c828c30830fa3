"""A regular expression that a person gives, searched in the names of files with a limit of time.

Python's ``re`` cannot be told to stop, and ``(a+)+$`` takes longer than the universe for a name of forty letters. So
the search is done by a small interpreter of its own, which can be ended on every system and from every thread.
"""

import json
import re
import subprocess
import sys
from collections.abc import Sequence

from mineral_lib.errors import ParameterError

MAX_LENGTH = 500
SECONDS = 20.0  # a hundred thousand names and a sane expression take one
_SEARCH = """
import json, re, sys
pattern, group, texts = json.loads(sys.stdin.buffer.read())
find = re.compile(pattern).search
for text in texts:
    found = find(text)
    print(json.dumps(found[group] if found else None), flush=True)
"""


def pattern_problem(pattern: str, group: str) -> str:
    """Why a text is no regular expression with a named group, empty if it is one."""
    if len(pattern) > MAX_LENGTH:
        return f"is longer than {MAX_LENGTH} characters"
    try:
        groups = re.compile(pattern).groupindex
    except (re.error, OverflowError, RecursionError, MemoryError) as error:
        return f"is not a regular expression: {error}"
    return "" if group in groups else f"needs a group named {group}, for example (?P<{group}>[^_]+)_"


def search_all(pattern: str, group: str, texts: Sequence[str], *, key: str, seconds: float = SECONDS) -> list[str]:
    """What a group of a pattern without a ``pattern_problem`` finds in each text, empty where it finds nothing.

    It may take so many seconds, all together; the message names ``key``, the parameter that holds the pattern.

    Raises:
        ParameterError: It takes longer; the message names the text.
    """
    command, order = [sys.executable, "-I", "-S", "-c", _SEARCH], json.dumps([pattern, group, list(texts)])
    try:
        done = subprocess.run(command, input=order.encode(), capture_output=True, timeout=seconds, check=True)
    except subprocess.TimeoutExpired as error:
        finished = (error.stdout or b"").count(b"\n")
        raise ParameterError(
            f"the expression {pattern} takes more than {seconds:g} s, it does not get past '{texts[finished]}'",
            where=key,
            remedy="make it simpler: no repetition within a repetition, such as (a+)+",
        ) from None
    return [json.loads(line) or "" for line in done.stdout.splitlines()]
