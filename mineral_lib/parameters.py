"""Reading a profile: YAML file, notebook parameters or command-line changes, all checked by the same schema."""

import contextlib
import hashlib
import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mineral_lib.config import MOST_LETTERS, NAME, SECTIONS, Settings
from mineral_lib.errors import ParameterError, nearest, note, shortened
from mineral_lib.paths import given_path, project_root
from mineral_lib.yaml_reader import MAX_BYTES, member, read_setting, read_yaml

SHOWN = 20  # problems in a message
MAX_SECTIONS = 8  # parts of a key


def _params_dir() -> Path:
    return project_root() / "params"


def profiles() -> list[str]:
    """Names of the profiles in ``params/``."""
    return sorted(path.stem for path in _params_dir().glob("*.yaml") if path.is_file())


def is_file_name(profile: str) -> bool:
    """Whether a profile is given as a YAML file, not by its name."""
    return profile.lower().endswith((".yaml", ".yml"))


def profile_path(profile: str) -> Path:
    """The file of a profile, which is a name (``quick``) or a YAML file; ParameterError: there is no such profile."""
    if is_file_name(profile):
        with contextlib.suppress(OSError, ValueError):  # a name that no file can have
            if given_path(profile).is_file():
                return given_path(profile)
        raise ParameterError("no such parameter file", where=shortened(profile), remedy="check the path")
    known = profiles()
    if profile not in known:
        close = nearest(profile[:MOST_LETTERS], known)
        remedy = f"choose one of {', '.join(known)}, or name a file that ends in .yaml"
        remedy = f"did you mean '{close}'? {remedy}" if close else remedy
        raise ParameterError(f"no such profile '{shortened(profile)}'", where="profile", remedy=remedy)
    return _params_dir() / f"{profile}.yaml"


def study_name(profile: str) -> str:
    """The name of a profile's results: the profile's own, or that of its file without ending."""
    return result_name(Path(profile).stem if is_file_name(profile) else profile)


