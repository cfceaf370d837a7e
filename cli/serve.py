"""`asksight serve`: bundles behind a gRPC port, until it is told to stop.

Its flags are the settings of server/running/settings.py, one each.
"""

from __future__ import annotations

import logging
import os
import select
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from .flags import Flag, signature
from .kept_imports import kept_imports

if TYPE_CHECKING:
    from asksight.server.running.settings import Settings

SAY_WITHIN_S = 1.0  # where the pipe is full

# gRPC's core looks for it when it is imported, as it is for the settings' flags. By itself it writes a line for each
# junk that comes to a TLS port, between those of the log, and its threads wait for whoever reads them.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")


def serve(
    *,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="A TOML file of settings.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Try what is in force, print it, and stop.")] = False,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print what is in force as a file for --config, and stop.")
    ] = False,
    **flags: Any,
) -> None:
    """Serve bundles over gRPC until stopped.

    SIGTERM: answers on for the drain grace, takes no new asks then, answers the accepted ones, ends. Ctrl-C: the same
    without the grace. A second one ends at once. SIGHUP reads the bundles again.

    Each setting is a flag, ASKSIGHT_NAME in the environment, or a line of the TOML file; --check shows all of them.
    """
    from asksight.server.running.checks import WrongSettingsError, missing
    from asksight.server.running.setting_sources import as_toml, read_settings

    try:
        settings, sources = read_settings(flags, os.environ, config)
    except WrongSettingsError as error:
        _refuse(error.lines, "text")
    if print_config:
        typer.echo(as_toml(settings, sources))
        return
    if lines := missing(settings, verify=check):
        _refuse(lines, settings.log)
    if check:
        typer.echo(as_toml(settings, sources))
        return
    try:
        _serve(settings)
    except Exception as error:
        from .main import expected

        if settings.log == "json" and (line := expected(error)):
            _refuse([line], settings.log)
        raise


def _serve(settings: Settings) -> None:
    _open_standard()
    if settings.ray:
        from asksight.server.ray_serve.cluster import serve_on_ray

        serve_on_ray(settings, _say)
    elif settings.processes > 1:
        with kept_imports():
            from asksight.server.running.supervisor import supervise

        supervise(settings, _say)
    else:
        with kept_imports():
            from asksight.server.running.serving import serve as serve_here

        serve_here(settings, _say)


def _open_standard() -> None:
    """Have something at the numbers of standard input, output and error: else a caller's connection would be there."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(
                os.open(os.devnull, os.O_RDWR), True
            )  # it takes the lowest number that is free


def _say(text: str) -> None:
    """Say it on standard output, past Python's buffers: a server goes on where nobody reads it, or nobody is there."""
    with suppress(OSError):
        if select.select([], [1], [], SAY_WITHIN_S)[1]:
            os.write(1, f"{text}\n".encode())


def _refuse(lines: Iterable[str], form: str) -> NoReturn:
    """Say what is wrong, a line each, in the form of the log, and end with 1."""
    if form == "json":
        from asksight.server.running.logs import set_up_logs

        set_up_logs(form, calls=False)
        for line in lines:
            logging.getLogger("asksight").critical(line)
    else:
        for line in lines:
            typer.echo(f"asksight: {line}", err=True)
    raise typer.Exit(1)


def _flags() -> list[Flag]:
    from asksight.server.running.settings import Settings

    # Bounds are judged with all else, so that all that is wrong is named at once.
    return [replace(Flag.of(field), at_least=None, at_most=None) for field in fields(Settings)]


serve.__signature__ = signature(serve, _flags(), "flags")  # type: ignore[attr-defined]
