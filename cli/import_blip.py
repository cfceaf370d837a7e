"""`asksight import blip`: BLIP that answers questions, as a bundle."""

from __future__ import annotations

from typing import Annotated

import typer

from .hub_source import found_source
from .import_report import MaxTokens, Name, Out, Source, Version, report, telling


def blip(
    source: Source,
    out: Out,
    name: Name = None,
    version: Version = "1",
    beams: Annotated[
        int, typer.Option(min=1, max=64, help="How many answers are spelled a question: each costs time.")
    ] = 5,
    pieces: Annotated[
        int,
        typer.Option(
            min=1, max=64, help="The longest answer in pieces of words, its end included: each costs time."
        ),
    ] = 6,
    max_tokens: MaxTokens = None,
    original: Annotated[
        bool,
        typer.Option(
            "--original",
            help="Cut questions as the code of BLIP's authors does: [ENC] first, without some marks. "
            "By default as the published tokenizer does.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """BLIP that answers questions, as published in the Hugging Face form, as a bundle that spells its answers."""
    from asksight.training.importing.blip import import_blip

    folder, named = found_source(source, name=name, version=version, quiet=as_json)
    bundle = import_blip(
        folder,
        out,
        named=named,
        beams=beams,
        pieces=pieces,
        max_tokens=max_tokens,
        original=original,
        say=telling(as_json),
    )
    report(bundle, out, as_json)
