"""`asksight data scenes`: make a data set of drawn pictures and questions, anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def scenes(
    out: Annotated[Path, typer.Option(help="The folder to write.")],
    train: Annotated[int, typer.Option(min=0, help="Pictures to train on.")] = 2000,
    val: Annotated[int, typer.Option(min=0, help="Pictures to measure on.")] = 500,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 0,
    questions: Annotated[int, typer.Option(min=1, max=50, help="Questions a picture, at most.")] = 5,
    wordings: Annotated[
        str, typer.Option(help='"seen", or "unseen": wordings that training never uses.')
    ] = "seen",
    processes: Annotated[
        int | None, typer.Option(min=1, help="Processes that draw. By default one for each core.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Draw pictures of shapes and make questions about them, as VQA v2 questions and annotations JSON."""
    from asksight.training.scenes.make_scenes import make_split

    from .progress import progress_bar

    if wordings not in ("seen", "unseen"):
        raise typer.BadParameter(
            f'is "{wordings}"; allowed are "seen" and "unseen".', param_hint="--wordings"
        )
    if not train + val:
        raise typer.BadParameter("are both 0, which draws nothing.", param_hint="--train and --val")
    written: dict[str, int] = {}
    with progress_bar("pictures", total=train + val, quiet=as_json) as advance:
        for split, pictures in (("train", train), ("val", val)):
            if pictures:
                written[split] = make_split(
                    out,
                    split,
                    pictures=pictures,
                    seed=seed,
                    questions=questions,
                    unseen=wordings == "unseen",
                    processes=processes,
                    progress=advance,
                )
    result = {"out": str(out), "seed": seed, "pictures": {"train": train, "val": val}, "questions": written}
    typer.echo(
        json.dumps(result) if as_json else f"{out}: {train + val} pictures, {sum(written.values())} questions"
    )
