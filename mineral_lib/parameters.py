"""Reading a profile: YAML file, notebook parameters or command-line changes, all checked by the same schema."""

import difflib
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import ValidationError

from mineral_lib.config import SECTIONS, Settings
from mineral_lib.errors import ParameterError
from mineral_lib.storage import project_root

MAX_BYTES = 100_000


class _UniqueKeyLoader(yaml.SafeLoader):
    """Safe YAML that refuses a key written twice instead of silently keeping the last."""


def _mapping(loader: _UniqueKeyLoader, node: yaml.MappingNode, deep: bool = False) -> dict:
    lines: dict[Any, int] = {}
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        line = key_node.start_mark.line + 1
        if not isinstance(key, str):
            raise yaml.constructor.ConstructorError(None, None, f"key {key!r} must be text", key_node.start_mark)
        if key in lines:
            raise yaml.constructor.ConstructorError(
                None, None, f"key '{key}' stands twice, in lines {lines[key]} and {line}", key_node.start_mark
            )
        lines[key] = line
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


_UniqueKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def _params_dir() -> Path:
    return project_root() / "params"


def profiles() -> list[str]:
    """Names of the profiles in ``params/``."""
    return sorted(path.stem for path in _params_dir().glob("*.yaml"))


def profile_path(name: str) -> Path:
    """The parameter file of a profile name, or of a path to a YAML file.

    Raises:
        ParameterError: There is no such profile.
    """
    if name.endswith((".yaml", ".yml")):
        if Path(name).is_file():
            return Path(name)
        raise ParameterError("no such parameter file", where=name, remedy="check the path")
    known = profiles()
    if name not in known:
        close = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        raise ParameterError(
            f"no such profile '{name}'", where="profile", remedy=f"{hint}choose one of {', '.join(known)}"
        )
    return _params_dir() / f"{name}.yaml"


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a parameter file strictly (no duplicate keys, no Python tags, UTF-8, at most 100 kB).

    Raises:
        ParameterError: The file is not a readable YAML mapping; the message names file and line.
    """
    try:
        data = Path(path).read_bytes()
        if len(data) > MAX_BYTES:
            raise ParameterError(f"larger than {MAX_BYTES} bytes", where=str(path), remedy="give a parameter file")
        value = _load(data.decode("utf-8-sig"), where=str(path), remedy="correct that line")
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        raise ParameterError(f"cannot be read ({error})", where=str(path), remedy="save it as UTF-8 text") from error
    if not isinstance(value, dict):
        raise ParameterError("holds no sections", where=str(path), remedy="copy params/quick.yaml and change it")
    return value


def _load(text: str, *, where: str, remedy: str) -> Any:
    try:
        return yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506 (a SafeLoader)
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or str(error)
        problem += f" (line {mark.line + 1})" if mark else ""
        raise ParameterError(f"is not valid YAML: {problem}", where=where, remedy=remedy) from error


def load_profile(name: str, changes: list[str] | None = None) -> Settings:
    """Load a profile by name or path and apply ``section.key=value`` changes.

    Args:
        name: Profile name (``quick``) or path of a YAML file.
        changes: Command-line changes, values written as in YAML, for example ``train.epochs=3``.

    Raises:
        ParameterError: Anything in it is wrong; the message lists every problem.
    """
    path = profile_path(name)
    values = read_yaml(path)
    for change in changes or []:
        _apply(values, change)
    return check(with_defaults(values), where=str(path.name))


def with_defaults(values: dict[str, Any]) -> dict[str, Any]:
    """What is given, on top of the profile's own file in ``params/``, on top of ``params/quick.yaml``.

    So a profile, a copy of it and the parameters cell of a notebook hold only what differs from ``quick``.
    """
    defaults, profile = read_yaml(_params_dir() / "quick.yaml"), values.get("profile")
    del defaults["profile"]
    own = read_yaml(profile_path(profile)) if profile in profiles() else {}
    return merged(merged(defaults, own), values)


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Two sets of plain values; where both have a key, ``above`` counts, section by section."""
    both = {key: (below.get(key), value) for key, value in above.items()}
    return below | {
        key: merged(*pair) if all(isinstance(part, dict) for part in pair) else pair[1] for key, pair in both.items()
    }


def _apply(values: dict[str, Any], change: str) -> None:
    key, sign, text = change.partition("=")
    *sections, last = key.strip().split(".")
    where = f"--set {change}"
    if not sign:
        remedy = "write for example --set train.epochs=3"
        raise ParameterError("is not of the form section.key=value", where=where, remedy=remedy)
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise ParameterError(f"'{section}' is no section", where=where, remedy="check the key")
    values[last] = _load(text, where=where, remedy="write the value as in params/quick.yaml")


def resolve(profile: str, **sections: Any) -> Settings:
    """The settings of a notebook: the profile, with the changes in its ``parameters`` cell.

    Raises:
        ParameterError: Anything in them is wrong; the message lists every problem.
    """
    return check(with_defaults({"profile": profile, **sections}), where="notebook parameters")


def check(values: dict[str, Any], *, where: str) -> Settings:
    """Validate plain values against the schema.

    Raises:
        ParameterError: With one line per problem: key, what is wrong, the value given, the nearest valid key.
    """
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        lines = [_explain(problem) for problem in error.errors()]
        count = "1 parameter is" if len(lines) == 1 else f"{len(lines)} parameters are"
        raise ParameterError(
            f"{count} wrong:\n" + "\n".join(f"  {line}" for line in lines),
            where=where,
            remedy="correct the keys named above; params/quick.yaml shows every key with its meaning",
        ) from None


def _explain(problem: dict[str, Any]) -> str:
    parts = [str(part) for part in problem["loc"]]
    location = [part for part in parts if not part.startswith(("function", "literal", "constrained", "tagged"))]
    key, message = ".".join(location) or "profile", problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        close = difflib.get_close_matches(location[-1], _fields(location[:-1]), 1, 0.5)
        return f"unknown key '{key}'" + (f"; did you mean '{close[0]}'?" if close else "")
    if problem["type"] == "missing":
        return f"missing key '{key}'"
    if problem["type"] == "value_error":
        return f"{key}: {message}"
    return f"{key}: {message[0].lower() + message[1:]} (given: {problem['input']!r})"


def _fields(location: list[str]) -> list[str]:
    """The keys of the section that ``location`` names."""
    kind: Any = Settings
    for part in location:
        if get_origin(kind) is dict:  # any key, all values alike
            kind = get_args(kind)[1]
        else:
            kind = getattr(getattr(kind, "model_fields", {}).get(part), "annotation", None)
    return list(getattr(kind, "model_fields", {}))


def sections_of(settings: Settings) -> dict[str, Any]:
    """The plain values of a profile, ready for a notebook's parameters or a YAML file."""
    dumped = settings.model_dump(mode="json")
    return {"profile": dumped["profile"], **{name: dumped[name] for name in SECTIONS}}


def settings_table(settings: Settings, *sections: str) -> Any:
    """The resolved values of some sections as a pandas table, for the top of a notebook."""
    import pandas as pd

    rows = []
    for section in sections:
        for key, value in getattr(settings, section).model_dump(mode="json").items():
            nested = value.items() if isinstance(value, dict) and value else [("", value)]
            rows += [[f"{section}.{key}" + (f".{inner}" if inner else ""), str(item)] for inner, item in nested]
    return (
        pd.DataFrame(rows, columns=["parameter", "value"])
        .style.hide(axis="index")
        .set_properties(**{"text-align": "left"})
    )
