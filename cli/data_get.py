"""`asksight data get`: bring a published data set here; the same command goes on where it was stopped."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer


def get(
    name: Annotated[str, typer.Argument(help="vqa-v2, vqa-v1 or vizwiz.")],
    out: Annotated[Path, typer.Option(help="The folder to fill.")],
    photos: Annotated[
        bool,
        typer.Option(
            "--photos/--no-photos", help="The photos too: 20 GB for VQA, 11 GB and more for VizWiz."
        ),
    ] = True,
    keep: Annotated[
        bool, typer.Option("--keep-archives", help="Keep the zip files when they are unpacked.")
    ] = False,
    mirror: Annotated[
        str | None,
        typer.Option(help="An address that has the same archives by name, instead of the authors'."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Download a data set's questions, answers and photos, check them and unpack them."""
    from asksight.training.downloads import DATA_SETS
    from asksight.training.downloads import get as get_data_set
    from asksight.training.downloads.fetch import Fetching

    from .output import to_json
    from .progress import Megabytes, progress_bar

    if name not in DATA_SETS:
        raise typer.BadParameter(f'is "{name}"; allowed are {", ".join(DATA_SETS)}.', param_hint="NAME")
    with progress_bar("MB", total=None, quiet=as_json) as bar:
        megabytes = Megabytes(bar)
        got = get_data_set(
            name,
            out,
            photos=photos,
            keep=keep,
            mirror=mirror,
            how=Fetching(progress=megabytes.count),
            begin=megabytes.begin,
        )
    if as_json:
        typer.echo(to_json({"out": str(out), "files": got.files, "there_before": got.before}))
        return
    for archive, files in got.files.items():
        before = " (there before)" if archive in got.before else ""
        typer.echo(f"{archive}: {files} files{before}")
    alone = "" if photos else " --no-photos"
    typer.echo(f"Next: asksight data prepare {quote(str(out))} --out {quote(f'{out}-prepared')}{alone}")
