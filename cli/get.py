"""`asksight get`: a published model, from its name to a bundle that this machine serves quickly."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from asksight.engine import Bundle
    from asksight.training.downloads.models import PublishedModel
    from asksight.training.downloads.published import Brought


def get(
    name: Annotated[str, typer.Argument(help="A name that `asksight models` lists, as in blip-vqa.")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="The bundle's folder; by default one of the model's name, here.", show_default=False
        ),
    ] = None,
    compiling: Annotated[
        bool,
        typer.Option(
            "--compile/--no-compile", help="Build it for the engine of this machine, where one is installed."
        ),
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Fetch a published model, and make it ready to be served on this machine.

    What is fetched is kept where the Hugging Face hub's programs keep theirs (HF_HUB_CACHE); a download that stops is
    gone on with by the same command.
    """
    from asksight.engine.bundle.write import check_target
    from asksight.training.downloads.hub import Hub
    from asksight.training.downloads.models import MODELS, published_model
    from asksight.training.downloads.published import bring_model

    from .hub_source import hub_telling
    from .output import to_json

    model = published_model(name)
    if model is None:
        allowed = ", ".join(one.name for one in MODELS)
        raise typer.BadParameter(f'is "{name}"; allowed are {allowed}.', param_hint="NAME")
    folder = out or Path(name)
    check_target(folder.absolute())
    with hub_telling(as_json) as telling:
        brought = bring_model(model, Hub.of_environment(), telling)
    bundle = _imported(model, brought, folder, as_json)
    engine = _compiled(folder, as_json) if compiling else None
    if as_json:
        typer.echo(
            to_json(
                {
                    "bundle": str(folder),
                    "name": bundle.name,
                    "version": bundle.version,
                    "repository": brought.repository,
                    "revision": brought.revision,
                    "licence": brought.licence,
                    "sha256": brought.sha256,
                    "engine": engine,
                }
            )
        )
        return
    typer.echo(
        f"{model.name} ({model.licence}) is in {folder}. Its probabilities have not been held against real questions, "
        "so it says of no answer that it is sure until `asksight calibrate` has run."
    )
    typer.echo(f"Next: asksight serve --model {quote(str(folder))}")
    typer.echo('Then, elsewhere: asksight ask PHOTO "What is this?" --server localhost:50051')


def _imported(model: PublishedModel, brought: Brought, out: Path, quiet: bool) -> Bundle:
    from asksight.training.downloads.known import what_is_known
    from asksight.training.importing.blip import import_blip
    from asksight.training.importing.named import Named
    from asksight.training.importing.vilt import import_vilt

    from .import_report import telling

    source, card = what_is_known(brought)
    importing = {"blip": import_blip, "vilt": import_vilt}[model.kind]
    named = Named(name=model.name, version=brought.revision[:7], source=source, card=card)
    return importing(brought.folder, out, named=named, say=telling(quiet))


def _compiled(bundle: Path, quiet: bool) -> str | None:
    """Build for the first engine that this machine has; gives its name. Without it onnxruntime serves."""
    from asksight.engine import EngineError
    from asksight.engine.plans.makers import maker

    from .compile import build, print_table

    for name in ("tensorrt", "openvino"):
        try:
            maker(name).machine()
        except EngineError:
            continue
        held = build(str(bundle), engine=name)
        if not quiet:
            print_table(held)
        for failure in held.failures:
            typer.echo(f"{failure} onnxruntime serves what was not built.", err=True)
        return name if held.compiled else None
    typer.echo(
        "No engine is installed that builds for this machine, so onnxruntime serves; pip install -e '.[openvino]' "
        f"and asksight compile {quote(str(bundle))} are usually quicker.",
        err=True,
    )
    return None
