"""What `asksight import keras` and `onnx` share: their arguments, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from asksight.training.importing.two_inputs import Imported

SpecFile = Annotated[
    Path, typer.Option(help="What the model takes and gives, in TOML: see docs/importing.md.")
]
Out = Annotated[Path, typer.Option(help="The bundle's folder.")]
Name = Annotated[str | None, typer.Option(help="The model's name; the spec's, or the file's, by default.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def telling(as_json: bool) -> Callable[[str], None]:
    """What says on stderr what is being done, unless only JSON is wanted."""
    return (lambda _: None) if as_json else (lambda text: typer.echo(f"{text} ...", err=True))


def tell(imported: Imported, out: Path, of: str, as_json: bool) -> None:
    """Say what has been written, and what to do next."""
    from .output import printable, to_json

    bundle, difference = imported.bundle, imported.largest_difference
    size = sum(file.stat().st_size for file in bundle.path.iterdir() if file.is_file())
    calibrated = bundle.calibration.calibrated
    if as_json:
        result = {"bundle": str(out), "name": bundle.name, "version": bundle.version, "bytes": size}
        result |= {"answers": len(bundle.answers), "calibrated": calibrated, "largest_difference": difference}
        typer.echo(to_json(result))
        return
    typer.echo(
        printable(f"{bundle.name} {bundle.version}: {len(bundle.answers)} answers, {size / 1e6:.1f} MB")
    )
    typer.echo(f"Answers as {of} does; probabilities differ by {difference:.1g} at most.")
    where = quote(str(out))
    following = f"asksight serve --model {where}"
    if not calibrated:
        typer.echo(
            "Its probabilities were never held against real questions, so it says of no answer that it is sure."
        )
        following = f"asksight calibrate {where} --data DATA, and {following}"
    typer.echo(f"Written to {out}. Next: {following}")
