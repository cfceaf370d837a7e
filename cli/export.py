"""`asksight export`: a trained run as a bundle that can be served."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from .certainty import certainty_lines


def export(
    run: Annotated[Path, typer.Argument(help="A run folder, from `asksight train`.")],
    out: Annotated[Path, typer.Option(help="The bundle's folder.")],
    name: Annotated[str | None, typer.Option(help="The model's name; the run folder's by default.")] = None,
    version: Annotated[str, typer.Option(help="The model's version.")] = "1",
    features: Annotated[
        Path | None,
        typer.Option(
            help="Take the encoder from this store; by default from the one the run was trained on."
        ),
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            metavar="LANGUAGE",
            help="Cut questions as the installed spaCy does in this language, as en or de; the run's words must have "
            "been cut so too. By default as in training: spaCy 3.8's English.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write a run as a bundle, after checking that it answers as Keras does."""
    from .tensorflow_start import start_tensorflow

    start_tensorflow()
    from asksight.engine.bundle.about import about
    from asksight.training.exporting.export import export_run
    from asksight.training.vectors.spacy_rules import spacy_rules

    from .output import to_json

    rules = None if tokenizer is None else spacy_rules(tokenizer)
    exported = export_run(run, out, name=name, version=version, store=features, rules=rules)
    bundle, difference = exported.bundle, exported.largest_difference
    size = sum(file.stat().st_size for file in bundle.path.iterdir() if file.is_file())
    if as_json:
        result = {"bundle": str(out), "name": bundle.name, "version": bundle.version, "bytes": size}
        typer.echo(to_json(result | {"largest_difference": difference}))
        return
    typer.echo(f"{bundle.name} {bundle.version}: {len(bundle.answers)} answers, {size / 1e6:.1f} MB")
    typer.echo(f"Answers as Keras does; probabilities differ by {difference:.1g} at most.")
    typer.echo(about(bundle)[1])
    for line in certainty_lines(bundle.training.get("calibration", {})):
        typer.echo(line)
    typer.echo(f"Written to {out}. Next: asksight serve --model {quote(str(out))}")