def result_name(text: str, *, place: str = "") -> str:
    """A name for a folder of results from any text: itself if it is one, else what is left of it and a digest.

    The digest is always there with ``place``, which tells apart things of the same name.
    """
    if not place and NAME.fullmatch(text):
        return text
    code = hashlib.sha256((place or text).encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return f"{re.sub(r'[^A-Za-z0-9_-]+', '-', text).strip('-')[: MOST_LETTERS - 7] or 'photos'}-{code}"


def name_of_folder(folder: Path) -> str:
    """The name of the results of a photo folder; no two folders share one."""
    return result_name(folder.resolve().name, place=str(folder.resolve()))


def read_profile(path: Path) -> dict[str, Any]:
    """A parameter file as it stands, see ``yaml_reader``; ParameterError: no YAML mapping in UTF-8, or > 100 kB."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ParameterError(f"larger than {MAX_BYTES} bytes", where=str(path), remedy="give a parameter file")
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"cannot be read ({error})", where=str(path), remedy="save it as UTF-8 text") from error
    value = read_yaml(text, Settings, where=str(path), remedy="correct that line")
    if not isinstance(value, dict):
        raise ParameterError("holds no sections", where=str(path), remedy="copy params/quick.yaml and change it")
    return value


def load_profile(profile: str, changes: list[str] | None = None, /, **given: Any) -> Settings:
    """Load a profile by name or file and change some of its values.

    Args:
        profile: Profile name (``quick``) or path of a YAML file.
        changes: Command-line changes, values written as in YAML, for example ``train.epochs=3``.
        **given: Changes as plain values by section, for example ``data={"folder": "photos"}``; ``changes`` come later.

    Raises:
        ParameterError: Anything in it is wrong; the message lists every problem.
    """
    values = merged(_values(profile), given)
    for change in changes or []:
        values = merged(values, _change(change))
    return check(values, where=profile_path(profile).name)


def _values(profile: str) -> dict[str, Any]:
    """What a profile's file says, on top of the profile it is a copy of, on top of ``params/quick.yaml``.

    So a profile, a copy of it and the parameters cell of a notebook hold only what differs from ``quick``. The name of
    the file is the name of the study: a copied file has results of its own, whatever its key ``profile`` says; that
    key names the profile it is a copy of.
    """
    path = profile_path(profile)
    own, name = read_profile(path), study_name(profile)
    copied = own.pop("profile", name)
    if not isinstance(copied, str):
        remedy = f"write profile: {name}, or leave it out"
        raise ParameterError("profile must be a name", where=str(path), remedy=remedy)
    if copied != name:
        note(f"{path} says 'profile: {copied}'; its own name counts, and its results go to results/{name}")
    base = read_profile(profile_path(copied)) if copied != name and copied in profiles() else {}
    return merged(merged(read_profile(profile_path("quick")), base), own) | {"profile": name}


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Two sets of plain values; where both have a key, ``above`` counts, section by section."""
    both = {key: (below.get(key), value) for key, value in above.items()}
    return below | {
        key: merged(*pair) if all(isinstance(part, dict) for part in pair) else pair[1] for key, pair in both.items()
    }


def split_changes(text: str) -> list[str]:
    """The changes in a text: ``train.epochs=3 data.folder=My Photos`` are two, for a key begins each of them."""
    return re.split(r"\s+(?=(?:profile|[a-z_]+(?:\.[A-Za-z0-9_:]+)+)=)", text.strip()) if text.strip() else []


def _change(change: str) -> dict[str, Any]:
    """A change of the command line as nested values."""
    key, sign, text = change.partition("=")
    parts = key.strip().split(".")
    where = f"--set {shortened(change)}"
    if not sign or len(parts) > MAX_SECTIONS:
        remedy = "write for example --set train.epochs=3"
        raise ParameterError("is not of the form section.key=value", where=where, remedy=remedy)
    if key != key.rstrip():  # written as "key = value"
        text = text.strip()
    value = read_setting(text, member(Settings, *parts), where=where, remedy="write the value as in params/quick.yaml")
    for part in reversed(parts):
        value = {part: value}
    return value


def resolve(profile: str, **sections: Any) -> Settings:
    """The settings of a notebook: the profile, with the changes in its ``parameters`` cell.

    A name that is no profile gives the changes a study of their own, which starts from ``quick``.

    Raises:
        ParameterError: Anything in them is wrong, or the profile is unknown and nothing is changed; the message lists
            every problem.
    """
    changed = [name for name, values in sections.items() if values]
    if not isinstance(profile, str) or not changed or is_file_name(profile) or profile in profiles():
        values = _values(str(profile))
    else:
        values = read_profile(profile_path("quick")) | {"profile": profile}
        if len(changed) < len(SECTIONS):
            note(f"'{profile}' is no profile in params/: what the parameters do not say is as in quick")
    return check(merged(values, sections), where="notebook parameters")


def check(values: dict[str, Any], *, where: str) -> Settings:
    """Validate plain values; a ParameterError has a line per problem: key, what is wrong, value, nearest key."""
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        problems = error.errors()
        lines = [_explain(problem) for problem in problems[:SHOWN]]
        lines += [f"... and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
        count = "1 parameter is" if len(problems) == 1 else f"{len(problems)} parameters are"
        raise ParameterError(
            f"{count} wrong:\n" + "\n".join(f"  {line}" for line in lines),
            where=where,
            remedy="correct the keys named above; params/quick.yaml shows every key with its meaning",
        ) from None


def _explain(problem: dict[str, Any]) -> str:
    parts = [shortened(str(part)) for part in problem["loc"]]
    location = [part for part in parts if not part.startswith(("function", "literal", "constrained", "tagged"))]
    key, message = ".".join(location) or "profile", problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        close = nearest(location[-1], getattr(member(Settings, *location[:-1]), "model_fields", {}), 0.5)
        return f"unknown key '{key}'" + (f"; did you mean '{close}'?" if close else "")
    if problem["type"] == "missing":
        return f"missing key '{key}'"
    if problem["type"] == "value_error":
        return f"{key}: {message}"
    return f"{key}: {message[0].lower() + message[1:]} (given: {shortened(repr(problem['input']))})"


def sections_of(settings: Settings) -> dict[str, Any]:
    """The plain values of a profile, ready for a notebook's parameters or a YAML file."""
    return settings.model_dump(mode="json")
