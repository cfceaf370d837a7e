"""`asksight import vilt`: ViLT that answers questions, as a bundle."""

from __future__ import annotations

from typing import Annotated

import typer

from .hub_source import found_source
from .import_report import MaxTokens, Name, Out, Source, Version, report, telling


def vilt(
    source: Source,
    out: Out,
    name: Name = None,
    version: Version = "1",
    max_tokens: MaxTokens = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """ViLT that answers questions, as published in the Hugging Face form, as a bundle that chooses from a list."""
    from asksight.training.importing.vilt import import_vilt

    folder, named = found_source(source, name=name, version=version, quiet=as_json)
    bundle = import_vilt(
        folder,
        out,
        named=named,
        max_tokens=max_tokens,
        say=telling(as_json),
    )
    report(bundle, out, as_json)
