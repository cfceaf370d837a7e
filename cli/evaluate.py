"""`asksight evaluate`: how right a bundle, a run or a results file is, in the official metric too."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from asksight.engine import Bundle


def evaluate(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN_OR_BUNDLE", help="A run folder, a bundle's folder, or a built-in bundle."
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="A data set: from `asksight data scenes` or `asksight data prepare`.")
    ] = None,
    split: Annotated[str, typer.Option(help="Which split of it.")] = "val",
    engine: Annotated[str, typer.Option(help="The engine that runs the bundle.")] = "auto",
    results: Annotated[
        Path | None, typer.Option(help="Instead of a model: answers in the official results form.")
    ] = None,
    questions: Annotated[Path | None, typer.Option(help="With --results: VQA questions JSON.")] = None,
    annotations: Annotated[Path | None, typer.Option(help="With --results: VQA annotations JSON.")] = None,
    per_question: Annotated[
        Path | None, typer.Option(help="With --results: write question id to accuracy, 0 to 100, as JSON.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure a bundle or a run on a data set, or a results file against questions and annotations."""
    from .output import to_json

    scored_only = {"--questions": questions, "--annotations": annotations, "--per-question": per_question}
    if results is not None:
        if model is not None or data is not None:
            raise typer.BadParameter(
                "scores a file: leave RUN_OR_BUNDLE and --data out.", param_hint="--results"
            )
        figures = _score_results(results, questions, annotations, per_question)
    else:
        if stray := [option for option, value in scored_only.items() if value is not None]:
            raise typer.BadParameter("goes with --results.", param_hint=stray[0])
        if model is None or data is None:
            raise typer.BadParameter("Give RUN_OR_BUNDLE and --data; or --results and its files.")
        figures = _evaluate_model(model, data, split, engine, quiet=as_json)
    typer.echo(to_json(figures) if as_json else "\n".join(_lines(figures)))


def _score_results(
    results: Path, questions: Path | None, annotations: Path | None, per_question: Path | None
) -> dict[str, Any]:
    from asksight.training.results import score_results

    from .output import to_json

    if questions is None or annotations is None:
        raise typer.BadParameter("needs --questions and --annotations.", param_hint="--results")
    scored = score_results(results, questions, annotations)
    if per_question is not None:
        per_question.write_text(to_json(scored.per_question) + "\n", encoding="utf-8")
    return {"results": str(results)} | scored.figures


def _evaluate_model(model: str, data: Path, split: str, engine: str, *, quiet: bool) -> dict[str, Any]:
    from asksight.training.datasets import open_dataset
    from asksight.training.evaluate import predict
    from asksight.training.scores import score

    from .bundle_photos import photo_reader
    from .progress import progress_bar

    dataset = open_dataset(data, split)
    with _bundle(model) as bundle, progress_bar("questions", total=len(dataset), quiet=quiet) as bar:
        started_s = time.perf_counter()
        predictions = predict(bundle, dataset, read_photo=photo_reader(bundle), engine=engine, progress=bar)
        seconds = time.perf_counter() - started_s
        about = {"model": f"{bundle.name} {bundle.version}", "data": str(data), "split": split}
    return about | score(dataset, predictions) | {"seconds": round(seconds, 2)}


@contextmanager
def _bundle(model: str) -> Iterator[Bundle]:
    """A bundle; a run folder is exported to one first, which is thrown away afterwards."""
    from asksight.engine import load_bundle

    if not (Path(model) / "encoder.keras").exists():
        yield load_bundle(model)
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported
    from asksight.training.export import export_run

    with tempfile.TemporaryDirectory(prefix="asksight-") as folder:
        yield export_run(Path(model), Path(folder) / "bundle", version="run").bundle


def _lines(figures: dict[str, Any]) -> list[str]:
    """The figures as a table: overall, by answer type, by question type."""
    rows = [("all", figures)]
    for key in ("by_answer_type", "by_type"):
        rows += list(figures[key].items())
    width = max(len(name) for name, _ in rows)
    head = f"{'':{width}}  {'exact %':>8}  {'VQA %':>8}  {'questions':>9}"
    lines = [head] + [
        f"{name:{width}}  {row['exact']:8.2f}  {row['vqa']:8.2f}  {row['count']:9d}" for name, row in rows
    ]
    if "ece" in figures:
        shares = ", ".join(f"{100 * share:.1f} % {verdict}" for verdict, share in figures["verdicts"].items())
        lines.append(f"Verdicts: {shares}; exact when answered: {figures['exact_when_answered']:.2f} %.")
        lines.append(f"Calibration error (ECE): {figures['ece']:.4f}. {figures['seconds']:.1f} s.")
    return lines
