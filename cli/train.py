"""`asksight train`: from a data set to a run folder; Ctrl-C stops it and the same command goes on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .progress import Bar, progress_bar

if TYPE_CHECKING:
    from asksight.training.learning.fitting import Progress

ARCHITECTURES = ("attention", "mlp", "lstm")


def train(
    data: Annotated[
        Path, typer.Option(help="A data set, as `asksight data scenes` or `data prepare` writes it.")
    ],
    out: Annotated[Path, typer.Option(help="The run folder to write, or to take up again.")],
    arch: Annotated[str, typer.Option(help="The model: attention, mlp or lstm.")] = "attention",
    epochs: Annotated[
        int | None, typer.Option(min=1, help="How often photos are seen, 20; with --features, at most, 50.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the first weights and of the order of photos.")] = 0,
    learning_rate: Annotated[
        float | None,
        typer.Option(min=0, help="From photos: the highest, 0.0015, it rises and falls to 0; else 0.001."),
    ] = None,
    side: Annotated[
        int, typer.Option(min=32, max=512, help="From photos: they are resized to this many pixels a side.")
    ] = 128,
    photos_per_batch: Annotated[int, typer.Option(min=1, help="From photos.")] = 32,
    questions_per_photo: Annotated[int, typer.Option(min=1, help="From photos: in one batch, at most.")] = 8,
    features: Annotated[
        str | None,
        typer.Option(
            help="A store from `asksight features`; mlp, lstm: or none, the question alone. Without it, attention "
            "learns from the photos."
        ),
    ] = None,
    vectors: Annotated[
        Path | None,
        typer.Option(
            help="With --features: a folder from `asksight vectors`, kept as it is; else rows are learned."
        ),
    ] = None,
    tune_vectors: Annotated[
        bool, typer.Option("--tune-vectors", help="Learn the rows of --vectors further.")
    ] = False,
    dimension: Annotated[int, typer.Option(min=1, help="With --features: of word vectors.")] = 300,
    split: Annotated[
        str | None,
        typer.Option(help="With --features: what to learn from; the split that begins with train."),
    ] = None,
    val_split: Annotated[
        str | None,
        typer.Option(
            help="With --features: what to measure on; the split that begins with val, or a tenth held out."
        ),
    ] = None,
    targets: Annotated[
        str, typer.Option(help="With --features: modal, the commonest answer; or soft, all ten.")
    ] = "modal",
    top_answers: Annotated[
        int | None,
        typer.Option(min=1, help="With --features: know the commonest; 1000 unless the next is given."),
    ] = None,
    min_answer_count: Annotated[
        int | None, typer.Option(min=1, help="With --features: know all answers that are given so often.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="With --features: questions a step.")] = 128,
    optimizer: Annotated[
        str | None, typer.Option(help="With --features: rmsprop, or adam, which attention takes by default.")
    ] = None,
    patience: Annotated[
        int,
        typer.Option(
            min=0, help="With --features: epochs without a better validation before it stops; 0: never."
        ),
    ] = 5,
    dropout: Annotated[float, typer.Option(min=0, max=0.95, help="mlp, lstm.")] = 0.5,
    units: Annotated[int, typer.Option(min=1, help="mlp, lstm: of each dense layer.")] = 1024,
    hidden: Annotated[int, typer.Option(min=1, help="mlp, lstm: dense layers.")] = 3,
    lstm_units: Annotated[int, typer.Option(min=1, help="lstm: of each of its layers.")] = 512,
    lstm_layers: Annotated[int, typer.Option(min=1, help="lstm.")] = 3,
    log_dir: Annotated[Path, typer.Option(help="With --features: curves for TensorBoard.")] = Path("Graph"),
    max_risk: Annotated[
        float,
        typer.Option(min=0, max=1, help="How much of what is answered may be wrong, as calibration sees it."),
    ] = 0.02,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
) -> None:
    """Train a model on the split `train`, and calibrate it on the split `val`."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported
    _one_of("--arch", arch, ARCHITECTURES)
    with progress_bar("steps", total=None, quiet=as_json) as bar:
        if arch == "attention" and features is None:
            if vectors is not None:
                raise typer.BadParameter("goes with --features.", param_hint="--vectors")
            if side % 32:
                raise typer.BadParameter(f"is {side}; it must be divisible by 32.", param_hint="--side")
            told: dict[str, Any] = {
                "data": str(data),
                "epochs": epochs or 20,
                "seed": seed,
                "side": side,
                "photos_per_batch": photos_per_batch,
                "questions_per_photo": questions_per_photo,
                "learning_rate": 1.5e-3 if learning_rate is None else learning_rate,
            }
            history = _train_attention(told, out, max_risk, bar)
        else:
            if features is None:
                raise typer.BadParameter(
                    f"is needed for {arch}: a store from asksight features, or none.", param_hint="--features"
                )
            _one_of("--targets", targets, ("modal", "soft"))
            optimizer = optimizer or ("adam" if arch == "attention" else "rmsprop")
            _one_of("--optimizer", optimizer, ("rmsprop", "adam"))
            if tune_vectors and vectors is None:
                raise typer.BadParameter("goes with --vectors.", param_hint="--tune-vectors")
            dense = {"units": units, "hidden": hidden, "dropout": dropout}
            recurrent = {"lstm_units": lstm_units, "lstm_layers": lstm_layers}
            sizes = {"attention": {}, "mlp": dense, "lstm": dense | recurrent}
            told = {
                "arch": arch,
                "vectors": None if vectors is None else str(vectors),
                "tune_vectors": tune_vectors,
                "word_dimension": dimension,
                "top_answers": 1000 if top_answers is None and min_answer_count is None else top_answers,
                "min_answer_count": min_answer_count or 1,
                "targets": targets,
                "epochs": epochs or 50,
                "patience": patience,
                "batch": batch,
                "optimizer": optimizer,
                "learning_rate": 1e-3 if learning_rate is None else learning_rate,
                "seed": seed,
                "sizes": sizes[arch],
            }
            history = _train_stored(told, data, features, (split, val_split), out, log_dir, max_risk, bar)
    if as_json:
        typer.echo(json.dumps({"run": str(out), "history": history}))
    else:
        typer.echo(f"{out} is trained. Next: asksight evaluate {out} --data {data}")


