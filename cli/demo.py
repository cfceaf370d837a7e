"""`asksight demo`: a server on the built-in bundle, a few questions over the wire, and what to try next."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .demo_asks import DEMO_PHOTOS, DemoPhoto
from .next_steps import next_steps
from .output import printable, reply_fields, to_json

if TYPE_CHECKING:
    from asksight.client import Client, Reply
    from asksight.server.local import LocalAssistant
    from asksight.server.wire.server import Server

HOST = "127.0.0.1"
PORT = 50051


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Stop after the questions instead of serving on.")
    ] = False,
    model: Annotated[
        str,
        typer.Option(metavar="BUNDLE", help="The bundle to serve: a folder, or scenes, the built-in one."),
    ] = "scenes",
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="The gRPC port; 0 picks a free one. By default 50051, or any where that is taken.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a question.")] = False,
) -> None:
    """Serve the built-in bundle and ask it a few questions over the wire.

    Then it stays up until Ctrl-C, to be asked from elsewhere.
    """
    from asksight.client import connect
    from asksight.server.local import LocalAssistant
    from asksight.server.running.signals import Signals

    signals = None if once else Signals()
    with LocalAssistant.open(model) as local:
        server, bound = _start(local, port)
        try:
            with connect(f"{HOST}:{bound}") as client:
                if not json:
                    _say_title(client, bound)
                for photo in DEMO_PHOTOS:
                    _ask_about(photo, client, json=json)
            if not json:
                _say_next(bound, once=once)
            if signals is not None:
                signals.get()
        finally:
            server.stop()


def _start(local: LocalAssistant, port: int | None) -> tuple[Server, int]:
    """Start a server on that port, or, where none was asked for, on 50051 or any other."""
    from asksight.server.errors import ServerError
    from asksight.server.wire.server import Server

    try:
        server = Server(local, host=HOST, port=PORT if port is None else port)
        return server, server.start()
    except ServerError:
        if port is not None:
            raise
    server = Server(local, host=HOST, port=0)
    return server, server.start()


def _ask_about(photo: DemoPhoto, client: Client, *, json: bool) -> None:
    if not json:
        typer.echo(f"\n{photo.path.name}: {photo.shows}")
    for question in photo.questions:
        started = time.perf_counter()
        reply = client.ask(photo.path, question, top_k=3)
        took_ms = 1000 * (time.perf_counter() - started)
        if json:
            asked: dict[str, Any] = {"photo": str(photo.path), "question": question, "took_ms": took_ms}
            typer.echo(to_json({**asked, **reply_fields(reply)}))
        else:
            _say_reply(question, reply, took_ms)


def _say_title(client: Client, port: int) -> None:
    model = client.model()
    typer.echo(
        f"Model {model.name} {model.version} ({model.architecture}, {len(model.answers)} answers) "
        f"on {model.engine} {model.precision}, served at {HOST}:{port}"
    )


def _say_reply(question: str, reply: Reply, took_ms: float) -> None:
    answers = ", ".join(f"{one.label} {100 * one.probability:.1f} %" for one in reply.answers)
    features = "features cached" if reply.timings.features_cached else "photo encoded"
    typer.echo(f"  {question}")
    typer.echo(f"    {reply.verdict}: {printable(answers)}  [{took_ms:.1f} ms, {features}]")
    for issue in reply.photo_issues:
        typer.echo(f"    The photo is {issue.kind}: {issue.hint}")


def _say_next(port: int, *, once: bool) -> None:
    # Where its folder is not on the PATH, the command is named as it lies.
    command = "asksight" if shutil.which("asksight") else str(_from_here(Path(sys.argv[0])))
    path = _from_here(DEMO_PHOTOS[0].path.resolve())
    again = f"{command} demo" if port == PORT else f"{command} demo --port {port}"
    when = f"With `{again}` running (Ctrl-C ends it)" if once else "Now, from another terminal"
    typer.echo(f"\n{when}, try:")
    for line in next_steps(path, "What colour is the circle?", f"{HOST}:{port}", command=command):
        typer.echo(f"  {line}")
    if not once:
        typer.echo("\nServing until Ctrl-C.")


def _from_here(path: Path) -> Path:
    """Give a path as short as it may be written in the current folder."""
    absolute, here = path.absolute(), Path.cwd()
    return absolute.relative_to(here) if absolute.is_relative_to(here) else absolute
