"""`asksight serve`: a bundle behind a gRPC port, until it is told to stop."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated

import typer

from .stopping import stop_signals

if TYPE_CHECKING:
    from asksight.server.assistant import Assistant

MEBI = 2**20
HUNG_AFTER_S = 5.0  # an engine that does not end by then is left behind


def serve(
    model: Annotated[
        str, typer.Option(metavar="BUNDLE", help="A folder, or scenes, the built-in one.")
    ] = "scenes",
    host: Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on; 0 picks a free one.")] = 50051,
    engine: Annotated[str, typer.Option(help="What runs the model; auto takes the fastest here.")] = "auto",
    workers: Annotated[int, typer.Option(min=1, help="Calls under way at once; more are refused.")] = 256,
    cache_mb: Annotated[
        int, typer.Option("--cache-mb", min=0, metavar="MIB", help="Memory for photos that were seen.")
    ] = 256,
    drain_grace: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long a stop waits for accepted asks.")
    ] = 10.0,
) -> None:
    """Serve a bundle over gRPC until stopped.

    SIGTERM or Ctrl-C: takes no new asks, answers the accepted ones, ends. A second one ends at once.
    """
    from asksight.server.assistant import Assistant
    from asksight.server.limits import Limits
    from asksight.server.server import Server

    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    logging.captureWarnings(True)  # such as Pillow's about odd Exif: one line of the log, not two of stderr
    assistant = Assistant.open(model, engine=engine, limits=Limits(cache_bytes=cache_mb * MEBI))
    try:
        name = assistant.model().name
        server = Server({name: assistant}, host=host, port=port, workers=workers, drain_grace_s=drain_grace)
        stops = stop_signals()
        bound = server.start()
        typer.echo(_serving(assistant, host, bound))
        stops.get()
        server.stop()
    finally:
        assistant.close(timeout_s=HUNG_AFTER_S)


def _serving(assistant: Assistant, host: str, port: int) -> str:
    model = assistant.model()
    return (
        f"Serving {model.name} {model.version} ({model.architecture}, {len(model.answers)} answers, "
        f"{model.engine} {model.precision}) at {host}:{port}; Ctrl-C stops."
    )
