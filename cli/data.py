"""`asksight data`: make, fetch or prepare a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .data_get import get
from .data_scenes import scenes

app = typer.Typer(help="Make, fetch or prepare a data set.", no_args_is_help=True)
app.command()(scenes)
app.command()(get)


@app.command()
def prepare(
    source: Annotated[
        Path,
        typer.Argument(help="The folder of a data set (VQA, VizWiz, easy-VQA, scenes), or a questions file."),
    ],
    out: Annotated[Path, typer.Option(help="The folder to write.")],
    photos: Annotated[
        Path | None, typer.Option(help="The folder of the photos, where it is not beside the questions.")
    ] = None,
    holdout: Annotated[
        float, typer.Option(help="The share of the photos that becomes the split val, as in 0.1.")
    ] = 0.0,
    seed: Annotated[
        int, typer.Option(help="Chooses which photos are held out; the same seed chooses the same.")
    ] = 0,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave bad entries out and count them.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Read a published data set and write the text files that training reads."""
    from asksight.training.datasets.prepare import prepare as write_prepared

    from .output import to_json
    from .progress import progress_bar

    with progress_bar("questions", total=None, quiet=as_json) as bar:

        def report(split: str, written: int) -> None:
            bar.note(split)
            bar(written)

        done = write_prepared(
            source,
            out,
            photos=photos,
            holdout=holdout,
            seed=seed,
            skip_bad=skip_bad,
            progress=report,
        )
    if as_json:
        result = {"out": str(out), "format": done.source_format, "splits": done.splits}
        typer.echo(to_json(result | {"skipped": done.skipped}))
        return
    for split, counts in done.splits.items():
        typer.echo(f"{split}: {counts['questions']} questions about {counts['images']} photos")
    for kind, count in done.skipped.items():
        typer.echo(f"left out, {kind}: {count}")
    typer.echo(f"Written to {out}. Next: asksight train --data {out} --out RUN")
