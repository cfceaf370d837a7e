"""`asksight report`: one page to look at, about how a model learned and where it is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    model: Annotated[
        str,
        typer.Argument(
            metavar="RUN_OR_BUNDLE", help="A run folder, a bundle's folder, or a built-in bundle."
        ),
    ],
    data: Annotated[
        Path, typer.Option(help="A data set: from `asksight data scenes` or `asksight data prepare`.")
    ],
    split: Annotated[
        str | None,
        typer.Option(help="The split to use of the data set. By default the validation split."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The page to write; report.html in the run folder, or here.")
    ] = None,
    engine: Annotated[str, typer.Option(help="The engine that runs the bundle.")] = "auto",
    skip_bad: Annotated[
        bool,
        typer.Option(
            "--skip-bad", help="Try every photo first; leave bad ones and bad entries out and count them."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write a page of curves, types, reliability, risk and the most confident mistakes; it needs no network."""
    from asksight.training.measuring.evaluate import predict_on
    from asksight.training.measuring.scores import score
    from asksight.training.report import Subject, report_page

    from .measured_on import measured_on
    from .output import to_json
    from .progress import progress_bar
    from .run_bundle import is_run, run_or_bundle

    page = out or (Path(model) / "report.html" if is_run(model) else Path("report.html"))
    dataset = measured_on(data, split, todo="to report on", skip_bad=skip_bad)
    with (
        run_or_bundle(model, dataset, data, engine=engine) as measured,
        progress_bar("questions", total=len(dataset), quiet=as_json) as bar,
    ):
        bundle = measured.model
        predictions = predict_on(bundle, dataset, measured.features, engine=engine, progress=bar)
        subject = Subject(
            model=f"{bundle.name} {bundle.version}",
            data=str(data),
            answered_threshold=bundle.calibration.answered_threshold,
            unanswerable=bundle.unanswerable,
            history=bundle.training.get("history", ()),
            settings=bundle.training.get("settings", {}),
            calibration=bundle.training.get("calibration", {}),
        )
    figures = score(dataset, predictions)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(report_page(subject, dataset, predictions, figures), encoding="utf-8")
    if as_json:
        typer.echo(to_json({"report": str(page), "bytes": page.stat().st_size} | figures))
    else:
        typer.echo(f"Written to {page} ({page.stat().st_size / 1e3:.0f} kB). Open it in a browser.")
