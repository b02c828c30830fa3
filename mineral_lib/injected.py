"""What papermill injects into a notebook: each is a parameter of the study, or is refused by its name.

Stock papermill writes ``-p train.epochs 3`` as the line ``train.epochs = 3``, which Python refuses for a dictionary,
and ``-p epochs 3`` as a variable that nobody reads. A notebook's first cell asks for more: the injected cell is
read as parameters.
"""

import ast
import sys
from typing import Any

from mineral_lib.config import SECTIONS, Settings
from mineral_lib.errors import ParameterError
from mineral_lib.kernel import close_quietly
from mineral_lib.yaml_reader import member

FIRST_LINE = "# Parameters"  # of the cell that papermill injects


def accept_parameters() -> None:
    """Read the cell that papermill may inject next as parameters; outside of a notebook, do nothing.

    The notebook's kernel closes without a word from now on.
    """
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None and as_parameters not in shell.input_transformers_post:
        shell.input_transformers_post.append(as_parameters)
        close_quietly()


def as_parameters(lines: list[str]) -> list[str]:
    """The lines of a cell; of an injected one, with each assignment as a call of ``set_parameter``."""
    if not lines or lines[0].strip() != FIRST_LINE:
        return lines
    try:
        statements = ast.parse("".join(lines)).body
    except SyntaxError:  # of a name with a blank, say: Python's message shows the line
        return lines
    call = f"__import__({__name__!r}, fromlist=['']).{set_parameter.__name__}(globals(), "
    return [
        f"{call}{ast.unparse(one.targets[0])!r}, {ast.unparse(one.value)})\n"
        if isinstance(one, ast.Assign)
        else f"{ast.unparse(one)}\n"
        for one in statements
    ]


def set_parameter(names: dict[str, Any], key: str, value: Any) -> None:
    """Set ``profile``, a section or a key (``train.epochs``) among a notebook's variables, if there is such a one."""
    section, *parts = key.split(".")
    if section not in (*SECTIONS, "profile") or (section == "profile" and parts):
        homes = [name for name in SECTIONS if member(Settings, name, parts[-1] if parts else section)]
        hint = (
            f"write -p {homes[0]}.{parts[-1] if parts else section}" if homes else "write for example -p train.epochs 3"
        )
        raise ParameterError(f"unknown parameter '{key}'", where="papermill -p", remedy=hint)
    for part in parts:
        if not isinstance(names.get(section), dict):
            names[section] = {}
        names, section = names[section], part
    names[section] = value
