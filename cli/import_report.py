"""What the verbs of `asksight import` share: their arguments, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from asksight.engine import Bundle

Source = Annotated[
    str,
    typer.Argument(
        help="The folder of the published model (config.json, weights, vocabulary), or OWNER/NAME[@REVISION] of the "
        "Hugging Face hub, which is fetched."
    ),
]
Out = Annotated[Path, typer.Option(help="The bundle's folder.")]
Name = Annotated[
    str | None, typer.Option(help="The model's name; by default that of the folder or on the hub.")
]
Version = Annotated[str, typer.Option(help="The model's version.")]
MaxTokens = Annotated[
    int | None, typer.Option(min=3, help="The longest question in pieces of words; longer ones are cut.")
]


def telling(quiet: bool) -> Callable[[str], None]:
    """What says on stderr what is being done, unless only JSON is wanted."""
    return (lambda _: None) if quiet else (lambda text: typer.echo(f"{text} ...", err=True))


def report(bundle: Bundle, out: Path, as_json: bool) -> None:
    """Say what has been written, and what to do next."""
    from .output import printable, to_json

    size = sum(file.stat().st_size for file in bundle.path.iterdir() if file.is_file())
    spelled = bundle.spelling
    if as_json:
        form = {"answers": len(bundle.answers)} if spelled is None else {"beams": spelled.beams}
        result = {"bundle": str(out), "name": bundle.name, "version": bundle.version, "bytes": size}
        typer.echo(to_json(result | form | {"calibrated": bundle.calibration.calibrated}))
        return
    form_text = (
        f"{len(bundle.answers)} answers" if spelled is None else f"{spelled.beams} spelled answers a question"
    )
    typer.echo(printable(f"{bundle.name} {bundle.version}: {form_text}, {size / 1e6:.1f} MB"))
    typer.echo(
        "Its probabilities have not been held against real questions, so it says of no answer that it is sure."
    )
    where = quote(str(out))
    typer.echo(
        f"Written to {out}. Next: asksight calibrate {where} --data DATA, and asksight serve --model {where}"
    )
