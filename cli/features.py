"""`asksight features`: what an encoder sees in each photo, in a store; stopped, the same command goes on."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import typer

from .features_in_parts import NEEDED_BY_NONE, fill_with_ray, join, part_of
from .filling import Filling, is_bundle
from .idle import refuse_idle


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
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Look at part I of N of the photos only, for another process to do the others.",
        ),
    ] = None,
    join_parts: Annotated[
        bool, typer.Option("--join", help="Make the store --out of its parts, when all are done.")
    ] = False,
    ray: Annotated[
        bool,
        typer.Option("--ray", help="Do all parts on a Ray cluster, or on one started here, and join them."),
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="With --ray: how many at a time.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
) -> None:
    """Turn photos into a store of features, once, for training to read."""
    from asksight.engine.memory import return_freed_memory

    return_freed_memory()  # so that VGG16 stays under 2 GB
    from asksight.training.datasets.bad_entries import BadEntries

    from .output import to_json
    from .progress import progress_bar

    if join_parts:
        refuse_idle(context, "with --join", *NEEDED_BY_NONE)
        join(out, as_json=as_json)
        return
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
            context,
            "with --mat",
            "encoder",
            "weights",
            "grid",
            "seed",
            "batch",
            "engine",
            "skip_bad",
            "shard",
            "ray",
        )
    elif weights != "random":
        refuse_idle(context, "without --weights random", "seed")
    if not of_bundle:
        refuse_idle(context, "where --encoder is no bundle", "engine")
    if not ray:
        refuse_idle(context, "without --ray", "workers")
    elif shard is not None:
        raise typer.BadParameter("does all parts; leave --shard out.", param_hint="--ray")
    part = part_of(shard)
    problems = BadEntries(skip=skip_bad)
    filling = Filling(
        out=out,
        data=data,
        photos=photos,
        split=split,
        encoder=encoder,
        weights=weights,
        grid=grid,
        seed=seed,
        batch=batch,
        engine=engine,
        dtype=dtype,
    )
    with ExitStack() as stack:
        # Before the bar, which would stand above the line that refuses it.
        encoding = None if mat is not None or ray else stack.enter_context(filling.open_encoder())
        bar = stack.enter_context(progress_bar("photos", total=None, quiet=as_json))

        def begun(total: int, missing: int) -> None:
            bar.total(missing)
            if missing < total:
                bar.say(f"{out} has {total - missing} of {total} photos already.")

        if mat is not None and id_map is not None:
            from asksight.training.features.photo_lists import photos_of_dataset
            from asksight.training.features.published import store_published

            chosen = photos_of_dataset(data, split) if data is not None else []
            made = store_published(out, mat, id_map, chosen, dtype=dtype, begun=begun, progress=bar)
        elif ray:
            made = fill_with_ray(filling, problems, workers, bar)
        else:
            made = filling.fill(problems, encoder=encoding, part=part, begun=begun, progress=bar)
    if as_json:
        told: dict[str, Any] = {"out": str(out), "photos": made.photos, "new": made.new}
        if part is not None:
            told["shard"] = shard
        told["skipped"] = dict(problems.counts)
        typer.echo(to_json(told | {"feature_shape": list(made.feature_shape), "dtype": dtype}))
        return
    for name, count in made.photos.items():
        typer.echo(f"{name}: {count} photos, {' x '.join(map(str, made.feature_shape))} {dtype} each")
    for kind, count in problems.counts.items():
        typer.echo(f"left out, {kind}: {count}")
    if weights == "random" and mat is None:
        typer.echo("The encoder's weights are random: features to try things out with, not to learn from.")
    if part is not None:
        joining = f"asksight features --join --out {quote(str(out))}"
        typer.echo(f"{part.folder(out)} is done. When all {part.of} are: {joining}")
        return
    arch = "attention" if len(made.feature_shape) > 1 else "lstm"
    source = f" --from {quote(encoder)}" if of_bundle else ""
    about = "DATA" if data is None else quote(str(data))
    training = f"asksight train{source} --arch {arch} --features {quote(str(out))} --data {about} --out RUN"
    typer.echo(f"Written to {out}. Next: {training}")
