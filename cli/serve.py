"""`asksight serve`: bundles behind a gRPC port, until it is told to stop. The settings: server/running/settings.py."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from .kept_imports import kept_imports

MODELS, ACCESS, LOAD, STOPPING, WATCHING = "Models", "Access", "Load", "Stopping", "Watching"


def serve(
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]BUNDLE", help="A folder, or scenes. May be said again.", rich_help_panel=MODELS
        ),
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help="auto: the fastest here.", rich_help_panel=MODELS)
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Of each engine.", rich_help_panel=MODELS)
    ] = None,
    watch: Annotated[
        bool | None,
        typer.Option("--watch/--no-watch", help="Swap bundles that change.", rich_help_panel=MODELS),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Where to listen; 127.0.0.1 unless said.")] = None,
    port: Annotated[int | None, typer.Option(help="50051 unless said; 0 picks a free one.")] = None,
    http: Annotated[
        int | None,
        typer.Option(metavar="PORT", help="Serve HTTP and the page there too; 0 picks a free one."),
    ] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="A TOML file of settings.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Print what is in force, and stop.")] = False,
    tls_certificate: Annotated[str | None, typer.Option(metavar="PEM", rich_help_panel=ACCESS)] = None,
    tls_key: Annotated[str | None, typer.Option(metavar="PEM", rich_help_panel=ACCESS)] = None,
    tls_client_authority: Annotated[
        str | None, typer.Option(metavar="PEM", help="Clients need its certificate.", rich_help_panel=ACCESS)
    ] = None,
    tokens: Annotated[
        str | None, typer.Option(metavar="FILE", help="NAME SHA256 [RATE] a line.", rich_help_panel=ACCESS)
    ] = None,
    insecure: Annotated[
        bool | None, typer.Option("--insecure", help="No TLS, to other machines too.", rich_help_panel=ACCESS)
    ] = None,
    calls_per_caller: Annotated[
        int | None, typer.Option(help="At once; 0: all.", rich_help_panel=ACCESS)
    ] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="That share the port.", rich_help_panel=LOAD)
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Calls at once, of 256.", rich_help_panel=LOAD)
    ] = None,
    encoder_batch: Annotated[int | None, typer.Option(min=1, rich_help_panel=LOAD)] = None,
    answerer_batch: Annotated[int | None, typer.Option(min=1, rich_help_panel=LOAD)] = None,
    queue: Annotated[int | None, typer.Option(min=1, help="Asks at once.", rich_help_panel=LOAD)] = None,
    cache_mb: Annotated[
        int | None, typer.Option(min=0, help="MiB for photos that were seen.", rich_help_panel=LOAD)
    ] = None,
    drain_grace: Annotated[
        float | None, typer.Option(help="Seconds of answering on after SIGTERM.", rich_help_panel=STOPPING)
    ] = None,
    finish_within: Annotated[
        float | None, typer.Option(help="Seconds for accepted asks, then.", rich_help_panel=STOPPING)
    ] = None,
    metrics: Annotated[
        int | None, typer.Option(metavar="PORT", help="/metrics, /livez, /readyz.", rich_help_panel=WATCHING)
    ] = None,
    log: Annotated[str | None, typer.Option(help="text or json.", rich_help_panel=WATCHING)] = None,
    log_questions: Annotated[bool | None, typer.Option("--log-questions", rich_help_panel=WATCHING)] = None,
    tracing: Annotated[
        bool | None, typer.Option("--tracing", help="OpenTelemetry.", rich_help_panel=WATCHING)
    ] = None,
) -> None:
    """Serve bundles over gRPC until stopped.

    SIGTERM: answers on for the drain grace, takes no new asks then, answers the accepted ones, ends. Ctrl-C: the same
    without the grace. A second one ends at once. SIGHUP reads the bundles again.

    Each setting is a flag, ASKSIGHT_NAME in the environment, or a line of the TOML file; --check shows all of them.
    """
    flags = {name: value for name, value in locals().items() if name not in ("config", "check")}
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
