"""Metadata for a setting that `asksight train` has a flag for: its help text and the values it may take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """What `asksight train --help` says of a setting, and what it may be."""

    help: str
    group: str = ""
    flag: str = ""  # where it is not the field's name
    at_least: float | None = None
    at_most: float | None = None
    choices: Sequence[str] = ()
    metavar: str | None = None


def option(default: Any, help: str, group: str = "", **spec: Any) -> Any:
    """A dataclass field with such a flag."""
    return field(default=default, metadata={"spec": OptionSpec(help, group, **spec)})