def _train_attention(told: dict[str, Any], out: Path, max_risk: float, bar: Bar) -> Any:
    from asksight.training.datasets.photo_reader import square_reader
    from asksight.training.learning.runs import Settings
    from asksight.training.learning.train import train as run_training

    settings = Settings(arch="attention", **told)
    read = square_reader(settings.side)
    run = run_training(
        settings,
        out,
        read=read,
        max_risk=max_risk,
        decoded=_decoded(bar),
        report=_reporter(bar),
        say=bar.say,
    )
    return json.loads(run.history.read_text())


def _train_stored(
    told: dict[str, Any],
    data: Path,
    features: str,
    splits: tuple[str | None, str | None],
    out: Path,
    log_dir: Path,
    max_risk: float,
    bar: Bar,
) -> Any:
    from asksight.training.datasets.splits import choose_splits
    from asksight.training.features.store import read_about
    from asksight.training.learning.stored_settings import QUESTION_ONLY, StoredSettings
    from asksight.training.learning.train_stored import train_stored

    chosen = choose_splits(data, train=splits[0], val=splits[1])
    settings = StoredSettings(
        data=str(data),
        features=features,
        encoder={} if features == QUESTION_ONLY else read_about(Path(features)).encoder,
        train_split=chosen.train,
        val_split=chosen.val,
        **told,
    )
    run = train_stored(settings, out, max_risk=max_risk, log_dir=log_dir, report=_reporter(bar), say=bar.say)
    return json.loads(run.history.read_text())


def _decoded(bar: Bar) -> Any:
    """A bar of photos, and a line for each split, for where standard error is no terminal."""
    left = 0

    def decoded(done: int, total: int) -> None:
        nonlocal left
        if left == 0:
            left = total - done + 1
            bar.say(f"decoding {left} photos")
        left -= 1
        bar.at("photos", done, total)

    return decoded


def _reporter(bar: Bar) -> Any:
    def report(at: Progress) -> None:
        bar.at("steps", at.step - at.first, at.steps - at.first)
        bar.note(f"loss {at.loss:.3f}")

    return report


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise typer.BadParameter(f'is "{value}"; allowed are: {", ".join(allowed)}.', param_hint=option)
