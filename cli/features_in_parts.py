"""The options of `asksight features` that divide the work: --shard, --join, --ray."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import typer

from .filling import Filling, is_bundle
from .progress import Bar, progress_bar

if TYPE_CHECKING:
    from asksight.training.datasets.bad_entries import BadEntries
    from asksight.training.features.filled import FilledStore
    from asksight.training.features.parts import Part

NEEDED_BY_NONE = (  # of the parameters of `features`, where its parts are joined
    *("data", "photos", "split", "encoder", "weights", "grid", "seed", "batch", "engine", "dtype"),
    *("mat", "id_map", "skip_bad", "shard", "ray", "workers"),
)


def part_of(shard: str | None) -> Part | None:
    """The part that --shard names. Raises BadParameter."""
    from asksight.training.features.parts import Part

    if shard is None:
        return None
    if (part := Part.parse(shard)) is None:
        raise typer.BadParameter(
            f'is "{shard}"; allowed is I/N, as in 1/3, with I from 1 to N.', param_hint="--shard"
        )
    return part


def join(out: Path, *, as_json: bool) -> None:
    """Make a store of its parts, and say what it holds. Raises FeatureError."""
    from asksight.training.features.parts import join_parts
    from asksight.training.features.store import read_about

    from .output import to_json

    with progress_bar("photos", total=None, quiet=as_json) as bar:
        made = join_parts(out, begun=lambda total, missing: bar.total(missing), progress=bar)
    dtype = read_about(out).dtype
    if as_json:
        told: dict[str, Any] = {"out": str(out), "photos": made.photos}
        typer.echo(to_json(told | {"feature_shape": list(made.feature_shape), "dtype": dtype}))
        return
    for name, count in made.photos.items():
        typer.echo(f"{name}: {count} photos, {' x '.join(map(str, made.feature_shape))} {dtype} each")
    arch = "attention" if len(made.feature_shape) > 1 else "lstm"
    typer.echo(
        f"Written to {out}. Next: asksight train --arch {arch} --features {quote(str(out))} --data DATA --out RUN"
    )


def fill_with_ray(filling: Filling, problems: BadEntries, workers: int, bar: Bar) -> FilledStore:
    """Fill a part on each of so many workers of Ray, and join them. Raises what a worker raises."""
    from dataclasses import replace

    from asksight.engine.bundle import BUILT_IN
    from asksight.training.cluster.ray_start import ray_cluster
    from asksight.training.features.parts import Part, join_parts

    def absolute(path: Path | None) -> Path | None:
        return None if path is None else path.absolute()

    def file(told: str, names: Collection[str]) -> str:
        return told if told in names else str(Path(told).absolute())

    there = replace(  # workers have another working folder
        filling,
        out=filling.out.absolute(),
        data=absolute(filling.data),
        photos=absolute(filling.photos),
        encoder=file(filling.encoder, BUILT_IN) if is_bundle(filling.encoder) else filling.encoder,
        weights=file(filling.weights, ("imagenet", "random")),
    )
    bar.say(f"starting {workers} workers with Ray")
    with ray_cluster(workers):
        import ray
        from ray.exceptions import RayTaskError

        work = ray.remote(num_cpus=1, max_calls=1, max_retries=0)(_fill_part)
        waiting = [work.remote(there, problems, Part(number=at, of=workers)) for at in range(1, workers + 1)]
        while waiting:
            (done, *_), waiting = ray.wait(waiting)
            try:
                part, met = ray.get(done)
            except RayTaskError as error:
                raise error.cause from error
            problems.counts.update(met.counts)
            bar.say(f"{part} is done")
    return join_parts(filling.out, begun=lambda total, missing: bar.total(missing), progress=bar)


def _fill_part(filling: Filling, problems: BadEntries, part: Part) -> tuple[Part, BadEntries]:
    """What each worker of Ray does."""
    filling.fill(problems, part=part)
    return part, problems
