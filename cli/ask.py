"""`asksight ask`: one question about one photo, of a server or of a bundle in this process."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .connecting import credentials
from .idle import refuse_idle
from .output import reply_fields, reply_lines, to_json

if TYPE_CHECKING:
    import grpc

    from asksight.client import Client


def ask(
    context: typer.Context,
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
    token: Annotated[
        str | None,
        typer.Option(
            envvar="ASKSIGHT_TOKEN",
            help="The token that the server wants; better by its variable, since other users see command lines.",
        ),
    ] = None,
    tls: Annotated[
        bool, typer.Option("--tls", help="Use TLS, and trust the system's certificate authorities.")
    ] = False,
    tls_authority: Annotated[
        Path | None,
        typer.Option(
            "--tls-authority",
            "--ca",
            metavar="PEM",
            envvar="ASKSIGHT_CA",
            help="Use TLS, and trust this certificate authority.",
        ),
    ] = None,
    tls_certificate: Annotated[
        Path | None, typer.Option(metavar="PEM", help="The client's certificate.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="PEM", help="The key of --tls-certificate.")] = None,
    reader: Annotated[
        bool, typer.Option("--reader", help="Without --server: read text too, which takes the extra ocr.")
    ] = False,
    top_k: Annotated[int, typer.Option(min=0, help="How many answers.")] = 5,
    timeout: Annotated[float, typer.Option(min=0.0, help="Seconds to wait for the answer.")] = 10.0,
    locale: Annotated[str, typer.Option(help="BCP 47 language of the spoken sentence.")] = "en",
    show: Annotated[
        bool,
        typer.Option(
            "--show",
            help="Show the photo too, and where the model looked if it can tell: here where the terminal has colours, "
            "else as a page.",
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Ask one question about one photo.

    With neither --server nor --model, the built-in bundle answers in this process.
    """
    if server and model:
        raise typer.BadParameter("give --server or --model, not both: a server has its own model")
    if server is None:
        refuse_idle(
            context, "without --server", "token", "tls", "tls_authority", "tls_certificate", "tls_key"
        )
    if show and json:
        raise typer.BadParameter("give --show or --json, not both: one is for people, the other for programs")
    channel = None
    if server is not None:
        refuse_idle(context, "with --server, which has a reader or not", "reader")
        channel = credentials(tls=tls, authority=tls_authority, certificate=tls_certificate, key=tls_key)
    with _client(server, model, timeout, token, channel, reader=reader) as client:
        data = sys.stdin.buffer.read() if photo == "-" else None
        reply = client.ask(
            photo if data is None else data, question, top_k=top_k, locale=locale, attention=show
        )
    if json:
        typer.echo(to_json({"photo": photo, "question": question, **reply_fields(reply)}))
    else:
        typer.echo("\n".join(reply_lines(reply)))
        if show:
            from .show import show as show_photo

            show_photo(reply, Path(photo).read_bytes() if data is None else data)


def _client(
    server: str | None,
    model: str | None,
    timeout: float,
    token: str | None,
    channel: grpc.ChannelCredentials | None,
    *,
    reader: bool,
) -> Client:
    from asksight.client import connect, load

    if not server:
        return load(model or "scenes", timeout=timeout, reader=reader)
    try:
        return connect(server, timeout=timeout, token=token, credentials=channel, wait_for_server=False)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--server") from None
