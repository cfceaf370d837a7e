"""`asksight features`: what an encoder sees in each photo, in a store; stopped, the same command goes on."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .idle import refuse_idle

if TYPE_CHECKING:
    from asksight.training.features.photo_encoder import PhotoEncoder


def features(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="The feature store's folder, new or to be gone on with.")],
    data: Annotated[Path | None, typer.Option(help="A data set; each of its photos once.")] = None,
    photos: Annotated[
        Path | None, typer.Option(help="Or a folder of photos; the last number in a name is the image id.")
    ] = None,
    split: Annotated[
        list[str] | None, typer.Option(help="A split of --data; may be given more than once. All by default.")
    ] = None,
    encoder: Annotated[
        str,
        typer.Option(
            help="vgg16, resnet50v2, mobilenetv3-large, mobilenetv3-small or efficientnetv2-b0; or a bundle, whose "
            "photo half is taken, with its preprocessing."
        ),
    ] = "vgg16",
    weights: Annotated[
        str, typer.Option(help="imagenet (downloaded once), random, or a weights file of keras.applications.")
    ] = "imagenet",
    grid: Annotated[
        bool, typer.Option("--grid", help="Keep a map of 7 x 7 places instead of one row a photo.")
    ] = False,
    seed: Annotated[int, typer.Option(help="The seed of random weights.")] = 0,
    batch: Annotated[int, typer.Option(min=1, help="Photos at a time; more for a GPU.")] = 8,
    engine: Annotated[str, typer.Option(help="The engine that runs the photo half of a bundle.")] = "auto",
    dtype: Annotated[str, typer.Option(help="How numbers are kept: float16 or float32.")] = "float16",
    mat: Annotated[
        Path | None, typer.Option(help="Instead of photos: Karpathy's vgg_feats.mat, with --id-map.")
    ] = None,
    id_map: Annotated[
        Path | None, typer.Option(help="The tutorial's coco_vgg_IDMap.txt: lines of image id and column.")
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave photos that cannot be read out and count them.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
) -> None:
    """Turn photos into a store of features, once, for training to read."""
    from asksight.engine.memory import return_freed_memory

    return_freed_memory()  # so that VGG16 stays under 2 GB
    from asksight.training.datasets.bad_entries import BadEntries
    from asksight.training.features.photo_lists import photos_of_dataset, photos_of_folder

    from .output import to_json
    from .progress import progress_bar

    of_bundle = is_bundle(encoder)
    if dtype not in ("float16", "float32"):
        raise typer.BadParameter(f'is "{dtype}"; allowed are float16 and float32.', param_hint="--dtype")
    if data is not None and photos is not None:
        raise typer.BadParameter("Give --data or --photos, not both.")
    if (mat is None) != (id_map is None):
        raise typer.BadParameter("go together.", param_hint="--mat and --id-map")
    if data is None and photos is None and mat is None:
        raise typer.BadParameter("Give --data, --photos, or --mat with --id-map.")
    if split and data is None:
        raise typer.BadParameter("goes with --data.", param_hint="--split")
    if mat is not None and photos is not None:
        raise typer.BadParameter("reads no photos; leave --photos out.", param_hint="--mat")
    if of_bundle and (grid or seed or weights != "imagenet"):
        raise typer.BadParameter(
            f"is the bundle {encoder}, whose photo half is taken as it is; leave --weights, --grid and --seed out.",
            param_hint="--encoder",
        )
    if mat is not None:
        refuse_idle(
            context, "with --mat", "encoder", "weights", "grid", "seed", "batch", "engine", "skip_bad"
        )
    elif weights != "random":
        refuse_idle(context, "without --weights random", "seed")
    if not of_bundle:
        refuse_idle(context, "where --encoder is no bundle", "engine")
    problems = BadEntries(skip=skip_bad)
    chosen = photos_of_dataset(data, split) if data is not None else []
    if photos is not None:
        chosen = [photos_of_folder(photos)]
    with ExitStack() as stack:
        taken = None
        if mat is None:
            taken = (
                stack.enter_context(_of_bundle(encoder, engine, batch))
                if of_bundle
                else _of_keras(encoder, weights, grid, seed)
            )
        bar = stack.enter_context(progress_bar("photos", total=None, quiet=as_json))

        def begun(total: int, missing: int) -> None:
            bar.total(missing)
            if missing < total:
                bar.say(f"{out} has {total - missing} of {total} photos already.")

        if taken is not None:
            from asksight.training.features.fill_store import make_features

            made = make_features(
                out, taken, chosen, dtype=dtype, batch=batch, problems=problems, begun=begun, progress=bar
            )
        else:
            assert mat is not None
            assert id_map is not None
            from asksight.training.features.published import store_published

            made = store_published(out, mat, id_map, chosen, dtype=dtype, begun=begun, progress=bar)
    if as_json:
        told: dict[str, Any] = {"out": str(out), "photos": made.photos, "new": made.new}
        told["skipped"] = dict(problems.counts)
        typer.echo(to_json(told | {"feature_shape": list(made.feature_shape), "dtype": dtype}))
        return
    for name, count in made.photos.items():
        typer.echo(f"{name}: {count} photos, {' x '.join(map(str, made.feature_shape))} {dtype} each")
    for kind, count in problems.counts.items():
        typer.echo(f"left out, {kind}: {count}")
    if weights == "random" and mat is None:
        typer.echo("The encoder's weights are random: features to try things out with, not to learn from.")
    arch = "attention" if len(made.feature_shape) > 1 else "lstm"
    source = f" --from {quote(encoder)}" if of_bundle else ""
    about = "DATA" if data is None else quote(str(data))
    training = f"asksight train{source} --arch {arch} --features {quote(str(out))} --data {about} --out RUN"
    typer.echo(f"Written to {out}. Next: {training}")


def is_bundle(encoder: str) -> bool:
    """Whether it names a bundle, and not one of keras.applications."""
    from asksight.engine.bundle import BUILT_IN

    return encoder in BUILT_IN or (Path(encoder) / "bundle.json").is_file()


def _of_bundle(encoder: str, engine: str, batch: int) -> AbstractContextManager[PhotoEncoder]:
    from asksight.engine import load_bundle
    from asksight.training.features.bundle_encoder import bundle_encoder

    return bundle_encoder(load_bundle(encoder), engine=engine, batch=batch)


def _of_keras(encoder: str, weights: str, grid: bool, seed: int) -> PhotoEncoder:
    from .tensorflow_start import start_tensorflow

    start_tensorflow()
    from asksight.training.datasets.photo_reader import square_reader
    from asksight.training.features.encoders import SIDE, EncoderChoice
    from asksight.training.features.keras_encoder import keras_encoder

    choice = EncoderChoice(name=encoder, weights=weights, grid=grid, seed=seed)
    return keras_encoder(choice, square_reader(SIDE))
