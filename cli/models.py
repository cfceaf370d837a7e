"""`asksight models`: the published models that `asksight get` brings."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer


def models(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a model.")] = False,
) -> None:
    """List the published models that can be fetched and served.

    Their accuracies are what their authors state; nobody has measured them here.
    """
    from rich.console import Console
    from rich.table import Table

    from asksight.training.downloads.models import MODELS

    from .inspect import size_text
    from .output import to_json

    if as_json:
        for one in MODELS:
            typer.echo(to_json({**asdict(one), "command": f"asksight get {one.name}"}))
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("name", "licence", "download", "weights", "accuracy by its authors", "command"):
        table.add_column(heading, no_wrap=True)
    for one in MODELS:
        table.add_row(
            one.name,
            one.licence,
            size_text(one.size),
            f"{one.weights / 1e6:.0f} M",
            f"{one.accuracy.value} % {one.accuracy.metric}",
            f"asksight get {one.name}",
        )
    Console(highlight=False, width=160).print(table)
    for one in MODELS:
        typer.echo(f"\n{one.name}: https://huggingface.co/{one.repository}, {one.accuracy.source}")
        typer.echo(f"  Accuracy {one.accuracy.conditions}.")
        if one.note:
            typer.echo(f"  {one.note}")
