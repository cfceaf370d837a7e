"""Flags of a verb from the fields of its settings, each with the text, the default and the bounds that stand there.

A field says so by `metadata["spec"]`, which has `help`, `group` and `metavar`, and may have `flag`, `at_least`,
`at_most` and `choices`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, Field, dataclass
from typing import Annotated, Any

import typer

TYPES: dict[str, Any] = {"str": str, "int": int, "float": float, "bool": bool, "tuple[str, ...]": list[str]}


@dataclass(frozen=True, kw_only=True)
class Flag:
    """One flag. None, whatever the default, says that it was not given."""

    name: str  # the field's
    flag: str
    kind: Any
    default: Any
    shown: str  # the default, for a person
    help: str
    group: str
    metavar: str | None
    at_least: float | None
    at_most: float | None
    choices: Sequence[str]

    @classmethod
    def of(cls, field: Field[Any]) -> Flag:
        """That of a dataclass field."""
        spec, default = field.metadata["spec"], field.default
        shown = (
            " ".join(default)
            if isinstance(default, tuple)
            else ""
            if default in (None, MISSING)
            else str(default)
        )
        return cls(
            name=field.name,
            flag="--" + (getattr(spec, "flag", "") or field.name).replace("_", "-"),
            kind=TYPES.get(str(field.type).removesuffix(" | None"), str),
            default=default,
            shown=shown.lower() if isinstance(default, bool) else shown,
            help=spec.help,
            group=spec.group,
            metavar=spec.metavar,
            at_least=getattr(spec, "at_least", None),
            at_most=getattr(spec, "at_most", None),
            choices=getattr(spec, "choices", ()),
        )

    def parameter(self) -> inspect.Parameter:
        """As a function has it that Typer makes a command of."""
        option = typer.Option(
            f"{self.flag}/--no-{self.flag[2:]}" if self.kind is bool else self.flag,
            help=self.help,
            metavar=self.metavar,
            rich_help_panel=self.group or None,
            show_default=self.shown or False,
            min=self.at_least if self.kind in (int, float) else None,
            max=self.at_most if self.kind in (int, float) else None,
        )
        return inspect.Parameter(
            self.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[self.kind | None, option],
        )


def signature(command: Callable[..., object], flags: Iterable[Flag], keywords: str) -> inspect.Signature:
    """The function's own parameters, and the flags in the place of its `**keywords`."""
    own = inspect.signature(command, eval_str=True).parameters.values()
    return inspect.Signature(
        [*(one for one in own if one.name != keywords), *(flag.parameter() for flag in flags)]
    )
