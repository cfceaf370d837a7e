"""`asksight train`: from a data set to a run folder; Ctrl-C stops it and the same command goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from asksight.training.train import Progress


def train(
    data: Annotated[
        Path, typer.Option(help="A data set, as `asksight data scenes` or `data prepare` writes it.")
    ],
    out: Annotated[Path, typer.Option(help="The run folder to write, or to take up again.")],
    arch: Annotated[str, typer.Option(help="The model: attention.")] = "attention",
    epochs: Annotated[int, typer.Option(min=1, help="How often each photo is seen.")] = 20,
    seed: Annotated[int, typer.Option(help="Of the first weights and of the order of photos.")] = 0,
    side: Annotated[
        int, typer.Option(min=32, max=512, help="Photos are resized to this many pixels a side.")
    ] = 128,
    photos_per_batch: Annotated[int, typer.Option(min=1)] = 32,
    questions_per_photo: Annotated[int, typer.Option(min=1, help="In one batch, at most.")] = 8,
    learning_rate: Annotated[
        float, typer.Option(min=0, help="The highest; it rises first and falls to 0.")
    ] = 1.5e-3,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
) -> None:
    """Train a model on the split `train`, and calibrate it on the split `val`."""
    import os

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported
    from asksight.training.runs import Settings
    from asksight.training.train import train as run_training

    from .bundle_photos import square_reader
    from .progress import progress_bar

    if arch != "attention":
        raise typer.BadParameter(f'is "{arch}"; allowed is "attention".', param_hint="--arch")
    if side % 32:
        raise typer.BadParameter(f"is {side}; it must be divisible by 32.", param_hint="--side")
    settings = Settings(
        arch=arch,
        data=str(data),
        epochs=epochs,
        seed=seed,
        side=side,
        photos_per_batch=photos_per_batch,
        questions_per_photo=questions_per_photo,
        learning_rate=learning_rate,
    )
    with progress_bar("steps", total=None, quiet=as_json) as bar:

        def report(at: Progress) -> None:
            bar.total(at.steps - at.first)
            bar.note(f"loss {at.loss:.3f}")
            bar(1)

        run = run_training(settings, out, read=square_reader(side), report=report, say=bar.say)
    history = json.loads(run.history.read_text())
    if as_json:
        typer.echo(json.dumps({"run": str(out), "history": history}))
    else:
        typer.echo(f"{out} is trained. Next: asksight evaluate {out} --data {data}")
