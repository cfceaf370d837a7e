"""`asksight data`: make, fetch or prepare a data set."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from .data_get import get
from .data_scenes import scenes
from .idle import refuse_idle

if TYPE_CHECKING:
    from asksight.training.datasets.prepare import Prepared

app = typer.Typer(help="Make, fetch or prepare a data set.", no_args_is_help=True)
app.command()(scenes)
app.command()(get)


@app.command()
def prepare(
    context: typer.Context,
    source: Annotated[
        Path,
        typer.Argument(help="The folder of a data set (VQA, VizWiz, easy-VQA, scenes), or a questions file."),
    ],
    out: Annotated[Path, typer.Option(help="The folder to write.")],
    photos: Annotated[
        Path | None, typer.Option(help="The folder of the photos, where it is not beside the questions.")
    ] = None,
    no_photos: Annotated[
        bool, typer.Option("--no-photos", help="Prepare the questions alone, where the photos are not here.")
    ] = False,
    holdout: Annotated[
        float, typer.Option(help="The share of the photos that becomes the split val, as in 0.1.")
    ] = 0.0,
    seed: Annotated[
        int, typer.Option(help="Chooses which photos are held out; the same seed chooses the same.")
    ] = 0,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave bad entries and photos out and count them.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Read a published data set and write the text files that training reads; every photo is tried, too."""
    if not holdout:
        refuse_idle(context, "without --holdout", "seed")
    if no_photos:
        refuse_idle(context, "with --no-photos", "photos")
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
            without_photos=no_photos,
            holdout=holdout,
            seed=seed,
            skip_bad=skip_bad,
            progress=report,
        )
    if as_json:
        result = {"out": str(out), "format": done.source_format, "splits": done.splits}
        typer.echo(to_json(result | {"unanswered": done.unanswered, "skipped": done.skipped}))
        return
    for split, counts in done.splits.items():
        unanswered = ", without answers" if split in done.unanswered else ""
        typer.echo(f"{split}: {counts['questions']} questions about {counts['images']} photos{unanswered}")
    for kind, count in done.skipped.items():
        typer.echo(f"left out, {kind}: {count}")
    typer.echo(f"Written to {out}. Next: {_following(done, out, no_photos)}")


def _following(done: Prepared, out: Path, no_photos: bool) -> str:
    """The command that goes on with what was written."""
    data = quote(str(out))
    if len(done.unanswered) == len(done.splits):
        return f"asksight evaluate scenes --data {data} --write-results RESULTS.json"
    if no_photos:
        return f"asksight train --arch lstm --features none --data {data} --out RUN"
    return f"asksight train --data {data} --out RUN"
