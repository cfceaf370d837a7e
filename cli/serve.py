"""`asksight serve`: bundles behind a gRPC port, until it is told to stop.

Its flags are the settings of server/running/settings.py, one each.
"""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from .flags import Flag, signature
from .kept_imports import kept_imports


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


def _flags() -> list[Flag]:
    from asksight.server.running.settings import Settings

    return [Flag.of(field) for field in fields(Settings)]


serve.__signature__ = signature(serve, _flags(), "flags")  # type: ignore[attr-defined]
