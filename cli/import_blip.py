"""`asksight import blip`: BLIP that answers questions, as a bundle."""

from __future__ import annotations

from typing import Annotated

import typer

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
    ] = 8,
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
    from asksight.training.importing.checkpoint import find_source

    bundle = import_blip(
        find_source(source),
        out,
        name=name,
        version=version,
        beams=beams,
        pieces=pieces,
        max_tokens=max_tokens,
        original=original,
        say=telling(as_json),
    )
    report(bundle, out, as_json)
