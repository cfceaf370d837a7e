"""`asksight ask`: one question about one photo, of a server or of a bundle in this process."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from .output import reply_fields, reply_lines, to_json

if TYPE_CHECKING:
    from asksight.client import Client


def ask(
    photo: Annotated[
        str, typer.Argument(metavar="PHOTO", help="A JPEG, PNG or WebP file; - reads standard input.")
    ],
    question: Annotated[str, typer.Argument(metavar="QUESTION", help='As in "What colour is the circle?".')],
    server: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Ask a running server."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="BUNDLE", help="Ask a bundle in this process: a folder, or scenes, the built-in one."
        ),
    ] = None,
    top_k: Annotated[int, typer.Option(min=0, help="How many answers.")] = 5,
    timeout: Annotated[float, typer.Option(min=0.0, help="Seconds to wait for the answer.")] = 10.0,
    locale: Annotated[str, typer.Option(help="BCP 47 language of the spoken sentence.")] = "en",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Ask one question about one photo.

    With neither --server nor --model, the built-in bundle answers in this process.
    """
    if server and model:
        raise typer.BadParameter("give --server or --model, not both: a server has its own model")
    with _client(server, model, timeout) as client:
        reply = client.ask(sys.stdin.buffer if photo == "-" else photo, question, top_k=top_k, locale=locale)
    if json:
        typer.echo(to_json({"photo": photo, "question": question, **reply_fields(reply)}))
    else:
        typer.echo("\n".join(reply_lines(reply)))


def _client(server: str | None, model: str | None, timeout: float) -> Client:
    from asksight.client import connect, load

    if not server:
        return load(model or "scenes", timeout=timeout)
    try:
        return connect(server, timeout=timeout)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--server") from None
