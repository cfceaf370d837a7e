"""Refuses options that would do nothing: whoever gives one believes that it does something."""

from __future__ import annotations

import math

import typer


def refuse_idle(context: typer.Context, why: str, *names: str) -> None:
    """Raise BadParameter where one of these parameters was given on the command line; `why` as in "with --mat"."""
    for name in names:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise typer.BadParameter(f"does nothing {why}; leave it out.", param_hint=_flag(context, name))


def refuse_endless(context: typer.Context) -> None:
    """Raise BadParameter where a number is infinite, or NaN where there are no bounds that would catch it."""
    for name, value in context.params.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise typer.BadParameter(f"is {value}; give a number.", param_hint=_flag(context, name))


def _flag(context: typer.Context, name: str) -> str:
    return next(one.opts[0] for one in context.command.params if one.name == name)
