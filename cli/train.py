"""`asksight train`: from a data set to a run folder; Ctrl-C stops it and the same command goes on.

Its flags are fields of settings (training/learning/runs.py from photos, stored_settings.py with a store of features)
and of training/models/sizes.py.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .certainty import certainty_lines
from .flags import Flag, signature
from .idle import refuse_endless
from .output import left_out_lines, to_json
from .progress import Bar, progress_bar
from .tensorflow_start import start_tensorflow
from .train_on_features import reporter, sizes_of, stored_settings, train_on_features, train_on_ray
from .train_workers import find_cluster, share_done

if TYPE_CHECKING:
    from asksight.training.datasets.bad_entries import BadEntries
    from asksight.training.datasets.splits import Splits

ARCHITECTURES = ("attention", "mlp", "lstm")


def train(
    context: typer.Context,
    *,
    data: Annotated[
        Path, typer.Option(help="A data set, as `asksight data scenes` or `data prepare` writes it.")
    ],
    out: Annotated[Path, typer.Option(help="The run folder to write, or to take up again.")],
    arch: Annotated[str, typer.Option(help="The model: attention, mlp or lstm.")] = "attention",
    features: Annotated[
        str | None,
        typer.Option(
            help="A store from `asksight features`; mlp, lstm: or none, the question alone. Without it, attention "
            "learns from the photos."
        ),
    ] = None,
    from_bundle: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="BUNDLE",
            help="The bundle that --features were made by, with --encoder BUNDLE: make sure of it.",
        ),
    ] = None,
    log_dir: Annotated[
        Path | None,
        typer.Option(
            help="With --features: write curves for TensorBoard into a folder of the run's name in this one. By "
            "default into Graph in the run folder."
        ),
    ] = None,
    max_risk: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="The share of answers that may be wrong; calibration sets the thresholds by it.",
        ),
    ] = 0.02,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave bad entries and photos out and count them.")
    ] = False,
    ray: Annotated[
        bool, typer.Option("--ray", help="Train on several workers of a Ray cluster, or of one started here.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="With --ray: how many.")] = 2,
    wait_for_workers: Annotated[
        float,
        typer.Option(
            min=1,
            help="Where TF_CONFIG names several machines: the seconds in which all of them must be there.",
        ),
    ] = 300.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
    **given: Any,
) -> None:
    """Train a model on a data set's training split, and calibrate it on its validation split."""
    from asksight.training.datasets.bad_entries import BadEntries
    from asksight.training.datasets.splits import choose_splits
    from asksight.training.learning.runs import Run
    from asksight.training.measuring.calibration_record import calibration_record

    refuse_endless(context)
    _one_of("--arch", arch, ARCHITECTURES)
    chosen = {name: value for name, value in given.items() if value is not None}
    from_photos = arch == "attention" and features is None
    if features is None and not from_photos:
        raise typer.BadParameter(
            f"is needed for {arch}: a store from asksight features, or none.", param_hint="--features"
        )
    _check(chosen, arch, from_photos)
    if from_bundle is not None:
        _check_from(from_bundle, features)
    if from_photos and log_dir is not None:
        raise typer.BadParameter("goes with --features.", param_hint="--log-dir")
    cluster = find_cluster(context, from_photos=from_photos, ray=ray)
    splits = choose_splits(data, train=chosen.pop("train_split", None), val=chosen.pop("val_split", None))
    problems = BadEntries(skip=skip_bad)
    start_tensorflow(alone=cluster is None and not ray)
    with progress_bar("steps", total=None, quiet=as_json) as bar:
        if features is None:
            history = _train_from_photos(chosen, data, splits, out, max_risk, problems, bar)
        else:
            settings = stored_settings(arch, chosen, data, splits, features)
            curves = out / "Graph" if log_dir is None else log_dir / out.resolve().name
            options: dict[str, Any] = {"max_risk": max_risk, "problems": problems, "curves": curves}
            if ray:
                train_on_ray(workers, wait_for_workers, settings, out, options, bar)
            else:
                train_on_features(cluster, wait_for_workers, settings, out, options, bar)
            if cluster is not None and not cluster.is_chief:
                typer.echo(to_json({"worker": cluster.index}) if as_json else share_done(cluster))
                return
            history = json.loads(Run(out).history.read_text())
    if as_json:
        told = {"run": str(out), "history": history, "skipped": dict(problems.counts)}
        typer.echo(json.dumps(told))
        return
    for line in left_out_lines(problems.counts):
        typer.echo(line)
    for line in certainty_lines(calibration_record(out)):
        typer.echo(line)
    typer.echo(f"{out} is trained. Next: {_following(out, data, splits)}")


