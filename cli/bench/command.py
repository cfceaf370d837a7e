"""`asksight bench`: reads what is to be measured, measures it, and says what came out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..chart_frame import check_picture
from ..kept_imports import kept_imports
from ..output import to_json
from .load import Load, Loop, callers, rates

SERVER, ASKS, REPORT = "Server", "Asks", "Report"


def bench(
    server: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Ask a running server.", rich_help_panel=SERVER),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="BUNDLE",
            help="Start a server on this bundle, a folder or scenes (the built-in one, and the default).",
            rich_help_panel=SERVER,
        ),
    ] = None,
    pid: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="The running server's process id, to report its CPU time.",
            rich_help_panel=SERVER,
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="ASKSIGHT_TOKEN", help="The token that is sent with each ask.", rich_help_panel=SERVER
        ),
    ] = None,
    tls: Annotated[
        bool,
        typer.Option(
            "--tls", help="Use TLS, and trust the system's certificate authorities.", rich_help_panel=SERVER
        ),
    ] = False,
    tls_authority: Annotated[
        Path | None,
        typer.Option(
            metavar="PEM", help="Use TLS, and trust this certificate authority.", rich_help_panel=SERVER
        ),
    ] = None,
    tls_certificate: Annotated[
        Path | None,
        typer.Option(metavar="PEM", help="The client's certificate.", rich_help_panel=SERVER),
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(metavar="PEM", help="The key of --tls-certificate.", rich_help_panel=SERVER)
    ] = None,
    callers_text: Annotated[
        str | None,
        typer.Option(
            "--callers",
            metavar="N,N,…",
            help="Closed loop: so many callers; each asks again once it is answered. By default 1,8,64.",
            rich_help_panel=ASKS,
        ),
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(
            metavar="N,N,…",
            help="Open loop: so many asks a second on average, at random times.",
            rich_help_panel=ASKS,
        ),
    ] = None,
    photos: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="A folder of photos to ask about. By default the demo's.",
            rich_help_panel=ASKS,
        ),
    ] = None,
    questions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A file of questions, one a line. By default the demo's.",
            rich_help_panel=ASKS,
        ),
    ] = None,
    follow_ups: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="The share of asks about photos that the server knows already.",
            rich_help_panel=ASKS,
        ),
    ] = 0.0,
    seconds: Annotated[
        float,
        typer.Option(min=0.1, max=1e6, help="Seconds that each row is measured for.", rich_help_panel=ASKS),
    ] = 5.0,
    warm_up: Annotated[
        float,
        typer.Option(
            min=0,
            max=1e6,
            help="Seconds of asking before each row, which do not count.",
            rich_help_panel=ASKS,
        ),
    ] = 1.0,
    timeout: Annotated[
        float,
        typer.Option(
            min=0.001, max=1e6, help="Seconds after which an ask counts as timed out.", rich_help_panel=ASKS
        ),
    ] = 10.0,
    channels: Annotated[
        int,
        typer.Option(min=1, max=256, help="Connections that the asks are spread over.", rich_help_panel=ASKS),
    ] = 4,
    seed: Annotated[
        int, typer.Option(help="The same seed gives the same asks at the same times.", rich_help_panel=ASKS)
    ] = 0,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object.", rich_help_panel=REPORT)
    ] = False,
    picture: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.svg",
            help="Write a chart of latency against throughput as SVG.",
            rich_help_panel=REPORT,
        ),
    ] = None,
) -> None:
    """Ask a server as many callers would, and say how many answers came and how long they took.

    --callers is a closed loop: each caller asks again once it is answered. --rate is an open loop: asks are sent at
    random times whatever is still unanswered, and each is timed from when it was due. What each figure means:
    docs/measuring.md.
    """
    loop, steps = _steps(callers_text, rate)
    load = Load(
        loop=loop,
        steps=steps,
        warm_up_s=warm_up,
        seconds=seconds,
        timeout_s=timeout,
        follow_ups=follow_ups,
        channels=channels,
        seed=seed,
    )
    check_picture(picture)
    with kept_imports():
        from .material import read_material
        from .measure import measure
        from .picture import draw
        from .table import as_fields, foot
        from .target import read_target

    target = read_target(
        server=server,
        model=model,
        pid=pid,
        token=token,
        tls=tls,
        authority=tls_authority,
        certificate=tls_certificate,
        key=tls_key,
    )
    material = read_material(photos, questions)
    measured, rows = measure(target, load, material, (lambda _line: None) if json else typer.echo)
    typer.echo(to_json(as_fields(measured, load, material, rows)) if json else "\n".join(foot(rows)))
    if picture is not None:
        title = f"{measured.model} on {measured.engine} {measured.precision}, {loop} loop"
        picture.write_text(draw(rows, title), "utf-8")
    if not all(row.asks_per_s for row in rows):
        raise typer.Exit(1)  # a row without an answer says nothing of a server


def _steps(callers_text: str | None, rate: str | None) -> tuple[Loop, tuple[float, ...]]:
    if callers_text is not None and rate is not None:
        raise typer.BadParameter("give --callers or --rate, not both: a closed loop or an open one")
    try:
        return ("closed", callers(callers_text or "1,8,64")) if rate is None else ("open", rates(rate))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--callers" if rate is None else "--rate") from None
