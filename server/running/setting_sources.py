"""Settings from flags, the environment (ASKSIGHT_…), a TOML file, or their defaults; and written as a file again."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..errors import ServerError
from ..second_cache.address import shown
from .checks import WrongSettingsError, faults
from .settings import KINDS, SPECS, Settings

PREFIX = "ASKSIGHT_"
OF_OTHERS = {"ASKSIGHT_TOKEN", "ASKSIGHT_CA"}  # what our other commands read
# Kubernetes tells every pod of a Service called asksight, or asksight-page, by such variables; Docker tells what is
# linked to a container of that name, whose own variables it passes on too.
OF_PLATFORMS = re.compile(
    r"ASKSIGHT_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|ENV_\w+"
    r"|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|ADDR|((PORT_)?(START|END))|PORT))?)"
)
VALUE_OF_PLATFORMS = re.compile(r"(tcp|udp|sctp)://.*")
NAME_OF_LINK, LINK = re.compile(r"ASKSIGHT_(\w+_)?NAME"), re.compile(r"(/[\w.-]+){2,}")  # /consumer/asksight


def read_settings(
    flags: Mapping[str, Any], environment: Mapping[str, str], file: Path | None
) -> tuple[Settings, dict[str, str]]:
    """Put the settings together; also say where each comes from. Raises WrongSettingsError, naming all that is wrong.

    A flag that is None was not given. What is overridden is not judged.
    """
    wrong: list[str] = []
    given: dict[str, tuple[Any, str]] = {}
    known = {one.name for one in fields(Settings)}
    for name, value in _from_file(file, wrong).items():
        if name in known:
            given[name] = value, str(file)
        else:
            wrong.append(f"{file}: there is no setting {name!r}. `asksight serve --check` lists them all.")
    for variable, value in sorted(environment.items()):
        if not variable.startswith(PREFIX) or variable in OF_OTHERS or _of_platforms(variable, value):
            continue
        if not value.strip():  # as Compose passes on what is not set
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name in known and variable.isupper():
            given[name] = value, variable
        else:
            wrong.append(f"{variable}: there is no setting {name!r}. `asksight serve --help` lists them all.")
    for name, value in flags.items():
        if value is not None:
            given[name] = value, "--" + name.replace("_", "-")
    values: dict[str, Any] = {one.name: one.default for one in fields(Settings)}
    for name, (value, where) in given.items():
        try:
            values[name] = _convert(name, value, where)
        except ServerError as error:
            wrong.append(str(error))
    settings = Settings(**values)
    wrong.extend(faults(settings))
    if wrong:
        raise WrongSettingsError(wrong)
    return settings, {name: given[name][1] if name in given else "default" for name in values}


def _of_platforms(variable: str, value: str) -> bool:
    if NAME_OF_LINK.fullmatch(variable):
        return LINK.fullmatch(value) is not None
    return bool(OF_PLATFORMS.fullmatch(variable) or VALUE_OF_PLATFORMS.fullmatch(value))


def as_toml(settings: Settings, sources: Mapping[str, str]) -> str:
    """Write what is in force as a file that could be given to --config; each line says where it comes from.

    A password is not written, and a line that lacks one is a comment.
    """
    lines = []
    for one in fields(Settings):
        value = getattr(settings, one.name)
        written = "" if value is None else as_toml_value(value)
        line = f"{one.name} = {written}" if written else f"# {one.name} is not set"
        if SPECS[one.name].password and (without := shown(str(value))) != value:
            line = f"# {one.name} = {as_toml_value(without)}, with its password"
        lines.append(f"{line:<44} # {sources[one.name]}")
    return "\n".join(lines)


def as_toml_value(value: Any) -> str:
    """Write one value."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        # JSON escapes as TOML does, but for DEL.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, tuple):
        return "[" + ", ".join(map(as_toml_value, value)) + "]"
    return str(value)


def _from_file(file: Path | None, wrong: list[str]) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        return tomllib.loads(file.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        wrong.append(f"{file} cannot be used as a configuration: {error}.")
        return {}


def _convert(name: str, value: Any, where: str) -> Any:
    """Bring a value to its setting's type: text from the environment, or a TOML value. Raises ServerError."""
    kind = KINDS[name].removesuffix(" | None")
    try:
        if kind.startswith("tuple"):
            given = value.split(",") if isinstance(value, str) else value
            return tuple(_text(one).strip() for one in given)
        if kind == "bool":
            return (
                value
                if isinstance(value, bool)
                else {"true": True, "1": True, "false": False, "0": False}[value]
            )
        if kind == "str":
            return _text(value)
        if isinstance(value, bool) or (kind == "int" and isinstance(value, float)):
            raise ValueError
        return {"int": int, "float": float}[kind](value)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ServerError(f"{where}: {value!r} is no {kind} for {name}. Correct it.") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
