"""`asksight samples`: what a bundle is compiled and compared on, kept inside it."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer


def samples(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="A folder.")],
    data: Annotated[Path, typer.Option(metavar="DIR", help="A prepared data set.")],
    split: Annotated[
        str | None,
        typer.Option(help="The split to use of the data set. By default the validation split."),
    ] = None,
    photos: Annotated[int, typer.Option(min=1, help="How many photos, with all of their questions.")] = 14,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave bad entries and photos out and count them.")
    ] = False,
) -> None:
    """Keep photos and questions of a data set in a bundle, for compile to compare on.

    The photos are kept as the encoder takes them, without loss. Name photos like those that will be asked about, and no
    private ones: they travel with the bundle.
    """
    from asksight.engine import load_bundle
    from asksight.engine.bundle.keep_samples import keep_samples
    from asksight.engine.bundle.samples import FILE_NAME
    from asksight.training.datasets.bad_entries import BadEntries

    from .dataset_samples import distinct, samples_of
    from .inspect import size_text
    from .output import left_out_lines

    opened = load_bundle(bundle)
    problems = BadEntries(skip=skip_bad)
    taken = samples_of(opened, data, split, photos=photos, problems=problems)
    size = keep_samples(opened, taken).files[FILE_NAME].bytes
    for line in left_out_lines(problems.counts):
        typer.echo(line)
    asked, pairs = distinct(taken), len(taken.lengths)
    again = f" Asked again and again, they make {pairs} pairs to compare on." if asked < pairs else ""
    typer.echo(
        f"{asked} questions about {len(taken.photos)} photos are kept in {opened.path}, {size_text(size)}.{again}"
    )
    typer.echo(f"Next: asksight compile {quote(bundle)}")
