"""`asksight evaluate`: how right a bundle, a run or a results file is, in the official metric too."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from .idle import refuse_idle


def evaluate(
    context: typer.Context,
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN_OR_BUNDLE", help="A run folder, a bundle's folder, or a built-in bundle."
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="A data set: from `asksight data scenes` or `asksight data prepare`.")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="The split to use of the data set. By default the validation split."),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(
            help="For a run: look photos up in this store. By default in the one that the run was trained on, where "
            "--data is the run's, too; else photos are encoded."
        ),
    ] = None,
    engine: Annotated[str, typer.Option(help="The engine that runs the bundle.")] = "auto",
    results: Annotated[
        Path | None, typer.Option(help="Instead of a model: answers in the official results form.")
    ] = None,
    questions: Annotated[Path | None, typer.Option(help="With --results: VQA questions JSON.")] = None,
    annotations: Annotated[
        Path | None, typer.Option(help="With --results: VQA annotations JSON, or VizWiz's val.json alone.")
    ] = None,
    per_question: Annotated[
        Path | None, typer.Option(help="Write question id to accuracy, 0 to 100, as JSON.")
    ] = None,
    write_results: Annotated[
        Path | None, typer.Option(help="Write the model's answers as JSON in the official results form.")
    ] = None,
    skip_bad: Annotated[
        bool,
        typer.Option(
            "--skip-bad", help="Try every photo first; leave bad ones and bad entries out and count them."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure a bundle or a run on a data set, or a results file against questions and annotations."""
    from .output import to_json

    scored_only = {"--questions": questions, "--annotations": annotations}
    if results is not None:
        if model is not None or data is not None:
            raise typer.BadParameter(
                "scores a file: leave RUN_OR_BUNDLE and --data out.", param_hint="--results"
            )
        for name, given in (("--write-results", write_results), ("--features", features)):
            if given is not None:
                raise typer.BadParameter("goes with a model.", param_hint=name)
        refuse_idle(context, "with --results", "split", "engine", "skip_bad")
        figures = _score_results(results, questions, annotations, per_question)
    else:
        if stray := [option for option, value in scored_only.items() if value is not None]:
            raise typer.BadParameter("goes with --results.", param_hint=stray[0])
        if model is None or data is None:
            raise typer.BadParameter("Give RUN_OR_BUNDLE and --data; or --results and its files.")
        figures = _evaluate_model(
            model,
            data,
            split,
            engine,
            store=features,
            per_question=per_question,
            results=write_results,
            skip_bad=skip_bad,
            quiet=as_json,
        )
    typer.echo(to_json(figures) if as_json else "\n".join(_lines(figures)))


def _score_results(
    results: Path, questions: Path | None, annotations: Path | None, per_question: Path | None
) -> dict[str, Any]:
    from asksight.training.measuring.results import score_results

    from .output import to_json

    if annotations is None:
        raise typer.BadParameter("needs --questions and --annotations.", param_hint="--results")
    scored = score_results(results, questions, annotations)
    if per_question is not None:
        per_question.write_text(to_json(scored.per_question) + "\n", encoding="utf-8")
    return {"results": str(results)} | scored.figures


def _evaluate_model(
    model: str,
    data: Path,
    split: str | None,
    engine: str,
    *,
    store: Path | None,
    per_question: Path | None,
    results: Path | None,
    skip_bad: bool,
    quiet: bool,
) -> dict[str, Any]:
    from asksight.training.measuring.evaluate import predict_on
    from asksight.training.measuring.results import each_accuracy, write_results
    from asksight.training.measuring.scores import score, shares

    from .measured_on import measured_on
    from .output import to_json
    from .progress import progress_bar
    from .run_bundle import run_or_bundle

    dataset = measured_on(
        data,
        split,
        todo="to measure against; --write-results alone writes what the model answers",
        answered=results is None or per_question is not None,
        skip_bad=skip_bad,
    )
    with (
        run_or_bundle(model, dataset, data, store=store, engine=engine) as measured,
        progress_bar("questions", total=len(dataset), quiet=quiet) as bar,
    ):
        if measured.said:
            bar.say(measured.said)
        started_s = time.perf_counter()
        subject = measured.model
        predictions = predict_on(subject, dataset, measured.features, engine=engine, progress=bar)
        seconds = time.perf_counter() - started_s
        about = {"model": f"{subject.name} {subject.version}", "data": str(data), "split": dataset.split}
    if results is not None:
        write_results(results, dataset, predictions)
    if per_question is not None:
        each = each_accuracy(dataset, predictions.answers)
        per_question.write_text(to_json(each) + "\n", encoding="utf-8")
    if not dataset.answered:
        return about | {"count": len(dataset)} | shares(predictions) | {"seconds": round(seconds, 2)}
    return about | score(dataset, predictions) | {"seconds": round(seconds, 2)}


def _lines(figures: dict[str, Any]) -> list[str]:
    """The figures as a table: overall, by answer type, by question type."""
    lines = _table(figures) if "exact" in figures else []
    if "answerability" in figures:
        found = figures["answerability"]
        lines.append(
            f"Unanswerable questions: average precision {found['average_precision']:.2f} %, F1 {found['f1']:.2f} %."
        )
    if "verdicts" in figures:
        shares = ", ".join(f"{100 * share:.1f} % {verdict}" for verdict, share in figures["verdicts"].items())
        exact = (
            f"; exact when answered: {figures['exact_when_answered']:.2f} %"
            if "ece" in figures
            else f", of {figures['count']} questions"
        )
        error = f"Calibration error (ECE): {figures['ece']:.4f}. " if "ece" in figures else ""
        lines += [f"Verdicts: {shares}{exact}.", f"{error}{figures['seconds']:.1f} s."]
    return lines


def _table(figures: dict[str, Any]) -> list[str]:
    rows = [("all", figures)]
    for key in ("by_answer_type", "by_type"):
        rows += list(figures[key].items())
    width = max(len(name) for name, _ in rows)
    columns = {"exact": "exact %", "vqa": "VQA %", "vizwiz": "VizWiz %"}
    columns = {key: title for key, title in columns.items() if key in figures}
    lines = [f"{'':{width}}" + "".join(f"  {title:>8}" for title in columns.values()) + "  questions"]
    for name, row in rows:
        shares = "".join(f"  {row[key]:8.2f}" for key in columns)
        lines.append(f"{name:{width}}{shares}  {row['count']:9d}")
    return lines
