"""`asksight train`: from a data set to a run folder; Ctrl-C stops it and the same command goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def train(
    data: Annotated[
        Path, typer.Option(help="A data set: made by `asksight data scenes` or `asksight data prepare`.")
    ],
    out: Annotated[Path, typer.Option(help="The run folder to write, or to take up again.")],
    arch: Annotated[str, typer.Option(help="The model: attention.")] = "attention",
    epochs: Annotated[int, typer.Option(min=1, help="How often each photo is seen.")] = 20,
    seed: Annotated[int, typer.Option()] = 0,
    side: Annotated[
        int, typer.Option(min=32, max=512, help="Photos are resized to this many pixels a side.")
    ] = 128,
    photos_per_batch: Annotated[int, typer.Option(min=1)] = 64,
    questions_per_photo: Annotated[int, typer.Option(min=1, help="In one batch, at most.")] = 8,
    learning_rate: Annotated[float, typer.Option(min=0)] = 2e-3,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
) -> None:
    """Train a model on the split `train`, and calibrate it on the split `val`."""
    import os

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported
    from asksight.cli.output import progress_bar
    from asksight.cli.photos import decode_to_side

    if arch != "attention":
        raise typer.BadParameter(f'is "{arch}"; allowed is "attention".', param_hint="--arch")
    if side % 16:
        raise typer.BadParameter(f"is {side}; it must be divisible by 16.", param_hint="--side")
    from asksight.training.runs import Settings
    from asksight.training.train import Progress
    from asksight.training.train import train as run_training

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
    shown = 0
    with progress_bar("steps", total=None, quiet=as_json) as bar:

        def report(progress: Progress) -> None:
            nonlocal shown
            bar.total(progress.steps)
            bar(progress.step - shown)
            bar.note(f"loss {progress.loss:.3f}, {progress.questions_per_s:.0f} questions/s")
            shown = progress.step

        run = run_training(settings, out, decode=decode_to_side, report=report, say=bar.say)
    history = json.loads(run.history.read_text())
    if as_json:
        typer.echo(json.dumps({"run": str(out), "val_exact": history[-1]["val_exact"] if history else None}))
    else:
        typer.echo(
            f"Trained: {out}. Next: asksight evaluate {out} --data {data}; asksight export {out} --out BUNDLE"
        )
