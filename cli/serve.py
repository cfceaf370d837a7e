"""`asksight serve`: bundles behind a gRPC port, until it is told to stop.

Its flags are the settings of server/running/settings.py, one each.
"""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .kept_imports import kept_imports

if TYPE_CHECKING:
    from asksight.server.running.settings import About

TYPES = {"str": str, "int": int, "float": float, "bool": bool, "tuple[str, ...]": list[str]}


def serve(
    *,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="A TOML file of settings.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Print what is in force, and stop.")] = False,
    **flags: Any,
) -> None:
    """Serve bundles over gRPC until stopped.

    SIGTERM: answers on for the drain grace, takes no new asks then, answers the accepted ones, ends. Ctrl-C: the same
    without the grace. A second one ends at once. SIGHUP reads the bundles again.

    Each setting is a flag, ASKSIGHT_NAME in the environment, or a line of the TOML file; --check shows all of them.
    """
    from asksight.server.running.settings import as_toml, read_settings

    settings, sources = read_settings(flags, os.environ, config)
    if check:
        typer.echo(as_toml(settings, sources))
        return
    if settings.processes > 1:
        with kept_imports():
            from asksight.server.running.supervisor import supervise

        supervise(settings, typer.echo)
    else:
        with kept_imports():
            from asksight.server.running.serving import serve as serve_here

        serve_here(settings, typer.echo)


def _signature() -> inspect.Signature:
    """The function's own parameters, and a flag for each setting."""
    from asksight.server.running import settings

    own = [one for one in inspect.signature(serve, eval_str=True).parameters.values() if one.name != "flags"]
    flags = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=_flag(name, settings.KINDS[name], getattr(settings.Settings, name), about),
        )
        for name, about in settings.ABOUT.items()
    ]
    return inspect.Signature([*flags, *own])


def _flag(name: str, kind: str, default: Any, about: About) -> Any:
    """How one is given; None, whatever its default, says that it was not."""
    taken = TYPES[kind.removesuffix(" | None")]
    shown = " ".join(default) if isinstance(default, tuple) else str(default)
    flag = "--" + name.replace("_", "-")
    option = typer.Option(
        f"{flag}/--no-{flag[2:]}" if taken is bool else flag,
        help=about.help,
        metavar=about.metavar,
        rich_help_panel=about.group or None,
        show_default=shown.lower() if default not in (None, "") else False,
    )
    return Annotated[taken | None, option]


serve.__signature__ = _signature()  # type: ignore[attr-defined]