def _following(out: Path, data: Path, splits: Splits) -> str:
    """The command that goes on with a run: it is measured, where there is a split that it did not learn from."""
    run = quote(str(out))
    if splits.val is None:
        return f"asksight export {run} --out {quote(f'{out}-bundle')}"
    return f"asksight evaluate {run} --data {quote(str(data))} --split {splits.val}"


def _check(chosen: dict[str, Any], arch: str, from_photos: bool) -> None:
    """Refuse what this model, learning from this, does not take."""
    from asksight.training.learning.runs import TrainSettings
    from asksight.training.learning.stored_settings import StoredSettings

    taken = {one.name for one in fields(TrainSettings if from_photos else StoredSettings)} | sizes_of(arch)
    flags = _flags()
    for name, value in chosen.items():
        flag = flags[name]
        if name == "learning_rate" and not value:
            raise typer.BadParameter("is 0, which learns nothing; give a larger one.", param_hint=flag.flag)
        if name not in taken:
            where = f"{arch} from photos" if from_photos else f"{arch} with --features"
            raise typer.BadParameter(f"is nothing that {where} takes.", param_hint=flag.flag)
        if flag.choices:
            _one_of(flag.flag, value, flag.choices)
    if chosen.get("side", 0) % 32:
        raise typer.BadParameter(f"is {chosen['side']}; it must be divisible by 32.", param_hint="--side")
    if chosen.get("tune_vectors") and "vectors" not in chosen:
        raise typer.BadParameter("goes with --vectors.", param_hint="--tune-vectors")


def _check_from(bundle: str, features: str | None) -> None:
    """Raises FeatureError where the features are not those of this bundle's encoder."""
    from asksight.engine import load_bundle
    from asksight.training.features.bundle_encoder import check_made_by
    from asksight.training.learning.stored_settings import QUESTION_ONLY

    if features in (None, QUESTION_ONLY):
        raise typer.BadParameter(
            f"needs --features: a store from asksight features --encoder {bundle}.", param_hint="--from"
        )
    check_made_by(Path(str(features)), load_bundle(bundle))


def _train_from_photos(
    chosen: dict[str, Any],
    data: Path,
    splits: Splits,
    out: Path,
    max_risk: float,
    problems: BadEntries,
    bar: Bar,
) -> Any:
    from asksight.training.datasets.photo_reader import square_reader
    from asksight.training.learning.runs import TrainSettings
    from asksight.training.learning.train import train as run_training

    settings = TrainSettings(data=str(data), train_split=splits.train, val_split=splits.val, **chosen)
    read = square_reader(settings.side)
    run = run_training(
        settings,
        out,
        read=read,
        max_risk=max_risk,
        problems=problems,
        decoded=_decoded(bar),
        report=reporter(bar),
        say=bar.say,
    )
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


def _one_of(option: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise typer.BadParameter(f'is "{value}"; allowed are: {", ".join(allowed)}.', param_hint=option)


def _flags() -> dict[str, Flag]:
    """By the field's name; what both ways of training take has the text of both, and both defaults."""
    from asksight.training.learning.runs import TrainSettings
    from asksight.training.learning.stored_settings import StoredSettings
    from asksight.training.models.sizes import LstmSizes

    found: dict[str, Flag] = {}
    for kind in (TrainSettings, StoredSettings, LstmSizes):
        for one in fields(kind):
            if "spec" not in one.metadata:
                continue
            flag = Flag.of(one)
            if one.name in found and flag.shown and found[one.name].default != flag.default:
                flag = replace(flag, shown=f"{found[one.name].shown}; {flag.shown} with --features")
            found[one.name] = flag
    return found


train.__signature__ = signature(train, _flags().values(), "given")  # type: ignore[attr-defined]
