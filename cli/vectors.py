"""`asksight vectors`: pre-trained word vectors, cut down to the words that are asked with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .idle import refuse_idle


def vectors(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            help="GloVe text, word2vec text or binary, fastText .vec (also .gz, .zip); or a spaCy pipeline."
        ),
    ],
    out: Annotated[Path, typer.Option(help="The folder to write vectors.npy and words.txt into.")],
    data: Annotated[
        Path | None, typer.Option(help="The words of a data set's questions: from `asksight data prepare`.")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="The split of --data to take words from. By default the training split."),
    ] = None,
    min_count: Annotated[
        int, typer.Option(min=1, help="Leave out words that are asked with less often.")
    ] = 1,
    words: Annotated[
        Path | None, typer.Option(help="Instead of --data: a file of words, one a line.")
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave bad entries out and count them.")
    ] = False,
    dimension: Annotated[
        int, typer.Option(min=1, help="How many dimensions the vectors have; the model must take as many.")
    ] = 300,
    unknown_rows: Annotated[int, typer.Option(min=1, help="Rows that words without a vector share.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Cut pre-trained word vectors to a vocabulary: 300 dimensions, as the models take them, unless told otherwise."""
    from asksight.training.datasets import open_dataset
    from asksight.training.datasets.bad_entries import BadEntries
    from asksight.training.datasets.splits import choose_splits
    from asksight.training.vectors import asked_words, gather, listed_words, save_vectors

    from .output import left_out_lines, to_json
    from .progress import progress_bar

    if (data is None) == (words is None):
        raise typer.BadParameter("Give --data or --words, one of them.")
    never: list[str] = []
    problems = BadEntries(skip=skip_bad)
    if words is not None:
        refuse_idle(context, "with --words", "split", "min_count", "skip_bad")
        wanted, never = listed_words(words)
    else:
        assert data is not None
        learned = open_dataset(data, split or choose_splits(data).train, problems if skip_bad else None)
        wanted = asked_words(learned, min_count=min_count)
    with progress_bar("words", total=len(wanted), quiet=as_json) as bar:
        got = gather(source, wanted, dimension=dimension, unknown_rows=unknown_rows, progress=bar)
    save_vectors(out, got.table)
    known = len(got.table.words) - unknown_rows
    if as_json:
        result = {"out": str(out), "form": got.form, "words": known, "dimension": got.table.dimension}
        result |= {"missing": list(got.missing), "covered": round(got.covered, 5), "never_asked": never}
        result |= {"skipped": dict(problems.counts)}
        typer.echo(to_json(result))
        return
    for line in left_out_lines(problems.counts):
        typer.echo(line)
    typer.echo(f"{known} of {len(wanted)} words, {100 * got.covered:.1f} % of all that is asked ({got.form})")
    if got.missing:
        more = ", ..." if len(got.missing) > 10 else ""
        typer.echo(f"without a vector: {', '.join(got.missing[:10])}{more}")
    if never:
        typer.echo(f"left out, as no question gives such a token: {', '.join(never[:10])}")
    typer.echo(f"Written to {out}: {known} + {unknown_rows} rows of {got.table.dimension} dimensions.")
