"""`asksight calibrate`: how certain a bundle may be, measured on questions of your own and written into it."""

from __future__ import annotations

import shutil
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .idle import refuse_idle

if TYPE_CHECKING:
    from asksight.engine import Bundle


def calibrate(
    context: typer.Context,
    bundle: Annotated[
        str, typer.Argument(metavar="BUNDLE", help="A folder, or scenes, the built-in bundle.")
    ],
    data: Annotated[
        Path, typer.Option(help="A data set: from `asksight data scenes` or `asksight data prepare`.")
    ],
    split: Annotated[
        str | None,
        typer.Option(help="The split to use of the data set. By default the validation split."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write a copy of the bundle to this folder instead of changing the bundle."),
    ] = None,
    max_risk: Annotated[
        float, typer.Option(min=0, max=1, help="The share of what is answered that may be wrong.")
    ] = 0.02,
    questions: Annotated[
        int, typer.Option(min=100, help="Ask so many questions at most, evenly spread over the split.")
    ] = 20_000,
    engine: Annotated[str, typer.Option(help="The engine that runs the bundle.")] = "auto",
    keep_thresholds: Annotated[
        bool,
        typer.Option(
            "--keep-thresholds",
            help="Leave temperature and thresholds as they are; measure only which photos and questions it knows.",
        ),
    ] = False,
    skip_bad: Annotated[
        bool,
        typer.Option(
            "--skip-bad", help="Try every photo first; leave bad ones and bad entries out and count them."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Fit a bundle's temperature and thresholds to a data set, and write them into the bundle.

    It then knows these photos and questions, too, and is never certain of what is unlike them.
    Use questions and photos like those that will be asked, which the model has not learned from.
    """
    from asksight.engine import load_bundle
    from asksight.engine.bundle.rewrite import keep_calibration
    from asksight.training.datasets.photo_reader import photo_reader
    from asksight.training.measuring.asking import encoded_photos
    from asksight.training.measuring.calibrate import figures, fit
    from asksight.training.measuring.calibrate_bundle import chosen_questions, scored_by
    from asksight.training.measuring.familiar import PooledPhotos, keep_measured

    from .measured_on import measured_on
    from .output import to_json
    from .progress import progress_bar
    from .run_bundle import is_run

    if keep_thresholds:
        refuse_idle(context, "with --keep-thresholds", "max_risk")
    if is_run(bundle):
        raise typer.BadParameter(
            f"{bundle} is a run, which was calibrated when it was trained; export it first.",
            param_hint="BUNDLE",
        )
    opened = load_bundle(bundle)
    _check_place(opened, out)
    dataset = measured_on(data, split, todo="to calibrate", skip_bad=skip_bad)
    with progress_bar("questions", total=min(questions, len(dataset)), quiet=as_json) as bar:
        features = PooledPhotos(
            encoded_photos(opened, dataset, read_photo=photo_reader(opened), engine=engine)
        )
        scored = scored_by(opened, dataset, features, most=questions, engine=engine, progress=bar)
    source = {"data": str(data), "split": dataset.split}
    calibration = opened.calibration if keep_thresholds else fit(scored, max_risk=max_risk)
    told = figures(scored, calibration, max_risk=max_risk) | source
    written = opened if out is None else _copied(opened, out)
    if not keep_thresholds:
        written = keep_calibration(written, calibration, told)
    certain = scored.judged(calibration.temperature).certain(calibration.answered_threshold)
    answered = chosen_questions(dataset, questions)[certain].tolist()
    written = keep_measured(written, dataset, features, answered, **source)
    if as_json:
        typer.echo(to_json({"bundle": str(written.path)} | told))
    else:
        typer.echo("\n".join(_lines(written, told)))


def _check_place(bundle: Bundle, out: Path | None) -> None:
    from asksight.engine.bundle import BUILT_IN

    if out is None and bundle.path in BUILT_IN.values():
        raise typer.BadParameter(
            "a built-in bundle is not changed; name a folder for a copy.", param_hint="--out"
        )
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise typer.BadParameter(f"{out} is there already; name a new folder.", param_hint="--out")


def _copied(bundle: Bundle, out: Path) -> Bundle:
    """What bundle.json names, without the engines that were built of it."""
    from asksight.engine import load_bundle

    for name in ("bundle.json", *bundle.files):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(bundle.path / name, out / name)
    return load_bundle(out)


def _lines(bundle: Bundle, told: dict[str, Any]) -> list[str]:
    from asksight.engine.bundle.about import about

    answered = told["answered"]
    lines = [
        f"{told['questions']} questions of {told['data']}, split {told['split']}.",
        f"Temperature {told['temperature']:g}: calibration error (ECE) {told['ece']['before']:.4f} before, "
        f"{told['ece']['after']:.4f} after.",
        f"Answered from {answered['threshold']:.1%} on: {answered['coverage']:.1%} of the questions, "
        f"{answered['risk']:.1%} of these wrong; {told['max_risk']:.1%} are allowed.",
    ]
    if not answered["coverage"]:
        lines.append(
            "No answer is certain enough for that: it will be unsure of all. Allow more with --max-risk."
        )
    lines.append(
        f"{about(bundle)[1]} So {bundle.training['familiar']['lost']['all']:.1%} of what was answered is held back."
    )
    return [*lines, f"Written to {bundle.path}. Next: asksight serve --model {quote(str(bundle.path))}"]
